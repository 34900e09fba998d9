#!/usr/bin/perl
# A mailbox that is full (USER-03, QUEUE-11, SMTPIN-28): the message bounces and says why; others get theirs.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user($_) for map { "$_\@example.com" } qw(alice bob carol);
$pb->ctl_ok('user', 'edit', 'bob@example.com', 'mailboxSizeMB=1');
$pb->start;
sub text { return "From: alice\@example.com\nSubject: $_[0]\n\n" . ("x" x 70 . "\n") x ($_[1] / 71) }
sub send_to {
	my ($to, $subject, $size) = @_;
	return $pb->send_mail(from => 'alice@example.com', to => $to, text => text($subject, $size));
}
like(send_to('bob@example.com', 'one', 500_000), qr/^250/, 'a message into an empty mailbox');
like(send_to('bob@example.com', 'two', 400_000), qr/^250/, 'and another one');
is(scalar(my @m = $pb->wait_mail('bob@example.com', 2)), 2, 'both are there');
my $size = Pillarbox::slurp($pb->maildir('bob@example.com') . '/maildirsize');
like($size, qr/^1048576S/, 'the limit is in the Maildir, for the server programs');

my $r = send_to([ 'bob@example.com', 'carol@example.com' ], 'three', 300_000);
like($r, qr/^(?:250|552)/, 'a third one is answered');
$pb->wait_mail('carol@example.com', 1);
my @bounce = $pb->wait_mail('alice@example.com', 1);
my $bounce = join '', map { Pillarbox::slurp($_) } @bounce;
like($bounce, qr/Status: 5\.2\.2/, 'the bounce has the status');
like($bounce, qr/Diagnostic-Code: [\w-]+; 552 5\.2\.2 the mailbox is full/, 'and the reason');
like($bounce, qr/Final-Recipient: rfc822; ?bob\@example\.com/i, 'and who it was');
unlike($bounce, qr/Final-Recipient: rfc822; ?carol/i, 'and only that');
is(scalar($pb->mail('bob@example.com')), 2, 'nothing was put into the full mailbox');
ok($pb->wait_log('delivery', qr/event=mailbox-full .*to=bob\@example\.com/), 'and the log tells');
like(send_to('bob@example.com', 'small', 2000), qr/^250/, 'a small one still fits');
is(scalar(@m = $pb->wait_mail('bob@example.com', 3)), 3, 'and is there');

# Deleting makes room.
my $c = $pb->connect('pop3s');
$c->login('bob@example.com', $Pillarbox::PASSWORD);
$c->expect('DELE 1', qr/^\+OK/);
$c->expect('QUIT', qr/^\+OK/);
$c->close;
like(send_to('bob@example.com', 'four', 300_000), qr/^250/, 'after deleting there is room');
is(scalar(@m = $pb->wait_mail('bob@example.com', 3)), 3, 'and mail arrives');
unlike(Pillarbox::slurp($pb->maildir('carol@example.com') . '/maildirsize'), qr/\d/, 'a mailbox without a limit is not counted');

# A mailbox that is full already refuses at RCPT, and one that is nearly full what is too large.
sub rcpt {
	my ($more, $to) = @_;
	my $x = $pb->connect('smtp');
	$x->expect('EHLO c.example', qr/^250/);
	$x->expect('MAIL FROM:<x@out.example>' . ($more // ''), qr/^250/);
	my $reply = $x->command('RCPT TO:<' . ($to // 'bob@example.com') . '>');
	$x->close;
	return $reply;
}
sub wait_rcpt {
	my ($re, $more) = @_;
	my $end = time + 20;
	sleep 0.1 while time < $end && rcpt($more) !~ $re;
	return rcpt($more);
}
like(wait_rcpt(qr/^552/, ' SIZE=900000'), qr/^552 5\.2\.2 The mailbox is full ticket \d{12}$/, 'a declared size that does not fit is refused at RCPT');
like(rcpt(), qr/^250/, 'an unknown one is not');
my ($used, $small) = (0);
for my $file ($pb->mail('bob@example.com')) {
	$used += -s $file;
	$small = -s $file if Pillarbox::slurp($file) =~ /^Subject: small/m;
}
my $header = $small - int(2000 / 71) * 72;	# lines of 72 bytes on the wire, header and trace
like(send_to('bob@example.com', 'fille', int((1048576 - $used - $header - 20) / 72) * 71), qr/^250/, 'a message that fills it');
like(wait_rcpt(qr/^552/), qr/^552 5\.2\.2 The mailbox is full ticket \d{12}$/, 'full: refused at RCPT (USER-03)');
like(rcpt('', 'bob+Folder@example.com'), qr/^552 5\.2\.2/, 'also for a folder of it');
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=room-in-mailbox value=0 weight=-100 total=-100/), 'the log says why');
my ($rc, $out) = $pb->ctl('try', '--from', 'x@out.example', '--to', 'bob@example.com', '--ip', '192.0.2.1');
like($out, qr/^rcpt +room-in-mailbox +0 +-100 +-100/m, 'and so does mailctl try');
$c = $pb->connect('pop3s');
$c->login('bob@example.com', $Pillarbox::PASSWORD);
$c->expect('DELE 1', qr/^\+OK/);
$c->expect('QUIT', qr/^\+OK/);
$c->close;
like(wait_rcpt(qr/^250/), qr/^250/, 'after deleting it takes mail again');

# Without auth-check nobody knows the limit: mail is not held back by that.
is(scalar($pb->mail('alice@example.com')), 1, 'and there was one bounce');
done_testing;
