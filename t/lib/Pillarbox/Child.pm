package Pillarbox::Child;

# Pillarbox::Child: a process that a test starts beside the server, a program or code
# of the test's own, in a process group that ends with the test.
#
#	my $p = Pillarbox::Child->program("$pb->{top}/milter.log", '/usr/sbin/opendkim', '-f', ...);
#	ok($p->answers($port), 'opendkim');	# somebody listens there
#	my $server = Pillarbox::Child->code(sub { ... });
#	$p->stop;
#
# A program is asked to end (SIGTERM) before it is killed; code is killed.
use strict;
use warnings;
use IO::Socket::INET;
use Pillarbox ();
use POSIX qw(WNOHANG);
use Test::More ();
use Time::HiRes qw(sleep time);

my @live;

sub program {
	my ($class, $log, @cmd) = @_;
	my $self = $class->begin(sub {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', $log;
		open STDERR, '>&', \*STDOUT;
		exec { $cmd[0] } @cmd;
	});
	$self->{name} = $cmd[0];
	return $self;
}

sub code {
	my ($class, $code) = @_;
	my $self = $class->begin($code);
	$self->{is_ours} = 1;
	return $self;
}

sub begin {
	my ($class, $code) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		setpgrp;
		eval { $code->() };
		POSIX::_exit(127);
	}
	my $self = bless { pid => $pid, owner => $$ }, $class;
	push @live, $self;
	return $self;
}

# True when somebody listens on this port of loopback within some seconds.
sub answers {
	my ($self, $port, $seconds) = @_;
	my $end = time + ($seconds // 25);
	while (time < $end) {
		return 1 if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1);
		sleep 0.05;
	}
	Test::More::diag(($self->{name} // 'a child') . " does not answer");
	return 0;
}

# True once the process has ended, waiting so long for that.
sub has_ended {
	my ($self, $seconds) = @_;
	my $end = time + $seconds;
	while (defined $self->{pid} && waitpid($self->{pid}, WNOHANG) == 0) {
		return 0 if time > $end;
		sleep 0.02;
	}
	delete $self->{pid};
	return 1;
}

sub stop {
	my ($self) = @_;
	my $pid = $self->{pid} // return;
	if (!$self->{is_ours}) {
		kill 'TERM', -$pid or kill 'TERM', $pid;	# the group may not be there yet
		$self->has_ended(2);
	}
	kill 'KILL', -$pid;		# what it started, perhaps
	return if !defined $self->{pid};
	kill 'KILL', $pid;
	waitpid $pid, 0;
	delete $self->{pid};
}

END {
	my $code = $?;
	$_->stop for grep { $_->{owner} == $$ } @live;
	$? = $code;
}

1;
