package Pillarbox::Dns;

# Pillarbox::Dns: a name server on loopback whose answers are the test's, good
# and malformed ones, by UDP and TCP.
#
#	my $dns = Pillarbox::Dns->new(<<'END', 'odd.test' => sub { my ($type) = @_; ... });
#	good.test MX 10 mail.good.test
#	good.test TXT v=spf1 mx -all
#	mail.good.test A 192.0.2.1
#	slow.test TIMEOUT
#	fail.test SERVFAIL
#	END
#	$pb->set(primaryDns => $dns->address);
#
# A name with records of other types has no data of the one asked for; another
# name does not exist.  A TXT record is cut into strings of 255 bytes.  A sub
# is asked for its name and those below it, with the type ("MX") and the name; it
# returns undef (no answer), { rcode => N }, { records => [ "name TYPE data", ... ] }
# or { raw => sub { my ($id, $question) = @_; return bytes } }.
#
# The server is our child and ends with the test.
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use Pillarbox::Child;
use Socket;

my %TYPE = (A => 1, CNAME => 5, SOA => 6, PTR => 12, MX => 15, TXT => 16, AAAA => 28);
my %NAME = reverse %TYPE;
our $TTL = 60;		# seconds; of servers begun from now on, as the next two
our $ADDRESS = '127.0.0.1';
our $PORT = 0;		# 0: any; 53 for programs that ask no other, root can have that

sub new {
	my ($class, $zone, %special) = @_;
	my $self = bless { dir => tempdir('pillarbox-dns-XXXXXX', TMPDIR => 1, CLEANUP => 1), special => \%special, address => $ADDRESS }, $class;
	$self->add_zone($zone // '');
	for (1 .. 100) {
		$self->{udp} = IO::Socket::INET->new(LocalAddr => $ADDRESS, LocalPort => $PORT, Proto => 'udp') or next;
		$self->{port} = $self->{udp}->sockport;
		$self->{tcp} = IO::Socket::INET->new(LocalAddr => $ADDRESS, LocalPort => $self->{port}, Proto => 'tcp', Listen => 50) and last;
	}
	die "no port for a DNS server\n" unless $self->{tcp};
	open $self->{log}, '>>', "$self->{dir}/queries" or die "queries: $!";
	$self->{log}->autoflush(1);
	$self->{child} = Pillarbox::Child->code(sub { $self->serve });
	delete @$self{qw(udp tcp)};
	return $self;
}

sub address { return "$_[0]{address}\@$_[0]{port}" }

# What was asked since the last call: a list of "name TYPE".
sub queries {
	my ($self) = @_;
	open my $in, '<', "$self->{dir}/queries" or return;
	seek $in, $self->{seen} // 0, 0;
	my @lines = <$in>;
	$self->{seen} = tell $in;
	chomp @lines;
	return @lines;
}

sub stop { my ($self) = @_; $self->{child}->stop }

# -- the server ---------------------------------------------------------------

sub add_zone {
	my ($self, $zone) = @_;
	for (split /\n/, $zone) {
		my ($name, $type, $data) = /^(\S+) (\S+) ?(.*)$/ or die "not a record: $_\n";
		push @{ $self->{zone}{ lc $name } }, [ $type, $data ];
	}
}

sub serve {
	my ($self) = @_;
	my $ready = IO::Select->new($self->{udp}, $self->{tcp});
	while (1) {
		for my $s ($ready->can_read) {
			if ($s == $self->{udp}) {
				my $peer = $s->recv(my $query, 4096) or next;
				my $reply = $self->reply_to($query, 1232) // next;
				$s->send($reply, 0, $peer);
			} else {
				my $c = $s->accept or next;
				$self->serve_tcp($c);
			}
		}
	}
}

# One query a connection; a client that is slow is not waited for.
sub serve_tcp {
	my ($self, $c) = @_;
	my $in = '';
	while (length($in) < 2 || length($in) < 2 + unpack 'n', $in) {
		IO::Select->new($c)->can_read(2) or return;
		sysread($c, $in, 4096, length $in) or return;
	}
	my $reply = $self->reply_to(substr($in, 2), 65535) // return;
	local $SIG{PIPE} = 'IGNORE';
	print $c pack('n', length $reply) . $reply;
	$c->flush;
}

sub reply_to {
	my ($self, $query, $max) = @_;
	my ($end, $n, @labels) = (12);
	while ($n = ord substr($query, $end, 1)) {
		push @labels, lc substr($query, $end + 1, $n);
		$end += $n + 1;
	}
	my ($id, $question) = (substr($query, 0, 2), substr($query, 12, $end + 5 - 12));
	my ($name, $type) = (join('.', @labels), unpack 'n', substr($query, $end + 1, 2));
	syswrite $self->{log}, "$name " . ($NAME{$type} // "TYPE$type") . "\n";
	my $answer = $self->find($name, $NAME{$type} // '') // return;
	return $answer->{raw}->($id, $question) if $answer->{raw};
	my @records = map { wire($_) } @{ $answer->{records} // [] };
	my $authority = @records ? '' : negative();
	my $reply = $id . pack('n5', 0x8180 | ($answer->{rcode} // 0), 1, scalar @records, $authority eq '' ? 0 : 1, 0)
		. $question . join('', @records) . $authority;
	return $id . pack('n5', 0x8380, 1, 0, 0, 0) . $question if length $reply > $max;
	return $reply;
}

sub find {
	my ($self, $name, $type) = @_;
	for my $special (keys %{ $self->{special} }) {
		return $self->{special}{$special}->($type, $name) if $name eq $special || $name =~ /\.\Q$special\E$/;
	}
	my $records = $self->{zone}{$name} // return { rcode => (grep { /\.\Q$name\E$/ } keys %{ $self->{zone} }) ? 0 : 3 };
	return undef if grep { $_->[0] eq 'TIMEOUT' } @$records;
	return { rcode => 2 } if grep { $_->[0] eq 'SERVFAIL' } @$records;
	my @found = grep { $_->[0] eq $type } @$records;
	if (my ($cname) = grep { $_->[0] eq 'CNAME' && $type ne 'CNAME' } @$records) {
		my $rest = $self->find($cname->[1], $type) // return undef;
		return { %$rest, records => [ "$name CNAME $cname->[1]", @{ $rest->{records} // [] } ] };
	}
	return { records => [ map { "$name $_->[0] $_->[1]" } @found ] };
}

sub name_wire { my ($name) = @_; $name =~ s/\.$//; return join('', map { chr(length $_) . $_ } split /\./, $name) . "\0" }

sub wire {
	my ($name, $type, $data) = split / /, $_[0], 3;
	my $rdata = $type eq 'A' ? inet_aton($data) : $type eq 'AAAA' ? Socket::inet_pton(AF_INET6, $data)
		: $type eq 'MX' ? do { my ($n, $host) = split / /, $data; pack('n', $n) . ($host eq '.' ? "\0" : name_wire($host)) }
		: $type eq 'TXT' ? join('', map { chr(length $_) . $_ } $data =~ /(.{1,255})/gs)
		: name_wire($data);
	return name_wire($name) . pack('n n N n', $TYPE{$type}, 1, $TTL, length $rdata) . $rdata;
}

# An SOA, so that the absence may be kept for a while.
sub negative {
	my $rdata = name_wire('ns.test') . name_wire('hostmaster.test') . pack 'N5', 1, 3600, 600, 86400, $TTL;
	return "\0" . pack('n n N n', $TYPE{SOA}, 1, $TTL, length $rdata) . $rdata;
}

1;
