#!/usr/bin/perl
# Who is never greylisted, and how records, waiting users and reasons look to the administrator.
# Features: GREY-01, GREY-06, GREY-07, GREY-08, GREY-09, GREY-10, GREY-11, GREY-12, GREY-13, GREY-16, GREY-17,
# ROUTE-04, AUTHB-04, IPBW-06, USER-13, DOM-23.
# LIMIT_EXPECT_SECONDS.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True', 'greylisting/blockPeriod' => 10 });
$pb->user($_) for 'alice@example.com', 'bob@example.com', 'carol@example.com', 'dora@example.com';
$pb->ctl_ok('alias', 'add', 'dora.alias@example.com', 'dora@example.com');
$pb->ctl_ok('alias', 'add', 'team@example.com', 'alice@example.com', 'dora@example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'trustedSenders/sender=partner.example');
$pb->ctl_ok('user', 'edit', 'alice@example.com', 'trustedSenders/sender=friend@trusted.example');
$pb->ctl_ok('set', '--add', 'smtpAuthBypass/entry', 'ipFrom=127.0.8.1', 'ipTo=127.0.8.9');
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'address=192.0.2.1', 'domains=slow.example, slower.example');
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'address=192.0.2.2', 'domains=quick.example', 'disableGreylisting=True');
Pillarbox::spew("$pb->{dir}/etc/greylisBypass.xml", "<list>\n<ip>127.0.9.1</ip>\n<group><ip>127.0.9.16/28</ip></group></list>\n");
chmod 0640, "$pb->{dir}/etc/greylisBypass.xml";
$pb->start;

sub deliver {
	my ($from, $to, %o) = @_;
	my $c = $pb->connect($o{service} || 'smtp', local => $o{local});
	$c->expect('EHLO client.example', qr/^250/);
	$c->login($from, $Pillarbox::PASSWORD) if $o{login};
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	my $r = $c->command("RCPT TO:<$to>");
	if ($o{data} && $r =~ /^250/) {
		$c->expect('DATA', qr/^354/);
		$r = $c->command("From: $from\r\nSubject: x\r\n\r\nx\r\n.");
	}
	$c->command('QUIT');
	return $r;
}
sub why { return $pb->ctl_ok('greylist', 'why', @_, '--tsv') }
my $later = qr/^451 4\.7\.1 .*not before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC.* ticket (\d{12})/;

