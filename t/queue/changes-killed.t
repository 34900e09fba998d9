#!/usr/bin/perl
# The scheduler and its helpers are killed while an administrator's changes are made: each is made
# whole or not at all, no envelope is damaged, and what is asked for again is done.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $COUNT = 40;
my $pb = Pillarbox->new(settings => { retryIntervals => '60,60,60', dnsErrorAttempts => 9 });
$pb->user("u$_\@example.com") for 0 .. $COUNT - 1;
$pb->start;
my @ids = map { /Queued as (\d+)/ ? $1 : die $_ } put($pb, count => $COUNT, from => '', to => [ 'u{}@lost.invalid' ]);

sub rows { return map { $_->{id} => $_ } @{ decode_json($pb->ctl_ok('spool', 'list', '--max', 0, '--json')) } }
sub wait_for { my ($is) = @_; my $end = time + 40; my $got; sleep 0.1 while !($got = $is->()) && time < $end; return $got }
sub schedulers { return grep { Pillarbox::cmdline($_) =~ /--schedule/ } $pb->pids_of('spool-runner') }
ok(wait_for(sub { my %r = rows(); !grep { $_->{status} ne 'retry' } values %r }), 'all wait');

my $list = join '', map { "id=$_\n" } @ids;
for my $verb ('hold', 'priority', 'release', 'redirect') {
	my $caller = packet_socket($pb, 'schedule');
	my $fields = $verb eq 'priority' ? "value=9\n" : $verb eq 'redirect' ? "to=other.invalid\n" : '';
	my @old = schedulers();
	send($caller, "$verb\n$fields$list", 0);
	sleep rand 0.02;
	kill 'KILL', @old;
	ok(wait_for(sub { my %old = map { $_ => 1 } @old; my @now = schedulers(); @now && !grep { $old{$_} } @now }), "killed at $verb");
	ok(wait_for(sub { ($pb->ctl('spool', 'list'))[0] == 0 && keys %{ { rows() } } == $COUNT }), '... all are there again');
}
# Whatever became of that, the same wishes once more come true.
$pb->ctl_ok('spool', 'hold', '--all');
ok(wait_for(sub { my %r = rows(); !grep { $_->{status} ne 'held' } values %r }), 'all are held');
$pb->ctl_ok('spool', 'priority', 3, '--all');
ok(wait_for(sub { my %r = rows(); !grep { $_->{priority} != 3 } values %r }), '... with another priority');
$pb->ctl_ok('spool', 'requeue', '--all', '--to', 'example.com');
$pb->ctl_ok('spool', 'release', '--all');
ok(wait_queue($pb, 0, 40), 'released, each goes to the last domain');
my $got = numbers($pb);
is_deeply($got, { map { ("u$_ m-$_" => 1) } 0 .. $COUNT - 1 }, '... once');
is_deeply([ glob "$pb->{dir}/spool/corrupt/*" ], [], 'no envelope was damaged');
unlike($pb->log_text('delivery'), qr/event=(?:bounced|message-lost|change-failed)/, 'and nothing went wrong');
done_testing;
