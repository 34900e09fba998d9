#!/bin/sh
# blocked.sh [RATE [SECONDS]]: what connections of a blocked address cost, in
# cores, at RATE connections a second (2000) for SECONDS (5): processor time of
# all processes of an instance of its own.  Wants PB_SRC and PB_BIN; ends by itself.
set -eu
exec perl -I"${PB_SRC:?}/t/lib" - "${1:-2000}" "${2:-5}" <<'PERL'
use strict;
use warnings;
use Pillarbox;
use POSIX ();
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);

my ($rate, $seconds) = @ARGV;
die "blocked.sh: 1 to 5000 a second, 1 to 60 seconds\n"
	if grep { !/^\d+$/ } $rate, $seconds or $rate < 1 || $rate > 5000 || $seconds < 1 || $seconds > 60;
my $pb = Pillarbox->new(settings => { smtpMaxConnectionsPerIp => 0 });
$pb->start;
$pb->ctl_ok('block', 'add', '127.0.0.7', '--minutes', 60);
my $end = time + 10;
sleep 0.1 while time < $end && $pb->connect('smtp', local => '127.0.0.7')->{greeting} !~ /^421 4\.7\.0 /;

# Seconds of processor time of all processes together; those that ended count with their parents.
sub spent {
	my $ticks = 0;
	for my $pid ($pb->pids) {
		my @f = split ' ', Pillarbox::slurp("/proc/$pid/stat") =~ s/^.*\) //sr;
		$ticks += $f[11] + $f[12] + $f[13] + $f[14];
	}
	return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# One connection: to its end, whatever is said.
my $to = pack_sockaddr_in($pb->port('smtp'), inet_aton('127.0.0.1'));
my $from = pack_sockaddr_in(0, inet_aton('127.0.0.7'));
my $refused = 0;
sub once {
	socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
	bind($s, $from) && connect($s, $to) or return;
	my $said = '';
	sysread $s, $said, 200;
	$refused++ if $said =~ /^421 4\.7\.0 /;
}

my $before = spent();
my $start = time;
my $n = 0;
while ((my $now = time) < $start + $seconds) {
	for (; $n < ($now - $start) * $rate; $n++) { once() }
	sleep 0.002;
}
my $took = time - $start;
sleep 1;	# what is still to be logged
printf "%.0f connections a second, %d of %d refused: %.3f cores\n", $n / $took, $refused, $n, (spent() - $before) / $took;
plan skip_all => 'this only measures';
PERL
