#!/usr/bin/perl
# S29 for the programs that others ask: when descriptors have run out they rest
# instead of trying again and again, say so in one line, and serve on afterwards.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Pillarbox;
use Pillarbox::Auth;
use Socket qw(SOCK_SEQPACKET SOCK_STREAM);
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'limits of another user can be changed by root alone' if $> != 0;
my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->start;
my ($master) = $pb->pids_of('mail-master');

sub parent_of { return (split ' ', (Pillarbox::slurp("/proc/$_[0]/stat") =~ s/.*\) //sr))[1] }
# Processor time of one process, in seconds.
sub cpu {
	my @f = split ' ', (Pillarbox::slurp("/proc/$_[0]/stat") =~ s/.*\) //sr);
	return ($f[11] + $f[12]) / 100;
}
sub limit {
	my ($pid, $n) = @_;
	my ($uid, $gid) = (stat "/proc/$pid")[4, 5];
	return system('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', 'prlimit', '--pid', $pid, "--nofile=$n:");
}
sub descriptors { my ($pid) = @_; my @fds = sort { $a <=> $b } map { m{/(\d+)$} } glob("/proc/$pid/fd/*"); return @fds }
sub until_true {
	my ($test) = @_;
	my $end = time + 20;
	sleep 0.1 while time < $end && !$test->();
	return $test->();
}

# Not abuse-check: it greets with a descriptor, and how many of these may be on their way follows from
# the same limit, for all processes of its user on this machine together.
my @cases = (
	# program, its mode, socket, who may call, type
	[ 'auth-check', '', 'lookup', 'pbsmtp', SOCK_STREAM ],
	[ 'scan-check', '', 'scan', 'pbsmtp', SOCK_SEQPACKET ],
	[ 'spool-runner', '--intake', 'intake', 'pbsmtp', SOCK_SEQPACKET ],
	[ 'spool-runner', '--schedule', 'schedule', 'pbmail', SOCK_SEQPACKET ],
	[ 'local-deliver', '', 'deliver', 'pbmail', SOCK_SEQPACKET ],
	[ 'remote-send', '', 'send', 'root', SOCK_SEQPACKET ],
	[ 'smtp-listen', '', 'ctl-smtp-listen', 'pbsmtp', SOCK_SEQPACKET ],
);
for my $case (@cases) {
	my ($program, $mode, $socket, $user, $type) = @$case;
	my $name = $program . ($mode && " $mode");
	my ($pid) = grep { parent_of($_) == $master && index(Pillarbox::cmdline($_), $mode) >= 0 } $pb->pids_of($program);
	ok(defined $pid, "$name runs") or next;
	my @used = descriptors($pid);
	my ($soft) = Pillarbox::slurp("/proc/$pid/limits") =~ /^Max open files\s+(\d+)/m;
	my $holes = $used[-1] + 1 - @used;
	my $n = $holes + 24;
	is(limit($pid, $used[-1] + 9), 0, "$name: only a few further descriptors");
	my $lines = () = $pb->log_text =~ /event=accept-failed/g;
	my $begin = cpu($pid);
	my @callers = grep { defined } map { Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/$socket", uid_of($pb, $user), $type) } 1 .. $n;
	is(scalar @callers, $n, 'callers connect');
	sleep 2.5;
	cmp_ok(cpu($pid) - $begin, '<', 0.5, 'it does not spin');
	if ($socket !~ /^ctl/) {
		ok($pb->wait_log('*', qr/(?:event=accept-failed error=EMFILE.*){@{[$lines + 1]}}/s), 'it says why it lets nobody in');
		is(scalar(() = $pb->log_text =~ /event=accept-failed/g), $lines + 1, 'once');
	}
	is(limit($pid, $soft), 0, 'there are descriptors again');
	ok(until_true(sub {
		# local-deliver hands each caller to a process of its own
		return $program eq 'local-deliver' ? grep({ parent_of($_) == $pid } $pb->pids_of($program)) >= 8
			: descriptors($pid) >= @used + 8;
	}), 'all are let in');
	ok(-d "/proc/$pid", 'by the same process');
	close $_ for @callers;
}
is($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com') =~ /^250/, 1, 'and mail is taken');
ok($pb->wait_mail('alice@example.com', 1), 'and delivered');
done_testing();
