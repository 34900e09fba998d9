#!/usr/bin/perl
# A start waits a little for ports that processes of a killed server still hold, and
# says so when another program has one.
use strict;
use warnings;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep);
use POSIX ();
use Pillarbox;

my $pb = Pillarbox->new;
sub hold {
	return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $pb->port('smtp'), Proto => 'tcp', Listen => 1,
		ReuseAddr => 1) || die "port: $!";
}

my $other = hold();
my ($code, undef, $err) = $pb->ctl('start');
isnt($code, 0, 'a port that another program holds refuses the start');
like($err, qr/cannot open port 127\.0\.0\.1:@{[ $pb->port('smtp') ]} for smtp: Address already in use/, 'and is named');

my $pid = fork() // die "fork: $!";
if ($pid == 0) {
	sleep 1;
	POSIX::_exit(0);	# the last who holds it
}
$other->close;
$pb->ctl_ok('start');
like($pb->connect('smtp')->{greeting}, qr/^220/, 'one that is given up in time is taken');
waitpid $pid, 0;
$pb->stop;
done_testing;
