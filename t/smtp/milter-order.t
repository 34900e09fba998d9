#!/usr/bin/perl
# Several milters: each sees what those before it made of the message.  Shown by
# two that write down what they see, in both orders; and by opendkim, which
# verifies, before opendmarc, which believes its Authentication-Results.
# Features: TOOL-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Digest::SHA qw(sha256_base64);
use MIME::Base64;
use Pillarbox;
use Pillarbox::Child;
use Pillarbox::Dns;
use Pillarbox::Milter;
use Test::More;

plan skip_all => 'no python3-milter' if system('/usr/bin/python3', '-c', 'import Milter') != 0;
my $pb = Pillarbox->new(host => 'mail.test.example');
$pb->user('alice@example.com');
my $port = Pillarbox::free_ports(3);

sub start_program { my ($at, @cmd) = @_; return Pillarbox::Child->program("$pb->{top}/milter.log", @cmd)->answers($at) }

# A message as the client sends it; returns how it arrived.
sub through {
	my ($from, $text, $subject) = @_;
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^[23]/) for 'EHLO c.example', "MAIL FROM:<$from>", 'RCPT TO:<alice@example.com>', 'DATA';
	$c->expect("$text.", qr/^250/);
	$c->command('QUIT');
	return $pb->wait_subject('alice@example.com', $subject);
}

# -- two that write down what they see -------------------------------------------------

my $trace = "$pb->{top}/trace";
my $test_milter = Pillarbox::Milter->new($pb, 'test-milter');
ok(start_program($port, '/usr/bin/python3', "$Pillarbox::SRC/t/smtp/record-milter.py", "inet:$port\@127.0.0.1", $trace), 'a milter that records');
$pb->start;
my $body = "the body as it was sent\r\n";
for my $case ([ 'one', "inet:$port\@127.0.0.1", 'unix:test-milter' ], [ 'other', 'unix:test-milter', "inet:$port\@127.0.0.1" ]) {
	my ($name, @order) = @$case;
	Pillarbox::Milter::ask($pb, @order);
	my $subject = "names count add body change 1 $name";
	my $before = -s $trace // 0;
	my $text = through('a@b.example', "X-Old: old\r\nSubject: $subject\r\n\r\n$body", $subject);
	my ($names) = $text =~ /^X-Names:([^\r]*)/m;
	my ($count) = $text =~ /^X-Count: (\d+)/m;
	my $seen = substr Pillarbox::slurp($trace), $before;
	if ($name eq 'one') {
		like($names, qr/ X-Old .*X-Add/, 'the second sees the field that the first added');
		is($count, length "another\r\nbody\r\n", 'and its body');
		like($text, qr/^X-Old: new\r\n/m, 'and what it changed stays changed');
		unlike($seen, qr/^header\tX-Added/m, 'the first sees nothing of the second');
		like($seen, qr/^body\t${\ length $body}\t/m, 'but the message as it came');
	} else {
		unlike($names, qr/X-Add\b/, 'the other way round: the first sees no field of the second');
		is($count, length $body, 'but the body as it came');
		like($seen, qr/^header\tX-Added\tone\\n\\ttwo\t/m, 'and the second the field of the first');
		like($seen, qr/^body\t${\ length "another body\r\n"}\t/m, 'and its body');
	}
	like($text, qr/\r\n\r\n${\ ($name eq 'one' ? "another body\r\n" : "another\r\nbody\r\n")}\z/, 'what the last one made is delivered');
}

# What the first puts above everything the second can take away, and change, also of a message that
# stands in its file already.
Pillarbox::Milter::ask($pb, 'unix:test-milter', "inet:$port\@127.0.0.1");
for my $case ([ 'small', $body ], [ 'large', join '', ('y' x 98 . "\r\n") x 30_000 ]) {
	my ($size, $text) = @$case;
	my $before = -s $trace;
	my $subject = "insert 0 drop X-Top $size";
	my $got = through('a@b.example', "X-Top: of the client\r\nSubject: $subject\r\n\r\n$text", $subject);
	like(substr(Pillarbox::slurp($trace), $before), qr/^header\tX-Top\tfirst\t.*^header\tX-Top\tof the client\t/ms, "$size: the second sees the field above ours, before those of the client");
	unlike($got, qr/^X-Top:/m, 'and takes both away');
	like($got, qr/\AReturn-Path: [^\r]*\r\nX-Insert: yes\r\nReceived: from c\.example /, 'its own stands there instead');
	ok(substr($got, -length $text) eq $text, 'and the body is whole');
}

# -- opendkim, opendmarc ------------------------------------------------------------------

