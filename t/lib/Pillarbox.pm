package Pillarbox;

# Pillarbox: what end-to-end tests stand on.
#
#	use Pillarbox;
#	my $pb = Pillarbox->new;		# an instance in a temporary folder, on free ports
#	$pb->user('alice@example.com');		# makes the domain too; password $Pillarbox::PASSWORD
#	$pb->set(smtpMaxBadCommands => 3);
#	$pb->start;				# returns when every port answers
#	my $c = $pb->connect('smtp');		# connected, greeting read into $c->{greeting}
#	$c->expect('MAIL FROM:<a@b.example>', qr/^250/);
#	$pb->transcript('smtp', <<'END', 'relaying is refused');
#	S: 220
#	C: EHLO client.example
#	S: 250 
#	C: QUIT
#	S: 221
#	END
#	my @mail = $pb->wait_mail('alice@example.com', 1);
#
# Ends what it started when the test ends, by process id, and prints the logs
# when the test failed.  Needs PB_SRC and PB_BIN, or finds them from its own place.
use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox::Client;

our $PASSWORD = 'Secret-word-1';
our $SRC = $ENV{PB_SRC} || abs_path(dirname(__FILE__) . '/../..');
our $BIN = $ENV{PB_BIN} || "$SRC/build/tree/prog";

# Offsets of the services from --base-port, as mailctl init documents them.
our %OFFSET = (smtp => 0, smtps => 1, submission => 2, pop3 => 3, pop3s => 4, imap => 5, imaps => 6);
our %IS_TLS = map { $_ => 1 } qw(smtps pop3s imaps);

my @live;

# Options: host => name; settings => { name => value }; args => [ more for init ];
# top_mode => mode of the folder in which the instance lies (0755); under => where that lies.
sub new {
	my ($class, %o) = @_;
	my $top = tempdir('pillarbox-t-XXXXXX', $o{under} ? (DIR => $o{under}) : (TMPDIR => 1));
	chmod $o{top_mode} // 0755, $top;
	my $self = bless {
		top => $top, dir => "$top/i", host => $o{host} || 'mail.test.example',
		base => free_ports(7), pid => $$, %o,
	}, $class;
	my ($rc, $out, $err) = $self->run("$BIN/mailctl", 'init', $self->{dir}, '--base-port', $self->{base},
		'--host-name', $self->{host}, '--admin', 'root-admin', '--admin-password', $PASSWORD,
		@{ $o{args} || [] });
	die "mailctl init: exit $rc\n$out$err" if $rc != 0;
	$self->set(%{ $o{settings} }) if $o{settings};
	push @live, $self;
	return $self;
}

sub dir { $_[0]{dir} }
sub port { $_[0]{base} + $OFFSET{ $_[1] } }
sub program { "$BIN/$_[1]" }

# A run of n ports (20 at most) that are free now, below the range the kernel hands
# out.  Tests run side by side: a file for each twenty is locked until this process
# and its children end.
my @port_locks;
sub free_ports {
	my ($n) = @_;
	my $dir = ($ENV{TMPDIR} || '/tmp') . '/pillarbox-ports';
	die "not more than 20 ports at once\n" if $n > 20;
	chmod 01777, $dir if mkdir $dir;
	for (1 .. 500) {
		my $base = 10000 + 20 * int(rand(1000));
		open my $lock, '>>', "$dir/$base" or next;
		chmod 0666, "$dir/$base";
		next if !flock $lock, LOCK_EX | LOCK_NB;
		my @socks;
		for my $p ($base .. $base + $n - 1) {
			my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $p,
				Proto => 'tcp', Listen => 1, ReuseAddr => 1) or last;
			push @socks, $s;
		}
		next if @socks < $n;
		push @port_locks, $lock;
		return $base;
	}
	die "no free ports\n";
}

# Run a program to its end: (exit code, stdout, stderr).  $input goes to its stdin.
sub run_input {
	my ($self, $input, @cmd) = @_;
	my $base = "$self->{top}/run." . ++$self->{runs};
	open my $in, '>', "$base.in" or die "$base.in: $!";
	binmode $in;
	print $in $input;
	close $in;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', "$base.in" or POSIX::_exit(126);
		open STDOUT, '>', "$base.out" or POSIX::_exit(126);
		open STDERR, '>', "$base.err" or POSIX::_exit(126);
		exec { $cmd[0] } @cmd or POSIX::_exit(127);
	}
	my $status = wait_pid($pid, 60);
	return ($status & 127 ? 128 + ($status & 127) : $status >> 8, slurp("$base.out"), slurp("$base.err"));
}

