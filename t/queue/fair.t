#!/usr/bin/perl
# A destination that hangs takes no more than its places: others, and local mail, go on (R10).
# Features: SMTPOUT-07, QUEUE-04.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new(settings => { maxDeliveryThreads => 12, maxDeliveriesPerDomain => 4, dnsErrorAttempts => 10 });
$pb->user("u$_\@example.com") for 0 .. 1;
$pb->start;

sub statuses { my %n; $n{$_}++ for $pb->ctl_ok('spool', 'list', '--max', 1000) =~ /\b(delivering|waiting|retry)\b/g; return \%n }
sub settles { my ($is) = @_; my $end = time + 20; sleep 0.1 while time < $end && !$is->(statuses()); return $is->(statuses()) }

my @remote = $pb->pids_of('remote-send');
kill 'STOP', @remote;
put($pb, count => 300, from => 's@far.example', to => [ 'x@one.invalid' ]);
ok(settles(sub { ($_[0]{delivering} // 0) == 4 && $_[0]{waiting} == 296 }), 'one domain has its four places, the rest waits');
put($pb, count => 30, from => 's@far.example', to => [ "x\@d{}.invalid" ]);
ok(settles(sub { ($_[0]{delivering} // 0) == 12 }), 'other domains get the places up to the limit of all');

my $start = time;
put($pb, from => '', to => [ 'u0@example.com', 'nobody@example.com' ]);
$pb->wait_mail('u0@example.com', 1);
cmp_ok(time - $start, '<', 5, 'mail that takes the queue to a mailbox is there at once');
kill 'CONT', @remote;
ok(settles(sub { !$_[0]{delivering} && !$_[0]{waiting} }), 'everything had its turn when the destination answers again');
is(statuses()->{retry}, 330, 'and none got lost');

# Those that are told to go at once need places too; who finds none goes when one is free.
sub tried_again { return scalar grep { /^\d/ && (split /\t/)[3] >= 2 } split /\n/, $pb->ctl_ok('spool', 'list', '--max', 0, '--tsv') }
$pb->ctl_ok('spool', 'force', '--all');
my $end = time + 30;
sleep 0.2 while time < $end && tried_again() < 330;
is(tried_again(), 330, 'all that are forced are tried, not only as many as have a place');
done_testing;
