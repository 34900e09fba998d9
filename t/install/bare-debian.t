#!/usr/bin/perl
# On a Debian 12 that has nothing but the base system, a fresh clone and
# `./bootstrap run`, with nothing else typed, end in mail that was sent by SMTP
# and read by IMAP and POP3; and `./bootstrap stop` leaves no process behind.
#
# The system is made by debootstrap in a temporary folder, from the mirror that
# this machine's own apt settings name, and runs in a mount namespace of its
# own, so that nothing stays mounted when the test dies.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

my $src = $ENV{PB_SRC} or BAIL_OUT("PB_SRC is not set");
plan skip_all => "builds for itself, so once is enough" if $ENV{PB_SANITIZED};
plan skip_all => "needs root: debootstrap makes device nodes and owners" if $> != 0;
plan skip_all => "needs a clone: what is tested is a fresh one" unless -e "$src/.git";

sub first_mirror
{
	for my $file (glob("/etc/apt/sources.list.d/*.sources"), "/etc/apt/sources.list", glob("/etc/apt/sources.list.d/*.list")) {
		open(my $in, "<", $file) or next;
		while (my $line = <$in>) {
			return $1 if $line =~ /^URIs:\s*(\S*debian\S*)/ || $line =~ /^deb\s+(?:\[[^\]]*\]\s+)?(\S*debian\S*)\s+bookworm/;
		}
	}
	return;
}

my $mirror = first_mirror();
ok($mirror, "apt's settings name a mirror") or BAIL_OUT("no mirror in the apt settings");
my $root = tempdir("pillarbox-bare-XXXXXX", TMPDIR => 1, CLEANUP => 0);
chmod 0755, $root;	# it becomes "/" of that system
my $log = "$root.log";
END { system("rm", "-rf", "--one-file-system", $root, $log) if $root && !$ENV{PB_KEEP}; }

sub run
{
	my ($name, @command) = @_;
	my $failed = system("timeout", "1200", "sh", "-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null', "sh", $log, @command);
	return 1 if ok($failed == 0, $name);
	diag(scalar `tail -n 60 '$log'`);
	return 0;
}

# $root gets its own /proc, /dev and /sys; all vanish with the namespace.
sub inside
{
	my ($name, $script) = @_;
	return run($name, "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", <<'SH', "sh", $root, $script);
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
	chroot "$1" /bin/sh -ec "$2"
SH
}

SKIP: {
	run("debootstrap makes a base system", "debootstrap", "--variant=minbase", "bookworm", $root, $mirror) or skip("no base system", 4);
	run("a fresh clone", "git", "clone", "-q", $src, "$root/srv/pillarbox") or skip("no clone", 3);
	inside("the base system has no compiler, so bootstrap has to bring it", "! command -v gcc") or skip("not a bare system", 2);
	inside("./bootstrap run, nothing else typed, then ./bootstrap stop", <<'SH');
cd /srv/pillarbox
./bootstrap run
./bootstrap stop
sleep 1
for p in /proc/[0-9]*; do
	case "$(readlink $p/exe)" in /srv/pillarbox/*) echo "still running: $(readlink $p/exe)"; exit 1 ;; esac
done
SH
	open(my $in, "<", $log) or die "$log: $!";
	my $said = join("", <$in>);
	like($said, qr/IMAP/, "it told what it read by IMAP");
}
done_testing();
