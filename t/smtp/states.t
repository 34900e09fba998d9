#!/usr/bin/perl
# Every command in every state: the reply is the one RFC 5321 and the command
# table want, and a refused command changes nothing.
# Features: SMTPIN-01.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use MIME::Base64 qw(encode_base64);

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0 });
$pb->user('alice@example.com');
$pb->start;

my $plain = encode_base64("\0alice\@example.com\0$Pillarbox::PASSWORD", '');
my @mail = ('MAIL FROM:<alice@example.com>');
my @rcpt = (@mail, 'RCPT TO:<alice@example.com>');

# state => the commands that lead there
my %state = (
	new => [], helo => ['HELO c.example'], ehlo => ['EHLO c.example'],
	mail => [ 'EHLO c.example', @mail ], rcpt => [ 'EHLO c.example', @rcpt ],
	login => [ 'EHLO c.example', "AUTH PLAIN $plain" ],
	'login-mail' => [ 'EHLO c.example', "AUTH PLAIN $plain", @mail ],
	chunks => [ 'EHLO c.example', @rcpt, "BDAT 5\r\nabc" ],
	'chunks-refused' => [ 'EHLO c.example', @rcpt, "BDAT 6\r\n\0abc" ],
);

my @in_chunks = (chunks => 503, 'chunks-refused' => 503);
# command => default reply, and the states where it is another one
my @table = (
	[ 'HELO x.example' => 250 ],
	[ 'EHLO x.example' => 250 ],
	[ 'MAIL FROM:<alice@example.com>' => 503, helo => 250, ehlo => 250, login => 250 ],
	[ 'RCPT TO:<alice@example.com>' => 503, mail => 250, rcpt => 250, 'login-mail' => 250 ],
	[ 'DATA' => 503, mail => 554, 'login-mail' => 554, rcpt => 354 ],
	[ "BDAT 5\r\nabc" => 503, mail => 554, 'login-mail' => 554, rcpt => 250, chunks => 250 ],
	[ "BDAT 5 LAST\r\nabc" => 503, mail => 554, 'login-mail' => 554, rcpt => 250, chunks => 250 ],
	[ 'BDAT 0' => 503, mail => 554, 'login-mail' => 554, rcpt => 250, chunks => 250 ],
	[ 'ETRN example.com' => 502, new => 503, mail => 503, rcpt => 503, 'login-mail' => 503, @in_chunks ],
	[ 'ETRN' => 502, new => 503, mail => 503, rcpt => 503, 'login-mail' => 503, @in_chunks ],
	[ 'MAIL FROM:<alice@example.com> REQUIRETLS' => 503, helo => 555, ehlo => 555, login => 555 ],
	[ 'MAIL FROM:<alice@example.com> HOLDFOR=60' => 503, helo => 555, ehlo => 555, login => 555 ],
	[ 'MAIL FROM:<alice@example.com> BY=60;R MT-PRIORITY=3 SMTPUTF8 BODY=BINARYMIME' => 503,
		helo => 250, ehlo => 250, login => 250 ],
	[ "RCPT TO:<\xc3\xa4\@example.com>" => 503, mail => 553, rcpt => 553, 'login-mail' => 553 ],
	[ 'RSET' => 250 ],
	[ 'NOOP' => 250 ],
	[ 'NOOP with words' => 250 ],
	[ 'HELP' => 214 ],
	[ 'VRFY alice@example.com' => 252 ],
	[ 'EXPN alice@example.com' => 502 ],
	[ 'STARTTLS now' => 501, mail => 503, rcpt => 503, 'login-mail' => 503, @in_chunks ],
	[ 'STARTTLS' => 220, mail => 503, rcpt => 503, 'login-mail' => 503, @in_chunks ],
	[ "AUTH PLAIN $plain" => 235, new => 503, mail => 503, rcpt => 503, login => 503, 'login-mail' => 503, @in_chunks ],
	[ 'DATA x' => 503, mail => 501, rcpt => 501, 'login-mail' => 501 ],
	[ 'RSET x' => 501 ],
	[ 'XCLIENT ADDR=192.0.2.1' => 550, mail => 503, rcpt => 503, 'login-mail' => 503, @in_chunks ],
	[ 'XFORWARD ADDR=192.0.2.1' => 550, mail => 503, rcpt => 503, 'login-mail' => 503, @in_chunks ],
	[ 'BDAT x LAST' => 521 ],
	[ 'XYZZY' => 500 ],
	[ 'XTRY IP=192.0.2.1' => 500 ],
	[ '' => 500 ],
	[ 'QUIT x' => 501 ],
	[ 'QUIT' => 221 ],
);

for my $name (sort keys %state) {
	for my $row (@table) {
		my ($command, $default, %other) = @$row;
		my $want = $other{$name} // $default;
		my $c = $pb->connect('smtp');
		$c->expect($_, /BDAT 6/ ? qr/^554/ : qr/^2/) for @{ $state{$name} };
		my $reply = $c->command($command);
		like($reply, qr/^$want\b/, "$name: " . ($command =~ s/[^ -~]+/ /gr || 'an empty line') . " gets $want");
		like($reply, qr/ ticket \d{12}$/, '  with the ticket at its end') if $want >= 400;
		if ($want >= 400 && $want != 521) {
			# What was refused changed nothing: the state's own next step still works.
			my $next = $name =~ /mail|rcpt/ ? 'RCPT TO:<postmaster>' : $name eq 'chunks' ? 'BDAT 0' : 'NOOP';
			next if $name eq 'chunks-refused' && $command =~ /LAST/;
			like($c->command($next), qr/^250/, '  and the state is what it was');
		}
		$c->close;
	}
}
done_testing();
