#!/usr/bin/perl
# Stopping the Spool service: nothing new is begun, what was begun comes to its end, and
# the command waits for it; so nothing is delivered, told or logged a second time.
# Features: SVC-04, SVC-05, SVC-06.
use strict;
use warnings;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Outbound;
use Pillarbox::Queue;
use Pillarbox::Zone;

plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';
my $port = Pillarbox::Outbound::free_port();
my $zone = Pillarbox::Zone->new('slow.test' => "@ MX 10 mx\nmx A 127.0.0.5\n");
my $pb = Pillarbox->new(settings => { primaryDns => $zone->address, smtpOutPort => $port, allowLoopbackTargets => 'True' });
$pb->user("u$_\@example.com") for 0 .. 1;
sub wait_for { my ($what) = @_; my $end = time + 30; sleep 0.02 while time < $end && !$what->(); return $what->() }

# A host that answers the end of a message only when it may.
my ($came, $go) = map { "$pb->{top}/$_" } qw(came go);
my $host = Pillarbox::Outbound::Server->new('127.0.0.5', $port, sub {
	my ($c) = @_;
	$c->say('220 mx.slow.test ESMTP');
	while (defined(my $line = $c->hear)) {
		if ($line =~ /^DATA/) {
			$c->say('354 go on');
			$c->data;
			Pillarbox::spew($came, '');
			wait_for(sub { -e $go });
			$c->say('250 2.0.0 taken');
		} else {
			$c->say($line =~ /^QUIT/ ? '221 bye' : '250 ok');
		}
	}
});
$pb->start;
sub schedules { return scalar grep { Pillarbox::cmdline($_) =~ /--schedule/ } $pb->pids_of('spool-runner') }
sub in_background {
	my (@command) = @_;
	my $pid = fork() // die "fork: $!";
	return $pid if $pid;
	open STDOUT, '>', "$pb->{top}/out";
	exec $pb->program('mailctl'), '-r', $pb->dir, @command or POSIX::_exit(127);
}

put($pb, from => 'u0@example.com', to => [ 'x@slow.test' ]);
ok(wait_for(sub { -e $came }), 'another host has a whole message, and did not answer yet');
my $stop = in_background('stop', 'spool');
ok($pb->wait_log('administrative', qr/event=asked verb=stop program=spool-schedule/, 30), 'Spool is to be stopped');
put($pb, from => 'u0@example.com', to => [ 'later@slow.test' ]);
sleep 1;
is(waitpid($stop, WNOHANG), 0, 'the command waits for the delivery');
Pillarbox::spew($go, '');
Pillarbox::wait_pid($stop, 60);
is(schedules(), 0, 'when it is over no process of schedule is left');
my @waits = grep { /\.hdr$/ } queue_files($pb);
is(scalar @waits, 1, 'the message that was delivered left the queue');
like(Pillarbox::slurp($waits[0]), qr/^rcpt: 1 later\@slow\.test\r$/m, 'the one that came later was not begun');
$pb->ctl_ok('start', 'spool');
ok(wait_queue($pb, 0, 60), 'it goes when Spool runs again');
is(scalar(map { /^D: /mg } $host->transcripts), 2, 'and none was sent twice');

# Stopped and started under load: each notice once, also in the log.
my $job = put_start($pb, count => 400, from => 'u1@example.com', size => 1000, to => [ 'nobody@example.com' ]);
for my $n (1 .. 6) {
	ok(wait_for(sub { () = $pb->log_text('delivery') =~ /event=bounced/g > 25 * $n }), "notices are made ($n)");
	$pb->ctl_ok($_, 'spool') for qw(stop start);
}
# While intake begins anew with the other setting a message may be refused for now.
my $taken = grep { /^250/ } put_answers($job, 120);
cmp_ok($taken, '>', 150, 'messages were taken');
ok(wait_queue($pb, 0, 120), 'the queue drains');
ok(wait_for(sub { $pb->mail('u1@example.com') >= $taken }), 'each had its notice');
is(scalar $pb->mail('u1@example.com'), $taken, 'and no second one');
sub told { my %n; $n{$_}++ for $pb->log_text('delivery') =~ /event=bounced id=(\d+) /g; return \%n }
ok(wait_for(sub { keys %{ told() } >= $taken }), 'the log tells of each');
is_deeply([ grep { told()->{$_} > 1 } sort keys %{ told() } ], [], 'once');

# What is stopped stays so over a restart, and mail waits for it.
$pb->ctl_ok('stop', 'spool');
$pb->ctl_ok('stop');
like($pb->ctl_ok('start'), qr/^spool stays stopped; mailctl start spool starts it$/m, 'a start of the server tells what stays stopped');
is(schedules(), 0, 'it does not run');
put($pb, from => 'u0@example.com', to => [ 'u0@example.com' ]);
is(scalar(grep { /\.hdr$/ } queue_files($pb)), 1, 'mail waits');
sub events { my ($event) = @_; return scalar(() = $pb->log_text('administrative') =~ /event=$event\b/g) }
my ($starts, $reloads) = (events('start program=spool-schedule'), events('reload'));
$pb->ctl_ok('start', 'all');
ok(wait_queue($pb, 0, 60), 'start all starts it');
is($pb->ctl_ok('get', 'services/spool'), "True\n", 'and notes that');
$pb->ctl_ok('reload');
ok(wait_for(sub { events('reload') == $reloads + 2 }), 'by one reload');
is(events('start program=spool-schedule') - $starts, 1, 'before it was started, once');

sub services { return map { [ split /\t/ ]->[2] } grep { /\t(?:smtp|pop|imap|spool)\t/ } split /\n/, $pb->ctl_ok('status', '--tsv') }
$pb->ctl_ok('stop', 'all');
is_deeply([ services() ], [ ('stopped') x 4 ], 'stop all stops every service');
$pb->ctl_ok('start', 'all');
is_deeply([ services() ], [ ('running') x 4 ], 'and start all starts them');
done_testing;
