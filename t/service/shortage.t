#!/usr/bin/perl
# Neither a lack of descriptors nor a fork that fails stops a listener or makes
# it spin: clients are told to come later, and it recovers.
use strict;
use warnings;
use Pillarbox::Skeleton;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'fork cannot be made to fail for the owner of the test' if $> != 0;

# As the user of the process: raising needs no right then, and root may lack it.
sub limit {
	my ($pid, @what) = @_;
	my $uid = (stat "/proc/$pid")[4];
	return system('setpriv', "--reuid=$uid", "--regid=" . (stat _)[5], '--clear-groups',
		'prlimit', '--pid', $pid, @what);
}

# Processor time of a process and its children so far, in seconds.
sub cpu {
	my ($pid) = @_;
	my @f = split ' ', (Pillarbox::slurp("/proc/$pid/stat") =~ s/.*\) //sr);
	return ($f[11] + $f[12] + $f[13] + $f[14]) / 100;
}

sub crowd {
	my ($sk, $n) = @_;
	my @socks = grep { defined } map { $sk->open_socket } 1 .. $n;
	return @socks;
}

my $sk = Pillarbox::Skeleton->new(popMaxConnections => 0)->start;
ok(wait_until(10, sub { $sk->workers == 2 }), 'two spares');
my $parent = $sk->parent;
my $used = grep { 1 } glob("/proc/$parent/fd/*");
is(limit($parent, '--nofile=' . ($used + 4) . ':'), 0, 'the parent gets four more descriptors');
my $begin = cpu($parent);
my @crowd = crowd($sk, 40);
is(scalar @crowd, 40, '40 clients connect');
my %answers;
$answers{ substr(Pillarbox::Skeleton::read_line($_), 0, 4) }++ for @crowd;
cmp_ok($answers{'+OK '} // 0, '>=', 2, 'some are served: ' . join(', ', map { "$answers{$_} x $_" } sort keys %answers));
cmp_ok($answers{'-ERR'} // 0, '>=', 20, 'the others are told to come later');
sleep 2;
cmp_ok(cpu($parent) - $begin, '<', 0.5, 'without spinning');
close $_ for @crowd;
limit($parent, '--nofile=1024:');
ok(wait_until(15, sub { my $c = $sk->session; my $good = $c->{line} =~ /^\+OK/; close $c->{sock}; $good }), 'it recovers');
is($sk->parent, $parent, 'the same process');

ok(wait_until(10, sub { my @w = $sk->workers; @w >= 2 && @w <= 4 }), 'spares again');
is(limit($parent, '--nproc=0:'), 0, 'the parent may not fork');
$begin = cpu($parent);
@crowd = crowd($sk, 20);
%answers = ();
$answers{ substr(Pillarbox::Skeleton::read_line($_), 0, 4) }++ for @crowd;
cmp_ok($answers{'-ERR'} // 0, '>=', 10, 'clients are told to come later: '
	. join(', ', map { "$answers{$_} x $_" } sort keys %answers));
cmp_ok(cpu($parent) - $begin, '<', 0.5, 'without spinning');
limit($parent, '--nproc=1000:');
close $_ for @crowd;
ok(wait_until(70, sub { my $c = $sk->session; my $good = $c->{line} =~ /^\+OK/; close $c->{sock}; $good }), 'it recovers');
like($sk->log_text('popLog'), qr/\[127\.0\.0\.1\]\[\d{12}\] event=connection-refused listener=\S+ reason=busy sessions=\d+$/m, 'each refusal is in the log, with its client');
like($sk->log_text('popLog'), qr/event=cannot-fork error=EAGAIN/, 'and the log tells why');
done_testing();
