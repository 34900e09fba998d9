package Pillarbox::Sink;

# Pillarbox::Sink: an SMTP server that takes everything and keeps every byte it read.
#
#	my $sink = Pillarbox::Sink->new('127.0.0.5', $port);
#	my @bytes = $sink->wires;		# what each connection brought, as it came
#	my @mail = $sink->wait_messages(3);	# texts of messages, dots taken off
#
# Only CR LF . CR LF ends a message, and only CR LF a command.
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);
use Pillarbox;

sub new {
	my ($class, $ip, $port) = @_;
	my $listen = IO::Socket::INET->new(LocalAddr => $ip, LocalPort => $port, Proto => 'tcp', Listen => 64, ReuseAddr => 1)
		or die "$ip:$port: $!";
	my $self = bless { dir => tempdir('pillarbox-sink-XXXXXX', TMPDIR => 1, CLEANUP => 1), owner => $$ }, $class;
	$self->{pid} = fork() // die "fork: $!";
	return $self if $self->{pid};
	$SIG{CHLD} = 'IGNORE';
	$SIG{PIPE} = 'IGNORE';
	my $n = 0;
	while (my $conn = $listen->accept) {
		$n++;
		next if fork();
		take($conn, sprintf '%s/%05d', $self->{dir}, $n);
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}

sub take {
	my ($conn, $file) = @_;
	open my $log, '>:raw', $file or POSIX::_exit(1);
	$log->autoflush(1);
	my ($buf, $in_data) = ("\r\n", 0);
	syswrite $conn, "220 sink.example ESMTP\r\n";
	while (sysread $conn, my $part, 65536) {
		print $log $part;
		$buf .= $part;
		while (1) {
			if ($in_data) {
				$buf =~ s/\A.*?\r\n\.\r\n/\r\n/s or last;
				$in_data = 0;
				syswrite $conn, "250 2.0.0 taken\r\n";
			} else {
				$buf =~ s/\A\r\n(.*?)(?=\r\n)//s or last;
				my $verb = uc substr $1, 0, 4;
				$in_data = $verb eq 'DATA';
				syswrite $conn, $verb eq 'EHLO' ? "250-sink.example\r\n250-SIZE 0\r\n250 8BITMIME\r\n"
					: $in_data ? "354 go on\r\n" : $verb eq 'QUIT' ? "221 2.0.0 bye\r\n" : "250 2.0.0 ok\r\n";
				return if $verb eq 'QUIT';
			}
		}
	}
}

sub wires { my ($self) = @_; return map { Pillarbox::slurp($_) } sort glob "$self->{dir}/*" }

# Commands of all connections, without the texts of messages.
sub commands {
	my ($self) = @_;
	return map { s/(?<=\r\nDATA\r\n)(?:.*?\r\n)??\.\r\n//gsr =~ /(.*?)\r\n/gs } $self->wires;
}

sub messages {
	my ($self) = @_;
	my @texts = map { /\r\nDATA\r\n((?:.*?\r\n)??)\.\r\n/gs } $self->wires;
	s/^\.//mg for @texts;
	return @texts;
}

sub wait_messages {
	my ($self, $n) = @_;
	my $end = time + 40;
	sleep 0.1 while time < $end && $self->messages < $n;
	return $self->messages;
}

sub DESTROY {
	my ($self) = @_;
	local $?;
	return if $self->{owner} != $$;
	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
}

1;
