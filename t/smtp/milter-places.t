#!/usr/bin/perl
# Where a milter may listen: a socket in run/pub, one elsewhere, TCP over IPv4
# and IPv6; the listener's parent connects, since sessions have no right to.
# A milter that never takes a connection costs its timeout and stops nobody.
# The same under inetd, where all are connected before the session begins
# (LIMIT_CONTACTS_MS bounds that).
# Features: TOOL-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::IP;
use IO::Socket::UNIX;
use Pillarbox;
use Pillarbox::Client;
use POSIX ();
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);

my $program = "$Pillarbox::BIN/../t/smtp/test-milter";
my $pb = Pillarbox->new;
my @children;
END { my $code = $?; kill 'KILL', @children if @children; $? = $code }

sub start_milter {
	my ($at, $connect) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>>', "$pb->{top}/milter.log";
		exec { $program } $program, $at or POSIX::_exit(127);
	}
	push @children, $pid;
	my $end = time + 10;
	sleep 0.05 while time < $end && !$connect->();
	ok($connect->(), "a milter at $at");
	return $pid;
}

sub unix_milter {
	my ($path) = @_;
	return start_milter("local:$path",
		sub { -S $path && chmod(0666, $path) && IO::Socket::UNIX->new(Peer => $path) });
}

# Messages to the milter say "add": each that is asked adds one X-Added.
sub send_by {
	my ($c, $subject) = @_;
	$c->expect('EHLO client.example', qr/^250/);
	for my $command ('MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA') {
		my $reply = $c->command($command);
		return $reply if $reply !~ /^[23]/;
	}
	return $c->command("Subject: add $subject\r\n\r\nx\r\n.");
}

sub added_to {
	my ($subject) = @_;
	my $text = $pb->wait_subject('alice@example.com', "add $subject");
	return $text eq '' ? -1 : scalar(() = $text =~ /^X-Added: /mg);
}

$pb->user('alice@example.com');
for my $wrong ('unix:folder/name', 'local:/run/socket', 'inet:8891@localhost', 'inet:0@127.0.0.1',
    'inet6:8891@127.0.0.1', 'greylist') {
	my ($rc, $out, $err) = $pb->ctl('set', '--add', 'milters/milter', "socket=$wrong");
	isnt($rc, 0, "$wrong is refused");
	like($err, qr/must be unix:NAME, unix:\/PATH, inet:PORT\@ADDRESS or inet6:PORT\@ADDRESS/, '... and told why');
}

sub forget_milters {
	my $file = $pb->dir . '/etc/mailconfig.xml';
	my $text = Pillarbox::slurp($file);
	$text =~ s{<milters>.*</milters>\s*}{}s;
	Pillarbox::spew($file, $text);
}

my $port = Pillarbox::free_ports(3);
my $elsewhere = "$pb->{top}/elsewhere";
mkdir $elsewhere, 0755;
my $has_ipv6 = IO::Socket::IP->new(LocalHost => '::1', LocalPort => $port + 1, Listen => 1);
close $has_ipv6 if $has_ipv6;
my @places = ('unix:first', "unix:$elsewhere/second", "inet:$port\@127.0.0.1");
push @places, 'inet6:' . ($port + 1) . '@::1' if $has_ipv6;
$pb->ctl_ok('set', '--add', 'milters/milter', "socket=$_", 'failMode=tempfail', 'timeout=3') for @places;
my ($rc, $out, $err) = $pb->ctl('check');
is($rc, 0, 'mailctl check finds nothing wrong') or diag($out, $err);
unix_milter("$pb->{dir}/run/pub/first");
my $second = unix_milter("$elsewhere/second");
start_milter("inet:$port\@127.0.0.1", sub { IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port) });
start_milter('inet6:' . ($port + 1) . '@::1', sub { IO::Socket::IP->new(PeerHost => '::1', PeerPort => $port + 1) })
	if $has_ipv6;
