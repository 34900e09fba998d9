package Pillarbox::Peer;

# Pillarbox::Peer: mail servers whose packages are unpacked, not installed.
#
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

1;
