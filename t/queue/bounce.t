#!/usr/bin/perl
# What cannot be delivered is told to the sender once, and never a bounce of a bounce.
# Features: QUEUE-11.
use strict;
use warnings;
use Test::More;
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new;
$pb->user("u$_\@example.com") for 0 .. 1;
$pb->start;

my ($answer) = put($pb, from => 'u1@example.com', to => [ 'u0@example.com', 'nobody@example.com' ]);
like($answer, qr/^250 2\.0\.0 Queued/, 'a message with an unknown recipient takes the queue');
$pb->wait_mail('u0@example.com', 1);
my ($bounce) = $pb->wait_mail('u1@example.com', 1);
my $text = Pillarbox::slurp($bounce);
like($text, qr/^Return-Path: <>\r\n/, 'the notification has the null sender');
like($text, qr/\r\nContent-Type: multipart\/report; report-type=delivery-status;/, 'it is a report');
like($text, qr/\r\nFinal-Recipient: rfc822; nobody\@example\.com\r\nAction: failed\r\nStatus: 5\.1\.1\r\n/,
	'which names the recipient that failed');
unlike($text, qr/rfc822; u0\@/, 'and not the one that was delivered');
ok(wait_queue($pb, 0), 'the queue is empty again');

put($pb, from => '', to => [ 'nobody@example.com' ]);
ok($pb->wait_log('delivery', qr/event=(?:no-bounce|bounced) id=\d+/), 'a message without sender that fails is logged');
ok(wait_queue($pb, 0), 'and leaves the queue');
is(scalar($pb->mail('u1@example.com')), 1, 'the sender of the other heard of it once');

put($pb, from => 'nobody@example.com', to => [ 'nobody@example.com' ]);
ok($pb->wait_log('delivery', qr/event=no-bounce id=1\d{15,} /), 'a bounce that bounces ends there');
ok(wait_queue($pb, 0), 'the queue is empty');
done_testing;
