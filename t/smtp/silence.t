#!/usr/bin/perl
# How long a client may be silent: between commands smtpSessionTimeout, in the middle of one and of a TLS
# handshake smtpCommandTimeout, with TLS as without (SMTPIN-07, SMTPIN-08; cases S27, S31).  Time passes when the
# test says so, so the edges are exact.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::AtWill;

my ($SECOND, $MINUTE) = (1000, 60_000);
my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->start;

sub session { return Pillarbox::AtWill->new($pb, 'smtp-listen') }

sub is_logged {
	my ($ticket, $event, $name) = @_;
	ok($pb->wait_log('smtpLog', qr/\[$ticket\] event=$event$/m), "$name: the log says why");
}

sub is_cut_off {
	my ($s, $name) = @_;
	my ($ticket) = (my $last = $s->{client}->line) =~ /^421 4\.4\.2 Timeout, closing connection ticket (\d{12})$/;
	ok($ticket, "$name: it is told") or diag($last);
	ok($s->{client}->at_end, "$name: and cut off");
	is_logged($ticket, 'connection-ended why="timed out"', $name);
}

# Between commands.
my $s = session();
is($s->waits, 15 * $MINUTE, 'smtpSessionTimeout is 15 minutes when nobody sets it, before the first command too');
$s->silence(15 * $MINUTE - 1);
is($s->waits, 1, 'all but a millisecond of it passes');
like($s->{client}->command('EHLO c.example'), qr/^250/, 'and the client is served');
is($s->waits, 15 * $MINUTE, 'then the time begins anew');
like($s->command($_), qr/^250/, $_) for 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>';
$s->silence(15 * $MINUTE);
is_cut_off($s, 'silent between commands');

# In the middle of a command.
$s = session();
$s->waits;
$s->{client}->send_raw('EHLO c.exa');
is($s->waits, 120 * $SECOND, 'the rest of a command has smtpCommandTimeout, 120 seconds when nobody sets it');
$s->silence(100 * $SECOND);
$s->waits;
$s->{client}->send_raw('m');
is($s->waits, 20 * $SECOND, 'a byte in between gives no more time');
$s->silence(20 * $SECOND - 1);
is($s->waits, 1, 'all but a millisecond passes');
like($s->{client}->command('ple'), qr/^250/, 'and the whole command is run');
is($s->waits, 15 * $MINUTE, 'the next has the time between commands');
$s->{client}->send_raw('NOO');
is($s->waits, 120 * $SECOND, 'and another a time of its own');
$s->silence(120 * $SECOND);
is_cut_off($s, 'silent in a command');

# In a TLS handshake, and behind it.
sub to_tls {
	my $s = session();
	$s->waits;
	like($s->command('EHLO c.example'), qr/^250[ -]STARTTLS$/m, 'TLS is offered');
	like($s->{client}->command('STARTTLS'), qr/^220/, 'and begins');
	is($s->waits, 120 * $SECOND, 'the handshake has smtpCommandTimeout');
	return $s;
}
$s = to_tls();
$s->silence(120 * $SECOND);
ok($s->{client}->at_end, 'a handshake that never begins ends the connection');
ok($pb->wait_log('smtpLog', qr/\[\d{12}\] event=tls-failed why="[^"]*time/), 'and the log says why');
$s = to_tls();
$s->{client}->start_tls;
my $waits;
do { $waits = $s->waits } while $waits == 120 * $SECOND;	# parts of the handshake
is($waits, 15 * $MINUTE, 'behind a handshake a client has smtpSessionTimeout again');
like($s->command('EHLO c.example'), qr/^250/, 'is served');
$s->silence(15 * $MINUTE);
is_cut_off($s, 'silent behind a handshake (S31)');

# Other values.
$pb->set(smtpSessionTimeout => 3, smtpCommandTimeout => 7);
$s = session();
is($s->waits, 3 * $MINUTE, 'smtpSessionTimeout=3 is obeyed');
$s->{client}->send_raw('NOO');
is($s->waits, 7 * $SECOND, 'smtpCommandTimeout=7 too');
$s->silence(7 * $SECOND);
is_cut_off($s, 'silent with other values');
$pb->ctl_ok('set', 'smtpSessionTimeout', '--disable');
$s = session();
is($s->waits, 'ever', 'where smtpSessionTimeout is disabled a client may be silent for ever');
is(scalar $pb->mail('alice@example.com'), 0, 'nothing was delivered');
done_testing;
