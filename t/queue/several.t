#!/usr/bin/perl
# A message with several recipients bounces for each by itself (QUEUE-12): a notification names those that
# failed together, and none that was delivered or still waits.  And bounces that cannot be delivered (R07).
# Features: QUEUE-11, QUEUE-12.
use strict;
use warnings;
use Test::More;
use Pillarbox;
use Pillarbox::Outbound;
use Pillarbox::Queue;

my $port = Pillarbox::Outbound::free_port();
my $pb = Pillarbox->new(settings => { retryIntervals => '0,0', allowLoopbackTargets => 'True' });
$pb->user("$_\@example.com") for qw(alice bob carol full);
$pb->ctl_ok('user', 'edit', 'full@example.com', 'mailboxSizeMB=1');
$pb->ctl_ok('alias', 'add', 'two@example.com', 'bob@example.com', 'gone@away.example');
$pb->ctl_ok('gateway', 'add', 'address=127.0.0.5', "port=$port", 'domains=away.example');
my $server = Pillarbox::Outbound::Server->new('127.0.0.5', $port, sub {
	$_[0]->serve(RCPT => sub { my ($c, $line) = @_; return $line =~ /gone/ ? '550 5.1.1 nobody here' : $line =~ /slow/ ? '451 4.3.2 later' : '' }) });
$pb->start;
sub texts { my ($user) = @_; return map { Pillarbox::slurp($_) } $pb->mail("$user\@example.com") }
sub finals { my ($text) = @_; return join ' ', sort map { s/\r//r } $text =~ /^Final-Recipient: rfc822; (.*)$/mg }

put($pb, from => 'alice@example.com', to => [ 'bob@example.com', 'nobody@example.com', 'good@away.example', 'gone@away.example', 'slow@away.example', 'two@example.com' ]);
my @told = sort { finals($a) cmp finals($b) } map { Pillarbox::slurp($_) } $pb->wait_mail('alice@example.com', 2);
ok(wait_queue($pb, 0), 'the message is over');
is(scalar(texts('alice')), 2, 'two notifications');
my ($first) = grep { /nobody/ } @told;
my ($second) = grep { !/Final-Recipient: rfc822; nobody/ } @told;
is(finals($first), 'gone@away.example gone@away.example nobody@example.com', 'one names those that were refused');
is(finals($second), 'slow@away.example', 'the other the one that was given up later');
unlike($_, qr/(?:bob|good)\@/, 'none the delivered ones, not even in its words') for map { s/\r\n\r\nReceived:.*//sr } map { s/text\/rfc822-headers.*//sr } @told;
like($first, qr/^  <nobody\@example\.com>\r\n    There is no such mailbox\.\r\n/m, 'each has its reason in words');
like($first, qr/^  <two\@example\.com>\r\n    which stands for <gone\@away\.example>\r\n    There is no such mailbox\.\r\n    127\.0\.0\.5 said:\r\n    550 5\.1\.1 nobody here\r$/m, 'an alias is named as it was given');
like($first, qr/^Original-Recipient: rfc822; two\@example\.com\r\nFinal-Recipient: rfc822; gone\@away\.example\r$/m, 'in the fields too');
like($second, qr/^    It was tried again and again, and has now been given up: the server takes no mail now\.\r$/m, 'and the other');
like($second, qr/^Action: failed\r\nStatus: 4\.3\.2\r\nRemote-MTA: dns; 127\.0\.0\.5\r\nDiagnostic-Code: smtp; 451 4\.3\.2 later\r$/m, 'with what its host said last');
is(scalar(texts('bob')), 1, 'bob has his copy, once');

# R07: bounces that bounce.
my $was = $pb->mail('postmaster@example.com');
put($pb, from => 'gone@away.example', to => [ 'nobody@example.com' ]);
my @post = map { Pillarbox::slurp($_) } $pb->wait_mail('postmaster@example.com', $was + 1);
ok((grep { finals($_) eq 'gone@away.example' } @post), 'a bounce to an address that bounces is told to postmaster');
put($pb, from => 'carol@example.com', to => [ 'full@example.com' ], size => 1_048_000);
$pb->wait_mail('full@example.com', 1);
put($pb, from => 'full@example.com', to => [ 'nobody@example.com' ], size => 60_000);
@post = map { Pillarbox::slurp($_) } $pb->wait_mail('postmaster@example.com', $was + 2);
my ($full) = grep { finals($_) eq 'full@example.com' } @post;
like($full // '', qr/^Status: 5\.2\.2\r$/m, 'so is one to a mailbox that is full');
ok(wait_queue($pb, 0), 'and the queue is empty');
# A line may come twice when a look at the queue repeats a step: the notification is the same one.
ok($pb->wait_log('delivery', qr/(?:event=bounced .*){6}/s), 'the log tells of them');
my %id = map { $_ => 1 } $pb->log_text('delivery') =~ /event=bounced [^\n]*\bbounce=(\d+)/g;
is(scalar keys %id, 6, 'six notifications in all: no bounce of a bounce of a bounce');
done_testing;
