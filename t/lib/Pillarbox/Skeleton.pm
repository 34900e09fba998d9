package Pillarbox::Skeleton;

# Pillarbox::Skeleton: an instance that runs mail-master, event-log and, in
# place of pop3-serve, the test server t/service/pool-server: for tests of
# lib/service and mail-master alone.
#
#	my $sk = Pillarbox::Skeleton->new(popMaxConnections => 4);
#	$sk->start;
#	my $c = $sk->session;		# { sock, ticket, pid }
#
# The programs are copied into a folder of their own, where mail-master finds
# its sisters; those that are not there are tried again and again, which is
# part of the test.
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Pillarbox;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(wait_until);

my @live;
(my $tests = $Pillarbox::BIN) =~ s{/prog/*$}{/t/service};

sub wait_until {
	my ($seconds, $test) = @_;
	my $end = time + $seconds;
	while (time < $end) {
		return 1 if $test->();
		sleep 0.02;
	}
	return $test->() ? 1 : 0;
}

sub new {
	my ($class, %settings) = @_;
	my $top = tempdir('pillarbox-s-XXXXXX', TMPDIR => 1);
	chmod 0755, $top;
	my $self = bless { top => $top, dir => "$top/i", bin => "$top/bin",
		port => Pillarbox::free_ports(1), pid => $$, settings => \%settings }, $class;
	make_path("$self->{dir}/etc", "$self->{dir}/domains/watched/new", "$self->{dir}/domains/watched/cur",
		$self->{bin});
	for (['mail-master', "$Pillarbox::BIN/mail-master"], ['event-log', "$Pillarbox::BIN/event-log"],
	    ['pop3-serve', "$tests/pool-server"]) {
		copy($_->[1], "$self->{bin}/$_->[0]") or die "$_->[1]: $!";
		chmod 0755, "$self->{bin}/$_->[0]";
	}
	$self->write_settings;
	push @live, $self;
	return $self;
}

sub write_settings {
	my ($self, %more) = @_;
	my %s = (popSpareMin => 2, popSpareMax => 4, popMaxBadCommands => 1, popMaxConnections => 20,
		%{ $self->{settings} }, %more);
	my $text = join '', map { "<$_>$s{$_}</$_>\n" } sort keys %s;
	Pillarbox::spew("$self->{dir}/etc/mailconfig.xml", "<mailConfig>\n<bindings>\n"
		. "<ipAddress><address>127.0.0.1</address></ipAddress>\n"
		. "<port><number>$self->{port}</number><service>pop3</service></port>\n"
		. "</bindings>\n$text</mailConfig>\n");
	chmod 0640, "$self->{dir}/etc/mailconfig.xml";
}

sub start {
	my ($self) = @_;
	$self->{master} = fork() // die "fork: $!";
	if ($self->{master} == 0) {
		open STDERR, '>>', "$self->{top}/master.err";
		exec "$self->{bin}/mail-master", '-r', $self->{dir}, '--foreground' or POSIX::_exit(127);
	}
	wait_until(20, sub { $self->state('pop3-serve') eq 'running' })
		or die "pop3-serve is not running\n" . Pillarbox::slurp("$self->{top}/master.err");
	return $self;
}

# One request to a control socket of the instance: (exit code, verb, { key => [values] }).
sub ask {
	my ($self, $socket, @words) = @_;
	my $pid = open(my $out, '-|', "$tests/control-ask", "$self->{dir}/run/$socket", @words) // die "fork: $!";
	my @lines = <$out>;
	close $out;
	my $code = $? >> 8;
	chomp @lines;
	my $verb = shift @lines;
	my %fields;
	for (@lines) {
		push @{ $fields{$1} }, $2 if /^([^=]*)=(.*)/;
	}
	return ($code, $verb // '', \%fields);
}

# Words of `status` about a unit: (state, pid, seconds, restarts).
sub unit {
	my ($self, $name) = @_;
	my ($code, undef, $f) = ask($self, 'master', 'status');
	return ('', 0, 0, 0) if $code != 0;
	for (@{ $f->{service} }) {
		my ($unit, $service, @rest) = split / /;
		return @rest if $unit eq $name;
	}
	return ('', 0, 0, 0);
}

sub state { ($_[0]->unit($_[1]))[0] }
sub parent { ($_[0]->unit('pop3-serve'))[1] }

sub children {
	my ($pid) = @_;
	return split ' ', Pillarbox::slurp("/proc/$pid/task/$pid/children");
}

sub workers { children($_[0]->parent) }

sub open_socket {
	my ($self) = @_;
	return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Proto => 'tcp',
		Timeout => 10);
}

sub session {
	my ($self) = @_;
	my $sock = $self->open_socket or die "connect: $!";
	my $line = read_line($sock);
	my ($ticket, $pid) = $line =~ /^\+OK (\d+) (\d+)/;
	return { sock => $sock, line => $line, ticket => $ticket, pid => $pid };
}

sub read_line {
	my ($sock) = @_;
	my $line = '';
	eval {
		local $SIG{ALRM} = sub { die "alarm\n" };
		alarm 15;
		$line = <$sock> // '';
		alarm 0;
	};
	alarm 0;
	$line =~ s/\r?\n//;
	return $line;
}

sub say_line {
	my ($c, $text) = @_;
	print { $c->{sock} } "$text\r\n";
	return read_line($c->{sock});
}

sub pids { Pillarbox::pids(@_) }

# Kills nothing: returns whether it ended by itself within the time.
sub stop {
	my ($self, $signal, $seconds) = @_;
	my $pid = delete $self->{master} or return 1;
	kill $signal // 'TERM', $pid;
	my $end = time + ($seconds // 30);
	while (time < $end) {
		return 1 if waitpid($pid, WNOHANG) == $pid;
		sleep 0.02;
	}
	kill 'KILL', $pid;
	waitpid($pid, 0);
	return 0;
}

sub log_text {
	my ($self, $kind) = @_;
	return join '', map { Pillarbox::slurp($_) } sort glob("$self->{dir}/log/*-$kind.log");
}

END {
	my $code = $?;
	for my $self (grep { $_->{pid} == $$ } @live) {
		if (!Test::More->builder->is_passing) {
			diag(substr(Pillarbox::slurp($_), -6000)) for grep { -s } glob("$self->{dir}/log/*.log"), "$self->{top}/master.err";
		}
		$self->stop('TERM', 30);
		kill 'KILL', $_ for $self->pids;
		remove_tree($self->{top});
	}
	$? = $code;
}

1;
