#!/usr/bin/perl
# Two processes never serve one spool (Q10).
use strict;
use warnings;
use Socket;
use Test::More;
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new;
$pb->user('u0@example.com');
$pb->start;
for my $mode (qw(intake schedule)) {
	my ($rc, $out, $err) = $pb->run($pb->program('spool-runner'), '-r', $pb->dir, "--$mode");
	is($rc, 1, "a second $mode is refused");
	like($out . $err . $pb->log_text, qr/already running/, 'because one is running');
}
my ($answer) = put($pb, from => 's@far.example', to => [ 'u0@example.com' ]);
like($answer, qr/^250/, 'the first goes on');
done_testing;
