#!/usr/bin/perl
# QUEUE-03: while an outside checker watches the spool, mail rests there for
# deliveryDelay seconds before its first attempt; without one it does not wait.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { outsideChecker => 'True', deliveryDelay => 3 });
$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->start;
my $begin = time;
like($pb->send_mail(from => 'bob@example.com', to => 'alice@example.com'), qr/^250/, 'a message is taken');
is(scalar $pb->mail('alice@example.com'), 0, 'and is not delivered at once');
like($pb->ctl_ok('spool', 'list'), qr/bob\@example\.com/, 'it rests in the spool');
$pb->wait_mail('alice@example.com', 1, 30);
cmp_ok(time - $begin, '>=', 2.9, 'for as long as the setting says');

$pb->set(outsideChecker => 'False');
$pb->ctl_ok('restart');
$pb->wait_port($_) for qw(smtps imap);
like($pb->send_mail(from => 'bob@example.com', to => 'alice@example.com'), qr/^250/, 'without a checker');
is(scalar $pb->mail('alice@example.com'), 2, 'the message is in the mailbox when 250 is said');
done_testing;
