#!/usr/bin/perl
# kill -9 of intake, schedule, their helpers and local-deliver under load: what was
# acknowledged is in the mailboxes (Q11).
# Features: TOOL-09.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $SECONDS = $ENV{PB_KILL_SECONDS} || 6;
my $pb = Pillarbox->new;
$pb->user("u$_\@example.com") for 1 .. 4;
$pb->start;

my @jobs = map {
	# The third always takes the queue, for one recipient does not exist.
	put_start($pb, tag => "k$_", count => 1500, from => '', size => 4000,
		to => [ "u$_\@example.com", $_ == 3 ? 'nobody@example.com' : 'u4@example.com' ])
} 1 .. 3;
my ($end, %killed) = time + $SECONDS;
while (time < $end) {
	my @pids = map { $pb->pids_of($_) } qw(spool-runner local-deliver);
	if (@pids) {
		my $pid = $pids[ rand @pids ];
		$killed{ join ' ', (split /\0/, Pillarbox::cmdline($pid))[0, 3] }++ if kill 'KILL', $pid;
	}
	sleep 0.3 + rand 0.5;
}
note join ', ', map { "$_: $killed{$_}" } sort keys %killed;
my %acked;
for my $k (1 .. 3) {
	my $i = 0;
	for my $answer (put_answers($jobs[ $k - 1 ], 120)) {
		$acked{"k$k-$i"} = $k if $answer =~ /^250/;
		$i++;
	}
	is($i, 1500, "every message of putter $k has an answer");
}
ok(keys %acked > 0, scalar(keys %acked) . ' messages were acknowledged');
my @missing;
for (1 .. 180) {
	my $got = numbers($pb);
	@missing = grep { !$got->{"u$acked{$_} $_"} || ($acked{$_} != 3 && !$got->{"u4 $_"}) } keys %acked;
	last unless @missing;
	sleep 0.5;
}
is_deeply([ sort @missing ], [], 'nothing that was acknowledged is missing');
my $got = numbers($pb);
cmp_ok(scalar(grep { $_ > 1 } values %$got), '<=', 50, 'copies only where an outcome was not yet durable');
ok(wait_queue($pb, 0, 90), 'the queue drains');
# Receivers hold empty ones in advance.
is(scalar(grep { /\.em_$/ && -s } queue_files($pb)), 0, 'no half-received file is left');
done_testing;
