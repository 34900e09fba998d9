#!/usr/bin/perl
# A milter that answers "discard", or "accept", at any step of a message: it is
# asked no more about it (libmilter would not answer), the client hears 250, and
# the next message of the session begins anew.
# Features: TOOL-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Pillarbox;
use Pillarbox::Milter;
use Test::More;

my $pb = Pillarbox->new;
$pb->user("$_\@example.com") for qw(alice bob);
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=unix:test-milter', 'failMode=reject', 'timeout=5');
my $milter = Pillarbox::Milter->new($pb, 'test-milter');
$pb->start;

# The replies of one message, an unknown command in its middle.
sub message {
	my ($c, $from, $subject) = @_;
	my @r = map { $c->command($_) } "MAIL FROM:<$from\@b.example>", 'RCPT TO:<alice@example.com>', 'XYZZY', 'RCPT TO:<bob@example.com>', 'DATA';
	push @r, $c->command("Subject: $subject\r\n\r\nx\r\n.");
	return join ' ', map { substr $_, 0, 3 } @r;
}

my @steps = qw(mail rcpt unknown data header eoh body end);
for my $step (@steps) {
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	is(message($c, "discard.$step", "discarded at $step"), '250 250 500 250 354 250', "discard at $step");
	is(message($c, "accept.$step", "accepted at $step add"), '250 250 500 250 354 250', "accept at $step");
	is(message($c, 'plain', "after $step add"), '250 250 500 250 354 250', 'and a message that it takes part in again');
	$c->command('QUIT');
	$c->close;
}
my %got;
for my $user (qw(alice bob)) {
	for my $file ($pb->wait_mail("$user\@example.com", 2 * @steps)) {
		my $text = Pillarbox::slurp($file);
		my ($subject) = $text =~ /^Subject: ([^\r]*)/m;
		$got{"$user: $subject"} = $text =~ /^X-Added: /m ? 'changed' : 'plain';
	}
}
is(join("\n", grep { /discard/ } sort keys %got), '', 'nothing that was discarded is delivered');
for my $user (qw(alice bob)) {
	is(join(' ', map { $got{"$user: accepted at $_ add"} // 'missing' } @steps), join(' ', ('plain') x @steps), "$user has what was accepted, unchanged");
	is(join(' ', map { $got{"$user: after $_ add"} // 'missing' } @steps), join(' ', ('changed') x @steps), 'and what was let pass, changed');
}
my $c = $pb->connect('smtp');
$c->expect('EHLO last.example', qr/^250/);
is(message($c, 'refuse', 'marker'), '550 503 500 503 503 500', 'a last message');
$c->close;
ok($pb->wait_log('smtpLog', qr/event=milter-refused .*step=mail/), 'is in the log');
my $log = $pb->log_text('smtpLog');
is(scalar(() = $log =~ /event=message-discarded/g), scalar @steps, 'each discarded message is in the log');
unlike($log, qr/event=milter-failed/, 'and no milter failed');
done_testing();
