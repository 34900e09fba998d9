package Pillarbox::AtWill;

# Pillarbox::AtWill: one session of a listener whose time passes only when the
# test says so (t/tool/clock-at-will.c), on the owners of a running instance.
#
#	my $s = Pillarbox::AtWill->new($pb, 'pop3-serve');	# greeting in $s->{client}{greeting}
#	$s->waits;		# how long, in ms, it waits for the client now
#	$s->silence(600_000);	# that much time passes
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Pillarbox;
use Pillarbox::Client;
use POSIX ();
use Socket;

my %protocol = ('smtp-listen' => 'smtp', 'pop3-serve' => 'pop3', 'imap-serve' => 'imap');
my $LOG_REST_MS = 1000;		# lib/service/session_crowd.c
my @live;

sub program {
	my ($name) = @_;
	(my $p = $Pillarbox::BIN) =~ s{/prog/?$}{/t/tool/$name-at-will};
	return $p;
}

sub new {
	my ($class, $pb, $name) = @_;
	my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1, Proto => 'tcp') or die "listen: $!";
	my $near = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $listen->sockport, Proto => 'tcp')
		or die "connect: $!";
	my $far = $listen->accept or die "accept: $!";
	socketpair(my $control, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>>', "$pb->{top}/at-will.log";
		POSIX::dup2(fileno($far), 0);
		POSIX::dup2(fileno($far), 1);
		POSIX::dup2(fileno($theirs), 9);
		exec program($name), '-r', $pb->dir or POSIX::_exit(127);
	}
	close $far;
	close $theirs;
	my $self = bless { control => $control, pid => $pid, said => '', spent => 0, client => Pillarbox::Client->new(
		sock => $near, protocol => $protocol{$name}) }, $class;
	push @live, $self;
	return $self;
}

# The ms of its next wait for the client, or 'ever'; -1 when none comes.  A session that has lines for the log
# waits a second first and sends them then: that second is let pass, and counted.
sub waits {
	my ($self) = @_;
	$self->{spent} = 0;
	my $ms = $self->next_wait;
	return $ms if $ms != $LOG_REST_MS;
	syswrite $self->{control}, "$LOG_REST_MS\n";
	$self->{spent} = $LOG_REST_MS;
	$ms = $self->next_wait;
	return $ms =~ /^\d+$/ ? $LOG_REST_MS + $ms : $ms;
}

sub next_wait {
	my ($self) = @_;
	until ($self->{said} =~ /\n/) {
		return -1 unless IO::Select->new($self->{control})->can_read(20)
			&& sysread $self->{control}, $self->{said}, 256, length $self->{said};
	}
	$self->{said} =~ s/^waits (-?\d+)\n// or return -1;
	return $1 < 0 ? 'ever' : $1;
}

# So much of that wait passes.
sub silence {
	my ($self, $ms) = @_;
	syswrite $self->{control}, $ms - $self->{spent} . "\n";
	$self->{spent} = 0;
}

# Say something and have the answer, with the program waiting again.
sub command {
	my ($self, $text) = @_;
	my $reply = $self->{client}->command($text);
	$self->waits;
	return $reply;
}

END {
	my $code = $?;
	for my $self (@live) {
		kill 'KILL', $self->{pid} if waitpid($self->{pid}, POSIX::WNOHANG()) == 0;
		waitpid $self->{pid}, 0;
	}
	$? = $code;
}

1;
