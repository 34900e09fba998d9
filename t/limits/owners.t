#!/usr/bin/perl
# Connections to the owners of state: one more than there may be is closed, and
# those that are there are served on.
use strict;
use warnings;
use IO::Select;
use Test::More;
use Pillarbox;
use Pillarbox::Auth;
use Socket qw(SOCK_SEQPACKET);
use Time::HiRes qw(sleep time);

# This process holds as many descriptors as the owners do.
if (!$ENV{PB_LIMITS_RAISED}) {
	my $hard = `sh -c 'ulimit -Hn'`;
	plan skip_all => 'needs 8400 descriptors' if $hard !~ /unlimited/ && $hard < 8400;
	$ENV{PB_LIMITS_RAISED} = 1;
	exec 'sh', '-c', 'ulimit -n 8400; exec "$0" "$@"', $^X, map({ "-I$_" } @INC), $0;
}

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->start;

# True when the other side has closed.
sub is_closed {
	my ($s) = @_;
	IO::Select->new($s)->can_read(5) or return 0;
	my $n = sysread $s, my $data, 4096;
	return !$n;
}

# Connections that an owner holds at its socket; workers of the listeners have some of them.
# The kernel knows each by its inode, and by the name of the socket that it was made to.
sub connections_of {
	my ($program, $name) = @_;
	my %held;
	for my $pid ($pb->pids_of($program)) {
		$held{$_} = 1 for map { (readlink $_ // '') =~ /^socket:\[(\d+)\]/ ? $1 : () } glob "/proc/$pid/fd/*";
	}
	open my $in, '<', '/proc/net/unix' or die "/proc/net/unix: $!";
	my $count = 0;
	while (my $line = <$in>) {
		my (undef, undef, undef, $flags, undef, $state, $inode, $path) = split ' ', $line;
		$count++ if ($path // '') =~ m{(?:^|/)\Q$name\E$} && $state eq '03' && $held{$inode};
	}
	return $count;
}

# Connect until there is no room: those that are served.  The last one was closed.
sub crowd {
	my ($program, $name, $limit, $at, $over) = @_;
	my @s;
	while (@s <= $limit) {
		push @s, Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/$name", uid_of($pb, 'pbsmtp'), SOCK_SEQPACKET) // last;
	}
	is(scalar @s, $limit + 1, "$name: as many callers, and one");
	ok(is_closed($s[-1]), "$over is closed");
	my $held = 0;
	for (my $end = time + 10; time < $end; sleep 0.1) {
		last if ($held = connections_of($program, $name)) == $limit;
	}
	is($held, $limit, "$at are kept");
	return @s;
}

my @s = crowd('abuse-check', 'abuse', 8192, 'callers at LIMIT_ABUSE_CLIENTS', 'one over LIMIT_ABUSE_CLIENTS');
ok(!is_closed($s[0]), 'the first was greeted');
syswrite $s[0], "event\nservice=smtp\nip=192.0.2.9\nkind=login-failed\nuser=u\n";
like(do { recv $s[0], my $r, 4096, 0; $r }, qr/^ok\n/, 'and is answered');
@s = ();

@s = crowd('scan-check', 'scan', 8192, 'callers at LIMIT_SCAN_CLIENTS', 'one over LIMIT_SCAN_CLIENTS');
syswrite $s[0], "domain\nn=1\nname=[192.0.2.1]\n";
like(do { recv $s[0], my $r, 4096, 0; $r }, qr/^domain\nn=1\nresult=resolves\n/, 'the first is answered');
@s = ();

@s = crowd('spool-runner', 'intake', 4096, 'callers at LIMIT_INTAKE_CLIENTS', 'one over LIMIT_INTAKE_CLIENTS');
syswrite $s[0], "new\n";
like(do { recv $s[0], my $r, 4096, 0; $r }, qr/^new\nid=\d+\n/, 'the first is answered');
@s = ();
like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com'), qr/^250/, 'mail goes on');
done_testing();
