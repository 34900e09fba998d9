package Pillarbox::Outbound;

# Pillarbox::Outbound: remote-send alone, without the other programs.
#
#	my $out = Pillarbox::Outbound->new(settings => { smtpOutPort => 2525 }, zone => <<'END');
#	remote.example. MX 10 mx1.remote.example.
#	mx1.remote.example. A 127.0.0.5
#	END
#	my %result = $out->send("Subject: x\r\n\r\nbody\r\n", domain => 'remote.example',
#		from => 'a@local.example', rcpt => ['b@remote.example']);
#	# $result{1} eq '250 2.0.0 ...', $result{dns}
#
# The zone is served by nsd on a loopback address and a free port; what is not
# in it does not exist.  Servers of the test are made with Pillarbox::Outbound::Server.
use strict;
use warnings;
use Fcntl;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Pillarbox ();
use POSIX qw(WNOHANG);
use Socket qw(AF_UNIX SOCK_SEQPACKET SOMAXCONN pack_sockaddr_un);
use Test::More;
use Time::HiRes qw(sleep time);

our $BIN = $ENV{PB_BIN} // die "PB_BIN is not set\n";
(our $TREE = $BIN) =~ s{/prog/*$}{};

sub available {
	return -x "$BIN/remote-send" && -x "$TREE/t/outbound/send-job";
}

sub free_port { return Pillarbox::free_ports(1) }

sub new {
	my ($class, %o) = @_;
	my $dir = tempdir('pillarbox-out-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my $self = bless { dir => $dir, pids => [], owner => $$, jobs => 0 }, $class;
	chmod 0755, $dir;
	mkdir "$dir/$_" or die "$dir/$_: $!" for qw(i i/run i/run/pub i/run/settings i/etc i/state i/state/remote-send nsd);
	my ($uid, $gid) = (getpwnam 'pbsend')[2, 3];
	chown $uid, $gid, "$dir/i/state/remote-send" if $> == 0 && defined $uid;
	my $dns = $o{dns} // $self->start_nsd($o{zone} // '');
	my %settings = (hostName => 'sender.example', allowLoopbackTargets => 'True', primaryDns => $dns,
		deliveryLogLevel => 'Detailed', smtpOutCommandTimeout => 3, smtpOutDataTimeout => 4,
		%{ $o{settings} || {} });
	$self->write_settings(%settings);
	$self->start;
	return $self;
}

sub write_file {
	my ($path, $text) = @_;
	open my $f, '>', $path or die "$path: $!";
	binmode $f;
	print $f $text;
	close $f or die "$path: $!";
}

sub write_settings {
	my ($self, %settings) = @_;
	my $xml = "$self->{dir}/i/etc/mailconfig.xml";
	write_file($xml, "<?xml version=\"1.0\"?>\n<mailConfig>\n"
		. join('', map { "<$_>$settings{$_}</$_>\n" } sort keys %settings) . "</mailConfig>\n");
	my $text = `"$TREE/t/outbound/send-job" settings remote-send "$xml"`;
	die "settings: exit $?\n" if $? != 0;
	write_file("$self->{dir}/i/run/settings/remote-send", $text);
}

sub spawn {
	my ($self, $out, @cmd) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', $out;
		open STDERR, '>&', \*STDOUT;
		exec { $cmd[0] } @cmd or POSIX::_exit(127);
	}
	push @{ $self->{pids} }, $pid;
	return $pid;
}

# The zone "." holds everything, so that a name that is missing gives NXDOMAIN.
sub start_nsd {
	my ($self, $records) = @_;
	my $dir = "$self->{dir}/nsd";
	my $port = free_port();
	write_file("$dir/zone", "\$TTL 60\n. SOA ns.example. root.example. 1 60 60 60 60\n. NS ns.example.\n"
		. "ns.example. A 127.0.0.1\n$records");
	write_file("$dir/nsd.conf", <<"END");
server:
	ip-address: 127.0.0.1\@$port
	port: $port
	username: ""
	chroot: ""
	zonesdir: "$dir"
	zonelistfile: "$dir/zone.list"
	database: ""
	pidfile: "$dir/pid"
	xfrdfile: "$dir/xfrd"
	server-count: 1
	verbosity: 1
remote-control:
	control-enable: no
zone:
	name: "."
	zonefile: "zone"
END
	$self->spawn("$dir/log", '/usr/sbin/nsd', '-d', '-c', "$dir/nsd.conf");
	my $end = time + 10;
	while (time < $end) {
		my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp');
		return "127.0.0.1\@$port" if $s;
		sleep 0.05;
	}
	die "nsd does not start: " . slurp("$dir/log");
}

sub slurp {
	my ($path) = @_;
	open my $f, '<', $path or return '';
	local $/;
	return scalar <$f> // '';
}

sub log { return slurp("$_[0]{dir}/log") }

# Play mail-master: bind the socket, hand it over.
sub start {
	my ($self) = @_;
	my $root = "$self->{dir}/i";
	my $path = "$root/run/pub/send";
	unlink $path;
	socket(my $listen, AF_UNIX, SOCK_SEQPACKET, 0) or die "socket: $!";
	bind($listen, pack_sockaddr_un($path)) or die "bind: $!";
	listen($listen, SOMAXCONN) or die "listen: $!";
	chmod 0600, $path;
	my $fd = fileno($listen);
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		fcntl($listen, F_SETFD, 0);
		$ENV{PILLARBOX_FDS} = "listen.unix.send=$fd";
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{dir}/log";
		open STDERR, '>&', \*STDOUT;
		exec { "$BIN/remote-send" } 'remote-send', '-r', $root or POSIX::_exit(127);
	}
	$self->{sender} = $pid;
	$self->{listen} = $listen;
}

sub send {
	my ($self, $message, %job) = @_;
	my $number = ++$self->{jobs};
	my $file = "$self->{dir}/message.$number";
	write_file($file, $message) if defined $message;
	my $i = 0;
	my @rcpt = map { $i++; "rcpt=$i $_" } @{ delete $job{rcpt} };
	my @args = ("job=$number", "id=$number", 'session=000000000042', "size=" . length($message // ''),
		(map { "$_=$job{$_}" } sort keys %job), @rcpt);
	open(my $out, '-|', 'timeout', '60', "$TREE/t/outbound/send-job", 'send',
		"$self->{dir}/i/run/pub/send", defined $message ? $file : '-', @args) or die "send-job: $!";
	my %result;
	while (my $line = <$out>) {
		$result{$1} = $2 if $line =~ /^result=(\d+) (.*)/;
		$result{$1} = $2 if $line =~ /^(dns|job)=(.*)/;
	}
	close $out;
	$result{exit} = $? >> 8;
	return %result;
}

sub stop {
	my ($self) = @_;
	return unless $self->{sender};
	kill 'TERM', $self->{sender};
	my $end = time + 10;
	my $pid;
	sleep 0.02 until ($pid = waitpid($self->{sender}, WNOHANG)) != 0 || time > $end;
	my $status = $?;
	if ($pid == 0) {
		kill 'KILL', $self->{sender};
		waitpid($self->{sender}, 0);
		$status = -1;
	}
	delete $self->{sender};
	return $status;
}

sub DESTROY {
	my ($self) = @_;
	local $?;
	return if $self->{owner} != $$;
	$self->stop;
	for my $pid (@{ $self->{pids} }) {
		kill 'TERM', $pid;
		waitpid($pid, 0);
	}
	diag($self->log) if !Test::More->builder->is_passing;
}

package Pillarbox::Outbound::Server;

# A server that follows a script: one line of the script for each line read,
# a code reference gets the connection.  All it reads and writes is recorded.
#
#	my $s = Pillarbox::Outbound::Server->new('127.0.0.5', $port, sub {
#		my ($c) = @_;		# methods: say, hear, data, raw
#		$c->say('220 mx ESMTP'); ...
#	});
#	my @connections = $s->transcripts;	# one text a connection

use strict;
use warnings;
use File::Temp ();
use IO::Socket::IP;

sub new {
	my ($class, $ip, $port, $script) = @_;
	my $listen = IO::Socket::IP->new(LocalAddr => $ip, LocalPort => $port, Proto => 'tcp',
		Listen => 64, ReuseAddr => 1) or die "$ip:$port: $@";
	my $dir = File::Temp::tempdir(CLEANUP => 1);
	my $self = bless { ip => $ip, port => $port, dir => $dir, owner => $$ }, $class;
	$self->{pid} = fork() // die "fork: $!";
	return $self if $self->{pid};
	$SIG{PIPE} = 'IGNORE';
	$SIG{CHLD} = 'IGNORE';
	my $n = 0;
	while (my $conn = $listen->accept) {
		$n++;
		next if fork();
		open my $log, '>', sprintf('%s/%03d', $dir, $n);
		$log->autoflush(1);
		$script->(bless({ sock => $conn, log => $log, number => $n }, 'Pillarbox::Outbound::Peer'));
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}

sub transcripts {
	my ($self) = @_;
	return map { Pillarbox::Outbound::slurp($_) } sort glob "$self->{dir}/*";
}

sub DESTROY {
	my ($self) = @_;
	local $?;
	return if $self->{owner} != $$;
	kill 'TERM', $self->{pid};
	waitpid($self->{pid}, 0);
}

package Pillarbox::Outbound::Peer;

use strict;
use warnings;

sub raw {
	my ($c, $bytes) = @_;
	my $at = 0;
	while ($at < length $bytes) {
		my $n = syswrite($c->{sock}, $bytes, length($bytes) - $at, $at);
		return unless defined $n;
		$at += $n;
	}
}

sub say {
	my ($c, @lines) = @_;
	print { $c->{log} } "S: $_\n" for @lines;
	$c->raw(join '', map { "$_\r\n" } @lines);
}

# A line without its CRLF, undef at the end; what is wrong with the end is shown.
sub hear {
	my ($c) = @_;
	local $/ = "\n";
	my $line = readline($c->{sock});
	return undef unless defined $line;
	$line =~ s/\r\n\z// or $line =~ s/\n\z/<bare LF>/;
	print { $c->{log} } "C: $line\n";
	return $line;
}

# Everything up to the lone dot, as it came.
sub data {
	my ($c) = @_;
	my $all = '';
	while ($all !~ /(?:\A|\r\n)\.\r\n\z/) {
		my $n = sysread_line($c, \$all);
		return undef unless $n;
	}
	print { $c->{log} } "D: ", join('\n', map { s/[^\x20-\x7e]/sprintf('\x%02x', ord $&)/ger } split(/\r\n/, $all, -1)), "\n";
	return $all;
}

sub sysread_line {
	my ($c, $all) = @_;
	local $/ = "\n";
	my $line = readline($c->{sock});
	return 0 unless defined $line;
	$$all .= $line;
	return length $line;
}

# An ordinary server: answers sensibly until QUIT; what it should say
# otherwise stands in %o: { 'MAIL' => '451 4.0.0 no', ... }, ehlo => [ lines ].
sub serve {
	my ($c, %o) = @_;
	my @ehlo = @{ $o{ehlo} || ['PIPELINING', 'SIZE 1000000', '8BITMIME', 'ENHANCEDSTATUSCODES'] };
	my $rcpts = 0;
	$c->say($o{greeting} // '220 mx.remote.example ESMTP');
	while (defined(my $line = $c->hear)) {
		my ($verb) = $line =~ /^(\S+)/;
		$verb = uc($verb // '');
		my $answer = $o{$line} // $o{$verb};
		$answer = $answer->($c, $line) if ref $answer;
		next if ref $answer;		# it was said already
		if (defined $answer && $answer ne '') {
			$c->say($answer);
		} elsif ($verb eq 'EHLO') {
			my @lines = ('mx.remote.example', @ehlo);
			$c->say(map { '250' . ($_ == $#lines ? ' ' : '-') . $lines[$_] } 0 .. $#lines);
		} elsif ($verb eq 'DATA') {
			$c->say('354 go ahead');
			my $data = $c->data;
			return unless defined $data;
			my $end = $o{END};
			$end = $end->($c, $data) if ref $end;
			$c->say($end // '250 2.0.0 taken');
		} elsif ($verb eq 'QUIT') {
			$c->say('221 2.0.0 bye');
			return;
		} else {
			$c->say('250 2.0.0 ok');
		}
		return if defined $answer && $answer =~ /^421/;
	}
}

1;
