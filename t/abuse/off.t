#!/usr/bin/perl
# A rule whose values are 0 is off, as is one whose count or time alone is 0 (ABUSE-06): nobody is blocked, and
# nobody told.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'service=smtp', 'badSessions=0', 'timeFrame=0', 'blockMinutes=0', 'notify=alice@example.com');
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'service=smtp', 'badSessions=0', 'timeFrame=60', 'blockMinutes=9', 'notify=alice@example.com');
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'service=smtp', 'badSessions=2', 'timeFrame=0', 'blockMinutes=9', 'notify=alice@example.com');
$pb->ctl_ok('abuse', 'add', 'kind=dos', 'service=smtp', 'connections=0', 'timeFrame=60', 'blockMinutes=9', 'notify=alice@example.com');
# One that is on, for the other services: it shows that what came before it was counted.
$pb->ctl_ok('abuse', 'add', 'kind=dos', 'service=pop', 'connections=2', 'timeFrame=60', 'blockMinutes=9');
$pb->start;

sub greeting {
	my ($service, $ip) = @_;
	my $c = $pb->connect($service, local => $ip);
	$c->command('QUIT') if $c->{greeting} =~ /^220/;
	$c->close;
	return $c->{greeting};
}
sub wait_blocked {
	my ($ip) = @_;
	my $end = time + 10;
	sleep 0.05 while time < $end && ($pb->ctl('block', 'show', $ip))[0] != 0;
	return $pb->ctl_ok('block', 'list', '--tsv');
}
my @g = map { greeting('smtp', '127.6.1.1') } 1 .. 25;
is(scalar(grep { /^220/ } @g), 25, 'twenty-five sessions without a message are all served');
greeting('pop3', '127.6.1.2') for 1 .. 2;
my $blocks = wait_blocked('127.6.1.2');
like($blocks, qr/^127\.6\.1\.2\tpop3\t\d+\tdos$/m, 'a rule that is on blocks');
unlike($blocks, qr/127\.6\.1\.1/, 'those that are off do not');
ok($pb->wait_log('abuseLog', qr/event=check about=rule-5 name=dos value=2 weight=-100 total=-100\n.*event=rule-crossed rule=5 /), 'the log has the one that was crossed');
unlike($pb->log_text('abuseLog'), qr/event=rule-crossed rule=[1-4]/, 'and none of the others');
is(scalar($pb->mail('alice@example.com')), 0, 'nor was anybody told');

# The same rule with values.
$pb->ctl_ok('abuse', 'edit', 1, 'badSessions=3', 'timeFrame=60', 'blockMinutes=9');
my $end = time + 20;
my $n = 0;
do { greeting('smtp', '127.6.1.3') } while ++$n < 100 && time < $end && ($pb->ctl('block', 'show', '127.6.1.3'))[0] != 0;
like(wait_blocked('127.6.1.3'), qr/^127\.6\.1\.3\tsmtp\t\d+\tbadSessions$/m, 'with values it blocks');
done_testing;
