package Pillarbox::Scan;

# Pillarbox::Scan: ask scan-check of an instance, as a program of ours does.
#
#	my $scan = Pillarbox::Scan->new($pb);
#	is($scan->ask('domain 3000 good.test'), 'resolves', ...);
#
# The questions are those of t/scan/scan-ask.c; answers have no line end.
use strict;
use warnings;
use IPC::Open2;

(my $PROGRAM = $ENV{PB_BIN} // '') =~ s{/prog/*$}{/t/scan/scan-ask};

sub available { return -x $PROGRAM }

sub new {
	my ($class, $pb) = @_;
	my $self = bless { owner => $$ }, $class;
	$self->{pid} = open2($self->{out}, $self->{in}, $PROGRAM, "$pb->{dir}/run/pub/scan");
	return $self;
}

# Send without waiting, and take the next answer.
sub send { my ($self, $question) = @_; my $in = $self->{in}; print $in "$question\n"; $in->flush }
sub answer {
	my ($self) = @_;
	my $out = $self->{out};
	my $line = <$out> // return 'died';
	chomp $line;
	$line =~ s/ +$//;
	return $line;
}
sub ask { my ($self, $question) = @_; $self->send($question); return $self->answer }

sub DESTROY {
	my ($self) = @_;
	return if $self->{owner} != $$;
	local ($?, $!);
	close $self->{in};
	kill 'TERM', $self->{pid};	# children begun later hold its input, too
	waitpid $self->{pid}, 0;
}

1;
