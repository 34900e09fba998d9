#!/usr/bin/perl
# The same program under inetd, tcpserver, a systemd-style socket and as a
# listener on fd 0: one session on fd 0/1, or the pool.
# Features: TOOL-11.
use strict;
use warnings;
use IO::Socket::INET;
use Pillarbox::Skeleton;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $sk = Pillarbox::Skeleton->new->start;
*say_line = \&Pillarbox::Skeleton::say_line;
$sk->ask('master', 'stop', 'name=pop');	# served by others from here on
my $program = "$sk->{bin}/pop3-serve";
my @started;

sub start {
	my ($set_up, @cmd) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		setpgrp;
		open STDERR, '>>', "$sk->{top}/inetd.err";
		$set_up->() if $set_up;
		exec @cmd or POSIX::_exit(127);
	}
	push @started, $pid;
	return $pid;
}

sub end { my ($pid) = @_; kill 'TERM', -$pid; waitpid $pid, 0; @started = grep { $_ != $pid } @started }
END { my $code = $?; kill 'KILL', map { -$_ } @started; $? = $code }

sub find { my ($name) = @_; return (grep { -x } map { "$_/$name" } qw(/usr/sbin /usr/bin /sbin /bin))[0] }

# A session as any client sees it; the peer's address and the rights of the process.
sub try_session {
	my ($how, $port, $listener) = @_;
	$sk->{port} = $port;
	ok(wait_until(10, sub { my $s = $sk->open_socket or return 0; 1 }), "$how: connected");
	my $c = $sk->session;
	like($c->{line}, qr/^\+OK 9\d{11} \d+$/, "$how: a ticket that is not mail-master's");
	like(say_line($c, 'WHO'), qr/^\+OK $listener 127\.0\.0\.1 $c->{pid}$/, "$how: the peer's address");
	my %s = Pillarbox::slurp("/proc/$c->{pid}/status") =~ /^(\w+):\s*(.*)$/mg;
	is("$s{NoNewPrivs} $s{Seccomp}", '1 2', "$how: confined");
	unlike($s{Uid}, qr/\b0\b/, "$how: not root") if $> == 0;
	is(say_line($c, 'OPEN'), '+OK ' . ($> == 0 ? 'ENOENT' : 'EACCES'), "$how: reaches no file");
	is(say_line($c, 'QUIT'), '', "$how: the session ends");
	ok(wait_until(10, sub { !-e "/proc/$c->{pid}" }), "$how: and its process");
}

SKIP: {
	my $tcpserver = find('tcpserver') or skip 'tcpserver (ucspi-tcp) is not installed', 1;
	my $port = Pillarbox::free_ports(1);
	my $pid = start(undef, $tcpserver, '-R', '-H', '-l', '0', '127.0.0.1', $port, $program, '-r', $sk->{dir});
	try_session('tcpserver', $port, 'pop3');
	end($pid);
}

SKIP: {
	my $inetd = find('inetd') or skip 'inetd (openbsd-inetd) is not installed', 1;
	skip 'inetd sets users and needs root', 1 if $> != 0;
	my $port = Pillarbox::free_ports(1);
	Pillarbox::spew("$sk->{top}/inetd.conf",
		"127.0.0.1:$port stream tcp nowait root $program pop3-serve -r $sk->{dir}\n");
	my $pid = start(undef, $inetd, '-d', '-i', "$sk->{top}/inetd.conf");
	try_session('inetd', $port, 'pop3');
	end($pid);
}

# What inetd "wait" and systemd do: a listening socket on fd 0, or from fd 3 on.
for my $how ('fd 0 listens', 'LISTEN_FDS') {
	my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 16, Proto => 'tcp')
		or die "listen: $!";
	my $port = $listen->sockport;
	my $pid = start(sub {
		if ($how eq 'LISTEN_FDS') {
			POSIX::dup2(fileno($listen), 9);
			POSIX::dup2(9, 3);
			@ENV{qw(LISTEN_FDS LISTEN_PID LISTEN_FDNAMES)} = (1, $$, 'pop3s');
		} else {
			POSIX::dup2(fileno($listen), 0);
		}
	}, $program, '-r', $sk->{dir});
	close $listen;
	try_session($how, $port, $how eq 'LISTEN_FDS' ? 'pop3s' : 'pop3');
	kill 'TERM', $pid;
	my $ended = wait_until(10, sub { waitpid($pid, POSIX::WNOHANG()) == $pid });
	ok($ended, "$how: SIGTERM ends the pool");
	@started = grep { $_ != $pid } @started if $ended;
}

# Other supervisors tell the peer by the environment, over pipes or sockets.
{
	my ($from, $to);
	local @ENV{qw(PROTO TCPREMOTEIP TCPREMOTEPORT TCPLOCALIP TCPLOCALPORT)} = ('TCP', '203.0.113.7', 4711, '127.0.0.1', 995);
	pipe($from, my $out) or die;
	pipe(my $in, $to) or die;
	my $pid = start(sub { POSIX::dup2(fileno($in), 0); POSIX::dup2(fileno($out), 1) }, $program, '-r', $sk->{dir});
	close $_ for $in, $out;
	$to->autoflush(1);
	like(Pillarbox::Skeleton::read_line($from), qr/^\+OK 9\d{11} $pid$/, 'pipes on fd 0 and 1 are served');
	print $to "WHO\r\n";
	is(Pillarbox::Skeleton::read_line($from), "+OK pop3s 203.0.113.7 $pid", 'TCPREMOTEIP and TCPLOCALPORT are believed');
	close $to;
	ok(wait_until(10, sub { waitpid($pid, POSIX::WNOHANG()) == $pid }), 'the end of input ends it');
	@started = grep { $_ != $pid } @started;
}
done_testing();
