#!/usr/bin/perl
# Attempts by the schedule, then the message is given up and its sender told (QUEUE-05).
# Features: SVC-13, QUEUE-07, SMTPIN-11.
use strict;
use warnings;
use Test::More;
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new(settings => { retryIntervals => '0,0,0', maxHopCount => 20 });
$pb->user("u$_\@example.com") for 0 .. 1;
$pb->start;
put($pb, from => 's@far.example', to => [ 'u0@example.com' ]);
my $new = $pb->maildir('u0@example.com') . '/new';
rename $new, "$new.away" or die;
Pillarbox::spew($new, '');

put($pb, from => 'u1@example.com', to => [ 'u0@example.com' ]);
my ($bounce) = $pb->wait_mail('u1@example.com', 1);
my $text = Pillarbox::slurp($bounce);
like($text, qr/\r\nStatus: 4\.2\.0\r\n/, 'given up with the last reason');
like($text, qr/\r\nAction: failed\r\n/, 'as a failure');
ok($pb->wait_log('delivery', qr/event=failed .*attempts=4 /), 'three waits are four attempts');
is(scalar(() = $pb->log_text('delivery') =~ /event=deferred/g), 3, 'three of them were deferred');
ok(wait_queue($pb, 0), 'the queue is empty');

unlink $new;
rename "$new.away", $new or die;
put($pb, from => 'u1@example.com', to => [ 'u0@example.com', 'nobody@example.com' ], hops => 21);
my @bounces = $pb->wait_mail('u1@example.com', 2);
like(join('', map { Pillarbox::slurp($_) } @bounces), qr/\r\nStatus: 5\.4\.6\r\n/, 'too many hops in the queue: returned');
ok(wait_queue($pb, 0), 'the queue is empty');
done_testing;
