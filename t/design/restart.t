#!/usr/bin/perl
# kill -9 of each program: mail-master brings it back, and mail flows again.
use strict;
use warnings;
use Pillarbox;
use Pillarbox::Skeleton;
use Test::More;
use Time::HiRes qw(sleep);

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->start;

sub unit { return Pillarbox::Skeleton::unit($pb, @_) }

my (undef, undef, $f) = Pillarbox::Skeleton::ask($pb, 'master', 'status');
my @units = map { (split / /)[0] } grep { / running / } @{ $f->{service} };
cmp_ok(scalar @units, '>=', 9, "running: @units");
my $sent = 0;
for my $unit (@units) {
	my ($state, $pid) = unit($unit);
	kill 'KILL', $pid;
	ok(wait_until(20, sub { my ($s, $p) = unit($unit); $s eq 'running' && $p != $pid }), "$unit comes back");
	my $reply = '';
	ok(wait_until(20, sub { $reply = eval { $pb->send_mail(from => 'alice@example.com',
		to => 'alice@example.com', subject => $unit) } // ''; $reply =~ /^250/ }), "and mail is taken") or diag($reply);
	$sent++;
	$pb->wait_mail('alice@example.com', $sent, 30);
}
my %subjects;
for ($pb->mail('alice@example.com')) {
	$subjects{$1}++ if Pillarbox::slurp($_) =~ /^Subject: (\S+)/m;
}
is(join(' ', grep { !$subjects{$_} } @units), '', 'every message that was acknowledged has arrived');
done_testing();