$pb->start;
like(send_by($pb->connect('smtp'), 'pool'), qr/^250/, 'a message through all of them');
is(added_to('pool'), scalar @places, 'each made its change');

# A milter that was started again, in a folder that was made again.
kill 'KILL', $second;
waitpid $second, 0;
unlink "$elsewhere/second";
like(send_by($pb->connect('smtp'), 'gone'), qr/^451 4\.7\.1/, 'one that is gone: failMode');
ok($pb->wait_log('smtpLog', qr/event=milter-failed socket=unix:\S+\/second why="No such file/), 'and the log says why');
rmdir $elsewhere and mkdir $elsewhere, 0755 or die "$elsewhere: $!";
unix_milter("$elsewhere/second");
like(send_by($pb->connect('smtp'), 'back'), qr/^250/, 'back in a folder made anew');
is(added_to('back'), scalar @places, 'and asked again');

# One session on fd 0/1, as inetd starts it: the peer is a socket pair.
sub inetd_session {
	socketpair(my $mine, my $its, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<&', $its;
		open STDOUT, '>&', $its;
		open STDERR, '>>', "$pb->{top}/inetd.log";
		close $mine;
		exec { $pb->program('smtp-listen') } 'smtp-listen', '-r', $pb->dir or POSIX::_exit(127);
	}
	push @children, $pid;
	close $its;
	return Pillarbox::Client->new(protocol => 'smtp', sock => $mine);
}
like(send_by(inetd_session(), 'inetd'), qr/^250/, 'under inetd: a message through all of them');
is(added_to('inetd'), scalar @places, 'each made its change');

# Sockets whose queue is full: TCP answers no SYN, a Unix socket says EAGAIN.
my $tcp = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $port + 2, Listen => 1) or die "listen: $!";
listen $tcp, 0;
my $deaf = "$pb->{dir}/run/pub/deaf";
my $unix = IO::Socket::UNIX->new(Local => $deaf, Listen => 1) or die "listen: $!";
listen $unix, 0;
chmod 0666, $deaf;
my @fillers;
for my $peer (pack_sockaddr_in($port + 2, INADDR_LOOPBACK), pack_sockaddr_un($deaf)) {
	for (1 .. 4) {
		socket(my $s, $peer eq pack_sockaddr_un($deaf) ? AF_UNIX : AF_INET, SOCK_STREAM, 0) or die "socket: $!";
		$s->blocking(0);
		connect $s, $peer;
		push @fillers, $s;
	}
}
forget_milters();
$pb->ctl_ok('set', '--add', 'milters/milter', "socket=$_", 'failMode=tempfail', 'timeout=2')
	for 'inet:' . ($port + 2) . '@127.0.0.1', 'unix:deaf';
$pb->ctl_ok('reload');
my @waiting = map { Pillarbox::Client->new(port => $pb->port('smtp'), protocol => 'smtp', no_greeting => 1) } 1 .. 3;
my $began = time;
($rc, $out, $err) = $pb->ctl('connections');
is($rc, 0, 'while sessions wait for a milter that takes no connection, their parent answers');
$_->{greeting} = $_->reply for @waiting;
like(send_by($_, 'deaf'), qr/^451 4\.7\.1/, 'and each gets failMode') for @waiting;
$_->close for @waiting;
ok($pb->wait_log('smtpLog', qr/event=milter-failed socket=inet:\S+ why="Connection timed out"/), 'TCP: timed out');
ok($pb->wait_log('smtpLog', qr/event=milter-failed socket=unix:deaf why="/), 'Unix: too');

forget_milters();
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=inet:' . ($port + 2) . '@127.0.0.1', 'failMode=accept', 'timeout=600')
	for 1 .. 3;
$pb->ctl_ok('reload');
$began = time;
like(send_by(inetd_session(), 'late'), qr/^250/, 'inetd: deaf milters with failMode accept');
cmp_ok(time - $began, '<', 120, 'do not cost their timeouts');
done_testing();
