#!/usr/bin/perl
# SMTP, POP3 and IMAP on sockets that systemd opened (LISTEN_FDS): one process serves all of
# its sockets, in clear and with TLS, told apart by their names or by their ports; by
# systemd's own socket-activate where that is installed.
# Features: TOOL-11.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use Pillarbox;
use Pillarbox::Client;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Normal' });
$pb->user('alice@example.com');
$pb->start;
$pb->ctl_ok('stop', 'smtp', 'pop', 'imap');
my @started;
END { my $code = $?; kill 'KILL', @started if @started; $? = $code }

# Names of the sockets, and what clients speak on them.
my %program = (
	'smtp-listen' => [ [ 'smtp', 'smtp', 0 ], [ 'smtps', 'smtp', 1 ], [ 'submission', 'smtp', 0 ] ],
	'pop3-serve' => [ [ 'pop3', 'pop3', 0 ], [ 'pop3s', 'pop3', 1 ] ],
	'imap-serve' => [ [ 'imap', 'imap', 0 ], [ 'imaps', 'imap', 1 ] ],
);

# As systemd does it, without systemd.
sub by_hand {
	my ($name, @ports) = @_;
	my @listen = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $_, Proto => 'tcp', Listen => 16,
		ReuseAddr => 1) // die "port $_: $!" } @ports;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>>', "$pb->{top}/systemd.log";
		# Out of the way first: one may stand where another belongs.
		POSIX::dup2(fileno($listen[$_]), 20 + $_) for 0 .. $#listen;
		for (0 .. $#listen) { POSIX::dup2(20 + $_, 3 + $_); POSIX::close(20 + $_) }
		@ENV{qw(LISTEN_FDS LISTEN_PID LISTEN_FDNAMES)} = (scalar @listen, $$, join ':', map { $_->[0] } @{ $program{$name} });
		exec $pb->program($name), '-r', $pb->dir or POSIX::_exit(127);
	}
	return $pid;
}

sub by_systemd {
	my ($name, @ports) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>>', "$pb->{top}/systemd.log";
		open STDOUT, '>&', \*STDERR;
		exec 'systemd-socket-activate', (map { ('-l', "127.0.0.1:$_") } @ports),
			'--fdname=' . join(':', map { $_->[0] } @{ $program{$name} }), $pb->program($name), '-r', $pb->dir
			or POSIX::_exit(127);
	}
	my $end = time + 20;
	sleep 0.05 while time < $end && !listens($ports[-1]);
	return $pid;
}

# Without a connection, which would start the program.
sub listens {
	my ($port) = @_;
	return Pillarbox::slurp('/proc/net/tcp') =~ /^\s*\d+: 0100007F:@{[ sprintf '%04X', $port ]} \S+ 0A /m;
}

my %way = ('LISTEN_FDS' => \&by_hand);
my ($activate) = grep { -x } '/usr/bin/systemd-socket-activate', '/bin/systemd-socket-activate';
$way{'systemd-socket-activate'} = \&by_systemd if $activate;
note('systemd-socket-activate is not installed') if !$activate;
my $mails = 0;

