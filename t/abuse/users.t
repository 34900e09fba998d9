#!/usr/bin/perl
# Connections at once of one user, by SMTP, POP3 and IMAP, from whatever address
# (SMTPIN-10, POP-04, IMAP-04), and clients that talk before they are greeted.
use strict;
use warnings;
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxConnectionsPerUser => 2, popMaxConnectionsPerUser => 1, imapMaxConnectionsPerUser => 2,
	popLogLevel => 'Normal', imapLogLevel => 'Normal' });
$pb->user('alice@example.com');
$pb->user('bob@example.com');
$pb->ctl_ok('alias', 'add', 'also@example.com', 'alice@example.com');
$pb->ctl_ok('whitelist', 'add', '127.9.0.1', 'smtp=True', 'pop=True', 'imap=True');
$pb->start;

my $n = 0;
# A session from an address of its own, and what its log-in is told.
sub session {
	my ($service, $user, %o) = @_;
	my $c = $pb->connect($service, local => $o{local} // '127.9.1.' . ++$n);
	if ($service eq 'smtps') {
		$c->expect('EHLO c.example', qr/^250/);
		$c->{said} = $c->command('AUTH PLAIN ' . encode_base64("\0$user\0$Pillarbox::PASSWORD", ''));
	} elsif ($service eq 'pop3') {
		$c->command("USER $user");
		$c->{said} = $c->command("PASS $Pillarbox::PASSWORD");
	} else {
		$c->{said} = $c->command(qq(LOGIN "$user" "$Pillarbox::PASSWORD"));
	}
	return $c;
}
my %good = (smtps => qr/^235 /, pop3 => qr/^\+OK /, imap => qr/^a\d+ OK /m);
my %full = (smtps => qr/^421 4\.7\.0 Too many connections.*\d{12}$/, pop3 => qr/^-ERR \[SYS\/TEMP\] Too many connections.*\d{12}\)$/,
	imap => qr/^a\d+ NO \[LIMIT\] Too many connections.*\d{12}\)$/m);
my %word = (smtps => 'smtp', pop3 => 'pop3', imap => 'imap');
my %kind = (smtps => 'smtpLog', pop3 => 'popLog', imap => 'imapLog');
for my $service (sort keys %good) {
	my $most = $service eq 'pop3' ? 1 : 2;
	my @c = map { session($service, 'alice@example.com') } 1 .. $most;
	like($_->{said}, $good{$service}, "$service: a session of a user") for @c;
	my $more = session($service, 'ALICE@example.com');
	like($more->{said}, $full{$service}, 'one more is refused, also under another writing of the name');
	ok($more->at_end, 'and closed');
	like(session($service, 'bob@example.com')->{said}, $good{$service}, 'another user is not');
	my $white = session($service, 'alice@example.com', local => '127.9.0.1');
	like($white->{said}, $service eq 'pop3' ? qr/^-ERR \[IN-USE\]/ : $good{$service}, 'nor is a whitelisted address');
	$_->close for $white, pop @c;
	my $end = time + 15;
	my $again;
	do { sleep 0.1; $again = session($service, 'alice@example.com') } while ($again->{said} !~ $good{$service} && time < $end);
	like($again->{said}, $good{$service}, 'one that ended makes room');
	$_->close for @c, $again;
	ok($pb->wait_log($kind{$service}, qr/\[127\.9\.1\.\d+\]\[\d{12}\] event=login-refused user=alice\@example\.com why="Too many connections of this user"/), 'and the log tells');
	ok($pb->wait_log('abuseLog', qr/\[127\.9\.1\.\d+\]\[-\] event=check about=user name=sessions value=@{[ $most + 1 ]} weight=-100 total=-100 service=\Q$word{$service}\E user=alice\@example\.com$/m),
		'and what was counted');
}

# Early talkers.
sub early {
	my ($ip, %o) = @_;
	my $c = $pb->connect($o{service} || 'smtp', local => $ip, no_greeting => 1);
	$c->send_raw("EHLO hasty.example\r\n");
	return $c;
}
sub patient { my ($ip) = @_; return $pb->connect('smtp', local => $ip)->{greeting} }
like(early('127.9.2.1')->reply, qr/^220 /, 'without bannerDelay nobody is early');
$pb->set(bannerDelay => 1500);
my $end = time + 20;
sleep 0.2 until do { early('127.9.2.9')->reply; $pb->log_text('smtpLog') =~ /event=early-talker/ } || time > $end;
my $c = early('127.9.2.2');
like($c->reply, qr/^220 /, 'who talks early is greeted, and noted');
like($c->reply, qr/^250/, 'and served');
$c->command('QUIT');
ok($pb->wait_log('smtpLog', qr/\[127\.9\.2\.2\]\[\d{12}\] event=early-talker/), 'the log has the note');
my $begin = time;
like(patient('127.9.2.3'), qr/^220 /, 'who waits is greeted');
cmp_ok(time - $begin, '>=', 1.4, 'after the delay');
unlike($pb->log_text('smtpLog'), qr/\[127\.9\.2\.3\]\[\d{12}\] event=early-talker/, 'without a note');
# What it weighs is added to the other checks of the envelope.
sub early_rcpt {
	my ($helo) = @_;
	my $e = early('127.9.2.7');
	$e->reply for 1 .. 2;
	$e->expect($_, qr/^250/) for "EHLO $helo", 'MAIL FROM:<s@far.example>';
	return $e->command('RCPT TO:<alice@example.com>');
}
like(early_rcpt('hasty.example'), qr/^250/, 'alone it refuses nobody');
like(early_rcpt('[192.0.2.1]'), qr/^550 5\.5\.1 You spoke before the greeting ticket \d{12}$/, 'with a wrong literal it does');
ok($pb->wait_log('smtpLog', qr/\[127\.9\.2\.7\]\[\d{12}\] event=check about=helo name=early-talker value=\S+ weight=-50 total=-50/), 'which the log explains');
$pb->set('envelopeChecks/earlyTalker' => 100);
$end = time + 20;
my $hasty;
do { $hasty = early_rcpt('hasty.example') } while $hasty =~ /^250/ && time < $end;
like($hasty, qr/^550 5\.5\.1/, 'or alone, when it weighs enough');
$pb->set(earlyTalkers => 'refuse');
$end = time + 20;
my $said;
do { $said = early('127.9.2.4')->reply } while ($said =~ /^220/ && time < $end);
like($said, qr/^554 5\.5\.1 .*\d{12}$/, 'or refused');
$c = early('127.9.2.4');
$c->reply;
ok($c->at_end, 'and closed');
ok($pb->wait_log('smtpLog', qr/\[127\.9\.2\.4\]\[\d{12}\] event=refused reason=early-talker code=554/), 'with a line in the log');
like(patient('127.9.2.5'), qr/^220 /, 'who waits is not');
$c = early('127.9.0.1');
like($c->reply, qr/^220 /, 'a whitelisted address may be hasty');
like(early('127.9.2.6', service => 'submission')->reply, qr/^220 /, 'so may a user');
done_testing();