my $r = deliver('s@far.example', 'alice@example.com');
like($r, $later, 'a stranger waits');
my ($ticket) = $r =~ $later;
ok($pb->wait_log('greylistLog', qr/\[$ticket\] event=greylist verdict=later name=first-contact value=127\.0\.0\.0\/24 weight=0 total=-100 from=s\@far\.example to=alice\@example\.com earliest="20/),
	'the ticket leads to the decision') or diag($pb->log_text('greylistLog'));
like($pb->ctl_ok('explain', $ticket), qr/greylisting of alice\@example\.com: later, for first-contact says 127\.0\.0\.0\/24 \(weight 0, total -100\); a retry is taken from 20.*UTC/,
	'... in words');
like($pb->ctl_ok('log', 'show', '--search', $ticket), qr/event=greylist verdict=later/, 'also for mailctl');

# Each exemption, what the client sees and what the log says.
sub exempt {
	my ($what, $name, @delivery) = @_;
	like(deliver(@delivery), qr/^250/, $what);
	my ($from, $to) = @delivery;
	ok($pb->wait_log('greylistLog', qr/verdict=pass name=$name weight=100 total=0 from=\Q$from\E to=\Q$to\E/), "... name=$name")
		or diag($pb->log_text('greylistLog'));
}
exempt('who needs no log-in (GREY-09, AUTHB-04)', 'client value=smtpAuthBypass', 'a1@far.example', 'alice@example.com', local => '127.0.8.9');
like(deliver('a1@far.example', 'alice@example.com', local => '127.0.8.10'), $later, '... and the next address does');
exempt('an address of the bypass file (GREY-12)', 'client value=bypass-file', 'a2@far.example', 'alice@example.com', local => '127.0.9.1');
exempt('a network of it', 'client value=bypass-file', 'a2@far.example', 'bob@example.com', local => '127.0.9.31');
like(deliver('a2@far.example', 'alice@example.com', local => '127.0.9.32'), $later, '... and no others');
exempt('a sender whom the user trusts (USER-13)', 'trusted-sender value=user', 'friend@trusted.example', 'alice@example.com');
like(deliver('friend@trusted.example', 'bob@example.com'), $later, '... is not trusted by others');
exempt('a sender whom the domain trusts (GREY-10)', 'trusted-sender value=domain', 'any@partner.example', 'bob@example.com');
exempt('who logged in (GREY-09)', 'log-in value=carol@example.com', 'carol@example.com', 'alice@example.com', service => 'smtps', login => 1);
exempt('a domain that is passed on without it (ROUTE-04)', 'recipient value=forward-off', 'a3@far.example', 'x@quick.example');
like(deliver('a3@far.example', 'x@slower.example'), $later, '... but others that are passed on wait');
$pb->ctl_ok('user', 'edit', 'dora@example.com', 'disableGreylisting=True');
exempt('a user who wants none (GREY-06)', 'recipient value=user-off', 'a4@far.example', 'dora@example.com');
exempt('under an alias of that user alone', 'recipient value=user-off', 'a4@far.example', 'dora.alias@example.com');
like(deliver('a4@far.example', 'team@example.com'), $later, '... but not one of several');
$pb->ctl_ok('user', 'edit', 'dora@example.com', 'disableGreylisting=False');
like(deliver('a4@far.example', 'dora@example.com'), $later, 'and back again');

# A sender who is known (GREY-11).
exempt('somebody who had no log-in before sends a message', 'client value=bypass-file', 'known@far.example', 'alice@example.com', local => '127.0.9.1', data => 1);
exempt('and is known to the recipient from anywhere', 'known-sender value=received-from', 'known@far.example', 'alice@example.com');
like(deliver('known@far.example', 'bob@example.com'), $later, '... not to others');
like(deliver('carol@example.com', 'answers@far.example', service => 'smtps', login => 1, data => 1), qr/^250/, 'a user writes to somebody');
exempt('whose answer is not delayed', 'known-sender value=wrote-to', 'answers@far.example', 'carol@example.com');
like(deliver('', 'alice@example.com'), $later, 'the null reverse-path is nobody one could know');

# Users who wait for mail.
like(deliver('code@far.example', 'dora@example.com'), $later, 'a log-in code is late');
like($pb->ctl_ok('expect', 'Dora.Alias@Example.com', '--for', '15m', '--tsv'), qr/^dora\@example\.com\t20/m, 'unless it is waited for');
exempt('then it comes at once', 'expected value=.*', 'code@far.example', 'dora@example.com');
exempt('under each of the user\'s addresses', 'expected value=.*', 'code2@far.example', 'team@example.com');
like(deliver('code@far.example', 'alice@example.com'), $later, '... others wait');
like($pb->ctl_ok('expect', '--tsv'), qr/^dora\@example\.com\t20/m, 'who waits is listed');
like(why('dora@example.com'), qr/^expected\t20\d\d-[^\t]* UTC\t100\t0$/m, 'and told as the reason');
$pb->ctl_ok('expect', 'dora@example.com', '--end');
like(deliver('code@far.example', 'dora@example.com'), $later, 'it can be ended');
is(($pb->ctl('expect', 'dora@example.com', '--end'))[0], 3, 'once');
$pb->ctl_ok('expect', 'dora@example.com', '--for', '1s');
my $end = time + 20;
sleep 0.2 while ($r = deliver('code@far.example', 'dora@example.com')) =~ /^250/ && time < $end;
like($r, $later, 'it ends by itself');
is(($pb->ctl('expect', 'nobody@example.com'))[0], 3, 'nobody can wait for who is not there');
is(($pb->ctl('expect', 'team@example.com'))[0], 3, 'nor for several');
is(($pb->ctl('expect', 'dora@example.com', '--for', '86401s'))[0], 2, 'nor for a time over LIMIT_EXPECT_SECONDS');
is(($pb->ctl('expect', 'dora@example.com', '--for', '86400s'))[0], 0, 'one at LIMIT_EXPECT_SECONDS it may be');
kill 'KILL', ($pb->pids_of('greylist-check'))[0];
$end = time + 20;
sleep 0.2 while ($pb->ctl('expect'))[0] != 0 && time < $end;
like($pb->ctl_ok('expect', '--tsv'), qr/^dora\@example\.com/m, 'a restart forgets nobody');
$pb->ctl_ok('expect', 'dora@example.com', '--end');

# Reasons.
like(why('198.51.100.7', 's@far.example', 'alice@example.com'), qr/^greylisting\ton\t-100\t-100\nfirst-contact\t198\.51\.100\.0\/24\t0\t-100\nverdict\tlater: 451/m,
	'why a stranger would wait');
like(why('198.51.100.7', 's@far.example', 'alice@example.com'), qr/^first-contact/m, '... and asking notes nothing');
like(why('127.0.0.1', 's@far.example', 'alice@example.com'), qr{^too-early\t127\.0\.0\.0/24\t0\t-100\nrecord\twaiting, first 20.*127\.0\.0\.0/24}m, 'why one who waits does, with the record');
like(why('127.0.9.1', 's@far.example', 'alice@example.com'), qr/^client\tbypass-file\t100\t0$/m, 'why an exempt address passes');
like(why('127.0.9.1'), qr/^client\tbypass-file/m, 'an address alone');
like(why('127.0.0.9'), qr/^record\twaiting.*s\@far\.example/m, '... with the records of its network');
like(why('s@far.example'), qr/^recipient\tnot-ours.*^record\twaiting.*<alice\@example\.com>/ms, 'a sender alone, with its records');
is(($pb->ctl('greylist', 'why', 'a', 'b'))[0], 2, 'two words are wrong usage');
my $json = $pb->ctl_ok('greylist', 'list', '--recipient', 'bob@example.com', '--json');
like($json, qr/"origin": *"127\.0\.0\.0\/24"/, 'a list as JSON');
unlike($json, qr/alice/, 'of what was asked for');
like($pb->ctl_ok('greylist', 'list', '--max', '2', '--tsv'), qr/\A(?:[^\n]+\n){3}\z/, 'and not more than wanted');
$pb->ctl_ok('greylist', 'delete', '--recipient', 'bob@example.com');
unlike($pb->ctl_ok('greylist', 'list', '--tsv'), qr/<bob\@/, 'records are deleted by what they have in common');
like($pb->ctl_ok('greylist', 'list', '--tsv'), qr/<alice\@/, '... and others stay');
my $stats = $pb->ctl_ok('greylist', 'stats', '--json');
like($stats, qr/"refused": *[1-9]\d*.*"skipped": *[1-9].*"waiting": *[1-9].*"blocked"/s, 'statistics (GREY-17)');
my $help = ($pb->ctl('help', 'greylist'))[1];
like($help, qr/first mail.*late.*sign-up.*never retry.*whitelist/s, 'help tells the drawbacks (GREY-16)');

# The bypass file is read again when it changes; a bad one changes nothing.
sub spew_bypass { Pillarbox::spew("$pb->{dir}/etc/$_[0].new", $_[1]); chmod 0640, "$pb->{dir}/etc/$_[0].new"; rename "$pb->{dir}/etc/$_[0].new", "$pb->{dir}/etc/$_[0]" }
my $n = 0;
sub wait_for {
	my ($want, $local) = @_;
	my ($end, $got) = (time + 30);
	do { sleep 0.3; $got = deliver('w' . $n++ . '@far.example', 'alice@example.com', local => $local) } while $got !~ $want && time < $end;
	return $got;
}
spew_bypass('greylistBypass.xml', '<a><entry><ipFrom>127.0.10.1</ipFrom><ipTo>127.0.10.3</ipTo></entry></a>');
like(wait_for(qr/^250/, '127.0.10.2'), qr/^250/, 'a new file under the other name is seen');
like(deliver('n@far.example', 'alice@example.com', local => '127.0.9.1'), qr/^250/, '... beside the first');
spew_bypass('greylistBypass.xml', '<a><ip>127.0.11.1</ip><ip>no address</ip></a>');
ok($pb->wait_log('administrative', qr/event=reload-refused .*greylistBypass\.xml:1: ip: must be/), 'a bad one is refused with its line');
like(deliver('n@far.example', 'alice@example.com', local => '127.0.10.2'), qr/^250/, '... and all stays as it was');
unlink "$pb->{dir}/etc/greylistBypass.xml";
like(wait_for(qr/^451/, '127.0.10.2'), $later, 'one that is removed is forgotten');

# Off, for all.
$pb->ctl_ok('set', 'greylisting/enabled', 'False');
like(wait_for(qr/^250/), qr/^250/, 'switched off, nobody waits (GREY-01)');
# It runs only while it is on, and mailctl says so.
for my $ask (['greylist', 'list'], ['expect']) {
	my ($code, undef, $err) = $pb->ctl(@$ask);
	is($code, 75, "@$ask: try later");
	like($err, qr{greylisting is off \(mailctl set greylisting/enabled True\)}, "@$ask: and how");
}
done_testing;
