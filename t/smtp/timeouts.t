#!/usr/bin/perl
# Time limits: a client that says nothing, stops in the middle, or drips, is
# closed with 421 4.4.2, and costs others nothing (cases S27, S28, S35; SMTPIN-07, SMTPIN-08).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpSessionTimeout => 1, smtpCommandTimeout => 2, smtpTransactionTimeout => 10 });
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

# A byte a second keeps smtpCommandTimeout away, but not smtpTransactionTimeout.
my $drip = $pb->connect('smtp');
$drip->expect($_, qr/^[23]/) for @open;
$started = time;
while (time - $started < 15) {
	last unless $drip->send_raw('x');
	last if $drip->fill(time + 1);
}
like($drip->{buf}, qr/^421 4\.4\.2/, 'a message that drips');
cmp_ok(time - $started, '>', 8, 'has its time');
cmp_ok(time - $started, '<', 13, 'and no more');

ok($pb->wait_log('smtpLog', qr/\[127\.0\.0\.1\]\[\d{12}\] event=$_ why="timed out"/), "the log has $_") for qw(connection-ended data-ended);

# smtpSessionTimeout: no command at all (SMTPIN-07); one minute is the least it can be.
my $silent = $pb->connect('smtp', timeout => 90);
$silent->expect('EHLO c.example', qr/^250/);

my $gone = $pb->connect('smtp');
$gone->expect($_, qr/^[23]/) for @open;
$gone->send_raw("Subject: gone\r\n\r\nnever finished");
$gone->close;
is(scalar $pb->wait_mail('alice@example.com', 1), 1, 'only the whole message was delivered');
like($silent->reply, qr/^421 4\.4\.2 .* ticket \d{12}$/, 'silence between commands ends a session');
ok($silent->at_end, 'and closes it');
done_testing();
