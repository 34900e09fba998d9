package Pillarbox::Client;

# Pillarbox::Client: a line client for SMTP, POP3 and IMAP in tests.  Every
# read has a time limit; a time-out or an end of the connection is the line ''.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

sub new {
	my ($class, %o) = @_;
	my $s = $o{sock} || IO::Socket::INET->new(PeerAddr => $o{host} || '127.0.0.1', PeerPort => $o{port},
		LocalAddr => $o{local}, Proto => 'tcp', Timeout => 10)
		or die "connect to port $o{port}: $!\n";
	setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1 unless $o{sock};
	my $self = bless { sock => $s, buf => '', timeout => 20, tag => 0, %o }, $class;
	$self->start_tls if $o{tls};
	$self->{greeting} = $self->reply unless $o{no_greeting};
	return $self;
}

# Turn the connection into TLS; certificates of tests are self-signed.  Options: those of IO::Socket::SSL.
sub start_tls {
	my ($self, %ssl) = @_;
	require IO::Socket::SSL;
	IO::Socket::SSL->start_SSL($self->{sock}, SSL_verify_mode => 0, Timeout => 20,
		SSL_hostname => '', %ssl) or die "TLS: $IO::Socket::SSL::SSL_ERROR\n";
	$self->{is_tls} = 1;
}

sub fill {
	my ($self, $end) = @_;
	my $s = $self->{sock};
	while (1) {
		if (!$self->{is_tls} || !$s->pending) {
			my $left = $end - time;
			return 0 if $left <= 0 || !IO::Select->new($s)->can_read($left);
		}
		my $n = sysread $s, my $part, 65536;
		next if !defined $n && ($!{EAGAIN} || $!{EINTR});
		return 0 if !$n;
		$self->{buf} .= $part;
		return 1;
	}
}

# The next line without its line end; '' at the end or after the time limit.
sub line {
	my ($self, $seconds) = @_;
	my $end = time + ($seconds || $self->{timeout});
	while ($self->{buf} !~ /\n/) {
		return '' unless $self->fill($end);
	}
	$self->{buf} =~ s/^(.*?)\r?\n//s;
	return $1;
}

# Exactly n bytes, or fewer at the end.
sub bytes {
	my ($self, $n) = @_;
	my $end = time + $self->{timeout};
	while (length $self->{buf} < $n) {
		last unless $self->fill($end);
	}
	return substr $self->{buf}, 0, $n, '';
}

# True when the server closes without another byte.
sub at_end {
	my ($self, $seconds) = @_;
	return $self->{buf} eq '' && !$self->fill(time + ($seconds || $self->{timeout}));
}

sub send_raw {
	my ($self, $data) = @_;
	local $SIG{PIPE} = 'IGNORE';
	while (length $data) {
		my $n = syswrite $self->{sock}, $data;
		next if !defined $n && ($!{EAGAIN} || $!{EINTR});
		return 0 if !$n;
		substr $data, 0, $n, '';
	}
	return 1;
}

# One whole reply: all lines of an SMTP reply, one line of POP3, and for IMAP
# everything up to the tagged line of the last command (or one greeting line).
sub reply {
	my ($self) = @_;
	my @lines;
	while (1) {
		my $l = $self->line;
		push @lines, $l;
		last if $l eq '' && $self->{buf} eq '';
		next if $self->{protocol} eq 'smtp' && $l =~ /^\d{3}-/;
		if ($self->{protocol} eq 'imap' && $self->{pending}) {
			while ($l =~ /\{(\d+)\}$/) {
				$lines[-1] .= "\r\n" . $self->bytes($1);
				$lines[-1] .= $l = $self->line;
			}
			last if $l =~ /^(?:\Q$self->{pending}\E |\+)/;
			next;
		}
		last;
	}
	return join "\n", @lines;
}

# Send a command (a tag is put before it in IMAP) and return the whole reply.
sub command {
	my ($self, $text) = @_;
	if ($self->{protocol} eq 'imap') {
		$self->{pending} = 'a' . ++$self->{tag};
		$text = "$self->{pending} $text";
	}
	$self->send_raw("$text\r\n");
	return $self->reply;
}

