#!/usr/bin/perl
# The upgrade to TLS: what is sent ahead in clear is refused, and all that was
# said before is forgotten (cases S08 to S10, RFC 3207).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64 qw(encode_base64);
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { plaintextAuth => 'never' });
$pb->user('alice@example.com');
$pb->start;

my $c = $pb->connect('smtp');
unlike($c->expect('EHLO c.example', qr/^250/), qr/AUTH.*(PLAIN|LOGIN)/, 'plaintextAuth=never: no PLAIN in clear');
like($c->command('AUTH PLAIN AGEAYg=='), qr/^538 5\.7\.11/, 'and none is taken');
like($c->command('STARTTLS now'), qr/^501 5\.5\.4/, 'STARTTLS takes no argument (S10)');
$c->expect('STARTTLS', qr/^220 2\.0\.0/);
$c->start_tls;
like($c->command('MAIL FROM:<a@b.example>'), qr/^503 5\.5\.1/, 'EHLO was forgotten');
my $ehlo = $c->expect('EHLO c.example', qr/^250/);
like($ehlo, qr/^250-AUTH .*PLAIN/m, 'PLAIN is offered inside');
unlike($ehlo, qr/STARTTLS/, 'STARTTLS is not');
like($c->command('STARTTLS'), qr/^503 5\.5\.1/, 'nor taken');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
ok($pb->wait_log('authLog', qr/event=login service=smtp mechanism=PLAIN user=alice\@example\.com/), 'this log-in came to auth-check');
is(scalar(() = $pb->log_text('authLog') =~ /event=login/g), 1, 'what was sent in clear did not (S10)');
$c->expect('MAIL FROM:<alice@example.com>', qr/^250/);
$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
$c->expect('DATA', qr/^354/);
$c->expect("From: alice\@example.com\r\nSubject: tls\r\n\r\nx\r\n.", qr/^250/);
$c->expect('QUIT', qr/^221/);
my ($mail) = $pb->wait_mail('alice@example.com', 1);
like(Pillarbox::slurp($mail), qr/ with ESMTPSA\r\n\t\(TLSv1\.[23] [^)]*\)\r\n/, 'Received tells of TLS and log-in');

for my $ahead ("RSET\r\nMAIL FROM:<e\@x.example>\r\n", "x") {
	my $i = $pb->connect('smtp');
	$i->expect('EHLO c.example', qr/^250/);
	$i->send_raw("STARTTLS\r\n$ahead");
	like($i->reply, qr/^554 5\.5\.1/, 'commands sent ahead of TLS are refused (S08)');
	ok($i->at_end, 'and never answered');
}

$c = $pb->connect('smtp');
$c->expect('EHLO c.example', qr/^250/);
$c->expect('MAIL FROM:<a@b.example>', qr/^250/);
like($c->command('STARTTLS'), qr/^503/, 'not inside a transaction (S09)');
like($c->command('RCPT TO:<alice@example.com>'), qr/^250/, 'which goes on');

$c = $pb->connect('smtp');
$c->expect('STARTTLS', qr/^220/);
$c->send_raw("\x16\x03\x01garbage that is no handshake" x 10);
$c->line(5);
$c = $pb->connect('smtps');
like($c->{greeting}, qr/^220 /, 'TLS from the first byte on smtps');
$c->expect('EHLO c.example', qr/^250/);
like($c->command('MAIL FROM:<a@b.example>'), qr/^530 5\.7\.0/, 'which is a submission port: log in first');
ok($pb->wait_log('smtpLog', qr/event=tls-failed/), 'a failed handshake is logged');

my $clear = Pillarbox->new(settings => { plaintextAuth => 'loopback' });
$clear->user('alice@example.com');
$clear->set(smtpMaxConnectionsPerUser => 1);
$clear->start;
$c = $clear->connect('smtp');
$c->expect('EHLO c.example', qr/^250/);
$c->login('alice@example.com', $Pillarbox::PASSWORD);
$c->expect('STARTTLS', qr/^220/);
$c->start_tls;
like($c->expect('EHLO c.example', qr/^250/), qr/^250-AUTH /m, 'a log-in in clear is forgotten too');
my @rows = grep { /\tsmtp\t/ } split /\n/, $clear->ctl_ok('connections', 'smtp', '--tsv');
is(scalar(@rows), 1, 'the session is shown');
unlike("@rows", qr/alice/, 'as nobody\'s');
my $other = $clear->connect('smtp', local => '127.9.1.2');
$other->expect('EHLO c.example', qr/^250/);
$other->login('alice@example.com', $Pillarbox::PASSWORD);
pass('and does not count as one of the user\'s, who may have one (smtpMaxConnectionsPerUser)');
$c->expect('EHLO c.example', qr/^250/);
like($c->command('AUTH PLAIN ' . encode_base64("\0alice\@example.com\0$Pillarbox::PASSWORD", '')), qr/^421 4\.7\.0/, 'but does when he logs in anew');
done_testing();
