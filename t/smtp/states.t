#!/usr/bin/perl
# Every command in every state: the reply is the one RFC 5321 and the command
# table want, and the state afterwards is the one the reply means.  The states are
# those of a session; the commands are those of the table in the product, so that
# a new one without rows here fails.
# Features: SMTPIN-01.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use IO::Socket::UNIX;
use Pillarbox;
use MIME::Base64 qw(encode_base64);

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0, maxBadRecipients => 0 });
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'xclientTrusted/address', '127.7.1.1');
$pb->start;

my $plain = encode_base64("\0alice\@example.com\0$Pillarbox::PASSWORD", '');
my @ehlo = ('EHLO c.example');
my @mail = (@ehlo, 'MAIL FROM:<alice@example.com>');
my @rcpt = (@mail, 'RCPT TO:<alice@example.com>');
my $auth = "AUTH PLAIN $plain";

# A state is what the session knows (helo, user), where the transaction stands (t) and where it
# was reached (at); and it has the commands that lead there.
sub state { my ($t, $helo, $user, $at, @steps) = @_; return { t => $t, helo => $helo, user => $user, at => $at, steps => \@steps } }
my %state = (
	new => state(none => 0, 0, 'smtp'),
	helo => state(none => 1, 0, 'smtp', 'HELO c.example'),
	ehlo => state(none => 1, 0, 'smtp', @ehlo),
	mail => state(mail => 1, 0, 'smtp', @mail),
	rcpt => state(rcpt => 1, 0, 'smtp', @rcpt),
	'rcpt-refused' => state(mail => 1, 0, 'smtp', @mail, '550 RCPT TO:<nobody@example.com>'),
	login => state(none => 1, 1, 'smtp', @ehlo, $auth),
	'login-mail' => state(mail => 1, 1, 'smtp', @ehlo, $auth, $mail[1]),
	chunks => state(chunks => 1, 0, 'smtp', @rcpt, "BDAT 5\r\nabc"),
	'chunks-refused' => state(refused => 1, 0, 'smtp', @rcpt, "554 BDAT 6\r\n\0abc"),
	'mid-auth' => state(auth => 1, 0, 'smtp', @ehlo, '334 AUTH LOGIN'),
	'tls-new' => state(none => 0, 0, 'tls'),
	tls => state(none => 1, 0, 'tls', @ehlo),
	'tls-rcpt' => state(rcpt => 1, 0, 'tls', @rcpt),
	submission => state(none => 1, 0, 'submission', @ehlo),
	smtps => state(none => 1, 0, 'smtps', @ehlo),
	xclient => state(none => 0, 0, 'xclient', @ehlo, 'XCLIENT ADDR=127.7.1.2'),
	'xclient-named' => state(none => 1, 0, 'xclient', @ehlo, 'XCLIENT ADDR=127.7.1.2 HELO=c.example PROTO=ESMTP'),
	local => state(none => 1, 0, 'local', @ehlo),
	'local-rcpt' => state(rcpt => 1, 0, 'local', @rcpt),
);

# Reply => what it means.
my $ok = '250 2.0.0';
my $sequence = '503 5.5.1';
my @none = qw(new helo ehlo login tls-new tls submission smtps xclient xclient-named local);
my @open = qw(mail rcpt rcpt-refused login-mail tls-rcpt local-rcpt chunks chunks-refused);
my @unnamed = qw(new tls-new xclient);
my @behind_login = qw(submission smtps);
my @empty = qw(mail rcpt-refused login-mail);
my @with_rcpt = qw(rcpt tls-rcpt local-rcpt);
sub all { my ($reply, @states) = @_; return map { $_ => $reply } @states }

my @sequence_but = (all($sequence, @open, @unnamed));
my @named = grep { my $n = $_; !grep { $_ eq $n } @unnamed } @none;
my @may_mail = grep { my $n = $_; !grep { $_ eq $n } @behind_login } @named;
my @may_rcpt = (@empty, @with_rcpt);

