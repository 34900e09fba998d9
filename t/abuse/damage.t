#!/usr/bin/perl
# abuse-check killed, restarted, stopped, and spoken to in nonsense: mail flows, blocks stay.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::UNIX;
use Socket qw(SOCK_SEQPACKET MSG_DONTWAIT);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->ctl_ok('abuse', 'add', 'kind=dos', 'service=smtp', 'connections=3', 'blockMinutes=60');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.1', 'smtp=True');
$pb->start;
sub pid { ($pb->pids_of('abuse-check'))[0] // 0 }
sub wait_new_pid {
	my ($old) = @_;
	my $end = time + 20;
	sleep 0.05 while time < $end && (!pid() || pid() == $old || ($pb->ctl('block', 'list'))[0] != 0);
	return pid();
}
sub greeting {
	my ($ip) = @_;
	my $c = $pb->connect('smtp', local => $ip);
	my $g = $c->{greeting};
	$c->close;
	return $g;
}
sub fds { my @l = glob "/proc/$_[0]/fd/*"; return scalar @l }
sub memory { return Pillarbox::slurp("/proc/$_[0]/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : 0 }

greeting('127.4.0.1') for 1 .. 3;
like(greeting('127.4.0.1'), qr/^421/, 'an address is blocked');

# C06: nonsense on the socket, each on a connection of its own.
my $pid = pid();
my $path = "$pb->{dir}/run/pub/abuse";
my $uid = uid_of($pb, 'pbsmtp');
sub nonsense {
	my ($text, %o) = @_;
	my $s = Pillarbox::Auth::connect_as($path, $o{uid} // $uid, SOCK_SEQPACKET) or return 'refused';
	send $s, $text, 0 if defined $text;
	return $s if $o{keep};
	recv $s, my $hello, 4096, 0 unless $o{rude};
	my $got = '';
	if (IO::Select->new($s)->can_read($o{wait} // 0.5)) {
		recv $s, $got, 4096, 0;
	} else {
		$got = 'silence';
	}
	CORE::close $s;
	return $got;
}
nonsense(undef, rude => 1) for 1 .. 5;
sleep 0.5;
my $fds = fds($pid);
my $memory = memory($pid);
is(nonsense("x"), '', 'one byte: closed');
is(nonsense(join '', map { chr int rand 256 } 1 .. 1000), '', 'random bytes: closed');
is(nonsense("\xff\xff\xff\xff"), '', 'a length that is none: closed');
is(nonsense("x" x 60000), '', 'a record that is too long: closed');
is(nonsense("connect\n"), '', 'a record without its fields: closed');
is(nonsense("connect\nservice=smtp\nip=999.1.1.1\n"), '', 'an address that is none: closed');
is(nonsense("connect\nservice=nntp\nip=127.0.0.1\n"), '', 'a service that is none: closed');
is(nonsense("close\nbad=7\n"), '', 'a number out of range: closed');
is(nonsense("event\nkind=other\nservice=smtp\nip=127.0.0.1\n"), '', 'an event that is none: closed');
is(nonsense("list\n"), '', 'a request of another socket: closed');
is(nonsense("connect\n" . "a=b\n" x 300), '', 'too many fields: closed');
like(nonsense("event\nkind=login-failed\nservice=smtp\nip=127.4.9.9\nuser=" . "u" x 1500 . "\n"), qr/^ok\ndelay=0/, 'a long name is taken');
my $stalled = nonsense("conn", keep => 1);
nonsense(undef, rude => 1) for 1 .. 200;

# A worker that asks and asks and never reads ends its own connection; others are served meanwhile.
my $deaf = Pillarbox::Auth::connect_as($path, $uid, SOCK_SEQPACKET);
my $asked = 0;
$SIG{PIPE} = 'IGNORE';
for (1 .. 20_000) {
	IO::Select->new($deaf)->can_write(5) or last;
	send($deaf, "would\nservice=smtp\nip=127.4.9.9\n", MSG_DONTWAIT) ? $asked++ : $!{EAGAIN} ? 1 : last;
}
cmp_ok($asked, '<', 20_000, 'a worker that does not read is not waited for');
is(nonsense("would\nservice=smtp\nip=127.4.9.9\n", wait => 10), "ok\n", '... nor does anybody wait for it');
CORE::close $deaf;

# Descriptors attached are closed.
my $with_fds = join "\n", 'import socket, array, os, sys', 's = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)',
	's.connect(sys.argv[1])', 'fds = [os.dup(0) for i in range(250)]',
	's.sendmsg([b"connect\nservice=smtp\nip=127.4.9.1\n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])',
	's.settimeout(3)', 'print(len(s.recv(4096)))', 'print(s.recv(4096))';
SKIP: {
	skip 'no python3', 1 unless -x '/usr/bin/python3';
	my ($rc, $out) = $pb->run('/usr/bin/python3', '-c', $with_fds, $path);
	like($out, qr/^\d+\nb'(?:ok\\n|)'$/m, '250 descriptors with a record do not disturb');
}
CORE::close $stalled if ref $stalled;
my $end = time + 5;
sleep 0.1 while time < $end && fds($pid) > $fds;
is(pid(), $pid, 'the daemon is the same process');
cmp_ok(fds($pid), '<=', $fds, 'its descriptors are back to where they were');
cmp_ok(memory($pid), '<', $memory + 1024, 'and so is its memory');

if ($> == 0) {
	is(nonsense("connect\nservice=smtp\nip=127.4.0.7\n", uid => uid_of($pb, 'nobody')), '', 'another user is not served');
	ok($pb->wait_log('abuseLog', qr/event=SECURITY what="a caller without right"/), 'and that is logged');
}

# kill -9 while sessions are open.
my $open = $pb->connect('smtp', local => '127.4.0.3');
kill 'KILL', $pid;
$open->expect('EHLO client.example', qr/^250/);
my $start = time;
my $reply = $pb->send_mail(from => 'alice@example.com', to => 'alice@example.com');
like($reply, qr/^250/, 'killed: mail flows');
cmp_ok(time - $start, '<', 10, 'without a long wait');
my $new = wait_new_pid($pid);
ok($new && $new != $pid, 'it comes back');
ok($pb->wait_log('*', qr/abuse-check.*(?:ended|died|killed|signal)/i), 'and a line of the log tells');
is(scalar(() = $pb->ctl_ok('block', 'list', '--tsv') =~ /^127\.4\.0\.1\t/mg), 1, 'a block outlasts the kill');
$end = time + 10;
my $g;
do { $g = greeting('127.4.0.1'); sleep 0.1 } while $g !~ /^421/ && time < $end;
like($g, qr/^421/, 'and holds');

# Stopped, it is waited for no longer than two seconds.
kill 'STOP', $new;
$start = time;
$g = greeting('127.0.0.1');
my $took = time - $start;
kill 'CONT', $new;
like($g, qr/^220/, 'stopped: mail flows');
cmp_ok($took, '<', 5, sprintf 'after a short wait (%.1f s)', $took);

$pb->ctl_ok('restart', 'abuse-check');
wait_new_pid($new);
like($pb->ctl_ok('block', 'list', '--json'), qr/"ip":\s*"127\.4\.0\.1"/, 'a restart keeps it too');
$pb->ctl_ok('block', 'delete', '127.4.0.1');
$pid = pid();
kill 'KILL', $pid;
wait_new_pid($pid);
unlike($pb->ctl_ok('block', 'list', '--tsv'), qr/127\.4\.0\.1/, 'a lifted block does not come back');
done_testing;
