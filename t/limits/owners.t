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

# Connect n times; closed ones among the last tell the limit.
sub crowd {
	my ($name, $user, $n) = @_;
	my @s;
	while (@s < $n) {
		my $s = Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/$name", uid_of($pb, $user), SOCK_SEQPACKET) or last;
		push @s, $s;
	}
	return @s;
}

# LIMIT_ABUSE_CLIENTS: each is greeted with the map of blocks
my @s = crowd('abuse', 'pbsmtp', 8193);
is(scalar @s, 8193, 'more callers than LIMIT_ABUSE_CLIENTS');
ok(is_closed($s[-1]), 'the last is closed');
ok(!is_closed($s[0]), 'the first was greeted');
syswrite $s[0], "event\nservice=smtp\nip=192.0.2.9\nkind=login-failed\nuser=u\n";
like(do { recv $s[0], my $r, 4096, 0; $r }, qr/^ok\n/, 'and is answered');
@s = ();

@s = crowd('scan', 'pbsmtp', 8193);
is(scalar @s, 8193, 'more callers than LIMIT_SCAN_CLIENTS');
ok(is_closed($s[-1]), 'the last is closed');
syswrite $s[0], "domain\nn=1\nname=[192.0.2.1]\n";
like(do { recv $s[0], my $r, 4096, 0; $r }, qr/^domain\nn=1\nresult=resolves\n/, 'the first is answered');
@s = ();

# LIMIT_INTAKE_CLIENTS
@s = crowd('intake', 'pbsmtp', 4097);
is(scalar @s, 4097, 'more callers than LIMIT_INTAKE_CLIENTS');
ok(is_closed($s[-1]), 'the last is closed');
syswrite $s[0], "new\n";
like(do { recv $s[0], my $r, 4096, 0; $r }, qr/^new\nid=\d+\n/, 'the first is answered');
@s = ();
like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com'), qr/^250/, 'mail goes on');
done_testing();
