#!/usr/bin/perl
# Every limit of a session is crossed once, and the server is well afterwards
# (cases S05, S06, S20, S22 to S24, S26, S33, S34).
# Features: SMTPIN-07, SMTPIN-08, SMTPIN-09, SMTPIN-10, SMTPIN-11, SMTPIN-12,
# SMTPIN-13.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { maxMessageSizeMB => 3, maxHopCount => 20, maxMessagesPerSession => 3 });
$pb->user('alice@example.com');
$pb->start;

sub begin {
	my (@more) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	$c->expect($_, qr/^[23]/) for @more;
	return $c;
}
my @open = ('MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA');

my $c = begin();
like($c->command('NOOP ' . 'x' x (4094 - 5)), qr/^250/, 'a command line at LIMIT_SMTP_LINE');
like($c->command('NOOP ' . 'x' x (4095 - 5)), qr/^500 5\.5\.2/, 'over LIMIT_SMTP_LINE');
like($c->command('NOOP ' . 'x' x 1_000_000), qr/^500 5\.5\.2/, 'so is 1 MB (S05)');
like($c->command('NOOP'), qr/^250/, 'and the next command is the next line');
like($c->command('EHLO ' . 'a' x 10_000), qr/^501 5\.5\.4 .* ticket \d{12}$/, 'EHLO of 10 KB (S26)');
like($c->command('AUTH PLAIN ' . 'A' x (12286 - 11)), qr/^501 5\.5\.2/, 'an AUTH line at LIMIT_SMTP_AUTH_LINE');
like($c->command('AUTH PLAIN ' . 'A' x (12287 - 11)), qr/^500 5\.5\.2/, 'over LIMIT_SMTP_AUTH_LINE');
like($c->command('AUTH PLAIN ' . 'A' x 65536), qr/^500 5\.5\.2/, 'but not 64 KB (S24)');
$c->close;

# smtpMaxBadCommands
$c = begin();
like($c->command('XYZZY'), qr/^500/, "bad command $_") for 1 .. 8;
like($c->command('XYZZY'), qr/^421 4\.7\.0/, 'the ninth closes (smtpMaxBadCommands)');
ok($c->at_end, 'the connection');

$c = begin();
my ($last, $moved) = ('', 1);	# the EHLO counts
for (1 .. 200) {
	$last = $c->command('RSET');
	last if $last !~ /^250/;
	$moved++;
}
is($moved, 100, 'commands that move nothing are taken at LIMIT_SMTP_JUNK');
like($last, qr/^421 4\.7\.0/, 'one over LIMIT_SMTP_JUNK closes (S23)');

# maxMessagesPerSession (SMTPIN-16)
$c = begin();
for (1 .. 3) {
	$c->expect($_, qr/^[23]/) for @open;
	$c->expect("Subject: $_\r\n\r\nx\r\n.", qr/^250/);
}
like($c->command($open[0]), qr/^421 4\.7\.0/, 'maxMessagesPerSession');

# maxMessageSizeMB, announced, declared and true (SMTPIN-12)
$c = begin();
like($c->command('EHLO c.example'), qr/^250-SIZE 3145728$/m, 'EHLO announces the size of the largest message');
like($c->command('MAIL FROM:<a@b.example> SIZE=3145729'), qr/^552 5\.3\.4/, 'a size declared over the limit');
$c->expect($_, qr/^[23]/) for @open;
$c->send_raw("Subject: big\r\n\r\n" . ("x" x 998 . "\r\n") x 3200 . ".\r\n");
like($c->reply, qr/^552 5\.3\.4/, 'a message over the limit');
$c->expect($_, qr/^[23]/) for @open;
$c->send_raw("Subject: less\r\n\r\n" . ("x" x 998 . "\r\n") x 3100 . ".\r\n");
like($c->reply, qr/^250/, 'one below it, in the same session');

# smtpMaxLineLength, and a line without end
$c = begin(@open);
$c->send_raw("Subject: a\r\n\r\n" . 'x' x 8190 . "\r\n.\r\n");
like($c->reply, qr/^250/, 'a line of 8192 bytes');
$c->expect($_, qr/^[23]/) for @open;
$c->send_raw("Subject: a\r\n\r\n" . 'x' x 8191 . "\r\n.\r\n");
like($c->reply, qr/^554 5\.6\.0/, 'one byte more (smtpMaxLineLength)');
$c->expect($_, qr/^[23]/) for @open;
$c->send_raw("Subject: a\r\n\r\n" . 'x' x 10_000_000 . "\r\n.\r\n");
like($c->reply, qr/^554 5\.6\.0/, '10 MB without a line end (S06)');

# LIMIT_HEADER_BYTES and LIMIT_HEADER_LINES
$c = begin(@open);
$c->send_raw("To: a\r\n" x 10_001 . "\r\n.\r\n");
like($c->reply, qr/^554 5\.6\.0/, 'a header of 10,001 lines (S33)');
$c->expect($_, qr/^[23]/) for @open;
$c->send_raw(("X: " . "y" x 990 . "\r\n") x 1100 . "\r\n.\r\n");
like($c->reply, qr/^554 5\.6\.0/, 'a header over 1 MB');

