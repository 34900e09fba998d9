#!/usr/bin/perl
# S29 and S30 by SMTP (SMTPIN-10): neither a lack of descriptors (EMFILE) nor a fork that
# fails stops smtp-listen or makes it spin; clients hear 421 4.3.2, and it recovers.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

plan skip_all => 'limits of another user can be changed by root alone' if $> != 0;
my $pb = Pillarbox->new(settings => { smtpMaxConnections => 300, smtpMaxConnectionsPerIp => 0 });
$pb->start;
my ($parent) = sort { $a <=> $b } $pb->pids_of('smtp-listen');

sub limit {
	my ($pid, @what) = @_;
	my ($uid, $gid) = (stat "/proc/$pid")[4, 5];
	return system('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', 'prlimit', '--pid', $pid, @what);
}
sub children { my ($pid) = @_; return split ' ', Pillarbox::slurp("/proc/$pid/task/$pid/children") }
# Processor time of the parent alone, in seconds.
sub cpu {
	my @f = split ' ', (Pillarbox::slurp("/proc/$parent/stat") =~ s/.*\) //sr);
	return ($f[11] + $f[12]) / 100;
}
# Greetings of n clients at once; they stay connected.
sub crowd {
	my ($n) = @_;
	my @c = map { $pb->connect('smtp', no_greeting => 1) } 1 .. $n;
	$_->{greeting} = $_->line(30) for @c;
	return @c;
}
sub served { my $c = eval { $pb->connect('smtp') } or return 0; my $good = $c->{greeting} =~ /^220/; $c->close; return $good }
sub until_true {
	my ($seconds, $test) = @_;
	my $end = time + $seconds;
	while (time < $end) {
		return 1 if $test->();
		sleep 0.1;
	}
	return 0;
}
sub count { my ($re, @c) = @_; return scalar grep { $_->{greeting} =~ $re } @c }

ok(until_true(20, sub { children($parent) >= 2 }), 'workers wait');
for my $case ([ 'S29: no descriptors', '--nofile', scalar(() = glob("/proc/$parent/fd/*")) + 6, '1024', 'EMFILE' ], [ 'S30: no processes', '--nproc', 0, 1000, 'EAGAIN' ]) {
	my ($name, $what, $low, $high, $error) = @$case;
	is(limit($parent, "$what=$low:"), 0, $name);
	my $begin = cpu();
	my @c = crowd(200);
	cmp_ok(count(qr/^220 /, @c), '>=', 1, 'some are served');
	cmp_ok(count(qr/^421 4\.3\.2 .*\d{12}$/, @c), '>=', 100, 'the others hear 421 4.3.2');
	is(count(qr/^(?:220|421 4\.3\.2) /, @c), 200, 'and nobody anything else');
	cmp_ok(cpu() - $begin, '<', 1, 'the parent turns 200 clients away at little cost');
	$begin = cpu();
	my $end = time + 3;
	sleep 0.2 while time < $end;
	cmp_ok(cpu() - $begin, '<=', 0.15, 'and does not spin while it can take nobody: under 5 % of a core');
	ok($pb->wait_log('smtpLog', qr/\[-\]\[-\] event=cannot-fork error=$error/, 70), "the log tells why: $error");
	$_->close for @c;
	limit($parent, "$what=$high:");
	ok(until_true(70, \&served), 'it recovers');
	ok(-d "/proc/$parent", 'the same process');
	ok(until_true(70, sub { children($parent) >= 2 }), 'with workers that wait');
}
ok($pb->wait_log('smtpLog', qr/\[127\.0\.0\.1\]\[\d{12}\] event=connection-refused listener=smtp reason=busy/), 'and tells of each refusal, with the client');
done_testing();