sub run { my ($self, @cmd) = @_; return $self->run_input('', @cmd) }

sub wait_pid {
	my ($pid, $seconds) = @_;
	my $end = time + $seconds;
	while (time < $end) {
		return $? if waitpid($pid, WNOHANG) == $pid;
		sleep 0.01;
	}
	kill 'KILL', $pid;
	waitpid($pid, 0);
	diag("process $pid was killed after $seconds s");
	return $?;
}

# mailctl on this instance: (exit code, stdout, stderr).
sub ctl { my ($self, @args) = @_; return $self->run("$BIN/mailctl", '-r', $self->{dir}, @args) }

# The same for calls that must succeed; returns stdout.
sub ctl_ok {
	my ($self, @args) = @_;
	my ($rc, $out, $err) = $self->ctl(@args);
	die "mailctl @args: exit $rc\n$out$err" if $rc != 0;
	return $out;
}

sub set {
	my ($self, %values) = @_;
	$self->ctl_ok('set', $_, $values{$_}) for sort keys %values;
}

sub domain {
	my ($self, $name) = @_;
	return if $self->{domains}{$name}++;
	$self->ctl_ok('domain', 'add', $name, '--admin', 'postmaster', '--password', $PASSWORD);
}

sub user {
	my ($self, $address, $password) = @_;
	(my $domain = $address) =~ s/.*@//;
	$self->domain($domain);
	$self->ctl_ok('user', 'add', $address, '--password', $password // $PASSWORD)
		unless $address eq "postmaster\@$domain";
}

# Options: through => [ program and arguments that run mailctl ].
sub start {
	my ($self, %o) = @_;
	my ($rc, $out, $err) = $self->run(@{ $o{through} || [] }, "$BIN/mailctl", '-r', $self->{dir}, 'start');
	die "mailctl start: exit $rc\n$out$err" if $rc != 0;
	$self->{started} = 1;
	$self->wait_port($_) for sort keys %OFFSET;
	return $self;
}

sub wait_port {
	my ($self, $name) = @_;
	my $end = time + 30;
	while (time < $end) {
		return if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->port($name),
			Proto => 'tcp', Timeout => 2);
		sleep 0.05;
	}
	die "port of $name does not answer\n";
}

sub stop {
	my ($self) = @_;
	return unless delete $self->{started};
	my @pids = $self->pids;
	my ($rc, $out, $err) = $self->ctl('stop');
	diag("mailctl stop: exit $rc\n$out$err") if $rc != 0;
	my $end = time + 20;
	sleep 0.05 while time < $end && grep { kill 0, $_ } $self->pids;
	for my $pid ($self->pids) {
		diag("process $pid was still there: " . cmdline($pid));
		kill 'KILL', $pid;
	}
}

# Processes of this instance: those whose command line names its folder.
sub pids {
	my ($self) = @_;
	my @pids;
	for my $p (glob '/proc/[0-9]*') {
		my ($pid) = $p =~ /(\d+)$/;
		next if $pid == $$;
		my $cmd = cmdline($pid);
		push @pids, $pid if $cmd =~ /(?:^|\0)\Q$self->{dir}\E(?:\0|$)/ && $cmd !~ m{^[^\0]*mailctl\0};
	}
	return @pids;
}

sub pids_of {
	my ($self, $program) = @_;
	return grep { cmdline($_) =~ m{^[^\0]*\Q$program\E(?:\0|$|:| )} } $self->pids;
}

sub cmdline { my ($pid) = @_; return slurp("/proc/$pid/cmdline") }

sub slurp {
	my ($path) = @_;
	open my $f, '<', $path or return '';
	binmode $f;
	local $/;
	return scalar(<$f>) // '';
}

sub spew {
	my ($path, $text) = @_;
	open my $f, '>', $path or die "$path: $!";
	binmode $f;
	print $f $text;
	close $f or die "$path: $!";
}

# A connected client; the greeting is read, TLS done on the ports that begin with it.
sub connect {
	my ($self, $service, %o) = @_;
	(my $protocol = $service) =~ s/s$//;
	$protocol = 'smtp' if $protocol =~ /^(?:submission|smtp)/;
	$protocol = 'pop3' if $protocol =~ /^pop3/;
	return Pillarbox::Client->new(port => $self->port($service), protocol => $protocol,
		tls => $IS_TLS{$service}, %o);
}

