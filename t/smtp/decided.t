#!/usr/bin/perl
# Refusals of the transfer itself are decisions like others: flaws of the bytes, the header's size, counts that are
# passed, demands that cannot be met and checkers that cannot be asked each leave lines `name value weight total` in
# the log, under the ticket that the client hears, and rows of mailctl try.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { maxMessagesPerSession => 2, maxBadRecipients => 3, smtpMaxLineLength => 2000 });
$pb->user('alice@example.com');
$pb->start;

sub begin {
	my (%o) = @_;
	my $c = $pb->connect($o{port} // 'smtp');
	$c->expect('EHLO client.example', qr/^250/);
	return $c;
}
sub open_data {
	my $c = begin();
	$c->expect($_, qr/^[23]/) for 'MAIL FROM:<x@far.example>', 'RCPT TO:<alice@example.com>', 'DATA';
	return $c;
}
# The reply is that, and the log has these lines, each "about name value weight total", under its ticket.
sub decided {
	my ($reply, $re, $what, @lines) = @_;
	like($reply, $re, $what);
	my ($ticket) = $reply =~ / ticket (\d{12})$/;
	for (@lines) {
		my ($about, $name, $value, $weight, $total) = split / /;
		ok($pb->wait_log('smtpLog', qr/\[$ticket\] event=check about=$about name=$name value=\Q$value\E weight=$weight total=$total$/m), "... $_");
	}
}
sub message { my ($text) = @_; my $c = open_data(); $c->send_raw($text . "\r\n.\r\n"); return $c->reply }

decided(message("Subject: x\r\n\r\na\nb"), qr/^521 5\.5\.2 Bare LF in message/, 'a bare LF', 'text bare-lf yes -100 -100');
decided(message("Subject: x\r\n\r\na\rb"), qr/^521 5\.5\.2 Bare CR in message/, 'a bare CR', 'text bare-cr yes -100 -100');
decided(message("Subject: x\r\n\r\na\0b"), qr/^554 5\.6\.0 NUL in message/, 'a NUL', 'text nul yes -100 -100');
decided(message("Subject: x\r\n\r\n" . 'y' x 2100), qr/^554 5\.6\.0 Line too long/, 'a long line', 'text line-limit 2000 -100 -100');
decided(message(("X: " . 'y' x 900 . "\r\n") x 1300 . "\r\nx"), qr/^554 5\.6\.0 Header larger than 1048576 bytes/, 'a large header', 'header header-bytes-limit 1048576 -100 -100');
decided(message("X: y\r\n" x 10001 . "\r\nx"), qr/^554 5\.6\.0 Header of more than 10000 lines/, 'a header of many lines', 'header header-lines-limit 10000 -100 -100');
my $chunk = begin();
$chunk->expect($_, qr/^2/) for 'MAIL FROM:<x@far.example>', 'RCPT TO:<alice@example.com>';
$chunk->send_raw("BDAT 17 LAST\r\nSubject: x\r\n\r\na\nb");
decided($chunk->reply, qr/^521 5\.5\.2 Bare LF/, 'by BDAT too', 'text bare-lf yes -100 -100');
for my $text ("Content-Type: multipart/mixed\r\nContent-Transfer-Encoding: binary\r\n\r\nx\r\n", "Content-Type: multipart/mixed\r\nContent-Transfer-Encoding: binary\r\n") {
	$chunk = begin();
	$chunk->expect($_, qr/^2/) for 'MAIL FROM:<x@far.example> BODY=BINARYMIME', 'RCPT TO:<alice@example.com>';
	$chunk->send_raw('BDAT ' . length($text) . " LAST\r\n$text");
	decided($chunk->reply, qr/^554 5\.6\.0 The binary parts of the message cannot be read/, 'binary parts without a boundary', 'text binary-parts unreadable -100 -100');
}

# Counts.
my $c = begin();
for (1, 2) {
	$c->expect($_, qr/^[23]/) for 'MAIL FROM:<x@far.example>', 'RCPT TO:<alice@example.com>', 'DATA';
	$c->expect("Subject: x\r\n\r\nx\r\n.", qr/^250/);
}
decided(scalar $c->command('MAIL FROM:<x@far.example>'), qr/^421 4\.7\.0 Too many messages/, 'a message over the limit of the session', 'messages messages-limit 2 -100 -100');
$c = begin();
$c->expect('MAIL FROM:<x@far.example>', qr/^250/);
$c->expect("RCPT TO:<nobody$_\@example.com>", qr/^550/) for 1 .. 3;
decided(scalar $c->command('RCPT TO:<nobody@example.com>'), qr/^421 4\.7\.0 Too many unknown recipients/, 'an unknown recipient over the limit', 'recipients unknown-recipients-limit 3 -100 -100');
$c = begin();
$c->expect('MAIL FROM:<x@far.example>', qr/^250/);
$c->send_raw("RCPT TO:<alice\@example.com>\r\n" x 1001);
my $last;
$last = $c->reply for 1 .. 1001;
decided($last, qr/^452 4\.5\.3 Too many recipients/, 'recipient 1001', 'recipients recipients-limit 1000 -100 -100');

# Demands.
$c = begin();
decided(scalar $c->command('MAIL FROM:<x@far.example> REQUIRETLS'), qr/^555 5\.5\.4 REQUIRETLS/, 'REQUIRETLS without TLS', 'demands requiretls-without-tls yes -100 -100');
decided(scalar $c->command('MAIL FROM:<x@far.example> HOLDFOR=60'), qr/^555 5\.5\.4 FUTURERELEASE/, 'FUTURERELEASE where it is not offered', 'demands hold-not-offered yes -100 -100');
$pb->set(maxFutureRelease => 1);
my $end = time + 20;
do { $c = begin(port => 'submission') } while $c->command('EHLO client.example') !~ /FUTURERELEASE/ && time < $end;
decided(scalar $c->command('MAIL FROM:<alice@example.com> HOLDFOR=3601'), qr/^501 5\.5\.4 A message is held 3600 seconds/, 'a release that is too late', 'demands hold-limit 3600 -100 -100');

# Checkers that cannot be asked.
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=unix:nobody', 'failMode=tempfail', 'timeout=1');
sub mail { my $s = begin(); return scalar $s->command('MAIL FROM:<x@far.example>') }
$end = time + 20;
sleep 0.2 while time < $end && mail() !~ /^451/;
decided(mail(), qr/^451 4\.7\.1 A content filter is not available, try again later/, 'a milter that is down', 'milter milter-unasked unix:nobody 0 0', 'milter fail-mode tempfail -100 -100');
$pb->ctl_ok('set', '--remove', 'milters/milter', 'socket=unix:nobody');
$pb->ctl_ok('set', '--add', 'policyServers/server', 'socket=unix:nobody', 'failMode=reject', 'timeout=1');
sub rcpt { my $s = begin(); $s->expect('MAIL FROM:<x@far.example>', qr/^250/); return scalar $s->command('RCPT TO:<alice@example.com>') }
$end = time + 20;
sleep 0.2 while time < $end && (mail() !~ /^250/ || rcpt() !~ /^550/);
decided(rcpt(), qr/^550 5\.7\.1 A policy server is not available/, 'a policy server that is down', 'policy-server policy-server-unasked unix:nobody 0 0', 'policy-server fail-mode reject -100 -100');
$pb->ctl_ok('set', '--remove', 'policyServers/server', 'socket=unix:nobody');
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=unix:nobody', 'timeout=1');
$pb->set(smtpLogLevel => 'Detailed');
$end = time + 20;
sleep 0.2 while time < $end && !$pb->wait_log('smtpLog', qr/event=check about=milter name=fail-mode value=accept/, 1) && rcpt();
ok($pb->wait_log('smtpLog', qr/event=check about=milter name=milter-unasked value=unix:nobody weight=0 total=0\n.*event=check about=milter name=fail-mode value=accept weight=0 total=0\n/), 'failMode=accept leaves its lines where details are wanted');
$pb->ctl_ok('set', '--remove', 'milters/milter', 'socket=unix:nobody');

# What mailctl try says.
sub try_text {
	Pillarbox::spew("$pb->{top}/m", $_[0]);
	return ($pb->ctl('try', '--from', 'x@far.example', '--to', 'alice@example.com', '--ip', '192.0.2.1', "$pb->{top}/m"))[1];
}
like(try_text("Subject: x\n\na\rb\n"), qr/^data +bare-cr +yes +-100 +-100.*^data +reply +521 5\.5\.2 Bare CR/ms, 'mailctl try: a flaw');
like(try_text("X: y\n" x 10001 . "\nx\n"), qr/^data +text +ok +0 +0.*^data +header-lines-limit +10000 +-100 +-100.*^data +reply +554 5\.6\.0/ms, '... a header');
like(try_text("Subject: x\n\nx\n"), qr/^data +text +ok +0 +0.*^data +header +ok +0 +0.*^data +reply +250/ms, '... and a good message');
done_testing;