# [ command, what it changes when it is taken, default reply, and the states where it is another one ]
my @table = (
	[ 'HELO x.example', { helo => 1, t => 'none' }, '250' ],
	[ 'EHLO x.example', { helo => 1, t => 'none' }, '250' ],
	[ 'EHLO', {}, '501 5.5.4' ],
	[ 'HELO', {}, '501 5.5.4' ],
	[ 'MAIL FROM:<alice@example.com>', { t => 'mail' }, $sequence, all('250 2.1.0', @may_mail), all('530 5.7.0', @behind_login) ],
	[ 'MAIL FROM:<alice@example.com> REQUIRETLS', { t => 'mail' }, $sequence, all('555 5.5.4', @may_mail, 'submission'),
		tls => '250 2.1.0', smtps => '530 5.7.0' ],
	[ 'MAIL FROM:<alice@example.com> HOLDFOR=60', { t => 'mail' }, $sequence, all('555 5.5.4', @may_mail), all('530 5.7.0', @behind_login) ],
	[ 'MAIL FROM:<alice@example.com> BY=60;R MT-PRIORITY=3 SMTPUTF8 BODY=8BITMIME', { t => 'mail' }, $sequence,
		all('250 2.3.6', @may_mail), all('250 2.1.0', 'login', 'local'), all('530 5.7.0', @behind_login) ],	# strangers have no priority
	[ 'MAIL FROM:alice', { t => 'mail' }, $sequence, all('501 5.1.7', @may_mail, @behind_login) ],
	[ 'RCPT TO:<alice@example.com>', { t => 'rcpt' }, $sequence, all('250 2.1.5', @may_rcpt) ],
	[ 'RCPT TO:<nobody@example.com>', {}, $sequence, all('550 5.1.1', @may_rcpt) ],
	[ "RCPT TO:<\xc3\xa4\@example.com>", {}, $sequence, all('553 5.6.7', @may_rcpt) ],
	[ 'DATA', { t => 'data' }, $sequence, all('554 5.5.1', @empty), all('354', @with_rcpt) ],
	[ 'DATA x', {}, $sequence, all('501 5.5.4', @may_rcpt) ],
	[ "BDAT 5\r\nabc", { t => 'chunks' }, $sequence, all('554 5.5.1', @empty), all('250 2.0.0', @with_rcpt, 'chunks') ],
	[ "BDAT 5 LAST\r\nabc", { t => 'none' }, $sequence, all('554 5.5.1', @empty), all('250 2.0.0', @with_rcpt, 'chunks') ],
	[ 'BDAT 0', { t => 'chunks' }, $sequence, all('554 5.5.1', @empty), all('250 2.0.0', @with_rcpt, 'chunks') ],
	[ 'BDAT x LAST', { t => 'over' }, '521 5.5.4' ],
	[ 'ETRN example.com', {}, '502 5.5.1', @sequence_but ],
	[ 'ETRN', {}, '502 5.5.1', @sequence_but ],
	[ 'XQUEUE', {}, '502 5.5.1', @sequence_but ],
	[ 'RSET', { t => 'none' }, $ok ],
	[ 'RSET x', {}, '501 5.5.4' ],
	[ 'NOOP', {}, $ok ],
	[ 'NOOP with words', {}, $ok ],
	[ 'HELP', {}, '214-2.0.0' ],
	[ 'VRFY alice@example.com', {}, '252 2.5.0' ],
	[ 'VRFY', {}, '501 5.5.4' ],
	[ 'EXPN alice@example.com', {}, '502 5.5.1' ],
	[ 'STARTTLS now', {}, '501 5.5.4', all($sequence, @open) ],
	[ 'STARTTLS', { t => 'none', helo => 0, user => 0 }, '220 2.0.0', all($sequence, @open, 'tls-new', 'tls', 'smtps') ],
	[ $auth, { user => 1 }, '235 2.7.0', @sequence_but, login => $sequence, local => '504 5.5.4' ],
	[ 'AUTH NONSENSE', {}, '504 5.5.4', @sequence_but, login => $sequence ],
	[ 'AUTH', {}, '501 5.5.4', @sequence_but, login => $sequence ],
	[ 'XCLIENT ADDR=127.7.1.3', { t => 'none', helo => 0, user => 0 }, '550 5.7.1', all($sequence, @open), all('220', 'xclient', 'xclient-named') ],
	[ 'XFORWARD ADDR=192.0.2.1', {}, '550 5.7.1', all($sequence, @open) ],
	[ 'XTRY IP=192.0.2.1', { t => 'none', helo => 0 }, '500 5.5.1', local => '220', 'local-rcpt' => $sequence ],
	[ 'XYZZY', {}, '500 5.5.1' ],
	[ '', {}, '500 5.5.1' ],
	[ 'QUIT x', {}, '501 5.5.4' ],
	[ 'QUIT', { t => 'over' }, '221 2.0.0' ],
);

