package Pillarbox::Milter;

# Pillarbox::Milter: t/smtp/test-milter as a milter at a socket in run/pub.
#
#	my $milter = Pillarbox::Milter->new($pb, 'test-milter');	# answers when this returns
#	$milter->restart if $milter->has_died;
#
# Ends with the test, by process id.
use strict;
use warnings;
use IO::Socket::UNIX;
use Pillarbox ();
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

my @live;

sub new {
	my ($class, $pb, $name) = @_;
	my $self = bless { pb => $pb, path => "$pb->{dir}/run/pub/$name", owner => $$ }, $class;
	push @live, $self;
	return $self->restart;
}

sub restart {
	my ($self) = @_;
	$self->stop;
	unlink $self->{path};
	$self->{pid} = fork() // die "fork: $!";
	if ($self->{pid} == 0) {
		my $program = "$Pillarbox::BIN/../t/smtp/test-milter";
		open STDERR, '>>', "$self->{pb}{top}/milter.log";
		exec { $program } $program, "local:$self->{path}" or POSIX::_exit(127);
	}
	my $end = time + 20;
	until (-S $self->{path} && chmod(0666, $self->{path}) && IO::Socket::UNIX->new(Peer => $self->{path})) {
		die "test-milter does not answer\n" if time > $end;
		sleep 0.05;
	}
	return $self;
}

# True once the process has ended, waiting some seconds for that.
sub has_died {
	my ($self) = @_;
	my $end = time + 10;
	while (time < $end) {
		return 1 if waitpid($self->{pid}, WNOHANG) == $self->{pid};
		sleep 0.05;
	}
	return 0;
}

sub stop {
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	kill 'KILL', $pid;
	waitpid $pid, 0;
}

END {
	my $code = $?;
	$_->stop for grep { $_->{owner} == $$ } @live;
	$? = $code;
}

1;
