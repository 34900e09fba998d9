#!/usr/bin/perl
# On a Debian 12 that has nothing but the base system, a fresh clone and
# `./bootstrap run`, with nothing else typed, end in mail that was sent by SMTP
# and read by IMAP and POP3; what it says to try next works; run again it has
# nothing to set up; and `./bootstrap stop` leaves no process behind.
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

sub slurp
{
	open(my $in, "<", $_[0]) or return "";
	local $/;
	return scalar(<$in>) // "";
}

# What a run says it did, and where everything is.
sub told
{
	my ($which, $said) = @_;
	my %port = $said =~ /^  (SMTP|POP3|IMAP) (\d+) /mg;
	my ($smtps, $submission) = $said =~ /^  SMTP \d+   with TLS (\d+)   submission (\d+)$/m;
	my ($pop3s) = $said =~ /^  POP3 \d+   with TLS (\d+)$/m;
	my ($imaps) = $said =~ /^  IMAP \d+   with TLS (\d+)$/m;
	is(join(" ", sort keys %port), "IMAP POP3 SMTP", "$which: it names the ports") or diag($said);
	ok($smtps && $submission && $pop3s && $imaps, "$which: those with TLS too") or return;
	like($said, qr/^bootstrap: sent a message .* by SMTP over TLS, logged in \(port $smtps\)$/m, "$which: sent by SMTP over TLS");
	like($said, qr/^bootstrap: read it back by IMAP \(port $imaps\)$/m, "$which: read by IMAP");
	like($said, qr/^bootstrap: read it back by POP3 \(port $pop3s\)$/m, "$which: read by POP3");
	like($said, qr/^Log-ins: alice\@example\.com, bob\@example\.com, postmaster\@example\.com; password \S+$/m, "$which: log-ins");
	like($said, qr/^Administrator: admin, same password\./m, "$which: the administrator");
}

# The three commands to try next do what they are for.
sub tried
{
	my @commands = split(/\n/, slurp("$root/srv/commands"));
	is(scalar(@commands), 3, "three commands to try next") or return;
	my @said = map { slurp("$root/srv/tried.$_") } 1 .. 3;
	unlike($said[$_], qr/^exit \d+$/m, "$commands[$_]: exit 0") for 0 .. 2;
	like($said[0], qr/^smtp-listen +smtp +running /m, "status: all runs");
	like($said[1], qr/event=delivered .*to=bob\@example\.com/, "log show: the message that was delivered");
	like($said[2], qr/^\* SEARCH 1\r?$/m, "curl: bob's mailbox with one message");
}

SKIP: {
	run("debootstrap makes a base system", "debootstrap", "--variant=minbase", "bookworm", $root, $mirror) or skip("no base system", 4);
	run("a fresh clone", "git", "clone", "-q", $src, "$root/srv/pillarbox") or skip("no clone", 3);
	inside("the base system has no compiler, so bootstrap has to bring it", "! command -v gcc") or skip("not a bare system", 2);
	# What each step says is kept apart from what apt says.
	my $good = inside("./bootstrap run, nothing else typed, what it says to try, run again, build again, stop", <<'SH');
cd /srv/pillarbox
./bootstrap run >/srv/first 2>&1 || { cat /srv/first; exit 1; }
sed -n '/Try next:$/,/^End it with/s/^  //p' /srv/first | tail -n 3 >/srv/commands
number=0
while read -r command; do
	number=$((number + 1))
	tries=0
	# Programs send their log lines within a second.
	until sh -c "$command" >/srv/tried.$number 2>&1 </dev/null &&
	    { [ $number -ne 2 ] || grep -q event=delivered /srv/tried.2; }; do
		tries=$((tries + 1))
		[ $tries -lt 20 ] || { echo "exit 1" >>/srv/tried.$number; break; }
		sleep 1
	done
done </srv/commands
./bootstrap run >/srv/second 2>&1 || { cat /srv/second; exit 1; }
./bootstrap build >/srv/third 2>&1 || { cat /srv/third; exit 1; }
./bootstrap stop >/srv/stopped 2>&1 || { cat /srv/stopped; exit 1; }
sleep 1
for p in /proc/[0-9]*; do
	case "$(readlink $p/exe)" in /srv/pillarbox/*) echo "still running: $(readlink $p/exe)"; exit 1 ;; esac
done
SH
	$good or skip("bootstrap does not work here", 1);
	told(first => slurp("$root/srv/first"));
	tried();
	my $second = slurp("$root/srv/second");
	told(second => $second);
	unlike($second, qr/installing|preparing|configuring|building|made an instance|^mailctl|warning/m,
		"run again it sends and reads one more message and has nothing else to do");
	is(slurp("$root/srv/third"), "", "and build has no word to say when there is nothing to do");
}
done_testing();
