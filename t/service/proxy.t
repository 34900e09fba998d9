#!/usr/bin/perl
# PROXY protocol, versions 1 and 2, in front of SMTP, POP3 and IMAP (TOOL-11):
# who is trusted must send a header and speaks for others from then on; who is
# not may send none.  The lists of addresses are held against the client's.
use strict;
use warnings;
use Socket qw(AF_INET6 inet_aton inet_pton);
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'proxyTrusted/address', '127.7.0.0/24');
$pb->ctl_ok('set', '--add', 'blacklist/entry', 'ip=192.0.2.66');
$pb->ctl_ok('set', '--add', 'blacklist/entry', 'ip=2001:db8:66::/48');
$pb->set(smtpLogLevel => 'Normal', popLogLevel => 'Normal', imapLogLevel => 'Normal');
$pb->start;

my $signature = "\r\n\r\n\0\r\nQUIT\n";
sub v2 {
	my ($command, $kind, $body) = @_;
	return $signature . pack('CCn', 0x20 | $command, $kind, length $body) . $body;
}
sub v2_tcp4 { my ($ip, $more) = @_; return v2(1, 0x11, inet_aton($ip) . inet_aton('198.51.100.9') . pack('nn', 4711, 25) . ($more // '')) }
sub v2_tcp6 { my ($ip) = @_; return v2(1, 0x21, inet_pton(AF_INET6, $ip) . inet_pton(AF_INET6, '2001:db8::9') . pack('nn', 4711, 25)) }

# What is heard after these bytes came from a trusted proxy.
sub through {
	my ($service, $bytes, %o) = @_;
	my $c = $pb->connect($service, local => $o{local} // '127.7.0.1', no_greeting => 1);
	$c->send_raw($_) for $o{slowly} ? split(//, $bytes) : $bytes;
	my $heard = $c->reply;
	return wantarray ? ($heard, $c) : $heard;
}
sub logged { my ($kind, $re) = @_; return ok($pb->wait_log($kind, $re), "the log: $re") }

my %good = (smtp => qr/^220 /, pop3 => qr/^\+OK /, imap => qr/^\* OK /);
my %bad = (smtp => qr/^554 5\.7\.1 .*\d{12}$/, pop3 => qr/^-ERR .*\d{12}\)$/, imap => qr/^\* BYE .*\d{12}\)$/);
my %kind = (smtp => 'smtpLog', pop3 => 'popLog', imap => 'imapLog');
my $n = 0;
for my $service (sort keys %good) {
	my $last = ++$n;
	like(through($service, "PROXY TCP4 192.0.2.$last 198.51.100.9 4711 25\r\n"), $good{$service}, "$service: version 1");
	logged($kind{$service}, qr/\[192\.0\.2\.$last\]\[\d{12}\] event=proxied by=127\.7\.0\.1/);
	like(through($service, "PROXY TCP6 2001:db8::$last 2001:db8::9 4711 25\r\n", slowly => 1), $good{$service}, 'IPv6, byte by byte');
	logged($kind{$service}, qr/\[2001:db8::$last\]\[\d{12}\] event=proxied/);
	like(through($service, v2_tcp4("192.0.2.10$last")), $good{$service}, 'version 2');
	logged($kind{$service}, qr/\[192\.0\.2\.10$last\]\[\d{12}\] event=proxied/);
	like(through($service, v2_tcp6("2001:db8::10$last"), slowly => 1), $good{$service}, 'with IPv6, byte by byte');
	logged($kind{$service}, qr/\[2001:db8::10$last\]\[\d{12}\] event=proxied/);
	like(through($service, v2_tcp4('192.0.2.10', "\x04\0\x03abc")), $good{$service}, 'with more than addresses');
	like(through($service, "PROXY UNKNOWN ffff::1 whatever\r\n"), $good{$service}, 'UNKNOWN is the proxy itself');
	like(through($service, v2(0, 0, '')), $good{$service}, 'so is LOCAL');
	like(through($service, "PROXY TCP4 192.0.2.66 198.51.100.9 4711 25\r\n"), $bad{$service}, 'the blacklist holds for the client');
	logged($kind{$service}, qr/\[192\.0\.2\.66\]\[\d{12}\] event=refused reason=blacklist/);
	like(through($service, v2_tcp6('2001:db8:66:1::5')), $bad{$service}, 'an IPv6 network too');
	for my $wrong ("EHLO c.example\r\n", "PROXY TCP4 192.0.2.300 198.51.100.9 1 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.9 1\r\n",
	    v2(1, 0x11, 'short'), $signature . "\x31\x11\0\0", 'PROXY TCP4 ' . 'x' x 200) {
		my ($heard, $c) = through($service, $wrong);
		ok($heard eq '' && $c->at_end, 'closed without a word: ' . substr($wrong =~ s/[^ -~]/./gr, 0, 30));
	}
	# LIMIT_PROXY_HEADER
	my ($heard, $c) = through($service, v2_tcp4('192.0.2.10', 'x' x 4096));
	ok($heard eq '' && $c->at_end, 'a header over the limit');
	logged($kind{$service}, qr/\[127\.7\.0\.1\]\[\d{12}\] event=proxy-failed why=/);

	for my $header ("PROXY TCP4 192.0.2.9 198.51.100.9 4711 25\r\n", v2_tcp4('192.0.2.9')) {
		($heard, $c) = through($service, $header, local => '127.8.0.1');
		like($heard, $good{$service}, 'from anybody else: greeted first');
		# Lines of a signature before its last one are commands that nobody knows.
		my $said = '';
		for (1 .. 4) { ($said = $c->reply) =~ /PROXY/ and last }
		like($said, $bad{$service}, 'and told that no header is taken');
		ok($c->at_end, 'and closed');
	}
	logged($kind{$service}, qr/\[127\.8\.0\.1\]\[\d{12}\] event=proxy-refused version=$_/) for 1, 2;
}

# The client's address goes into the message, and commands in the same segment are served.
my ($heard, $c) = through('smtp', "PROXY TCP4 192.0.2.77 198.51.100.9 4711 25\r\n");
$c->expect($_, qr/^[23]/) for 'EHLO c.example', 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>', 'DATA';
$c->expect("Subject: proxied\r\n\r\nx\r\n.", qr/^250/);
my ($file) = $pb->wait_mail('alice@example.com', 1);
like(Pillarbox::slurp($file), qr/^Received: from c\.example \(\[192\.0\.2\.77\]\)/m, 'Received names the client');

# TLS from the first byte: the header stands before the handshake.
$c = $pb->connect('imaps', local => '127.7.0.1', no_greeting => 1, tls => 0);
$c->send_raw("PROXY TCP4 192.0.2.78 198.51.100.9 4711 993\r\n");
$c->start_tls;
like($c->reply, $good{imap}, 'imaps: header, then TLS');
done_testing();