sub begin {
	my ($at) = @_;
	my $c;
	if ($at eq 'local') {
		my $sock = IO::Socket::UNIX->new(Peer => $pb->dir . '/run/pub/smtp') or die "local socket: $!";
		$c = Pillarbox::Client->new(sock => $sock, protocol => 'smtp');
	} else {
		$c = $pb->connect($at =~ /^(?:tls|xclient)$/ ? 'smtp' : $at, local => $at eq 'xclient' ? '127.7.1.1' : undef);
	}
	if ($at eq 'tls') {
		$c->expect('STARTTLS', qr/^220/);
		$c->start_tls;
	}
	return $c;
}

# A command and the last reply to it; lines that explain a trial come before that.
sub ask {
	my ($c, $command) = @_;
	my $reply = $c->command($command);
	$reply = $c->reply while $reply =~ /^#/;
	return $reply;
}

# What the session is in now, as its replies to commands that change nothing tell.
sub found {
	my ($c) = @_;
	my $auth = ask($c, 'AUTH NONSENSE');
	my $user = $auth =~ /Already authenticated/ ? 1 : 0;
	my $data = ask($c, 'DATA x');
	my $t = $data =~ /^501/ ? 'open' : $data =~ /by BDAT/ ? 'chunks' : $data =~ /Send (?:MAIL|EHLO)/ ? 'none' : "? $data";
	$t = ask($c, 'BDAT 0') =~ /^250/ ? 'chunks' : 'refused' if $t eq 'chunks';
	if ($t eq 'open') {
		my $begin = ask($c, 'DATA');
		$t = $begin =~ /^354/ ? 'rcpt' : $begin =~ /^554 5\.5\.1 No valid/ ? 'mail' : "? $begin";
		ask($c, '.') if $t eq 'rcpt';
	}
	ask($c, 'RSET');
	my $helo = ask($c, 'ETRN') =~ /Send EHLO/ ? 0 : 1;
	return "t=$t helo=$helo user=$user";
}

sub check_pair {
	my ($name, $row) = @_;
	my ($command, $changes, $default, %other) = @$row;
	my $from = $state{$name};
	my $want = $name eq 'mid-auth' ? '(?:334|501 5\.5\.2)' : quotemeta($other{$name} // $default);
	my $what = "$name: " . ($command =~ s/[^ -~]+/ /gr || 'an empty line');
	my $c = begin($from->{at});
	for my $step (@{ $from->{steps} }) {
		my ($code, $text) = $step =~ /^(\d{3}) (.*)/s ? ($1, $2) : ('2', $step);
		$c->expect($text, qr/^$code/);
	}
	$command =~ s/\r\n.*//s if $name eq 'mid-auth';
	my $reply = ask($c, $command);
	like($reply, qr/^$want\b/, "$what gets " . ($other{$name} // $default));
	like($reply, qr/ ticket \d{12}$/, '  with the ticket at its end') if $reply =~ /^[45]/;
	my %now = %$from;
	%now = (%now, %$changes) if $reply =~ /^[23]/ || $reply =~ /^521/;
	$now{t} = 'none' if $name eq 'chunks-refused' && $command =~ /^BDAT 5 LAST/;	# the refused message ends
	if ($name eq 'mid-auth') {
		like($c->command('*'), qr/^501 5\.7\.0 /, '  and the log-in can be given up') if $reply =~ /^334/;
		%now = (%$from, t => 'none');
	}
	$c->start_tls if $reply =~ /^220 2\.0\.0/;
	like($c->command('.'), qr/^250 2\.0\.0 OK/, '  and a message can be sent'), $now{t} = 'none' if $now{t} eq 'data';
	if ($now{t} eq 'over') {
		ok($c->at_end, '  and the connection is closed');
	} else {
		is(found($c), "t=$now{t} helo=$now{helo} user=$now{user}", '  and the state is the one that follows');
	}
	$c->close;
}

my ($table) = Pillarbox::slurp("$Pillarbox::SRC/bin/smtp-listen/session.c") =~ /smtp_table\[\] = \{(.*?)^\};/ms;
my %verb = map { $_ => 1 } $table =~ /^\t\{ "([A-Z]+)"/mg;
cmp_ok(scalar keys %verb, '>=', 18, 'the commands of the product are read');
my %rows = map { (split ' ', "$_->[0] ?")[0] => 1 } @table;
is_deeply([ grep { !$rows{$_} } sort keys %verb ], [], 'each command of the product has rows here');

for my $name (sort keys %state) {
	check_pair($name, $_) for @table;
}
done_testing();
