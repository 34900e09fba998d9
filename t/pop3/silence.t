#!/usr/bin/perl
# POP-02: how long a client may be silent: between commands popSessionTimeout, in
# the middle of one popCommandTimeout; who is cut off has deleted nothing (RFC 1939 3, 6).
# Time passes when the test says so, so the edges are exact.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::AtWill;

my $MINUTE = 60_000;
my $pb = Pillarbox->new(settings => { popLogLevel => 'Normal' });
$pb->user('alice@example.com');
my ($rc, undef, $err) = $pb->ctl('set', 'popSessionTimeout', 9);
is($rc, 1, 'popSessionTimeout=9 is refused: RFC 1939 asks for ten minutes at least') or diag($err);
$pb->start;
$pb->send_mail(from => 'alice@example.com', to => 'alice@example.com', subject => $_) for 1, 2;
$pb->wait_mail('alice@example.com', 2);

sub session { return Pillarbox::AtWill->new($pb, 'pop3-serve') }

# Logged in, and the first message marked as deleted.
sub deleting {
	my $s = session();
	$s->waits;
	$s->command('USER alice@example.com');
	like($s->{client}->command("PASS $Pillarbox::PASSWORD"), qr/^\+OK 2 messages/, 'both messages are there');
	my $waits = $s->waits;
	like($s->command('DELE 1'), qr/^\+OK/, 'one is deleted');
	return ($s, $waits);
}

sub is_cut_off {
	my ($s, $name) = @_;
	my ($ticket) = (my $last = $s->{client}->line) =~ /^-ERR You were silent for too long, good-bye \((\d{12})\)$/;
	ok($ticket, "$name: it is told") or diag($last);
	ok($s->{client}->at_end, "$name: and cut off");
	ok($pb->wait_log('popLog', qr/\[$ticket\] event=lost reason="timed out"$/m), "$name: the log says why");
	return $ticket;
}

sub deleted_nothing {
	my ($s, $name) = @_;
	my $ticket = is_cut_off($s, $name);
	ok($pb->wait_log('popLog', qr/\[$ticket\] event=end user=alice\@example\.com messages=2 retrieved=0 removed=0 /m),
		"$name: nothing was removed");
	is(scalar $pb->mail('alice@example.com'), 2, "$name: both messages are in the mailbox");
}

# Before the log-in nobody needs long.
my $s = session();
is($s->waits, $MINUTE, 'a stranger has a minute for a command');
$s->silence($MINUTE - 1);
is($s->waits, 1, 'all but a millisecond of it passes');
like($s->{client}->command('USER alice@example.com'), qr/^\+OK/, 'and he is served');
is($s->waits, $MINUTE, 'then the minute begins anew');
$s->silence($MINUTE);
is_cut_off($s, 'a silent stranger');
$s = session();
$s->waits;
like($s->{client}->command('AUTH PLAIN'), qr/^\+ /, 'another begins to log in');
is($s->waits, $MINUTE, 'which has a minute too');
$s->silence($MINUTE);
is_cut_off($s, 'silent in AUTH');

# Between commands.
($s, my $waits) = deleting();
is($waits, 10 * $MINUTE, 'popSessionTimeout is 10 minutes when nobody sets it');
$s->silence(10 * $MINUTE - 1);
is($s->waits, 1, 'all but a millisecond passes');
like($s->{client}->command('NOOP'), qr/^\+OK/, 'the session goes on');
is($s->waits, 10 * $MINUTE, 'and has the whole time again');
$s->silence(10 * $MINUTE);
deleted_nothing($s, 'silent between commands');

# In the middle of a command, even of the one that would remove it.
($s) = deleting();
$s->{client}->send_raw('NO');
is($s->waits, 5 * $MINUTE, 'popCommandTimeout is 5 minutes when nobody sets it');
$s->silence(5 * $MINUTE - 1);
is($s->waits, 1, 'all but a millisecond passes');
like($s->{client}->command('OP'), qr/^\+OK/, 'the command is served');
is($s->waits, 10 * $MINUTE, 'and the next has the time between commands');
$s->{client}->send_raw('QUI');
is($s->waits, 5 * $MINUTE, 'another begins');
$s->silence(3 * $MINUTE);
$s->waits;
$s->{client}->send_raw('T');
is($s->waits, 2 * $MINUTE, 'a byte in between gives no more time');
$s->silence(2 * $MINUTE);
deleted_nothing($s, 'silent in QUIT');

# Other values.
$pb->set(popSessionTimeout => 25, popCommandTimeout => 2);
($s, $waits) = deleting();
is($waits, 25 * $MINUTE, 'popSessionTimeout=25 is obeyed');
$s->{client}->send_raw('QUIT');
is($s->waits, 2 * $MINUTE, 'popCommandTimeout=2 is obeyed');
$s->silence(2 * $MINUTE);
deleted_nothing($s, 'silent before the end of the line');
done_testing;
