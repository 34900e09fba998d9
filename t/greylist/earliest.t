#!/usr/bin/perl
# The time that the 451 tells is the one: a retry before it is refused and told
# the same, the first one after it is taken.
# Features: GREY-02, GREY-03.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Pillarbox;
use Test::More;
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True', 'greylisting/blockPeriod' => 1 });
$pb->user('alice@example.com');
$pb->start;

# The reply to RCPT, and the time in it.
sub recipient {
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^250/) for 'EHLO client.example', 'MAIL FROM:<far@far.example>';
	my $reply = $c->command('RCPT TO:<alice@example.com>');
	$c->command('QUIT');
	$c->close;
	my $earliest = $reply =~ /^451 4\.7\.1 .*not before (\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d) UTC \(in (\d+) seconds\)/
		? timegm($6, $5, $4, $3, $2 - 1, $1) : undef;
	return ($reply, $earliest, $7);
}

my $before = int time;
my ($reply, $earliest, $left) = recipient();
my $after = time;
ok(defined $earliest, 'a first contact is told when to come again') or BAIL_OUT($reply);
cmp_ok($earliest, '>=', $before + 60, 'that is the block period');
cmp_ok($earliest, '<=', $after + 60, 'from now on');
is($left, 60, 'also in seconds');
my $early = 0;
while (time < $earliest - 3) {
	my ($again, $told) = recipient();
	last if time >= $earliest;	# a machine so busy says nothing
	is($told, $earliest, 'a retry before that is refused, and told the same') or diag($again);
	$early++;
	sleep 19;
}
cmp_ok($early, '>', 0, 'it was tried before that time');
sleep $earliest - time if time < $earliest;
($reply) = recipient();
like($reply, qr/^250/, 'a retry at that time is taken');
done_testing();
