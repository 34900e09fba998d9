#!/usr/bin/perl
# Thousands of messages of one sender for a host that hangs: other senders and other hosts do
# not wait behind them, a message costs little memory, and who is dead is asked once for many.
# t/bench/million.sh does the same with a million.
# Features: QUEUE-04.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Outbound;
use Pillarbox::Queue;
use Pillarbox::Sink;
use Pillarbox::Zone;

my $n = 10_000;
my $zone = Pillarbox::Zone->new(test => <<'END');
d0 MX 10 mx.d0
mx.d0 A 127.0.0.3
new MX 10 mx.new
mx.new A 127.0.0.2
dead MX 10 mx.dead
mx.dead A 127.0.0.4
END
my $port = Pillarbox::free_ports(1);
my $new = Pillarbox::Sink->new('127.0.0.2', $port);
my $gate = File::Temp->newdir;
# Who connects waits until the file is there.
my $slow = Pillarbox::Outbound::Server->new('127.0.0.3', $port, sub {
	my ($c) = @_;
	sleep 0.1 until -e "$gate/open";
	$c->serve(ehlo => ['8BITMIME']);
});
my $pb = Pillarbox->new(settings => { primaryDns => $zone->address, smtpOutPort => $port, allowLoopbackTargets => 'True',
	maxDeliveriesPerDomain => 3, retryIntervals => '60,60', smtpOutCommandTimeout => 3600,
	deliveryLogLevel => 'Normal' });
$pb->user('u0@example.com');
$pb->start;

sub scheduler { return (grep { Pillarbox::cmdline($_) =~ /--schedule/ } $pb->pids_of('spool-runner')) }
# Bytes of the one that holds the queue; its helpers hold nothing.
sub memory {
	my ($most) = sort { $b <=> $a } map { Pillarbox::slurp("/proc/$_/smaps_rollup") =~ /^Pss_Anon:\s+(\d+) kB/m ? $1 * 1024 : 0 } scheduler();
	return $most;
}
my $control;
sub status { $control //= packet_socket($pb, 'schedule'); return { (ask($control, "status\n", 30) // '') =~ /^(\w+)=(\d+)$/mg } }
sub wait_until { my ($is) = @_; my $end = time + 60; sleep 0.1 while time < $end && !$is->(); return $is->() }

my $empty = memory();
$pb->ctl_ok('service', 'stop', 'spool-schedule');
fill($pb, $n, 1, 1);
$pb->ctl_ok('service', 'start', 'spool-schedule');
ok(wait_until(sub { my $s = eval { status() } // do { undef $control; {} }; ($s->{total} // 0) == $n && $s->{scanning} == 0 }), 'all are known');
ok(wait_until(sub { my $s = status(); $s->{jobs} == 3 && $s->{active} == 3 }), 'three of them have a place, and no other is worked on');

put($pb, tag => 'other', from => 'fresh@example.org', to => [ 'x@new.test' ]);
is(scalar($new->wait_messages(1)), 1, 'another host gets its mail at once');
put($pb, from => '', to => [ 'u0@example.com', 'nobody@example.com' ]);
is(scalar($pb->wait_mail('u0@example.com', 1)), 1, 'so does a mailbox');
# What the rounds themselves need is there once.
cmp_ok(memory() - $empty, '<', 200 * $n + (1 << 20), 'a message costs less than 200 bytes') if !$ENV{PB_SANITIZED};

# Of that very host another sender's mail is among the next.
my ($fresh) = (put($pb, tag => 'fresh', from => 'fresh@example.org', to => [ 'x@d0.test' ]))[0] =~ /Queued as (\d+)/;
ok(wait_until(sub { status()->{total} > $n && status()->{active} == 3 }), 'it waits for a place too');
Pillarbox::spew("$gate/open", '');
ok($pb->wait_log('delivery', qr/event=delivered id=$fresh /, 60), 'it is sent');
my ($before) = $pb->log_text('delivery') =~ /\A(.*)event=delivered id=$fresh /s;
cmp_ok(scalar(() = $before =~ /event=delivered id=/g), '<', $n / 10, 'long before the other thousands');

# One that is dead: two attempts tell it, the others share what they found.
put($pb, count => 30, tag => 'dead', from => 'fresh@example.org', to => [ 'x@dead.test' ]);
ok(wait_until(sub { 30 <= (() = $pb->log_text('delivery') =~ /event=deferred id=\d+ [^\n]*to=x\@dead\.test [^\n]*attempts=1 /g) }),
	'each of thirty has had an attempt');
like($pb->log_text('delivery'), qr/to=x\@dead\.test [^\n]*asked just before for another message/, 'some share that of another');
my ($id) = $pb->log_text('delivery') =~ /event=deferred id=(\d+) [^\n]*to=x\@dead\.test /;
my $revived = Pillarbox::Sink->new('127.0.0.4', $port);
$pb->ctl_ok('spool', 'force', $id);
is(scalar($revived->wait_messages(1)), 1, 'one that is forced is tried');
done_testing;