# Send one message by SMTP with log-in over TLS; returns the reply to its end.
sub send_mail {
	my ($self, %m) = @_;
	my $c = $self->connect($m{service} || 'smtps');
	$c->expect('EHLO client.test.example', qr/^250/);
	$c->login($m{from}, $m{password} // $PASSWORD) unless $m{no_login};
	$c->expect("MAIL FROM:<$m{from}>", qr/^250/);
	$c->expect("RCPT TO:<$_>", qr/^250/) for ref $m{to} ? @{ $m{to} } : $m{to};
	$c->expect('DATA', qr/^354/);
	my $text = $m{text} // "From: $m{from}\nTo: nobody\nSubject: " . ($m{subject} // 'test') . "\n\nbody\n";
	$text =~ s/\r?\n/\r\n/g;
	$text =~ s/^\./../mg;
	my $reply = $c->command($text . '.');
	$c->command('QUIT');
	return $reply;
}

sub maildir {
	my ($self, $address) = @_;
	my ($user, $domain) = split /@/, $address;
	return "$self->{dir}/domains/$domain/users/$user/Maildir";
}

# The message files in a user's INBOX.
sub mail {
	my ($self, $address) = @_;
	my $m = $self->maildir($address);
	return grep { -f $_ } glob("$m/new/* $m/cur/*");
}

# The same once there are n of them; fails the test after some seconds.
sub wait_mail {
	my ($self, $address, $n, $seconds) = @_;
	my $end = time + ($seconds || 20);
	sleep 0.05 while time < $end && $self->mail($address) < $n;
	my @mail = $self->mail($address);
	fail("$address has " . @mail . " messages, not $n") if @mail < $n;
	return @mail;
}

# The text of the delivered message with this Subject (text, or an expression for the whole of it); '' when
# none comes within some seconds.
sub wait_subject {
	my ($self, $address, $subject, $seconds) = @_;
	my $is = ref $subject ? $subject : qr/\Q$subject\E/;
	my $end = time + ($seconds || 20);
	while (time < $end) {
		for my $file ($self->mail($address)) {
			my $text = slurp($file);
			return $text if $text =~ /^Subject: $is\r$/m;
		}
		sleep 0.05;
	}
	return '';
}

# All of today's log text of one kind (smtpLog, delivery ...), or of every kind.
sub log_text {
	my ($self, $kind) = @_;
	$kind //= '*';
	return join '', map { slurp($_) } sort glob("$self->{dir}/log/*-$kind.log");
}

sub wait_log {
	my ($self, $kind, $re, $seconds) = @_;
	my $end = time + ($seconds || 10);
	while (time < $end) {
		return 1 if $self->log_text($kind) =~ $re;
		sleep 0.1;
	}
	return 0;
}

# Replay a transcript three ways, each as one test: as it stands, one byte per
# write, and all that the client says in one write.  "S: text" is the beginning
# of a server line, "S: /re/" an expression; between two C: lines the server may
# say more lines than are listed only when one of them is "S: ...".  Nothing may
# follow the last line, and all that the server says must be the same each way.
# Options: ways; local => address to come from; then => sub that goes on with the client
# and returns '' or what is wrong.
sub transcript {
	my ($self, $service, $text, $name, %o) = @_;
	my $first;
	for my $way (@{ $o{ways} || [ 'lines', 'bytes', 'whole' ] }) {
		my $c = $self->connect($service, no_greeting => 1, local => $o{local});
		my $error = $c->replay($text, $way, $o{then});
		is($error, '', "$name ($way)");
		$first //= $c->{heard};
		is_deeply($c->{heard}, $first, "$name: the same replies ($way)") if $c->{heard} != $first;
		$c->close;
	}
	return $first;
}

sub dump_logs {
	my ($self) = @_;
	for my $f (sort(glob("$self->{dir}/log/*"), glob("$self->{top}/*.log"))) {
		my @lines = split /\n/, slurp($f);
		splice @lines, 0, @lines - 60 if @lines > 60;
		diag("--- $f", map { "\n$_" } @lines) if @lines;
	}
}

sub end_all {
	my ($code) = @_;
	my $failed = $code != 0 || !Test::More->builder->is_passing;
	for my $self (grep { $_->{pid} == $$ } @live) {
		$self->dump_logs if $failed;
		$self->stop;
		remove_tree($self->{top}) unless $ENV{PB_KEEP};
		diag("kept $self->{top}") if $ENV{PB_KEEP};
	}
}

END { my $code = $?; end_all($code); $? = $code }
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

1;