# The header field that signs From, Subject and Date, and the body, all as they are (RFC 6376 simple/simple).
sub signature {
	my ($key, $header, $body) = @_;
	my $hash = sha256_base64($body);
	$hash .= '=' while length($hash) % 4;
	my $field = "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=signed.example; s=sel;\r\n"
		. "\th=From:Subject:Date; bh=$hash;\r\n\tb=";
	Pillarbox::spew("$pb->{top}/tosign", $header . $field);
	my ($rc) = $pb->run('openssl', 'dgst', '-sha256', '-sign', $key, '-out', "$pb->{top}/signed", "$pb->{top}/tosign");
	die "openssl dgst: $rc\n" if $rc != 0;
	return $field . encode_base64(Pillarbox::slurp("$pb->{top}/signed"), '') . "\r\n";
}

SKIP: {
	skip 'only root can give them a resolv.conf', 6 if $> != 0;
	skip 'opendkim and opendmarc are not installed', 6 unless -x '/usr/sbin/opendkim' && -x '/usr/sbin/opendmarc';
	my $key = "$pb->{top}/key";
	$pb->run('openssl', 'genrsa', '-out', $key, '2048');
	$pb->run('openssl', 'rsa', '-in', $key, '-pubout', '-outform', 'DER', '-out', "$key.der");
	local ($Pillarbox::Dns::ADDRESS, $Pillarbox::Dns::PORT) = ('127.77.' . join('.', map { 1 + int rand 250 } 1, 2), 53);
	my $dns = Pillarbox::Dns->new('sel._domainkey.signed.example TXT v=DKIM1; k=rsa; p=' . encode_base64(Pillarbox::slurp("$key.der"), '')
		. "\n_dmarc.signed.example TXT v=DMARC1; p=none\nsigned.example A 127.0.0.1\n");
	my $resolv = "$pb->{top}/resolv.conf";
	Pillarbox::spew($resolv, "nameserver $Pillarbox::Dns::ADDRESS\n");
	Pillarbox::spew("$pb->{top}/nobody", "192.0.2.1\n");	# else both let loopback pass unseen
	Pillarbox::spew("$pb->{top}/dkim.conf", 'Socket inet:' . ($port + 1) . "\@127.0.0.1\nMode v\nSyslog no\nBackground no\nAuthservID mail.test.example\n"
		. "InternalHosts $pb->{top}/nobody\nAlwaysAddARHeader yes\nNameservers $Pillarbox::Dns::ADDRESS\n");
	Pillarbox::spew("$pb->{top}/dmarc.conf", 'Socket inet:' . ($port + 2) . "\@127.0.0.1\nAuthservID mail.test.example\nTrustedAuthservIDs mail.test.example\n"
		. "IgnoreHosts $pb->{top}/nobody\nBackground false\nSyslog false\nRejectFailures false\nHistoryFile $pb->{top}/history\n"
		. "PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat\n");
	my @in = ('/usr/bin/unshare', '-m', '--propagation', 'private', '/bin/sh', '-c', 'mount --bind "$1" "$(readlink -f /etc/resolv.conf)" && shift && exec "$@"', 'sh', $resolv);
	ok(start_program($port + 1, @in, '/usr/sbin/opendkim', '-f', '-x', "$pb->{top}/dkim.conf"), 'opendkim');
	ok(start_program($port + 2, @in, '/usr/sbin/opendmarc', '-f', '-c', "$pb->{top}/dmarc.conf"), 'opendmarc');
	my %socket = (dkim => 'inet:' . ($port + 1) . '@127.0.0.1', dmarc => 'inet:' . ($port + 2) . '@127.0.0.1');
	for my $case ([ 'dkim', 'dmarc', 'pass' ], [ 'dmarc', 'dkim', 'fail' ]) {
		my ($first, $second, $want) = @$case;
		Pillarbox::Milter::ask($pb, $socket{$first}, $socket{$second});
		my $subject = "$first before $second";
		my $header = "From: a\@signed.example\r\nSubject: $subject\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n";
		my $text = through('a@elsewhere.example', signature($key, $header, "signed\r\n") . "$header\r\nsigned\r\n", $subject);
		like($text, qr/^Authentication-Results: mail\.test\.example;[^\0]*?\bdkim=pass\b[^\0]*? header\.d=signed\.example/m, "$subject: opendkim finds the signature good")
			or diag($text);
		like($text, qr/^Authentication-Results: mail\.test\.example; dmarc=$want /m, "and opendmarc says $want") or diag($text);
	}
}
unlike($pb->log_text('smtpLog'), qr/event=milter-failed/, 'no milter failed');
done_testing();
