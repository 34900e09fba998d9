#!/usr/bin/perl
# What a user's Maildir should not be is refused: nothing is written through it, nothing hangs.
use strict;
use warnings;
use POSIX qw(mkfifo);
use Test::More;
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new;
$pb->user("u$_\@example.com") for 0 .. 4;
$pb->start;
put($pb, from => 's@far.example', to => [ map { "u$_\@example.com" } 0 .. 4 ]);
my @maildir = map { $pb->maildir("u$_\@example.com") } 0 .. 4;
system 'rm', '-rf', map { "$_/new" } @maildir;
my $away = "$pb->{top}/away";
mkdir $away or die;
chmod 0777, $away;
symlink $away, "$maildir[0]/new" or die;
mkfifo("$maildir[1]/new", 0600) or die;
Pillarbox::spew("$maildir[2]/new", '');
rename $maildir[3], "$maildir[3].old" or die;
symlink $away, $maildir[3] or die;

my ($answer) = put($pb, from => 's@far.example', to => [ map { "u$_\@example.com" } 0 .. 3 ]);
like($answer, qr/^250 2\.0\.0 Queued/, 'the message is kept in the queue');
is_deeply([ glob "$away/*" ], [], 'nothing was written through a symlink');
ok($pb->wait_log('delivery', qr/event=mailbox-refused id=\d+ rcpt=$_ /), "refusal $_ is logged") for 1 .. 4;
ok($pb->wait_log('delivery', qr/event=deferred .*450 4\.2\.0/), 'each is tried again later');
($answer) = put($pb, from => 's@far.example', to => [ 'u4@example.com' ]);
like($answer, qr/^250 2\.0\.0 Delivered/, 'others get their mail');
ok(-d "$maildir[4]/new", 'a missing folder of a Maildir was made');
done_testing;
