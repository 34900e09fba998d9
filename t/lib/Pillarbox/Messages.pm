package Pillarbox::Messages;

# Pillarbox::Messages: the real messages of the shared test data, and how a
# delivered one is compared with what was sent.
use strict;
use warnings;
use Exporter qw(import);
use File::Basename qw(basename);

our @EXPORT_OK = qw(real_messages wire without_trace is_legal);
our $DIR = $ENV{PB_SHARED} ? "$ENV{PB_SHARED}/data/mime" : "$ENV{PB_SRC}/../shared/data/mime";

# name => bytes as they lie in the file; empty when the data is not there.
sub real_messages {
	my %m;
	for my $file (glob "$DIR/*.eml") {
		open my $f, '<:raw', $file or die "$file: $!";
		local $/;
		$m{ basename($file, '.eml') } = <$f>;
	}
	return %m;
}

# As it goes over the wire: every line ends with CRLF, the last one too.
sub wire {
	my ($text) = @_;
	$text =~ s/\r?\n/\r\n/g;
	$text .= "\r\n" unless $text =~ /\n\z/;
	return $text;
}

# What SMTP can carry at all (RFC 5321 2.3.8, 4.5.2): no NUL, no bare CR.
sub is_legal {
	my ($text) = @_;
	return $text !~ /\0/ && $text !~ /\r(?!\n)/;
}

# A delivered message without the fields that were put before it: Return-Path
# and Received, and Date and Message-ID where the sent one had none (RFC 6409 8).
sub without_trace {
	my ($got, $sent) = @_;
	my ($head) = $sent =~ /\A(.*?\r\n)\r\n/s;
	my @added = ('Return-Path', 'Received', grep { ($head // $sent) !~ /^$_:/mi } 'Date', 'Message-ID');
	my $name = join '|', @added;
	my $first = first_line($sent);
	while (index($got, $first) != 0 && $got =~ s/\A(?:$name):[^\n]*\n(?:[ \t][^\n]*\n)*//i) {
	}
	return $got;
}

sub first_line {
	my ($text) = @_;
	return ($text =~ /\A([^\n]*\n)/)[0] // $text;
}

1;
