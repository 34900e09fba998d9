#!/usr/bin/perl
# Mail that an own gateway brings (ipBypasses): with bypassSpamChecks what HELO says is not held against the
# gateway's address at RCPT, but that of the server behind it, once the header is there, against its own
# address (BYP-02, BYP-03); the weights are the same.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Dns;

my $dns = Pillarbox::Dns->new("far.test MX 10 mx.far.test\nmx.far.test A 198.51.100.1\n");
my $pb = Pillarbox->new(settings => { primaryDns => $dns->address, smtpLogLevel => 'Detailed', 'envelopeChecks/heloLiteral' => 100,
	'envelopeChecks/heloBare' => 60, 'envelopeChecks/heloUnresolved' => 60, 'envelopeChecks/senderUnresolved' => 60 });
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'ipBypasses/entry', 'ipFrom=127.0.0.60', 'ipTo=127.0.0.61');
$pb->ctl_ok('set', '--add', 'ipBypasses/entry', 'ip=127.0.0.62', 'bypassSpamChecks=False');
$pb->ctl_ok('set', '--add', 'ipBypasses/entry', 'ip=192.0.2.25');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.61', 'smtp=True');
$pb->ctl_ok('gateway', 'add', 'address=127.0.0.1', 'port=9', 'domains=quiet.example', 'spamChecks=False');
$pb->start;