# A POP3 answer of several lines: (status line, lines with dots removed).
sub lines_command {
	my ($self, $text) = @_;
	my $status = $self->command($text);
	my @lines;
	if ($status =~ /^\+OK/) {
		while ((my $l = $self->line) ne '.') {
			last if $l eq '' && $self->{buf} eq '' && $self->at_end(0.01);
			$l =~ s/^\.//;
			push @lines, $l;
		}
	}
	return ($status, @lines);
}

# The same, but dies unless the last line of the reply matches.
sub expect {
	my ($self, $text, $re) = @_;
	my $reply = $self->command($text);
	my $last = (split /\n/, $reply)[-1] // '';
	die "$text: got '$reply'\n" unless $last =~ $re;
	return $reply;
}

sub login {
	my ($self, $user, $password) = @_;
	if ($self->{protocol} eq 'smtp') {
		$self->expect('AUTH PLAIN ' . encode_base64("\0$user\0$password", ''), qr/^235/);
	} elsif ($self->{protocol} eq 'pop3') {
		$self->expect("USER $user", qr/^\+OK/);
		$self->expect("PASS $password", qr/^\+OK/);
	} else {
		$self->expect(qq(LOGIN "$user" "$password"), qr/^a\d+ OK/);
	}
}

sub close { my ($self) = @_; CORE::close($self->{sock}) if $self->{sock}; delete $self->{sock} }

# -- transcripts ------------------------------------------------------------

sub steps {
	my ($text) = @_;
	my @steps;
	for my $l (split /\n/, $text) {
		next if $l =~ /^\s*(?:#|$)/;
		$l =~ /^\s*([CS]): ?(.*)$/ or die "bad transcript line: $l\n";
		push @steps, [ $1, $2 ];
	}
	return @steps;
}

sub matches {
	my ($want, $got) = @_;
	return $got =~ /$1/ if $want =~ m{^/(.*)/$};
	return index($got, $want) == 0;
}

sub unescape {
	my ($s) = @_;
	$s =~ s/\\r/\r/g;
	$s =~ s/\\n/\n/g;
	$s =~ s/\\x([0-9a-f]{2})/chr hex $1/gie;
	return $s;
}

sub say_step {
	my ($self, $data, $way) = @_;
	return $self->send_raw($data) if $way ne 'bytes';
	for my $c (split //, $data) {
		return 0 unless $self->send_raw($c);
	}
	return 1;
}

# A reply without the numbers that differ from session to session: tickets, ids, times.
sub normalised { my ($line) = @_; return $line =~ s/\d{9,}/N/gr =~ s/\d{4}-\d\d-\d\dT[\d:]+Z/TIME/gr }

# What the server says beyond the transcript; a session that it does not end is ended from here.
sub is_over {
	my ($self) = @_;
	shutdown $self->{sock}, 1;
	return '' if $self->at_end;
	return "something follows the last line: '" . $self->line . "'";
}

# Replay a transcript; '' when all came as written and nothing after it, else what went wrong.
# $self->{heard} has every line of the server, normalised.  Whoever gives $then goes on with
# the session by it, instead of ending it.
sub replay {
	my ($self, $text, $way, $then) = @_;
	my @steps = steps($text);
	$self->{heard} = [];
	if ($way eq 'whole') {
		my ($first) = grep { $steps[$_][0] eq 'C' } 0 .. $#steps;
		my $all = join '', map { unescape($_->[1]) . "\r\n" } grep { $_->[0] eq 'C' } @steps;
		@steps = grep { $_->[0] eq 'S' } @steps;
		splice @steps, $first // 0, 0, [ 'C', $all ];
	}
	my $any = 0;
	for my $step (@steps) {
		my ($who, $what) = @$step;
		if ($who eq 'C') {
			my $data = $way eq 'whole' ? $what : unescape($what) . "\r\n";
			$self->say_step($data, $way);
			$any = 0;
			next;
		}
		if ($what eq '...') { $any = 1; next }
		my $got;
		do {
			$got = $self->line;
			push @{ $self->{heard} }, normalised($got);
			return "expected '$what', got the end" if $got eq '' && $self->{buf} eq '' && $what ne '';
		} while ($any && !matches($what, $got));
		return "expected '$what', got '$got'" unless matches($what, $got);
		$any = 0;
	}
	return $then ? $then->($self) : $self->is_over;
}

1;
