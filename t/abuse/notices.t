#!/usr/bin/perl
# Notices about crossed rules: internal spammers (ABUSE-10, ABUSE-11, ABUSE-12), once in a frame and to whom
# the rule says (ABUSE-13), with account, address, count, size and commands that work as they stand
# (ABUSE-14), and every other threshold (ABUSE-16).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { popMaxConnectionsPerIp => 0, popMaxBadCommands => 0 });
$pb->user($_) for qw(alice@example.com bobby@example.com carol@example.com watch@example.com same@example.com
	postmaster@example.com);
sub rule { $pb->ctl_ok('abuse', 'add', @_) }
rule('kind=internalSpammer', 'match=volume', 'messages=3', 'timeFrame=60', 'notify=watch@example.com');
rule('kind=internalSpammer', 'messages=4', 'timeFrame=60', 'notify=same@example.com');	# sameSize is the default
rule('kind=dos', 'service=pop', 'connections=1', 'blockMinutes=0');
rule('kind=loginFailures', 'service=pop', 'loginFailures=1', 'blockMinutes=7', 'notify=nobody@example.com');
$pb->start;

# One session that sends messages whose bodies have these many bytes.
sub session {
	my ($from, $ip, @sizes) = @_;
	my $c = $pb->connect('smtps', local => $ip);
	$c->expect('EHLO client.example', qr/^250/);
	$c->login($from, $Pillarbox::PASSWORD);
	my @replies;
	for my $n (@sizes) {
		$c->expect("MAIL FROM:<$from>", qr/^250/);
		$c->expect('RCPT TO:<carol@example.com>', qr/^250/);
		$c->expect('DATA', qr/^354/);
		# n + 56 bytes
		push @replies, $c->command("From: $from\r\nSubject: a message to all\r\n\r\n" . 'x' x $n . "\r\n.");
	}
	$c->command('QUIT');
	return @replies;
}
sub mails { return map { scalar Pillarbox::slurp($_) } $pb->wait_mail(@_) }
sub only_one { my ($who, $what) = @_; my @m = mails($who, 1); is(scalar @m, 1, $what); return $m[0] // '' }

# volume: the fourth message of one sender in the frame, whatever its size
my @replies = session('alice@example.com', '127.6.0.1', 10, 20, 30);
is(scalar(grep { /^250/ } @replies), 3, 'three messages are sent');
$pb->wait_mail('carol@example.com', 3);
is(scalar($pb->mail('watch@example.com')), 0, 'and nobody is told: more than the rule says is too many, not as many');
@replies = session('alice@example.com', '127.6.0.2', 40, 50, 60);
is(scalar(grep { /^250/ } @replies), 3, 'sending goes on: the notice stops nothing');
my $mail = only_one('watch@example.com', 'one notice');
like($mail, qr/^To: watch\@example\.com\r$/m, 'to whom the rule says');
like($mail, qr/^From: Abuse detection <[^>]+>\r$/m, 'from the server');
like($mail, qr/^Subject: Abuse detection on mail\.test\.example: internalSpammer: alice\@example\.com\r$/m, 'about the account');
like($mail, qr/^Date: .*^Message-Id: /msi, 'it is a whole message');
like($mail, qr/^Auto-Submitted: auto-generated\r$/m, 'that says what it is');
like($mail, qr/^Return-Path: <>\r$/m, 'and makes no bounce');
like($mail, qr/^  account: alice\@example\.com\r$/m, 'it names the account');
like($mail, qr/^  address: 127\.6\.0\.2\r$/m, 'the address');
like($mail, qr/^  count:   4 messages in the last 60 minutes; the rule says 3\r$/m, 'the count');
like($mail, qr/^  size:    \d+ bytes, the last one\r$/m, 'and the size');

# sameSize: five messages of one size, whoever sends them
session('alice@example.com', '127.6.0.1', 1000);
session($_, '127.6.0.3', 1000, 1000) for qw(bobby@example.com carol@example.com);
$mail = only_one('same@example.com', 'five messages of one size bring one notice');
like($mail, qr/^  count:   5 messages in the last 60 minutes; the rule says 4\r$/m, 'at the fifth');
like($mail, qr/^  size:    1056 bytes, each of them\r$/m, 'of the size that they have');
like($mail, qr/^  account: carol\@example\.com\r$/m, 'with the last sender');
session('bobby@example.com', '127.6.0.3', 1000, 11, 12, 13);
my @both = mails('watch@example.com', 2);
like((grep { /account: bobby/ } @both)[0] // '', qr/count:   4 messages/, 'another sender has a notice of his own');
is(scalar($pb->mail('same@example.com')), 1, 'the same size has none again in the same frame (ABUSE-13)');
ok($pb->wait_log('abuseLog', qr/\[127\.6\.0\.2\].*event=rule-crossed rule=1 kind=internalSpammer count=4 account=alice\@example\.com notice=sent/),
	'the log tells');

# The commands of the notice, as they stand, do what they say (ABUSE-14).
($mail) = grep { /account: alice/ } @both;
my ($lock) = $mail =~ /^    (mailctl user edit .*?)\r$/m;
my ($list, $purge) = $mail =~ /^    (mailctl spool list .*?)\r\n    (mailctl --tsv spool list .*?)\r$/m;
local $ENV{PATH} = "$Pillarbox::BIN:$ENV{PATH}";
local $ENV{PILLARBOX_ROOT} = $pb->dir;
$pb->ctl_ok('stop', 'spool');
for my $from (qw(alice@example.com bobby@example.com)) {
	my $c = $pb->connect('smtps');
	$c->expect('EHLO client.example', qr/^250/);
	$c->login($from, $Pillarbox::PASSWORD);
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	$c->expect('RCPT TO:<somebody@far.invalid>', qr/^250/);
	$c->expect('DATA', qr/^354/);
	$c->expect("From: $from\r\nSubject: waits\r\n\r\nx\r\n.", qr/^250/);
}
my ($rc, $out) = $pb->run('sh', '-c', $list);
is($rc, 0, "$list: works");
like($out, qr/alice\@example\.com/, 'and shows what waits');
unlike($out, qr/bobby\@example\.com/, 'of this sender');
$pb->ctl_ok('start', 'spool');
my $end = time + 20;
do { ($rc, $out) = $pb->run('sh', '-c', $purge) } while $rc != 0 && time < $end && (sleep(0.3), 1);
is($rc, 0, "$purge: works");
# One that is on its way goes when that is over.
sub waiting { my ($who) = @_; return scalar(() = $pb->ctl_ok('spool', 'list', '--tsv') =~ /$who\@example\.com/g) }
sleep 0.3 while waiting('alice') > 0 && time < $end;
is(waiting('alice'), 0, 'her messages are gone');
is(waiting('bobby'), 1, 'his is there');
is(($pb->run('sh', '-c', $lock))[0], 0, "$lock: works");
my $c = $pb->connect('smtps', local => '127.6.1.1');
$c->expect('EHLO client.example', qr/^250/);
$c->expect('AUTH PLAIN ' . encode_base64("\0alice\@example.com\0$Pillarbox::PASSWORD", ''), qr/^535/, 'and the account is locked');

# Other thresholds, to the postmaster; blockMinutes 0 only tells (ABUSE-16).
my @before = $pb->mail('postmaster@example.com');
$pb->connect('pop3', local => '127.6.2.1')->close;
@both = mails('postmaster@example.com', @before + 1);
($mail) = grep { /kind|dos: 127\.6\.2\.1/ } @both;
like($mail, qr/^  count:   1 connections in the last 5 minutes; the rule says 1\r$/m, 'connections: the postmaster is told');
like($mail, qr/was not blocked.*mailctl block add 127\.6\.2\.1\r$/ms, 'that nobody was blocked, and how to do it');
like($pb->connect('pop3', local => '127.6.2.1')->{greeting}, qr/^\+OK/, 'which is so');

# A name made to forge mail and commands; the rule's own address cannot be reached.
my $p = $pb->connect('pop3s', local => '127.6.3.1');
$p->command('AUTH PLAIN ' . encode_base64("\0x'; touch /tmp/forged; '\r\nBcc: carol\@example.com\r\n\r\n.\r\nQUIT\r\n\0wrong", ''));
$end = time + 20;
do { sleep 0.1; ($mail) = grep { /loginFailures/ } mails('postmaster@example.com', @before + 2) } while !$mail && time < $end;
like($mail, qr/^  account: x'; touch \/tmp\/forged; '\\x0d\\x0aBcc: carol\@example\.com\\x0d\\x0a/m, 'a hostile name is one escaped line');
unlike($mail, qr/^Bcc:/m, 'and no field of the header');
like($mail, qr/is blocked for 7 minutes.*mailctl block show 127\.6\.3\.1\r\n    mailctl block delete 127\.6\.3\.1\r$/ms, 'blocked: how to lift it');
is(($pb->run('sh', '-c', 'mailctl block delete 127.6.3.1'))[0], 0, 'which works');
ok($pb->wait_log('abuseLog', qr/event=notice-refused to=nobody\@example\.com/), 'an address that is refused gives way to postmaster');

# LIMIT_NOTICES_HOUR: attackers by the dozen make no dozens of mails; the log has each.
$pb->connect('pop3', local => "127.6.4.$_")->close for 1 .. 30;
ok($pb->wait_log('abuseLog', qr/\[127\.6\.4\.30\].*event=rule-crossed rule=3 kind=dos count=1 notice=held/), 'the thirtieth is held');
my $told = () = $pb->log_text('abuseLog') =~ /event=rule-crossed rule=3 .* notice=sent/g;
is($told, 20, 'notices of a rule at LIMIT_NOTICES_HOUR are sent');
my $kept = () = $pb->log_text('abuseLog') =~ /event=rule-crossed rule=3 .* notice=held/g;
cmp_ok($kept, '>=', 10, 'those over LIMIT_NOTICES_HOUR are held');

# LIMIT_NOTICES: while nobody takes mail they wait, up to that many.
rule('kind=dos', 'service=imap', 'connections=1', 'blockMinutes=0') for 1 .. 6;
$pb->ctl_ok('stop', 'smtp');
$end = time + 20;
sleep 0.1 while time < $end && ($pb->ctl('block', 'list'))[0] != 0;
$pb->connect('imap', local => "127.6.5.$_")->close for 1 .. 20;
ok($pb->wait_log('abuseLog', qr/\[127\.6\.5\.20\].*event=rule-crossed rule=10 kind=dos/), 'six rules are crossed by twenty');
my ($sent, $held) = map { my $how = $_; scalar(() = $pb->log_text('abuseLog') =~ /\[127\.6\.5\.\d+\].*event=rule-crossed .* notice=$how/g) } qw(sent held);
is($sent, 100, 'notices at LIMIT_NOTICES wait');
is($held, 20, 'those over LIMIT_NOTICES are held');
@before = $pb->mail('postmaster@example.com');
$pb->ctl_ok('start', 'smtp');
cmp_ok(scalar($pb->wait_mail('postmaster@example.com', @before + 100, 90)), '>=', @before + 100, 'and go out when mail is taken again');
done_testing;
