#!/usr/bin/perl
# mailctl sees the queue and acts on it: list, force, reset-retries, delete.
# Features: SPOOL-01, SPOOL-16, SPOOL-17, SPOOL-21.
use strict;
use warnings;
use Test::More;
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new;
$pb->user("u$_\@example.com") for 0 .. 1;
$pb->start;
put($pb, from => 's@far.example', to => [ 'u0@example.com' ]);
my $new = $pb->maildir('u0@example.com') . '/new';
rename $new, "$new.away" or die;
Pillarbox::spew($new, '');

my ($answer) = put($pb, from => '', to => [ 'u0@example.com' ]);
my ($id) = $answer =~ /Queued as (\d+)/ or die $answer;
ok($pb->wait_log('delivery', qr/event=deferred id=$id .*attempts=1 /), 'the first attempt fails');
like($pb->ctl_ok('spool', 'list'), qr/^$id\s.*\b1\b.*retry/m, 'the list shows it, with one attempt');
# Asked of the running scheduler; t/admin/services.t does it while that is stopped.
like($pb->ctl_ok('spool', 'show', $id, '--tsv'), qr/\tsender\t<>\n/, 'show');
like($pb->ctl_ok('spool', 'recipients', $id, '--tsv'), qr/\tu0\@example\.com\tpending\t1\t/, 'recipients');
like($pb->ctl_ok('spool', 'view', $id), qr/^Subject:/m, 'view');
is(($pb->ctl('spool', 'show', '999'))[0], 3, 'show of an unknown id is "no such object"');
$pb->ctl_ok('spool', 'force', $id);
ok($pb->wait_log('delivery', qr/event=deferred id=$id .*attempts=2 /), 'force makes an attempt now, which counts');
$pb->ctl_ok('spool', 'reset-retries', $id);
ok($pb->wait_log('delivery', qr/event=deferred id=$id .*attempts=2 .*event=deferred id=$id .*attempts=1 /s),
	'after reset-retries attempts begin again');
unlink $new;
rename "$new.away", $new or die;
$pb->ctl_ok('spool', 'force', $id);
$pb->wait_mail('u0@example.com', 2);
ok(wait_queue($pb, 0), 'delivered when its mailbox is well again');

rename $new, "$new.away" or die;
Pillarbox::spew($new, '');
my @ids = map { /Queued as (\d+)/ } put($pb, count => 5, from => '', to => [ 'u0@example.com' ]);
ok(wait_queue($pb, 5), 'five wait');
$pb->ctl_ok('--yes', 'spool', 'delete', @ids[0, 1]);
ok(wait_queue($pb, 3), 'two are deleted');
my ($rc) = $pb->ctl('spool', 'force', '999');
is($rc, 3, 'an unknown id is "no such object"');
done_testing;
