package Pillarbox::Milter;

# Pillarbox::Milter: t/smtp/test-milter as a milter at a socket in run/pub.
#
#	my $milter = Pillarbox::Milter->new($pb, 'test-milter');	# answers when this returns
#	$milter->restart if $milter->has_died;
#	Pillarbox::Milter::ask($pb, 'unix:test-milter', "inet:$port\@127.0.0.1");	# these, in this order
#
# Ends with the test.
use strict;
use warnings;
use IO::Socket::UNIX;
use Pillarbox ();
use Pillarbox::Child;
use Time::HiRes qw(sleep time);

sub new {
	my ($class, $pb, $name) = @_;
	return bless({ pb => $pb, path => "$pb->{dir}/run/pub/$name" }, $class)->restart;
}

# From the next session on the server asks these milters and no others; it waits long for each.
sub ask {
	my ($pb, @sockets) = @_;
	my $file = $pb->dir . '/etc/mailconfig.xml';
	my $text = Pillarbox::slurp($file);
	$text =~ s{<milters>.*</milters>\s*}{}s;
	Pillarbox::spew($file, $text);
	$pb->ctl_ok('set', '--add', 'milters/milter', "socket=$_", 'failMode=reject', 'timeout=60') for @sockets;
	$pb->ctl_ok('reload');
}

sub restart {
	my ($self) = @_;
	$self->stop;
	unlink $self->{path};
	$self->{child} = Pillarbox::Child->program("$self->{pb}{top}/milter.log", "$Pillarbox::BIN/../t/smtp/test-milter", "local:$self->{path}");
	my $end = time + 20;
	until (-S $self->{path} && chmod(0666, $self->{path}) && IO::Socket::UNIX->new(Peer => $self->{path})) {
		die "test-milter does not answer\n" if time > $end;
		sleep 0.05;
	}
	return $self;
}

# True once the process has ended, waiting some seconds for that.
sub has_died { my ($self) = @_; return $self->{child}->has_ended(10) }

sub stop {
	my ($self) = @_;
	my $child = delete $self->{child} or return;
	$child->stop;
}

1;
