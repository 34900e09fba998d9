package Pillarbox::Messages;

# Pillarbox::Messages: the real messages of the shared test data, and how a
# delivered one is compared with what was sent.
use strict;
use warnings;
use Exporter qw(import);
use File::Basename qw(basename);
use Pillarbox;

our @EXPORT_OK = qw(real_messages wire without_trace is_legal by_swaks by_msmtp);
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

# Send as bob@example.com, with log-in over TLS: (exit code, stdout, stderr) of
# the client.  Code 0 means that the server said 250 to the message.
sub by_swaks {
	my ($pb, $text, @to) = @_;
	my $data = wire($text);
	$data =~ s/^\./../mg;
	Pillarbox::spew("$pb->{top}/data", $data . ".\r\n");
	# -ndf: swaks sends exactly these bytes.
	return $pb->run('swaks', '--server', '127.0.0.1:' . $pb->port('submission'), '--tls', '--auth', 'PLAIN',
		'--auth-user', 'bob@example.com', '--auth-password', $Pillarbox::PASSWORD, '--from', 'bob@example.com',
		'--to', join(',', @to), '--data', '@' . "$pb->{top}/data", '-ndf', '--timeout', 30);
}

sub by_msmtp {
	my ($pb, $text, @to) = @_;
	return $pb->run_input($text, 'msmtp', '--host=127.0.0.1', '--port=' . $pb->port('smtps'), '--tls=on',
		'--tls-starttls=off', '--tls-certcheck=off', '--auth=plain', '--user=bob@example.com',
		"--passwordeval=echo $Pillarbox::PASSWORD", '--from=bob@example.com', '--timeout=30',
		'--add-missing-from-header=off', '--add-missing-date-header=off', '--', @to);
}

sub first_line {
	my ($text) = @_;
	return ($text =~ /\A([^\n]*\n)/)[0] // $text;
}

1;
