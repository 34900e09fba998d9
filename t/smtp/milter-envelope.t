#!/usr/bin/perl
# What a milter changes in the envelope, and what it may not smuggle into a
# body; of small messages, and of large ones, which are in their file already.
# Features: TOOL-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::UNIX;
use Pillarbox;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $pb = Pillarbox->new;
$pb->user("$_\@example.com") for qw(alice bob carol);
my $path = "$pb->{dir}/run/pub/test-milter";
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=unix:test-milter', 'failMode=tempfail', 'timeout=10');
my $milter = fork() // die "fork: $!";
if ($milter == 0) {
	my $program = "$Pillarbox::BIN/../t/smtp/test-milter";
	exec { $program } $program, "local:$path" or POSIX::_exit(127);
}
END { my $code = $?; kill 'KILL', $milter if $milter; $? = $code }
my $end = time + 10;
sleep 0.05 while time < $end && !(-S $path && chmod(0666, $path) && IO::Socket::UNIX->new(Peer => $path));
$pb->start;

my $large = ('y' x 98 . "\r\n") x 30_000;

# The reply, then { user => text } of where the message arrived.
sub send_to {
	my ($subject, $body, @to) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	$c->expect('MAIL FROM:<a@b.example>', qr/^250/);
	$c->expect("RCPT TO:<$_\@example.com>", qr/^250/) for @to;
	$c->expect('DATA', qr/^354/);
	$c->send_raw("Subject: $subject\r\n\r\n$body.\r\n");
	my $reply = $c->reply;
	$c->command('QUIT');
	return $reply;
}

sub arrived {
	my ($subject, $user) = @_;
	return (grep { /^Subject: \Q$subject\E\r$/m } map { Pillarbox::slurp($_) } $pb->mail("$user\@example.com"))[0];
}

sub wait_for {
	my ($subject, $user) = @_;
	my $until = time + 20;
	sleep 0.05 until arrived($subject, $user) || time > $until;
	return arrived($subject, $user) // '';
}

for my $case ([ small => "x\r\n" ], [ large => $large ]) {
	my ($size, $body) = @$case;
	like(send_to("moreto $size", $body, 'alice'), qr/^250/, "$size: recipients added");
	ok(wait_for("moreto $size", $_), "$_ has it") for qw(alice bob carol);
	like(send_to("lessto $size", $body, 'alice', 'bob'), qr/^250/, "$size: a recipient deleted");
	ok(wait_for("lessto $size", 'bob'), 'bob has it');
	ok(!arrived("lessto $size", 'alice'), 'alice has not');
	like(send_to("nobody $size", $body, 'alice', 'bob'), qr/^250/, "$size: all recipients deleted");
	like(send_to("from $size", $body, 'alice'), qr/^250/, "$size: another sender");
	like(wait_for("from $size", 'alice'), qr/\AReturn-Path: <other\@elsewhere\.example>\r\nReceived: .*\r\n\r\n\Q$body\E\z/s,
		'stands in Return-Path, and the message is whole');
	like(send_to("add from moreto lessto $size", $body, 'alice', 'bob'), qr/^250/, "$size: everything together");
	like(wait_for("add from moreto lessto $size", 'carol'),
		qr/\AReturn-Path: <other\@elsewhere\.example>\r\n.*\r\nX-Added: one\r\n\ttwo\r\n\r\n\Q$body\E\z/s, 'all of it');
	like(send_to("bareends $size", $body, 'alice'), qr/^250/, "$size: a body with all kinds of line ends");
	like(wait_for("bareends $size", 'alice'), qr/\r\n\r\na\r\n\.\r\nb\r\nc\r\nd\r\n\z/, 'has CRLF alone');
}
ok(!arrived("nobody $_", 'alice') && !arrived("nobody $_", 'bob'), "$_: a message without recipients is gone") for qw(small large);
ok($pb->wait_log('smtpLog', qr/event=milter-recipient-left-out to=nobody-there\@example\.com why=5\.1\.1/), 'a recipient that is not there is left out, and logged');
ok($pb->wait_log('smtpLog', qr/event=milter-recipient-added to=bob\@example\.com/), 'one that was added');
ok($pb->wait_log('smtpLog', qr/event=milter-recipient-deleted to=\S*lice\@example\.com/), 'one that was deleted');
ok($pb->wait_log('smtpLog', qr/event=milter-sender-changed from=other\@elsewhere\.example/), 'the sender');
my @left = glob("$pb->{dir}/spool/SubSpool*/*.{eml,hdr}");
is("@left", "", 'nothing is left in the queue');

# More than a header holds, from several milters together: the last one fails.
like(send_to('huge', "x\r\n", 'alice'), qr/^250/, 'many fields');
is(scalar(() = wait_for('huge', 'alice') =~ /^X-Much: /mg), 60, 'are all there');
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=unix:test-milter', 'failMode=tempfail', "timeout=$_") for 11, 12;
$pb->ctl_ok('reload');
like(send_to('add huge thrice', "x\r\n", 'alice'), qr/^250/, 'asked by three milters');
is(scalar(() = wait_for('add huge thrice', 'alice') =~ /^X-Added: /mg), 3, 'each adds its field');
my $c = $pb->connect('smtp');
$c->expect($_, qr/^250/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>';
$c->expect('DATA', qr/^354/);
$c->send_raw("Subject: huge\r\n" . ('X-Mine: ' . 'y' x 900 . "\r\n") x 1000 . "\r\nx\r\n.\r\n");
like($c->reply, qr/^451 4\.7\.1/, 'more than a header with its changes may have: failMode');
$c->close;
ok($pb->wait_log('smtpLog', qr/event=milter-failed .* why="more changes than a header holds"/), 'and the log says why');
done_testing();
