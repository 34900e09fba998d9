#!/usr/bin/perl
# remote-send's own limits.  Crossing one makes a caller wait or ends its connection;
# nothing else is disturbed.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(time sleep);
use IO::Socket::INET;
use Socket qw(AF_UNIX SOCK_SEQPACKET pack_sockaddr_un);
use Pillarbox::Outbound;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();

my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp') or die "udp: $!";
my $out = Pillarbox::Outbound->new(dns => '127.0.0.1@' . $silent->sockport);
my $path = "$out->{dir}/i/run/pub/send";
my %null = (domain => '0.0.0.0', host => '0.0.0.0:25', from => '', rcpt => ['a@x.example']);

my %r = $out->send("x\r\n", %null);
like($r{1}, qr/^554 5\.4\.6 /, 'a job that needs no DNS');
%r = $out->send("x\r\n", %null, rcpt => [map { "r$_\@x.example" } 1 .. 100]);
like($r{100}, qr/^554 5\.4\.6 /, 'a job with recipients at LIMIT_JOB_RECIPIENTS');
%r = $out->send("x\r\n", %null, rcpt => [map { "r$_\@x.example" } 1 .. 101]);
isnt($r{exit}, 0, 'over LIMIT_JOB_RECIPIENTS it is none');
# job, id, session, size, domain, from, host and one recipient, and what nobody knows.
%r = $out->send("x\r\n", %null, map { ("x$_" => 'y') } 1 .. 334 - 8);
like($r{1}, qr/^554 5\.4\.6 /, 'a record with fields at LIMIT_JOB_FIELDS');
%r = $out->send("x\r\n", %null, map { ("x$_" => 'y') } 1 .. 335 - 8);
isnt($r{exit}, 0, 'over LIMIT_JOB_FIELDS it is no job');

# The same by bytes: what the record of this one has besides its filling is cut from it.
my ($route) = Pillarbox::Outbound::slurp("$ENV{PB_SRC}/lib/base/limits.h") =~ /^#define LIMIT_JOB_ROUTE (\d+)$/m or die "no limit\n";
my $size = length join '', "send\njob=6\nid=6\nsession=000000000042\nsize=3\ndomain=0.0.0.0\nfrom=\nhost=0.0.0.0:25\nx=\nrcpt=1 a\@x.example\n";
$out->{jobs} = 5;
%r = $out->send("x\r\n", %null, x => 'y' x (65536 - $route - $size));
like($r{1}, qr/^554 5\.4\.6 /, 'a record that leaves room at LIMIT_JOB_ROUTE');
$out->{jobs} = 5;
%r = $out->send("x\r\n", %null, x => 'y' x (65536 - $route - $size + 1));
isnt($r{exit}, 0, 'over LIMIT_JOB_ROUTE it is no job');

my @held;
sub hold {
	socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die "socket: $!";
	connect($s, pack_sockaddr_un($path)) or die "connect: $!";
	push @held, $s;
}
hold() for 1 .. 15;
%r = $out->send("x\r\n", %null);
like($r{1}, qr/^554 5\.4\.6 /, 'the caller that makes them stand at LIMIT_SEND_CLIENTS is served');
hold();
sleep 0.3;
my $pid = fork() // die;
if ($pid == 0) {
	@held = ();	# the copies of this process
	my $begin = time;
	my %mine = $out->send("x\r\n", %null);
	POSIX::_exit(($mine{1} // '') =~ /^554/ && time - $begin > 0.5 ? 0 : 1);
}
sleep 1;
close pop @held;
waitpid $pid, 0;
is($?, 0, 'one over LIMIT_SEND_CLIENTS waits until another leaves');
@held = ();

Pillarbox::Outbound::write_file("$out->{dir}/m", "x\r\n");
# The silent DNS server holds all jobs; killing the resolver lets them go.
sub kill_resolver {
	for my $p (glob '/proc/[0-9]*') {
		my @f = split ' ', Pillarbox::Outbound::slurp("$p/stat");
		kill 'KILL', $p =~ /(\d+)$/ if @f && $f[1] eq '(remote-send)' && $f[3] == $out->{sender};
	}
}
my $flood_pid = open(my $flood, '-|', 'timeout', '120', "$Pillarbox::Outbound::TREE/t/outbound/send-job", 'flood', $path,
	"$out->{dir}/m", 2000, 'x.example') or die "flood: $!";
my ($sent) = (readline($flood) // '') =~ /=(\d+)/;
# Each job at work is an open descriptor of its message; more wait in the caller's socket.
sub jobs_at_work { return scalar grep { (readlink $_ // '') eq "$out->{dir}/m" } glob "/proc/$out->{sender}/fd/*" }
is(jobs_at_work(), 512, 'a flood of jobs is taken at LIMIT_SEND_JOBS');
cmp_ok($sent, '>', 512, '... those over LIMIT_SEND_JOBS wait in the socket');
cmp_ok($sent, '<', 1500, '... and then with the caller');
# Their caller does not look at its answers for a while: it gets them all the same.
my ($caller) = split ' ', Pillarbox::Outbound::slurp("/proc/$flood_pid/task/$flood_pid/children");
kill 'STOP', $caller;
for (1 .. 300) {
	kill_resolver();
	sleep 0.3;
	last if !jobs_at_work();
}
is(jobs_at_work(), 0, '... all of them fail when the resolver is lost, and no other is taken before that was told');
kill 'CONT', $caller;
my $killer = fork() // die;
if ($killer == 0) {
	for (1 .. 300) {
		kill_resolver();
		sleep 0.3;
	}
	POSIX::_exit(0);
}
my ($answered) = (readline($flood) // '') =~ /=(\d+)/;
kill 'KILL', $killer;
waitpid $killer, 0;
is($answered, $sent, '... and all that were taken are answered');
%r = $out->send("x\r\n", %null);
like($r{1}, qr/^554 5\.4\.6 /, 'afterwards all is as before');
is($out->stop, 0, 'it ends in peace');
done_testing();
