#!/usr/bin/perl
# Time limits: a client that says nothing, stops in the middle, or drips, is
# closed with 421 4.4.2, and costs others nothing (cases S27, S28, S35; SMTPIN-08).  Silence between commands
# is in silence.t.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpCommandTimeout => 2, smtpTransactionTimeout => 20,
	smtpDataTimeout => 10 });
$pb->user('alice@example.com');
$pb->start;

my @open = ('EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA');
my $half = $pb->connect('smtp');
$half->send_raw('EHLO c.exa');
my $data = $pb->connect('smtp');
$data->expect($_, qr/^[23]/) for @open;
$data->send_raw("Subject: half\r\n\r\nhalf a li");
my $tls = $pb->connect('smtps', no_greeting => 1, tls => 0);
my $started = time;

my $c = $pb->connect('smtp');
$c->expect($_, qr/^[23]/) for @open;
$c->expect("Subject: whole\r\n\r\nx\r\n.", qr/^250/);
cmp_ok(time - $started, '<', 2, 'others are served meanwhile');

like($half->reply, qr/^421 4\.4\.2 .* ticket \d{12}$/, 'half a command');
like($data->reply, qr/^421 4\.4\.2/, 'half a message');
ok($half->at_end && $data->at_end, 'both are closed');
ok($tls->at_end(5), 'a TLS handshake that never begins');
cmp_ok(time - $started, '<', 6, 'in time');

# A byte a second keeps smtpCommandTimeout away, but brings nothing in smtpDataTimeout; a
# message that flows goes on, until smtpTransactionTimeout.
my @slow = map { $pb->connect('smtp') } 1 .. 3;
my ($drip, $chunk, $flow) = @slow;
$drip->expect($_, qr/^[23]/) for @open;
$chunk->expect($_, qr/^[23]/) for @open[0 .. 2];
$chunk->send_raw("BDAT 1000000 LAST\r\n");
$flow->expect($_, qr/^[23]/) for @open;
$started = time;
my %piece = ($drip => 'x', $chunk => 'x', $flow => 'x' x 498 . "\r\n");
my %ended;
while (time - $started < 40 && keys %ended < @slow) {
	for my $c (grep { !defined $ended{$_} } @slow) {
		$ended{$c} = time - $started if $c->fill(time + 0.1) || !$c->send_raw($piece{$c});
	}
}
like($_->{buf}, qr/^421 4\.4\.2 The message comes too slowly, .* ticket \d{12}\r\n\z/, 'a message that drips is ended')
	for $drip, $chunk;
cmp_ok($ended{$_} // 0, '>=', 9.5, 'and has smtpDataTimeout') for $drip, $chunk;
like($flow->{buf}, qr/^421 4\.4\.2 Timeout, .* ticket \d{12}\r\n\z/, 'one that flows is ended too');
cmp_ok($ended{$flow} // 0, '>=', 19.5, 'but has smtpTransactionTimeout');

ok($pb->wait_log('smtpLog', qr/\[127\.0\.0\.1\]\[\d{12}\] event=$_/), "the log has $_")
	for 'connection-ended why="timed out"', 'data-ended why="timed out"', 'data-ended why="too slow"';

my $gone = $pb->connect('smtp');
$gone->expect($_, qr/^[23]/) for @open;
$gone->send_raw("Subject: gone\r\n\r\nnever finished");
$gone->close;
is(scalar $pb->wait_mail('alice@example.com', 1), 1, 'only the whole message was delivered');
done_testing();
