package Pillarbox::Zone;

# Pillarbox::Zone: an authoritative DNS server (nsd) for a test, on loopback.
#
#	my $zone = Pillarbox::Zone->new('remote.test' => <<'END', 'dead.test' => '...');
#	@ MX 10 mx
#	mx A 127.0.0.1
#	END
#	$pb->set(primaryDns => $zone->address);	# "127.0.0.1@PORT"
#
# The records are in master file form, the SOA and NS are added.  The server
# runs in the foreground as our child and ends with the test.
use strict;
use warnings;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Pillarbox ();
use POSIX ();
use Time::HiRes qw(sleep time);

my @live;

sub free_port {
	for (1 .. 100) {
		my $port = Pillarbox::free_ports(1);
		return $port if IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'udp');
	}
	die "no free port for a DNS server\n";
}

sub new {
	my ($class, %zones) = @_;
	my $self = bless { dir => tempdir('pillarbox-zone-XXXXXX', TMPDIR => 1), port => free_port(), owner => $$ }, $class;
	chmod 0755, $self->{dir};
	my $zones = '';
	for my $name (sort keys %zones) {
		$self->write_zone($name, $zones{$name});
		$zones .= "zone:\n  name: $name\n  zonefile: $self->{dir}/$name.zone\n";
	}
	open my $f, '>', "$self->{dir}/nsd.conf" or die "nsd.conf: $!";
	print $f <<"END";
server:
  ip-address: 127.0.0.1
  port: $self->{port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "$self->{dir}"
  database: ""
  xfrdfile: "$self->{dir}/xfrd.state"
  xfrdir: "$self->{dir}"
  zonelistfile: "$self->{dir}/zone.list"
  pidfile: "$self->{dir}/nsd.pid"
  logfile: "$self->{dir}/nsd.log"
remote-control:
  control-enable: no
$zones
END
	close $f;
	$self->start;
	push @live, $self;
	return $self;
}

sub write_zone {
	my ($self, $name, $records) = @_;
	open my $f, '>', "$self->{dir}/$name.zone" or die "$name.zone: $!";
	print $f "\$ORIGIN $name.\n\$TTL 5\n@ SOA ns hostmaster 1 3600 600 86400 5\n@ NS ns\nns A 127.0.0.1\n$records";
	close $f or die "$name.zone: $!";
}

sub start {
	my ($self) = @_;
	my ($nsd) = grep { -x } '/usr/sbin/nsd', '/usr/local/sbin/nsd' or die "nsd is not installed\n";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', "$self->{dir}/out";
		open STDERR, '>&', \*STDOUT;
		exec $nsd, '-d', '-c', "$self->{dir}/nsd.conf" or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	my $end = time + 20;
	while (time < $end) {
		return if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Proto => 'tcp', Timeout => 1);
		sleep 0.05;
	}
	die "nsd does not answer: " . `cat $self->{dir}/out $self->{dir}/nsd.log 2>&1`;
}

# As the setting primaryDns wants it.
sub address { return "127.0.0.1\@$_[0]{port}" }

sub stop {
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	kill 'TERM', $pid;
	waitpid $pid, 0;
}

END {
	my $code = $?;
	for my $zone (grep { $_->{owner} == $$ } @live) {
		$zone->stop;
		remove_tree($zone->{dir});
	}
	$? = $code;
}

1;
