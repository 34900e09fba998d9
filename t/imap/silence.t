#!/usr/bin/perl
# IMAP-02: how long a client may be silent: between commands and in IDLE
# imapSessionTimeout, in the middle of a command, a literal or a log-in
# imapCommandTimeout.  Time passes when the test says so, so the edges are exact.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::AtWill;

my $MINUTE = 60_000;
my $pb = Pillarbox->new(settings => { imapLogLevel => 'Normal' });
$pb->user('alice@example.com');
my ($rc, undef, $err) = $pb->ctl('set', 'imapSessionTimeout', 29);
is($rc, 1, 'imapSessionTimeout=29 is refused: RFC 3501 asks for thirty minutes at least') or diag($err);
$pb->start;
$pb->send_mail(from => 'alice@example.com', to => 'alice@example.com');
$pb->wait_mail('alice@example.com', 1);

sub session { return Pillarbox::AtWill->new($pb, 'imap-serve') }

sub selected {
	my $s = session();
	$s->waits;
	like($s->{client}->command("LOGIN alice\@example.com $Pillarbox::PASSWORD"), qr/^a\d+ OK/m, 'logged in');
	my $waits = $s->waits;
	like($s->command('SELECT INBOX'), qr/^\* 1 EXISTS$/m, 'the message is there');
	return ($s, $waits);
}

sub is_cut_off {
	my ($s, $name) = @_;
	my ($ticket) = (my $last = $s->{client}->line)
		=~ /^\* BYE \[UNAVAILABLE\] Nothing was heard for too long \((\d{12})\)$/;
	ok($ticket, "$name: it is told") or diag($last);
	ok($s->{client}->at_end, "$name: and cut off");
	ok($pb->wait_log('imapLog', qr/\[$ticket\] event=lost reason="timed out"$/m), "$name: the log says why");
}

# Before the log-in.
my $s = session();
is($s->waits, 15 * $MINUTE, 'imapCommandTimeout is 15 minutes when nobody sets it, for a stranger too');
$s->silence(15 * $MINUTE - 1);
is($s->waits, 1, 'all but a millisecond of it passes');
like($s->{client}->command('NOOP'), qr/^a\d+ OK/, 'and he is served');
is($s->waits, 15 * $MINUTE, 'then the time begins anew');
$s->silence(15 * $MINUTE);
is_cut_off($s, 'a silent stranger');

# Between commands.
($s, my $waits) = selected();
is($waits, 30 * $MINUTE, 'imapSessionTimeout is 30 minutes when nobody sets it');
like($s->command('STORE 1 +FLAGS (\Deleted)'), qr/^a\d+ OK/m, 'the message is marked as deleted');
$s->silence(30 * $MINUTE - 1);
is($s->waits, 1, 'all but a millisecond passes');
like($s->{client}->command('NOOP'), qr/^a\d+ OK/m, 'the session goes on');
is($s->waits, 30 * $MINUTE, 'and has the whole time again');
$s->silence(30 * $MINUTE);
is_cut_off($s, 'silent between commands');
is(scalar $pb->mail('alice@example.com'), 1, 'what was marked is not expunged');

# IDLE is a command that lasts as long as a silence between commands may.
($s) = selected();
like($s->{client}->command('IDLE'), qr/^\+ /, 'IDLE begins');
is($s->waits, 30 * $MINUTE, 'with imapSessionTimeout');
$s->silence(30 * $MINUTE);
is_cut_off($s, 'silent in IDLE');

# In the middle of a command.
($s) = selected();
$s->{client}->send_raw('x EXPUN');
is($s->waits, 15 * $MINUTE, 'the rest of a command has imapCommandTimeout');
$s->silence(14 * $MINUTE);
$s->waits;
$s->{client}->send_raw('G');
is($s->waits, $MINUTE, 'a byte in between gives no more time');
$s->silence($MINUTE);
is_cut_off($s, 'silent in EXPUNGE');
is(scalar $pb->mail('alice@example.com'), 1, 'half a command does nothing');

# In literals: of a command, of a message, and in a log-in.
$s = session();
$s->waits;
like($s->{client}->command('LOGIN {17}'), qr/^\+ /, 'a literal is asked for');
is($s->waits, 15 * $MINUTE, 'it has imapCommandTimeout');
$s->silence(15 * $MINUTE);
is_cut_off($s, 'silent in a literal');

($s) = selected();
like($s->{client}->command('APPEND INBOX {2000}'), qr/^\+ /, 'a message is asked for');
is($s->waits, 15 * $MINUTE, 'it has imapCommandTimeout');
$s->{client}->send_raw("Subject: half\r\n");
is($s->waits, 15 * $MINUTE, 'the clock goes on');
$s->silence(15 * $MINUTE);
is_cut_off($s, 'silent in APPEND');
is(scalar $pb->mail('alice@example.com'), 1, 'half a message is not kept');

$s = session();
$s->waits;
like($s->{client}->command('AUTHENTICATE PLAIN'), qr/^\+ /, 'a log-in begins');
is($s->waits, 15 * $MINUTE, 'it has imapCommandTimeout');
$s->silence(15 * $MINUTE);
is_cut_off($s, 'silent in AUTHENTICATE');

# Other values.
$pb->set(imapSessionTimeout => 45, imapCommandTimeout => 3);
($s, $waits) = selected();
is($waits, 45 * $MINUTE, 'imapSessionTimeout=45 is obeyed');
$s->{client}->send_raw('x NOO');
is($s->waits, 3 * $MINUTE, 'imapCommandTimeout=3 is obeyed');
$s->silence(3 * $MINUTE);
is_cut_off($s, 'silent with other values');
done_testing;
