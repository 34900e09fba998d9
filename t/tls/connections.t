#!/usr/bin/perl
# What may be spoken (versions, ciphers), sessions resumed in other workers, and
# peers that do it wrong (case S31).
# Features: TLS-04.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Certificates;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');

# -- settings that OpenSSL does not know --------------------------------------
for my $bad ([ 'tlsCiphers', 'HIGH:NONSENSE' ], [ 'tlsCiphers', 'HIGH:!NONSENSE' ], [ 'tlsCiphers', '!ALL' ],
	[ 'tlsCiphers', 'HIGH:@WHATEVER' ], [ 'tlsCipherSuites', 'TLS_AES_128_GCM_SHA256:TLS_NONSENSE' ],
	[ 'tlsMinimumVersion', '1.4' ], [ 'tlsClientCertificates', 'perhaps' ]) {
	my ($rc, undef, $err) = $pb->ctl('set', @$bad);
	is($rc, 1, "$bad->[0] $bad->[1] is refused");
	like($err, qr/$bad->[0]/, $err =~ s/\n//r);
}
for my $good ('HIGH:!aNULL:!RC4', 'ECDHE+AESGCM', 'ECDHE-RSA-AES128-GCM-SHA256:@STRENGTH', 'DEFAULT@SECLEVEL=1:!MD5') {
	is(($pb->ctl('set', 'tlsCiphers', $good))[0], 0, "tlsCiphers $good is taken");
}
$pb->set(tlsCiphers => 'ECDHE+AESGCM', tlsCipherSuites => 'TLS_AES_128_GCM_SHA256');
$pb->start;

sub client {
	my ($service, @options) = @_;
	my ($rc, $out, $err) = $pb->run_input("QUIT\r\na LOGOUT\r\n", 'timeout', '20', 'openssl', 's_client', '-connect',
		'127.0.0.1:' . $pb->port($service), '-ign_eof', @options);
	return "$out$err";
}
like(client('smtps', '-tls1_2'), qr/Cipher is ECDHE-\w+-AES\d+-GCM/, 'TLS 1.2 with a cipher of the list');
like(client('smtps', '-tls1_2', '-cipher', 'ECDHE+CHACHA20'), qr/Cipher is \(NONE\)/, 'not with another');
like(client('pop3s', '-tls1_3'), qr/Cipher is TLS_AES_128_GCM_SHA256/, 'TLS 1.3 with the suite of the list');
like(client('pop3s', '-tls1_3', '-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256'), qr/Cipher is \(NONE\)/, 'not with another');
like(client('imaps', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'), qr/Cipher is \(NONE\)/, 'TLS 1.1 is too old');

# -- resumption: each worker of pop3-serve and imap-serve serves one session ----
for my $service (qw(smtps pop3s imaps)) {
	my $text = client($service, '-tls1_2', '-reconnect');
	is(scalar(() = $text =~ /^Reused, TLSv1\.2/mg), 5, "$service: TLS 1.2 is resumed at every one of five reconnections");
}
for my $service (qw(smtps pop3s imaps)) {
	my $file = "$pb->{top}/session.$service";
	like(client($service, '-tls1_3', '-sess_out', $file), qr/^New, TLSv1\.3/m, "$service: TLS 1.3, a first session");
	ok(-s $file, 'gives a ticket');
	like(client($service, '-tls1_3', '-sess_in', $file), qr/^Reused, TLSv1\.3/m, 'with which it is resumed');
}
my $file = "$pb->{top}/session.pop3s";
like(client('pop3s', '-tls1_3', '-sess_in', $file, '-early_data', "$pb->{dir}/etc/mailconfig.xml"),
	qr/Early data was (?:not sent|rejected)/, 'data before the handshake is never taken (S31)');
$pb->ctl_ok('reload');
like(client('pop3s', '-tls1_3', '-sess_in', $file), qr/^New, TLSv1\.3/m, 'other keys after a reload: a full handshake, not a failure');
$pb->set(tlsSessionResumption => 'False');
like(client('smtps', '-tls1_2', '-reconnect'), qr/^New, TLSv1\.2(?!.*^Reused)/ms, 'tlsSessionResumption=False: never resumed');
$pb->set(tlsSessionResumption => 'True', tlsMinimumVersion => '1.3');
like(client('imaps', '-tls1_2'), qr/Cipher is \(NONE\)/, 'tlsMinimumVersion=1.3: no TLS 1.2');
like(client('imaps', '-tls1_3'), qr/^New, TLSv1\.3/m, 'but TLS 1.3');
$pb->set(tlsMinimumVersion => '1.1', tlsCiphers => 'ALL:!aNULL:@SECLEVEL=0');
like(client('imaps', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'), qr/Protocol\s*: TLSv1\.1/, 'tlsMinimumVersion=1.1: for whom needs it');
$pb->set(tlsMinimumVersion => '1.2', tlsCiphers => '');

# -- S31 ----------------------------------------------------------------------
# A ClientHello of TLS 1.2 with this SNI host name.
sub hello {
	my ($name) = @_;
	my $sni = pack('n C n/a*', length($name) + 3, 0, $name);
	my $ext = pack('n n/a*', 0, $sni) . pack('n n/a*', 10, pack('n n', 2, 23)) . pack('n n/a*', 13, pack('n n n', 4, 0x403, 0x804));
	my $body = pack('n a32 C n n C C n/a*', 0x303, 'r' x 32, 0, 2, 0xc02b, 1, 0, $ext);
	my $message = pack('C C n', 1, length($body) >> 16, length($body) & 65535) . $body;
	return pack('C n n/a*', 22, 0x301, $message);
}
sub hostile {
	my ($what, $bytes, $closes) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $pb->port('smtps'), Timeout => 10) or die "connect: $!";
	syswrite $s, $bytes;
	my $answer = '';
	my $end = time + 15;
	IO::Select->new($s)->can_read($end - time) and sysread $s, $answer, 65536;
	close $s;
	my $type = length $answer ? ord $answer : 0;
	ok($closes ? $type != 22 : $type == 22, "$what: " . ($closes ? 'no handshake' : 'a handshake goes on')) or diag(unpack 'H*', substr $answer, 0, 40);
}
require IO::Select;
sub failures { return scalar(() = $pb->log_text('smtpLog') =~ /event=tls-failed/g) }
# A session's lines may come a second after its end: the number once it stands still.
sub settled_failures {
	my ($n, $since) = (failures(), time);
	while (time - $since < 3) {
		sleep 0.2;
		my $now = failures();
		($n, $since) = ($now, time) if $now != $n;
	}
	return $n;
}
hostile('an honest SNI', hello('mail.test.example'), 0);
my $before = settled_failures();
hostile('random bytes', "\x16\x03\x01" . join('', map { chr int rand 256 } 1 .. 400), 1);
hostile('SNI with NUL', hello("a\\\0b"), 1);
hostile('SNI of a path', hello('../../etc/tls/key.pem'), 0);
hostile('SNI of a backslash', hello('a\\'), 0);
hostile('SNI of 300 bytes', hello('x' x 300), 1);
hostile('an empty SNI', hello(''), 0);
is(settled_failures(), $before + 6, 'each is logged once');
# What is no ClientHello at all, or one that is wrong inside.
my $good = hello('mail.test.example');
my %garbage = (
	'HTTP' => "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 'SMTP' => "EHLO c.example\r\n", 'zeros' => "\0" x 400,
	'a hello of SSL 2' => "\x80\x2e\x01\x00\x02" . "\0" x 43, 'an alert' => "\x15\x03\x01\x00\x02\x02\x28",
	'data before the handshake' => "\x17\x03\x03\x00\x05hello", 'a ChangeCipherSpec' => "\x14\x03\x03\x00\x01\x01" x 40,
	'a record of 65535 bytes' => "\x16\x03\x01\xff\xff" . 'x' x 65535, 'an unknown version' => "\x16\x09\x09" . substr($good, 3),
	'a ServerHello' => "\x16\x03\x03\x00\x04\x02\x00\x00\x00", 'a length that lies' => substr($good, 0, 6) . "\xff\xff\xff" . substr($good, 9),
	'an empty hello' => "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 'a heartbeat' => "\x18\x03\x02\x00\x03\x01\x40\x00",
	'no cipher' => "\x16\x03\x01" . pack('n/a*', pack('C C n', 1, 0, 41) . pack('n a32 C n C C n', 0x303, 'r' x 32, 0, 0, 1, 0, 0)),
);
$before = settled_failures();
hostile($_, $garbage{$_}, 1) for sort keys %garbage;
is(settled_failures(), $before + keys %garbage, 'each of them too');
like(client('smtps', '-tls1_2', '-legacy_renegotiation'), qr/^New, TLSv1\.2/m, 'TLS 1.2 stands');
{
	# Standard input stays open, or the client leaves before it hears the answer.
	my ($rc, $out, $err) = $pb->run('sh', '-c', '(echo R; sleep 4) | timeout 20 openssl s_client -connect 127.0.0.1:'
		. $pb->port('smtps') . ' -tls1_2');
	# Whether the alert comes before the end is for the network to say; the log tells why it ended.
	like("$out$err", qr/RENEGOTIATING/, 'a client that negotiates anew');
	ok($pb->wait_log('smtpLog', qr/event=connection-ended why="Protocol error"/), '... is left alone (S31)');
}
my $quiet = $pb->connect('smtps');
like($quiet->{greeting}, qr/^220/, 'a client that says nothing after the handshake has its greeting (its time-out is in smtp/timeouts.t)');

# -- a client's certificate that is too large ---------------------------------
$pb->set(tlsClientCertificates => 'ask');
my $ca = Pillarbox::Certificates->new("$pb->{top}/certs");
my ($big, $big_key) = $ca->make('big', names => [ map { 'n' x 50 . "$_.example.org" } 1 .. 1500 ]);
cmp_ok(-s $big, '>', 100_000, 'a certificate of 100 KB');
my $text = client('smtps', '-tls1_2', '-cert', $big, '-key', $big_key);
unlike($text, qr/^220 /m, 'is too large: no session (S31)');
ok($pb->wait_log('smtpLog', qr/tls-failed why="handshake: excessive message size/), 'and a line in the log');
my ($small, $small_key) = $ca->make('small', email => 'alice@example.com', client => 1);
like(client('smtps', '-tls1_2', '-cert', $small, '-key', $small_key), qr/^220 /m, 'one of the usual size is taken');
like(client('smtps'), qr/^220 /m, 'and none too');
is($pb->log_text =~ /worker-killed/ ? 1 : 0, 0, 'no worker came to harm');
done_testing();
