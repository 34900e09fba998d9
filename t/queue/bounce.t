#!/usr/bin/perl
# What cannot be delivered is told to the sender once, and never a bounce of a bounce.
# Features: QUEUE-11, GEN-02.
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
my ($told) = $pb->wait_mail('postmaster@example.com', 1);
like(Pillarbox::slurp($told), qr/^Return-Path: <>\r\n.*\r\nFinal-Recipient: rfc822; nobody\@example\.com\r\nAction: failed\r\n/s,
	'a message without sender that fails is told to postmaster (GEN-02)');
ok(wait_queue($pb, 0), 'and leaves the queue');
is(scalar($pb->mail('u1@example.com')), 1, 'the sender of the other heard of it once');

put($pb, from => 'nobody@example.com', to => [ 'nobody@example.com' ]);
$pb->wait_mail('postmaster@example.com', 2);
ok($pb->wait_log('delivery', qr/event=bounced id=1\d{15} group=1 bounce=1001\d{15}\b/), 'so is a bounce that fails');
is(scalar(grep { Pillarbox::slurp($_) =~ /\r\nFinal-Recipient: rfc822; nobody\@example\.com\r\n/ } $pb->mail('postmaster@example.com')), 2,
	'which names who could not be told');
ok(wait_queue($pb, 0), 'the queue is empty');

# postmaster's own mailbox fails: what is told about that is told to nobody.
$pb->ctl_ok('stop', 'spool');
put($pb, from => '', to => [ 'nobody@example.com' ]);
$pb->set(retryIntervals => '0', postmasterMailbox => 'nowhere@example.com');
$pb->ctl_ok('start', 'spool');
ok($pb->wait_log('delivery', qr/event=no-bounce id=1001\d{15} group=1 reason=null-sender/), 'there is an end to it');
ok(wait_queue($pb, 0), 'and to the queue');
done_testing;
