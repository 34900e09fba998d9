#!/usr/bin/perl
# Greylisting as clients of smtp-listen see it.
# Features: TOOL-15, GREY-01, GREY-02.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True', 'greylisting/blockPeriod' => 0 });
$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->set('greylisting/blockPeriod' => 1);
$pb->start;

sub recipient {
	my ($from, $to, %o) = @_;
	my $c = $pb->connect($o{service} || 'smtp', local => $o{local});
	$c->expect('EHLO client.example', qr/^250/);
	$c->login($from, $Pillarbox::PASSWORD) if $o{login};
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	my @r = map { $c->command("RCPT TO:<$_>") } ref $to ? @$to : $to;
	$c->command('QUIT');
	return @r;
}
my ($first) = recipient('stranger@far.example', 'alice@example.com');
like($first, qr/^451 4\.7\.1 .*not before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/, 'a first contact is told when to come again');
like((recipient('stranger@far.example', 'alice@example.com'))[0], qr/^451 4\.7\.1/, 'a retry at once too');
like((recipient('stranger@far.example', 'nobody@example.com'))[0], qr/^550 5\.1\.1/, 'unknown users keep 550 (GREY-14)');
like((recipient('alice@example.com', 'bob@example.com', service => 'smtps', login => 1))[0], qr/^250/,
	'who logged in is not delayed (GREY-09)');
my @two = recipient('second@far.example', [ 'alice@example.com', 'bob@example.com' ]);
is(scalar(grep { /^451/ } @two), 2, 'each recipient is judged');

# A user who does not want it (GREY-06).
$pb->ctl_ok('user', 'edit', 'bob@example.com', 'disableGreylisting=True');
@two = recipient('third@far.example', [ 'alice@example.com', 'bob@example.com' ]);
like($two[0], qr/^451/, 'one recipient waits');
like($two[1], qr/^250/, 'another does not (GREY-15)');
$pb->ctl_ok('user', 'edit', 'alice@example.com', 'trustedSenders/sender=@trusted.example');
like((recipient('any@trusted.example', 'alice@example.com'))[0], qr/^250/, 'a trusted sender passes (GREY-10)');

# The end of the block period, without waiting for it: a shorter one.
$pb->set('greylisting/blockPeriod' => 0);
my $end = time + 15;
my $late;
do { sleep 0.2; ($late) = recipient('stranger@far.example', 'alice@example.com') } while $late !~ /^250/ && time < $end;
like($late, qr/^250/, 'after the block period the retry passes');
$pb->set('greylisting/blockPeriod' => 1440);
sleep 1;
like((recipient('stranger@far.example', 'alice@example.com'))[0], qr/^250/, 'and stays passed');
$end = time + 15;
my $new;
my $n = 0;
do { sleep 0.2; ($new) = recipient('late' . $n++ . '@far.example', 'alice@example.com') } while $new !~ /^451/ && time < $end;
like($new, qr/^451/, 'the new block period holds for first contacts');

# Killed: mail flows, and what passed is remembered.
my ($pid) = $pb->pids_of('greylist-check');
kill 'KILL', $pid;
my ($r) = recipient('stranger@far.example', 'alice@example.com');
like($r, qr/^250/, 'while it is gone, mail flows');
$end = time + 20;
do { sleep 0.2; ($new) = recipient('after' . $n++ . '@far.example', 'alice@example.com') } while $new !~ /^451/ && time < $end;
like($new, qr/^451/, 'it comes back');
like((recipient('stranger@far.example', 'alice@example.com'))[0], qr/^250/, 'and remembers who passed');
like(ask_control($pb, 'greylist-control', "stats\n"), qr/^ok\ndelayed=\d+\npassed=\d+/, 'it counts');
like(ask_control($pb, 'greylist-control', "reload\n"), qr/^ok$/m, 'it reads its settings again');
ok($pb->wait_log('greylistLog', qr/event=greylist verdict=later name=first-contact value=\S+ weight=0 total=-100 from=stranger\@far\.example to=alice\@example\.com earliest="20/),
	'a first contact is in the log');
ok($pb->wait_log('greylistLog', qr/event=greylist verdict=pass name=came-back value=\S+ weight=100 total=0 from=stranger\@far\.example/), 'and so is the retry that passed');

# Addresses and domains that are exempt.
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.5.0/24', 'greylisting=True');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.6.1', 'smtp=True');
$pb->user('dave@calm.example');
like((recipient('x@far.example', 'dave@calm.example'))[0], qr/^451/, 'a domain of ours');
$pb->ctl_ok('domain', 'edit', 'calm.example', 'disableGreylisting=True');
like((recipient('x@far.example', 'dave@calm.example'))[0], qr/^250/, 'can be without greylisting (DOM-23, GREY-13)');
$end = time + 15;
do { sleep 0.2; ($new) = recipient('white' . $n++ . '@far.example', 'alice@example.com', local => '127.0.5.9') } while $new !~ /^250/ && time < $end;
like($new, qr/^250/, 'an address on the whitelist for greylisting passes (IPBW-07, GREY-08)');
like((recipient('white@far.example', 'alice@example.com', local => '127.0.6.1'))[0], qr/^250/, 'and one for SMTP (IPBW-06)');
like((recipient('white@far.example', 'alice@example.com', local => '127.0.7.1'))[0], qr/^451/, 'others do not');
$pb->ctl_ok('set', 'greylisting/allowUserOverride', 'False');
$end = time + 15;
do { sleep 0.2; ($new) = recipient('override' . $n++ . '@far.example', 'bob@example.com') } while $new !~ /^451/ && time < $end;
like($new, qr/^451/, 'users have no say when the server says so');

# Bytes that are no milter protocol.
for my $bytes ("\0\0\0\0", "\xff\xff\xff\xffO", "\0\0\0\x01R", 'GET / HTTP/1.0' . "\r\n\r\n", "\0\0\0\x0dO" . "\xff" x 12) {
	my $s = Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/greylist") or die "greylist: $!";
	syswrite $s, $bytes;
	close $s;
}
($new) = recipient('last@far.example', 'alice@example.com');
like($new, qr/^451/, 'garbage on its socket stops nothing');
done_testing;
