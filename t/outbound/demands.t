#!/usr/bin/perl
# What a message demands of the next host: SMTPUTF8, REQUIRETLS, DELIVERBY are
# obeyed or the message is given up with the right status; LIMITS are kept.
# REQUIRETLS goes to hosts that the administrator named; by MX: requiretls.t.
# Features: SMTPOUT-11.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Temp qw(tempdir);
use Test::More;
use Pillarbox::Certificates;
use Pillarbox::Outbound;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';
plan skip_all => 'IO::Socket::SSL is not installed' unless eval { require IO::Socket::SSL };

my $dir = tempdir('pillarbox-ca-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $ca = Pillarbox::Certificates->new("$dir/ca");
my ($cert, $key) = $ca->make('mx', names => ['mx.good.example', 'mx.old.example']);
my $port = Pillarbox::Outbound::free_port();
$ENV{SSL_CERT_FILE} = $ca->ca;
my $out = Pillarbox::Outbound->new(settings => { smtpOutPort => $port }, zone => <<'END');
plain.example. MX 10 mx.plain.example.
mx.plain.example. A 127.0.0.5
good.example. MX 10 mx.good.example.
mx.good.example. A 127.0.0.6
old.example. MX 10 mx.old.example.
mx.old.example. A 127.0.0.7
wrong.example. MX 10 mx.wrong.example.
mx.wrong.example. A 127.0.0.6
both.example. MX 10 mx.plain.example.
both.example. MX 20 mx.good.example.
END

# Offer TLS; after it what the extra lines say.
sub tls_server {
	my ($ip, @inside) = @_;
	return Pillarbox::Outbound::Server->new($ip, $port, sub {
		my ($c) = @_;
		my $secured = 0;
		$c->serve(EHLO => sub {
			$c->say('250-mx', '250-SMTPUTF8', map({ "250-$_" } $secured ? @inside : 'STARTTLS'), '250 LIMITS RCPTMAX=2 X=y');
			return [];
		}, STARTTLS => sub {
			$c->say('220 go');
			IO::Socket::SSL->start_SSL($c->{sock}, SSL_server => 1, SSL_cert_file => $cert, SSL_key_file => $key)
				or POSIX::_exit(0);
			$secured = 1;
			return [];
		});
	});
}
my $plain = Pillarbox::Outbound::Server->new('127.0.0.5', $port, sub { $_[0]->serve });
my $good = tls_server('127.0.0.6', 'REQUIRETLS', 'DSN');
my $old = tls_server('127.0.0.7');
my $text = "Subject: x\r\n\r\nbody\r\n";
my $ae = "\xc3\xa4";

my %r = $out->send($text, domain => 'plain.example', from => 'a@sender.example', smtputf8 => 1, rcpt => ["$ae\@plain.example"]);
like($r{1}, qr/^550 5\.6\.7 mx\.plain\.example/, 'SMTPUTF8: a host without it gets nothing');
unlike(join('', $plain->transcripts), qr/MAIL FROM/, 'not even MAIL');
%r = $out->send($text, domain => 'good.example', from => 'a@sender.example', smtputf8 => 1, rcpt => ["$ae\@good.example"]);
like($r{1}, qr/^250/, 'one that has it is sent to');
like(join('', $good->transcripts), qr/MAIL FROM:<a\@sender\.example> SMTPUTF8\n.*RCPT TO:<$ae\@good\.example>\n/s, 'with the parameter');
%r = $out->send($text, domain => 'both.example', from => '', smtputf8 => 1, rcpt => ["$ae\@both.example"]);
like($r{1}, qr/^250 .*mx\.good\.example/, 'where the first host lacks it the next is tried');

%r = $out->send($text, domain => 'plain.example', host => 'mx.plain.example', from => 'a@sender.example', requiretls => 1, rcpt => ['x@plain.example']);
like($r{1}, qr/^550 5\.7\.10 REQUIRETLS: mx\.plain\.example.* does not offer TLS/, 'REQUIRETLS: no TLS, no mail');
%r = $out->send($text, domain => 'wrong.example', host => 'mx.wrong.example', from => 'a@sender.example', requiretls => 1, rcpt => ['x@wrong.example']);
like($r{1}, qr/^550 5\.7\.10 REQUIRETLS: mx\.wrong\.example.* has no certificate that can be trusted/, 'a certificate of another name');
%r = $out->send($text, domain => 'old.example', host => 'mx.old.example', from => 'a@sender.example', requiretls => 1, rcpt => ['x@old.example']);
like($r{1}, qr/^550 5\.7\.30 mx\.old\.example/, 'a host that does not know REQUIRETLS');
unlike(join('', $plain->transcripts, $old->transcripts), qr/MAIL FROM/, 'none of them sees the message');
%r = $out->send($text, domain => 'good.example', host => 'mx.good.example', from => 'a@sender.example', requiretls => 1, rcpt => ['x@good.example']);
like($r{1}, qr/^250/, 'verified TLS and REQUIRETLS');
like(join('', $good->transcripts), qr/MAIL FROM:<a\@sender\.example> REQUIRETLS\n/, 'with the parameter');
%r = $out->send($text, domain => 'wrong.example', from => 'a@sender.example', rcpt => ['x@wrong.example']);
like($r{1}, qr/^250/, 'what does not demand it goes with any certificate');

%r = $out->send($text, domain => 'old.example', from => '', rcpt => [ map { "r$_\@old.example" } 1 .. 5 ]);
is(join(' ', map { substr $r{$_} // '', 0, 3 } 1 .. 5), '250 250 250 250 250', 'five recipients for a host with RCPTMAX=2');
my ($said) = (join '', $old->transcripts) =~ /(MAIL.*)/s;
is(join(' ', map { scalar(() = /RCPT/g) } split /DATA/, $said), '2 2 1 0', 'go in three transactions');

%r = $out->send($text, domain => 'plain.example', from => '', by => time + 600, 'by-mode' => 'R', rcpt => ['x@plain.example']);
like($r{1}, qr/^554 5\.3\.3 /, 'DELIVERBY with R: a host without it');
is($out->stop, 0, 'it ends well');
done_testing;