my $GATEWAY = '127.0.0.60';
sub begin {
	my ($ip, $helo, $from) = @_;
	my $c = $pb->connect('smtp', local => $ip);
	$c->expect('EHLO ' . ($helo // 'mx.far.test'), qr/^250/);
	$c->expect('MAIL FROM:<' . ($from // 'x@far.test') . '>', qr/^250/);
	return $c;
}
sub rcpt { my ($ip, $helo) = @_; my $c = begin($ip, $helo); my $r = $c->command('RCPT TO:<alice@example.com>'); $c->command('QUIT'); return $r }
# The reply to a whole message with these Received fields, from the gateway.
sub message {
	my ($received, %o) = @_;
	my $c = begin($o{ip} // $GATEWAY, $o{helo} // '[192.0.2.99]', $o{from});
	$c->expect("RCPT TO:<$_>", qr/^250/) for @{ $o{to} // [ 'alice@example.com' ] };
	my $text = join('', map { "Received: $_;\r\n\tSat, 21 Nov 2026 10:00:00 +0000\r\n" } @$received) . "Subject: x\r\n\r\nx\r\n";
	my $r;
	if ($o{bdat}) {
		$c->send_raw('BDAT ' . length($text) . " LAST\r\n$text");
		$r = $c->reply;
	} else {
		$c->expect('DATA', qr/^354/);
		$r = $c->command("$text.");
	}
	$c->command('QUIT');
	return $r;
}
sub logged { my ($re, $what) = @_; return ok($pb->wait_log('smtpLog', $re), $what // "the log: $re") }
sub check { my ($about, $name, $value, $weight, $total) = @_;
	return qr/event=check about=$about name=$name value=\Q$value\E weight=$weight total=$total\n/ }

# At RCPT.
like(rcpt($GATEWAY, '[192.0.2.8]'), qr/^250 2\.1\.5/, 'a gateway may give any name: taken at RCPT');
logged(check('helo', 'helo-by-origin', '[192.0.2.8]', 0, 0), '... and the log says that the server behind it counts');
like(rcpt('127.0.0.62', '[192.0.2.8]'), qr/^550 5\.7\.1 \[192\.0\.2\.8\] is not your address ticket \d{12}$/, 'with bypassSpamChecks=False it is judged itself');
logged(qr/\[127\.0\.0\.62\]\[\d+\] event=check about=helo name=helo-literal value=\[192\.0\.2\.8\] weight=-100 total=-100/);
like(rcpt('127.0.0.63', '[192.0.2.8]'), qr/^550 5\.7\.1 \[192\.0\.2\.8\] is not your address/, 'as is everybody who is not listed');
logged(qr/\[127\.0\.0\.63\]\[\d+\] event=check about=helo name=helo-literal value=\[192\.0\.2\.8\] weight=-100 total=-100/);

# After DATA.
like(message([ 'from [203.0.113.9] (unknown [198.51.100.1]) by gw.example' ]), qr/^550 5\.7\.1 \[203\.0\.113\.9\] is not your address ticket \d{12}$/,
	'the server behind it gave an address that it does not have: refused');
logged(qr/event=origin ip=198\.51\.100\.1/);
logged(check('origin', 'helo-literal', '[203.0.113.9]', -100, -100));
logged(check('origin', 'envelope-checks', 100, -100, -100));
logged(qr/event=message-refused code=550 status=5\.7\.1 text="\[203\.0\.113\.9\] is not your address"/);
like(message([ 'from [203.0.113.9] (unknown [198.51.100.1]) by gw.example' ], bdat => 1), qr/^550 5\.7\.1/, 'by BDAT too');
like(message([ 'from [198.51.100.1] (unknown [198.51.100.1]) by gw.example' ]), qr/^250 2\.0\.0/, 'its own address is fine');
logged(check('origin', 'envelope-checks', 0, 0, 0));
like(message([ 'from name.example ([198.51.100.1] helo=[203.0.113.9]) by gw.example with esmtp (Exim 4.96)' ]), qr/^550 5\.7\.1/, 'as Exim writes it');
like(message([ 'from unknown (HELO [203.0.113.9]) (198.51.100.1) by gw.example' ]), qr/^550 5\.7\.1/, 'as qmail writes it');
like(message([ 'from mail.test.example (unknown [198.51.100.1]) by gw.example' ]), qr/^550 5\.7\.1 You are not mail\.test\.example/, 'our own name');
like(message([ 'from gw2.example (x [192.0.2.25]) by gw.example', 'from localhost (localhost [127.0.0.1]) by gw2.example',
	'from [203.0.113.9] (x [198.51.100.1]) by gw2.example', 'from [198.51.100.7] (x [198.51.100.7]) by other.example' ]), qr/^550 5\.7\.1 \[203\.0\.113\.9\] is/,
	'behind two gateways: the first that is none');
like(message([ 'from gw2.example (x [192.0.2.25]) by gw.example' ]), qr/^250/, 'mail that began at a gateway');
like(message([]), qr/^250/, 'mail without a trace');
logged(qr/event=origin ip=-\n/);
logged(check('origin', 'origin', 'unknown', 0, 0));

# Points add up: neither of the two is enough.
like(message([ 'from mx.far.test (unknown [198.51.100.1]) by gw.example' ], from => 'x@gone.far.test'), qr/^250/, 'a sender without DNS: 60 points');
like(message([ 'from gone.far.test (unknown [198.51.100.1]) by gw.example' ]), qr/^250/, 'a name that DNS does not know: 60');
like(message([ 'from gone.far.test (unknown [198.51.100.1]) by gw.example' ], from => 'x@gone.far.test'), qr/^550 5\.1\.8 .* ticket \d{12}$/, 'both are too much');
logged(qr/event=check about=origin name=helo-unresolved value=gone\.far\.test weight=-60 total=-120/);
logged(check('origin', 'envelope-checks', 120, -100, -100));

# Who wants no checks, and who is trusted.
my $forged = [ 'from [203.0.113.9] (unknown [198.51.100.1]) by gw.example' ];
like(message($forged, to => [ 'postmaster@example.com' ]), qr/^250/, 'postmaster is reached all the same');
like(message($forged, to => [ 'postmaster@example.com', 'alice@example.com' ]), qr/^550/, 'but not by a message to others too');
like(message($forged, to => [ 'x@quiet.example' ]), qr/^250/, 'a gateway behind us that wants no checks');
logged(check('origin', 'envelope-checks', 'no-recipient-wants-them', 0, 0));
like(message($forged, ip => '127.0.0.61'), qr/^250/, 'a gateway on the whitelist is trusted, and what it brings');
like(message($forged, ip => '127.0.0.62', helo => 'mx.far.test'), qr/^250/, 'with bypassSpamChecks=False the server behind it is nobody\'s business');

# mailctl try tells the same.
Pillarbox::spew("$pb->{top}/m", "Received: $forged->[0]; x\nSubject: x\n\nx\n");
my ($rc, $out) = $pb->ctl('try', '--from', 'x@far.test', '--to', 'alice@example.com', '--ip', $GATEWAY, '--helo', '[192.0.2.8]', "$pb->{top}/m");
is($rc, 1, 'mailctl try: refused');
like($out, qr/^helo +helo-by-origin +\[192\.0\.2\.8\] +0 +0.*^rcpt +reply +250.*^data +helo-literal +\[203\.0\.113\.9\] +-100 +-100.*^data +envelope-checks +100 +-100 +-100.*^data +reply +550 5\.7\.1/ms,
	'... at the end, with every step') or diag($out);
done_testing;
