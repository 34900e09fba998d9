#!/usr/bin/perl
# A program that ends at once after each start is started again after pauses
# that grow, 1, 2, 4 and 8 seconds, while the others go on serving.
use strict;
use warnings;
use Pillarbox;
use Pillarbox::Skeleton;
use Test::More;
use Time::HiRes qw(sleep);

my $PROGRAM = 'remote-send';
my @WANT = (1, 2, 4, 8);

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->start;

sub unit { return Pillarbox::Skeleton::unit($pb, @_) }

my ($sent, $last) = (0, 0);
for my $round (0 .. @WANT) {
	ok(wait_until(40, sub { my ($state, $pid) = unit($PROGRAM); $pid && $pid != $last && $state ne 'waiting' }),
		"start $round");
	$last = (unit($PROGRAM))[1];
	kill 'KILL', $last;
	like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com', subject => "round-$round"), qr/^250/,
		'the others take mail');
	$sent++;
	is(scalar $pb->wait_mail('alice@example.com', $sent, 30), $sent, 'and deliver it');
	my $imap = $pb->connect('imap');
	$imap->login('alice@example.com', $Pillarbox::PASSWORD);
	like($imap->command('STATUS INBOX (MESSAGES)'), qr/MESSAGES $sent\b/, 'and show it');
	$imap->close;
}

# Milliseconds of the day at which the program was started, and ended.
sub moments {
	my ($event) = @_;
	my @at;
	push @at, (($1 * 60 + $2) * 60 + $3) * 1000 + $4
		while $pb->{log} =~ /^(\d\d):(\d\d):(\d\d)\.(\d{3}) .* event=$event program=$PROGRAM pid=/mg;
	return @at;
}

ok(wait_until(20, sub { $pb->{log} = $pb->log_text('administrative'); moments('ended') >= @WANT + 1 }), 'the log tells of each end');
my (@started, @ended);
@started = moments('start');
@ended = moments('ended');
cmp_ok(scalar @started, '>=', @WANT + 1, 'and of each start');
for my $i (0 .. $#WANT) {
	my $pause = ($started[$i + 1] - $ended[$i]) % 86_400_000;
	# Two clocks and three roundings to milliseconds.
	cmp_ok($pause, '>=', $WANT[$i] * 1000 - 20, "pause $i is $WANT[$i] s at least");
}
my $restarts = (unit($PROGRAM))[3];
cmp_ok($restarts, '>=', @WANT, 'status counts the restarts');
done_testing();