my %try = (
	smtp => sub {
		my ($c, $tls, $name, $how) = @_;
		like($c->expect('EHLO client.test.example', qr/^250/), $tls ? qr/^(?!.*STARTTLS)/s : qr/STARTTLS/, "$how: $name speaks SMTP");
		$c->login('alice@example.com', $Pillarbox::PASSWORD);
		$c->expect('MAIL FROM:<alice@example.com>', qr/^250/);
		$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
		$c->expect('DATA', qr/^354/);
		like($c->command("From: alice\@example.com\r\nSubject: $name\r\n\r\nx\r\n."), qr/^250/, "$how: $name takes a message");
		$pb->wait_mail('alice@example.com', ++$mails);
	},
	pop3 => sub {
		my ($c, $tls, $name, $how) = @_;
		$c->login('alice@example.com', $Pillarbox::PASSWORD);
		like($c->command('STAT'), qr/^\+OK $mails /, "$how: $name reads the mailbox");
	},
	imap => sub {
		my ($c, $tls, $name, $how) = @_;
		$c->login('alice@example.com', $Pillarbox::PASSWORD);
		like($c->command('SELECT INBOX'), qr/^\* $mails EXISTS/m, "$how: $name reads the mailbox");
	},
);
for my $how (sort keys %way) {
	for my $name ('smtp-listen', 'pop3-serve', 'imap-serve') {
		my @sockets = @{ $program{$name} };
		my $base = Pillarbox::free_ports(scalar @sockets);
		my $pid = $way{$how}->($name, map { $base + $_ } 0 .. $#sockets);
		push @started, $pid;
		for my $i (0 .. $#sockets) {
			my ($socket, $protocol, $tls) = @{ $sockets[$i] };
			my $c = Pillarbox::Client->new(port => $base + $i, protocol => $protocol, tls => $tls);
			$try{$protocol}->($c, $tls, $socket, $how);
			$c->command($protocol eq 'imap' ? 'LOGOUT' : 'QUIT');
		}
		like(Pillarbox::slurp("/proc/$pid/cmdline"), qr{/$name\0}, "$how: $name is one process that listens");
		kill 'TERM', $pid;
		my $end = time + 20;
		sleep 0.05 while waitpid($pid, POSIX::WNOHANG()) != $pid && time < $end;
		ok(!-e "/proc/$pid", "$how: SIGTERM ends it");
		@started = grep { $_ != $pid } @started;
	}
}
ok($pb->wait_log('smtpLog', qr/event=connect at=\S+ listener=submission$/m), 'the log tells on which socket a client came');

# The sample units: their sockets have no names, so the numbers of the ports must say it.
my %port = ('smtp' => '25 465 587', pop3 => '110 995', imap => '143 993');
for my $service (sort keys %port) {
	my $unit = Pillarbox::slurp("$Pillarbox::SRC/etc/systemd/pillarbox-$service.socket");
	is(join(' ', $unit =~ /^ListenStream=(\d+)$/mg), $port{$service}, "pillarbox-$service.socket opens the ports of $service");
	unlike($unit, qr/^FileDescriptorName=/m, '... and gives all of them no one name');
	like(Pillarbox::slurp("$Pillarbox::SRC/etc/systemd/pillarbox-$service.service"), qr{^ExecStart=/usr/libexec/pillarbox/\S+$}m,
		'... for a service of that name');
}
SKIP: {
	skip 'well-known ports need root', 1 if $> != 0 || !$activate;
	my @free = grep { my $s = IO::Socket::INET->new(LocalAddr => '127.8.9.1', LocalPort => $_, Listen => 1); defined $s } 110, 995;
	skip 'ports 110 and 995 are not free', 1 if @free != 2;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>>', "$pb->{top}/systemd.log";
		exec 'systemd-socket-activate', '-l', '127.8.9.1:110', '-l', '127.8.9.1:995', $pb->program('pop3-serve'), '-r', $pb->dir
			or POSIX::_exit(127);
	}
	push @started, $pid;
	my $c;
	for (1 .. 200) {
		last if $c = eval { Pillarbox::Client->new(host => '127.8.9.1', port => 995, protocol => 'pop3', tls => 1) };
		sleep 0.1;
	}
	ok($c, 'without names: port 995 speaks TLS') or skip 'no session', 1;
	$try{pop3}->($c, 1, 'port 995', 'by port');
	$c = Pillarbox::Client->new(host => '127.8.9.1', port => 110, protocol => 'pop3');
	$try{pop3}->($c, 0, 'port 110', 'by port');
	kill 'TERM', $pid;
	waitpid $pid, 0;
	@started = grep { $_ != $pid } @started;
}
done_testing;
