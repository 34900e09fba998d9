#!/usr/bin/perl
# A message for local mailboxes is delivered before it is answered, by links to one file.
use strict;
use warnings;
use Test::More;
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new;
$pb->user("u$_\@example.com") for 0 .. 2;
$pb->start;

my ($answer) = put($pb, from => 's@far.example', to => [ map { "u$_\@example.com" } 0 .. 2 ]);
like($answer, qr/^250 2\.0\.0 Delivered/, 'answered as delivered');
my @mail = map { $pb->mail("u$_\@example.com") } 0 .. 2;
is(scalar(@mail), 3, 'it is there at that moment, in each mailbox');
my %inodes = map { (stat $_)[1] => 1 } @mail;
is(scalar(keys %inodes), 1, 'three mailboxes share one file');
is((stat $mail[0])[2] & 07777, 0440, 'which nobody writes to again');
is((stat $mail[0])[3], 3, 'and which is gone from the spool');
my ($id) = $answer =~ /as (\d+)/;
is(scalar(grep { m{/$id\.} } queue_files($pb)), 0, 'no file of it is left in the queue');

($answer) = put($pb, from => 's@far.example', to => [ 'u0@example.com', 'u0@example.com' ]);
like($answer, qr/^250/, 'a recipient may be named twice');
is(scalar($pb->mail('u0@example.com')), 2, 'and gets one copy');

($answer) = put($pb, from => 's@far.example', to => [ 'postmaster@example.com' ]);
like($answer, qr/^250/, 'postmaster is always somebody');
ok($pb->wait_log('delivery', qr/\[192\.0\.2\.1\]\[900000000001\] event=delivered id=\d+ from=s\@far\.example/),
	'the log tells it with the ticket');
done_testing;
