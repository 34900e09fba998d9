package Pillarbox::Peer;

# Pillarbox::Peer: other mail servers as clients of ours, in the foreground of a test.
#
#	my $postfix = Pillarbox::Peer::postfix($pb, main => "relayhost = ...\n", master => '');
#	$postfix->{port}			# its own smtpd on 127.0.0.1
#	my @cmd = Pillarbox::Peer::packaged('exim', $etc, '/usr/sbin/exim4', '-bV');
#
# Exim and OpenSMTPD conflict with Postfix as packages; ./bootstrap unpacks them
# below build/peers, and packaged() runs them with that folder laid over /usr in
# a mount namespace of their own.  Needs root.
use strict;
use warnings;
use Pillarbox;

# True when the package was unpacked, or is installed with this program.
sub has { my ($package, $program) = @_; return -d folder($package) || -x $program }
sub folder { return "$Pillarbox::SRC/build/peers/$_[0]" }

# The command in a mount namespace: the package's usr/ over /usr, $etc over /etc.
sub packaged {
	my ($package, $etc, @cmd) = @_;
	my $usr = folder($package) . '/usr';
	my $script = 'set -e; mount -t tmpfs tmpfs /run; mount -t overlay overlay -o "lowerdir=$1:/etc" /etc;'
		. ' [ ! -d "$2" ] || mount -t overlay overlay -o "lowerdir=$2:/usr" /usr;'
		. ' [ ! -d "$1/../smtpd-spool" ] || { mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty;'
		. ' mount --bind "$1/../smtpd-spool" /var/spool/smtpd; }; shift 2; exec "$@"';
	return ('/usr/bin/unshare', '-m', '--propagation', 'private', '/bin/sh', '-c', $script, 'sh', $etc, $usr, @cmd);
}

# A Postfix below $pb's folder with an smtpd of its own; ends with the test.
sub postfix {
	my ($pb, %o) = @_;
	my $dir = "$pb->{top}/postfix." . ++$pb->{postfixes};
	my $port = Pillarbox::free_ports(1);
	mkdir $_ or die "$_: $!" for $dir, map { "$dir/$_" } qw(etc spool data log);
	my ($uid, $gid) = (getpwnam 'postfix')[2, 3];
	chown $uid, $gid, "$dir/data";
	Pillarbox::spew("$dir/etc/main.cf", <<"END" . ($o{main} // ''));
compatibility_level = 3.6
queue_directory = $dir/spool
data_directory = $dir/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = client.postfix.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = $dir/log/mail.log
maillog_file_prefixes = $dir
END
	my $master = Pillarbox::slurp('/usr/share/postfix/master.cf.dist');
	$master = join "\n", map { my @f = split; (@f > 7 && $f[0] eq 'smtp' && $f[1] eq 'inet') ? () :
		(@f > 7 && /^[^#\s]/) ? do { $f[4] = 'n'; join ' ', @f } : $_ } split /\n/, $master;
	$master .= "\n127.0.0.1:$port inet n - n - - smtpd\n" . ($o{master} // '');
	$master .= "postlog unix-dgram n - n - 1 postlogd\n" if $master !~ /^postlog/m;
	Pillarbox::spew("$dir/etc/master.cf", $master);
	my $self = bless { dir => $dir, port => $port, pb => $pb, pid => $$, log => "$dir/log/mail.log" };
	my ($rc, $out, $err) = $pb->run('/usr/sbin/postfix', '-c', "$dir/etc", 'start');
	die "postfix: exit $rc\n$out$err" . (-e $self->{log} ? Pillarbox::slurp($self->{log}) : '') if $rc != 0;
	return $self;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@);
	$self->{pb}->run('/usr/sbin/postfix', '-c', "$self->{dir}/etc", 'stop') if $self->{pid} == $$;
}

1;
