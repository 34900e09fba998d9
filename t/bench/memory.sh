#!/bin/sh
# memory.sh [SESSIONS]: what an idle SMTP session costs, plain and with TLS, as
# the growth of the proportional set size (PSS) of all processes of an instance of
# its own, divided by the sessions.  Wants PB_SRC and PB_BIN, and about 300 KiB a
# session; ends by itself.
set -eu
exec perl -I"${PB_SRC:?}/t/lib" - "${1:-1000}" <<'PERL'
use strict;
use warnings;
use Pillarbox;
use Test::More;
use Time::HiRes qw(sleep time);

my $n = shift;
die "memory.sh: 1 to 2000 sessions\n" if $n !~ /^\d+$/ || $n < 1 || $n > 2000;
my $pb = Pillarbox->new(settings => { smtpMaxConnections => $n + 400, smtpMaxConnectionsPerIp => 0, reservedConnections => 0 });
$pb->start;

# KiB of all processes together.
sub pss {
	my $sum = 0;
	for my $pid ($pb->pids) {
		$sum += $1 if Pillarbox::slurp("/proc/$pid/smaps_rollup") =~ /^Pss:\s+(\d+) kB/m;
	}
	return $sum;
}
sub settle { my $end = time + 5; sleep 0.2 while time < $end }

for my $way ([ 'plain', 'smtp', 0 ], [ 'with TLS', 'smtps', 1 ]) {
	my ($name, $service, $tls) = @$way;
	settle();
	my $before = pss();
	my @c = map { $pb->connect($service) } 1 .. $n;
	$_->expect('EHLO idle.example', qr/^250/) for @c;
	settle();
	my $after = pss();
	print STDOUT sprintf("%-9s %4d sessions: %.1f KiB each (%d KiB before, %d KiB then)\n", $name, $n, ($after - $before) / $n, $before, $after);
	$_->close for @c;
}
plan skip_all => 'this only measures';
PERL
