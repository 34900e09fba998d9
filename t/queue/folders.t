#!/usr/bin/perl
# QUEUE-02: the queue is spread over subSpools folders, each of which takes subSpoolSize
# messages before the next is used.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { subSpools => 3, retryIntervals => '600,600' });
$pb->user('alice@example.com');
$pb->start;
$pb->ctl_ok('stop', 'spool');
is(scalar(() = glob($pb->dir . '/spool/SubSpool*')), 3, 'subSpools folders');

# How many messages each folder has, in falling order.
sub spread {
	my %n;
	m{/(SubSpool\d+)/[^/]+\.hdr$} and $n{$1}++ for glob($pb->dir . '/spool/SubSpool*/*');
	return join ' ', sort { $b <=> $a } values %n;
}

sub queue {
	my ($n) = @_;
	for (1 .. $n) {
		my $reply = $pb->send_mail(from => 'alice@example.com', to => 'far@remote.invalid');
		$reply =~ /^250/ or die $reply;
	}
}
# Processes of SMTP hold a file for their next message, which counts too.
queue(6);
is(spread(), '6', 'one folder takes them while it has less than subSpoolSize');
$pb->ctl_ok('start', 'spool');
$pb->ctl_ok('spool', 'delete', '--all');
my $end = time + 20;
sleep 0.1 while spread() ne '' && time < $end;
is(spread(), '', 'the queue is empty again');
$pb->set(subSpoolSize => 2);
$pb->ctl_ok('stop', 'spool');
queue(6);
like(spread(), qr/^\d \d \d$/, 'with subSpoolSize=2 all folders are used');
done_testing;