# maxHopCount, and hops of our own
$c = begin(@open);
$c->send_raw("Received: by x\r\n" x 20 . "\r\nx\r\n.\r\n");
like($c->reply, qr/^250/, '20 hops');
$c->expect($_, qr/^[23]/) for @open;
$c->send_raw("Received: by x\r\n" x 21 . "\r\nx\r\n.\r\n");
like($c->reply, qr/^554 5\.4\.6/, '21 hops (maxHopCount, S34)');
$c->expect($_, qr/^[23]/) for @open;
$c->send_raw("Received: from a\r\n\tby mail.test.example with SMTP;\r\n" x 5 . "\r\nx\r\n.\r\n");
like($c->reply, qr/^250/, 'through this host at LIMIT_OWN_HOPS');
$c->expect($_, qr/^[23]/) for @open;
$c->send_raw("Received: from a\r\n\tby mail.test.example with SMTP;\r\n" x 6 . "\r\nx\r\n.\r\n");
like($c->reply, qr/^554 5\.4\.6/, 'over LIMIT_OWN_HOPS');

# Different addresses of one mailbox
$c = begin($open[0]);
my ($replies, $reply) = ('', '');
for my $batch (0 .. 11) {
	$c->send_raw(join '', map { "RCPT TO:<alice+$_\@example.com>\r\n" } $batch * 100 + 1 .. $batch * 100 + 100);
	for (1 .. 100) {
		$reply = $c->reply;
		$replies .= $reply =~ /^(250|452 4\.5\.3|421 4\.7\.0) / ? substr $1, 0, 1 : '?';
		last if $reply !~ /^(?:250|452)/;
	}
	last if $reply !~ /^(?:250|452)/;
}
my ($taken, $refused) = $replies =~ /^(2*)(4*)$/ ? (length $1, length $2) : (0, 0);
is($taken, 1000, 'recipients at LIMIT_SMTP_RECIPIENTS are taken');
cmp_ok($refused, '>', 1, 'those over LIMIT_SMTP_RECIPIENTS are refused, each with 452 4.5.3');
is($refused - 1, 100, 'refusals at LIMIT_SMTP_OVERSHOOT');
like($reply, qr/^421 4\.7\.0/, 'one over LIMIT_SMTP_OVERSHOOT closes (S22)');
ok($pb->wait_log('smtpLog', qr/\[127\.0\.0\.1\]\[\d{12}\] event=too-many-recipients$/m), 'which is an event of its own');
like($pb->ctl_ok('explain', $reply =~ /(\d{12})$/), qr/the session ended after too many recipients of one message/, 'with words of its own');
$c->close;

# Too many recipients do not make a harvester of anybody: they are not counted as unknown ones.
$c = begin($open[0]);
$c->send_raw("RCPT TO:<alice+$_\@example.com>\r\n"), $c->reply for 1 .. 1000;
$c->send_raw("RCPT TO:<bob+$_\@example.com>\r\n"), $reply = $c->reply for 1 .. 30;
like($reply, qr/^452 4\.5\.3/, '30 recipients over the limit');
$c->expect('RSET', qr/^250/);
$c->expect($open[0], qr/^250/);
like($c->command("RCPT TO:<nobody$_\@example.com>"), qr/^550 5\.1\.1/, "and then unknown recipient $_") for 1 .. 20;
like($c->command('RCPT TO:<nobody@example.com>'), qr/^421 4\.7\.0 .* ticket \d{12}$/, 'of which there may be maxBadRecipients (SMTPIN-13)');
ok($c->at_end, 'the connection is closed');
ok($pb->wait_log('smtpLog', qr/\[127\.0\.0\.1\]\[\d{12}\] event=too-many-bad-recipients$/m), 'and the log tells');

$c = begin(@open);
$c->expect("Subject: still here\r\n\r\nx\r\n.", qr/^250/);
pass('a fresh client is served');
ok($pb->wait_log('smtpLog', qr/\[127\.0\.0\.1\]\[\d{12}\] event=$_$/m), "the log has $_") for qw(too-many-bad-commands too-many-messages too-many-commands);

# smtpMaxConnections 0: as many as come (SMTPIN-10).
my $open = Pillarbox->new(settings => { smtpMaxConnections => 0, smtpMaxConnectionsPerIp => 0, maxMessageSizeMB => 0 });
$open->start;
my @crowd = map { $open->connect('smtp') } 1 .. 80;
is(scalar(grep { $_->{greeting} =~ /^220 / } @crowd), 80, 'without smtpMaxConnections nobody is refused');
like($crowd[79]->command('EHLO c.example'), qr/^250-SIZE 0$/m, 'and 0 is announced where there is no largest message (SMTPIN-12)');
is(scalar(grep { $_->command('NOOP') =~ /^250/ } @crowd), 80, 'they are served at the same time');
$_->close for @crowd;
like($open->connect('smtp')->{greeting}, qr/^220 /, 'and so is the next');
$open->connect('smtp', local => '127.16.0.1')->close;
ok($open->wait_log('smtpLog', qr/\[127\.16\.0\.1\]\[\d{12}\] event=connect /), 'the log is up to date');
unlike($open->log_text('smtpLog'), qr/event=crowded/, 'nor is there ever a crowd');
done_testing();
