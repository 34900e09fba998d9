#!/usr/bin/perl
# An instance made by root may lie in a folder that nobody else may enter, as a
# home is: its programs reach their files by descriptors, not by paths.
use strict;
use warnings;
use Test::More;
use Pillarbox;

plan skip_all => 'needs root: only then are there service users' if $> != 0;
my $pb = Pillarbox->new(top_mode => 0700, settings => { 'greylisting/enabled' => 'True' });
$pb->user($_) for qw(alice@example.com bob@example.com);
$pb->start;
my ($code, $out) = $pb->ctl('status');
is($code, 0, 'every program runs, greylist-check too') or diag($out);
like($pb->send_mail(from => 'alice@example.com', to => 'bob@example.com'), qr/^250 /, 'mail is taken');
$pb->wait_mail('bob@example.com', 1);
for my $service (qw(pop3s imaps)) {
	my $c = $pb->connect($service);
	$c->login('bob@example.com', $Pillarbox::PASSWORD);
	pass("log-in by $service");
	$c->close;
}
$pb->ctl_ok('set', 'popMaxBadCommands', 3);
($code, $out) = $pb->ctl('status');
is($code, 0, 'and after a reload') or diag($out);
done_testing();
