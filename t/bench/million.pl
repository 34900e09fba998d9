# million.pl: see million.sh; PB_MESSAGES and PB_SECONDS are its arguments.
use strict;
use warnings;
use Pillarbox::Image;
BEGIN { my $why = Pillarbox::Image::lacking(); die "million: $why\n" if $why }
use Pillarbox;
use Pillarbox::Queue;
use Pillarbox::Sink;
use Pillarbox::Zone;
use Test::More;
use Time::HiRes qw(sleep time);

my ($n, $seconds) = ($ENV{PB_MESSAGES} // 1_000_000, $ENV{PB_SECONDS} // 60);
die "million: 1000 to 2000000 messages\n" if $n !~ /^\d+$/ || $n < 1000 || $n > 2_000_000;
$| = 1;
sub say_it { printf STDOUT "%-46s %s\n", @_ }

my $zone = Pillarbox::Zone->new(test => "* MX 10 mx\nmx A 127.0.0.1\nnew MX 10 mx.new\nmx.new A 127.0.0.2\n");
my $port = Pillarbox::free_ports(1);
my $old = Pillarbox::Sink->new('127.0.0.1', $port);
my $new = Pillarbox::Sink->new('127.0.0.2', $port);
my $image = Pillarbox::Image->new(int($n * 9 / 1024 / 1024 + 2) . 'G', '-N', int(2.2 * $n) + 20000);
my $pb = Pillarbox->new(under => $image->{fs}, settings => { primaryDns => $zone->address, smtpOutPort => $port,
	allowLoopbackTargets => 'True', deliveryLogLevel => 'ExceptionsOnly', spoolReserveMB => 0 });
$pb->user('u0@example.com');
$pb->start;

sub scheduler { return (grep { Pillarbox::cmdline($_) =~ /--schedule/ } $pb->pids_of('spool-runner')) }
# KiB of the largest of them: its helpers hold nothing.
sub memory {
	my ($most) = sort { $b <=> $a } map { Pillarbox::slurp("/proc/$_/smaps_rollup") =~ /^Pss_Anon:\s+(\d+) kB/m ? $1 : 0 } scheduler();
	return $most;
}
my $empty = memory();
$pb->ctl_ok('service', 'stop', 'spool-schedule');
my $start = time;
fill($pb, $n, int($n / 1000) || 1, int($n / 100) || 1);
say_it('filled in', sprintf '%.1f s', time - $start);

# Scheduling begins; new mail comes every second.
$start = time;
$pb->ctl_ok('service', 'start', 'spool-schedule');
my ($first, $known, %new);
my $last_put = 0;
my $k = 0;
while (time - $start < $seconds || !$known) {
	my $now = time;
	$first //= $now - $start if glob "$old->{dir}/*";
	my $status = eval { ask(packet_socket($pb, 'schedule'), "status\n", 5) } // '';
	$known //= $now - $start if $status =~ /^scanning=0/m && $status =~ /^total=(\d+)/m && $1 > $n / 2;
	if ($now - $last_put >= 1 && $first) {
		$last_put = $now;
		$k++;
		put($pb, tag => "new$k", from => 'fresh@example.org', to => [ 'x@new.test' ]);
		put($pb, tag => "here$k", from => '', to => [ 'u0@example.com', 'nobody@example.com' ]);
		my $end = time + 30;
		my ($far, $here);
		while (time < $end && !($far && $here)) {
			$far ||= time - $now if grep { /X-Number: new$k-/ } $new->wires;
			$here ||= time - $now if $pb->mail('u0@example.com') >= $k;
			sleep 0.01;
		}
		push @{ $new{far} }, $far // 30;
		push @{ $new{here} }, $here // 30;
	}
	die "million: the scheduler does not know them after 300 s\n" if $now - $start > 300;
	sleep 0.05;
}
say_it('first of the old delivered after', sprintf '%.1f s', $first // -1);
say_it('all known after', sprintf '%.1f s', $known);
for my $where (qw(far here)) {
	my @t = sort { $a <=> $b } @{ $new{$where} || [] };
	say_it($where eq 'far' ? 'new mail to another host' : 'new mail to a mailbox, by the queue',
		sprintf '%d messages, median %.2f s, longest %.2f s', scalar @t, $t[@t / 2] // -1, $t[-1] // -1);
}
my ($total) = (ask(packet_socket($pb, 'schedule'), "status\n", 30) // '') =~ /^total=(\d+)/m;
say_it('still in the queue', $total);
say_it('memory of each', sprintf '%.0f bytes (%d KiB, %d KiB empty)', (memory() - $empty) * 1024 / $total, memory(), $empty);
plan skip_all => 'this only measures';
