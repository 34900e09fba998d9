#!/usr/bin/perl
# Generations: reload, bad settings, stop and start of a service, what survives.
# Features: TOOL-06, SVC-05.
use strict;
use warnings;
use Pillarbox::Skeleton;
use Test::More;
use Time::HiRes qw(sleep time);

my $sk = Pillarbox::Skeleton->new->start;
*say_line = \&Pillarbox::Skeleton::say_line;

my $c = $sk->session;
my $old = $sk->parent;
$sk->write_settings(popSpareMin => 3);
my ($code, $verb, $f) = $sk->ask('master', 'reload');
is($verb, 'error', 'reload answers when not all programs came up: most are missing here');
like($f->{text}[0], qr/not ready yet:.*smtp-listen/, 'and names them');
ok(wait_until(10, sub { $sk->state('pop3-serve') eq 'running' && $sk->parent != $old }), 'a new generation serves');
ok(wait_until(10, sub { $sk->workers == 3 }), 'with the new settings');
like(say_line($c, 'WHO'), qr/^\+OK/, 'the session of the old one goes on');
my $new = $sk->session;
isnt(Pillarbox::slurp("/proc/$new->{pid}/stat") =~ /\) \S (\d+)/ && $1, $old, 'new sessions belong to the new one');
ok(-e "/proc/$old", 'the old parent waits for its session');
say_line($_, 'QUIT') for $c, $new;
ok(wait_until(10, sub { !-e "/proc/$old" }), 'and leaves with it');

my $before = $sk->parent;
for my $bad (['<mailConfig><popSpareMin>2</popSpareMin', 'not well formed'],
    ['<mailConfig><popSpareMin>100000</popSpareMin></mailConfig>', 'out of range'],
    ['<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/shadow">]><mailConfig>&x;</mailConfig>', 'a DTD']) {
	Pillarbox::spew("$sk->{dir}/etc/mailconfig.xml", $bad->[0]);
	($code, $verb, $f) = $sk->ask('master', 'reload');
	is("$code $verb $f->{exit}[0]", '1 error 1', "settings that are $bad->[1] are refused");
	like($f->{text}[0], qr/mailconfig\.xml/, "naming the file: $f->{text}[0]");
}
chmod 0666, "$sk->{dir}/etc/mailconfig.xml";
($code, $verb, $f) = $sk->ask('master', 'reload');
like($f->{text}[0] // '', qr/can be written by others/, 'and so is a file that others can write');
is($sk->parent, $before, 'the running server keeps its processes');
ok(wait_until(10, sub { $sk->workers == 3 }), 'and its settings');

my $taken = Pillarbox::free_ports(1);
my $holder = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $taken, Listen => 1, Proto => 'tcp');
my $port = $sk->{port};
{
	local $sk->{port} = $taken;
	$sk->write_settings;
}
($code, $verb, $f) = $sk->ask('master', 'reload');
like($f->{text}[0] // '', qr/cannot open port 127\.0\.0\.1:$taken/, 'a port that is taken refuses the reload');
close $holder;
like($sk->session->{line}, qr/^\+OK/, 'the old port still serves');
$sk->{port} = $taken;
$sk->ask('master', 'reload');
ok(wait_until(10, sub { my $s = $sk->open_socket or return 0; 1 }), 'now free, it is opened');
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp'), 'and the old one closed');
is(Pillarbox::slurp("$sk->{dir}/run/instance.env"), "POP3_PORT=$taken\n", 'instance.env tells the port');

ok(wait_until(10, sub { $sk->state('pop3-serve') eq 'running' }), 'running');
$c = $sk->session;
($code, $verb, $f) = $sk->ask('master', 'stop', 'name=pop');
is("$verb $f->{finishing}[0]", 'ok 1', 'stop tells how many sessions are still finishing');
is($sk->state('pop3-serve'), 'finishing', 'which status shows');
ok(!$sk->open_socket, 'and the port is closed for all others');
like(say_line($c, 'WHO'), qr/^\+OK/, 'they have all their time');
say_line($c, 'QUIT');
ok(wait_until(10, sub { $sk->state('pop3-serve') eq 'stopped' }), 'then it is stopped');
($code, $verb, $f) = $sk->ask('master', 'stop', 'name=auth-check');
is("$verb $f->{exit}[0]", 'error 1', 'an owner of state cannot be stopped alone');
($code, $verb, $f) = $sk->ask('master', 'stop', 'name=nothing');
is("$verb $f->{exit}[0]", 'error 3', 'an unknown service has exit code 3');

my $master = $sk->{master};
kill 'KILL', $master;
waitpid $master, 0;
delete $sk->{master};
ok(wait_until(20, sub { !$sk->pids }), 'when mail-master is killed, everything it started ends');
my $pid = fork() // die "fork: $!";
if ($pid == 0) {
	open STDERR, '>>', "$sk->{top}/master.err";
	exec "$sk->{bin}/mail-master", '-r', $sk->{dir}, '--foreground';
}
$sk->{master} = $pid;
ok(wait_until(20, sub { $sk->state('event-log') eq 'running' }), 'the next one takes over the sockets left behind');
is($sk->state('pop3-serve'), 'stopped', 'a stopped service stays stopped');
my $second = system("$sk->{bin}/mail-master -r $sk->{dir} --foreground 2>$sk->{top}/second");
is($second >> 8, 1, 'a second mail-master does not start');
like(Pillarbox::slurp("$sk->{top}/second"), qr/another mail-master runs/, 'and says why');
($code, $verb) = $sk->ask('master', 'start', 'name=pop');
is($verb, 'ok', 'start waits until it is ready');
like($sk->session->{line}, qr/^\+OK 00000[1-9]/, 'tickets go on after those of the last life');
($code, $verb) = $sk->ask('master', 'restart', 'name=pop');
is("$verb " . $sk->state('pop3-serve'), 'ok running', 'restart');
ok($sk->stop('INT'), 'SIGINT ends it');
done_testing();
