#!/usr/bin/perl
# mailctl explain tells a message's life from the logs: by id, ticket, Message-ID and address.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { retryIntervals => '60,60', dnsErrorAttempts => 9 });
$pb->user("$_\@example.com") for qw(alice bob);
$pb->start;

# The text of an explanation; *has* several expressions, in this order.
sub told { my ($rc, $out, $err) = $pb->ctl('explain', @_); return $rc == 0 ? $out : "exit $rc\n$err" }
sub in_order {
	my ($text, $name, @parts) = @_;
	my $at = 0;
	for my $part (@parts) {
		return fail("$name: no $part") && diag($text) if substr($text, $at) !~ $part;
		$at += $+[0];
	}
	pass($name);
}

my $c = $pb->connect('smtp');
$c->expect('EHLO far.example', qr/^250/);
$c->expect('MAIL FROM:<x@far.example>', qr/^250/);
my ($ticket) = $c->command('RCPT TO:<nobody@example.com>') =~ /^550 .*ticket (\d{12})$/ or die 'no ticket';
$c->expect('RCPT TO:<bob@example.com>', qr/^250/);
$c->expect('DATA', qr/^354/);
my $reply = $c->command("From: x\@far.example\r\nMessage-ID:\r\n <one\@far.example>\r\nSubject: hi\r\n\r\nx\r\n.");
my ($first) = $reply =~ /id=(\d+)/ or die $reply;
$c->expect('QUIT', qr/^221/);
$pb->wait_log('smtpLog', qr/event=message .*id=$first/);
$pb->wait_log('delivery', qr/event=delivered .*id=$first/);

my @life = (qr/^[\d.]{10} [\d:]{8}  127\.0\.0\.1 connected to smtp\n/,
	qr/recipient nobody\@example\.com was refused: 550 5\.1\.1 -- the mailbox does not exist\n/,
	qr/message $first was put into the mailbox of bob\@example\.com at once\n/);
in_order(told($ticket), 'a ticket: what was refused, and what was taken', @life);
like(told($ticket), qr/message taken from x\@far\.example: \d+ bytes for 1 recipients, id $first, Message-ID <one\@far\.example>/,
	'... with its Message-ID');
in_order(told($first), 'the id of its message', @life, qr/message $first is not in the queue any more/);
in_order(told('<ONE@far.example>'), 'its Message-ID', @life);
in_order(told('nobody@example.com'), 'an address that was refused', qr/^ticket $ticket\n/, @life);

# Refused at its end: it never had an id.
$c = $pb->connect('smtp');
$c->expect('EHLO far.example', qr/^250/);
$c->expect('MAIL FROM:<y@far.example>', qr/^250/);
$c->expect('RCPT TO:<bob@example.com>', qr/^250/);
$c->expect('DATA', qr/^354/);
my ($refused) = $c->command("Message-ID: <loop\@far.example>\r\n" . "Received: by x\r\n" x 30 . "\r\nx\r\n.") =~ /^554 .*ticket (\d{12})$/
	or die 'not refused';
$c->expect('QUIT', qr/^221/);
$pb->wait_log('smtpLog', qr/message-refused .*loop/);
for my $key ($refused, '<loop@far.example>') {
	like(told($key), qr/the message was refused: 554 5\.4\.6 .*<loop\@far\.example> -- the message went round in circles/,
		"refused mail by $key");
}

# Two messages of one session, one of them waits; the other is not mixed in.
$c = $pb->connect('smtps');
$c->expect('EHLO c.example', qr/^250/);
$c->login('alice@example.com', $Pillarbox::PASSWORD);
sub send_one {
	my (@to) = @_;
	$c->expect('MAIL FROM:<alice@example.com>', qr/^250/);
	$c->expect("RCPT TO:<$_>", qr/^250/) for @to;
	$c->expect('DATA', qr/^354/);
	my $reply = $c->command("From: alice\@example.com\r\nSubject: s\r\n\r\nx\r\n.");
	return $reply =~ /id=(\d+)/ ? $1 : die $reply;
}
my $waits = send_one('bob@example.com', 'z@nowhere.invalid');
my $other = send_one('bob@example.com');
$c->expect('QUIT', qr/^221/);
ok($pb->wait_log('delivery', qr/event=deferred id=$waits rcpt=2/), 'one waits');
$pb->wait_log('smtpLog', qr/id=$other/);
my $story = told($waits);
in_order($story, 'the one that waits', qr/connected to smtps/, qr/logged in as alice\@example\.com by PLAIN/);
like($story, qr/message $waits was put into the mailbox of bob\@example\.com\n/, '... delivered to one');
like($story, qr/could not be delivered yet to z\@nowhere\.invalid: 450 4\.1\.2 .*; next attempt at .* UTC -- the domain does not exist/,
	'... why not to the other, in plain words');
like($story, qr/message $waits is in the queue: retry after 1 attempts, next \d{4}-/, '... and what comes next');
unlike($story, qr/$other/, 'another message of the same session is left out');
my @twice = $story =~ /logged in/g;
is(scalar @twice, 1, 'what two logs say is told once');
my ($generated) = Pillarbox::slurp((grep { Pillarbox::slurp($_) =~ /Subject: s/ } $pb->wait_mail('bob@example.com', 3))[0])
	=~ /^Message-ID: (<.*>)\r$/m;
like(told($generated), qr/message taken from alice/, 'a Message-ID that we gave is found too');

# It fails at last: the notice belongs to its story.
$pb->set(retryIntervals => '60');
$pb->ctl_ok('reload');
my $end = time + 20;
while ($pb->log_text('delivery') !~ /event=bounced id=$waits/ && time < $end) {
	$pb->ctl('spool', 'force', $waits);
	sleep 0.5;
}
$pb->wait_mail('alice@example.com', 1);
$pb->wait_log('delivery', qr/event=bounced id=$waits .*bounce=\d+/);
my ($bounce) = $pb->log_text('delivery') =~ /event=bounced id=$waits .*bounce=(\d+)/;
in_order(told($waits), 'what failed', qr/message $waits cannot be delivered to z\@nowhere\.invalid/,
	qr/the sender was told of message $waits: failed, by message $bounce/);

my @rows = @{ decode_json($pb->ctl_ok('explain', '--json', $first)) };
is($rows[0]{session}, $ticket, 'JSON has the session');
ok((grep { $_->{log} =~ /event=recipient-refused/ && $_->{words} =~ /nobody/ } @rows), '... and the line itself');

# Whatever a client says, it forges nothing.
$c = $pb->connect('smtp');
$c->expect('EHLO far.example', qr/^250/);
$c->command("MAIL FROM:<a\@b.example> X=\"event=delivered id=$first\"");
$c->command("RCPT TO:<\"x\\\" event=delivered id=$first to=evil\"\@example.com>");
$c->expect('QUIT', qr/^221/);
$pb->wait_log('smtpLog', qr/evil/);
unlike(told($first), qr/evil/, 'a hostile recipient is no part of another story');


# The detailed log quotes commands, which may look like events.
$pb->set(smtpLogLevel => 'Detailed');
$pb->ctl_ok('reload');
my $spoken = qr/cmd: NOOP x=1/;
$end = time + 20;
while (time < $end && $pb->log_text('smtpLog') !~ $spoken) {
	$c = $pb->connect('smtp');
	$c->command("NOOP x=1 event=login user=forged\@example.com id=$first");
	$c->command('QUIT');
	$pb->wait_log('smtpLog', $spoken, 1);
}
like($pb->log_text('smtpLog'), $spoken, 'commands are in the log');
unlike(told($first), qr/forged/, 'a command is no event of a message');
isnt(($pb->ctl('explain', 'forged@example.com'))[0], 0, 'nor of an address');
my ($forger) = $pb->log_text('smtpLog') =~ /\[(\d{12})\] cmd: NOOP x=1/;
unlike(told($forger), qr/logged in/, 'nor of its own session');
like(told($forger), qr/ cmd: NOOP x=1 event=login/, '... which shows it as it was said');
$pb->set(smtpLogLevel => 'Normal');

my ($rc, undef, $err) = $pb->ctl('explain', '<never@far.example>');
is($rc, 3, 'nothing known: no such object');
like($err, qr/the logs of the last 7 days know nothing of <never\@far\.example>/, '... in words');
is(($pb->ctl('explain', 'word'))[0], 2, 'what is no key at all is a usage error');
for my $i (1 .. 12) {
	my $x = $pb->connect('smtp');
	$x->expect('EHLO many.example', qr/^250/);
	$x->expect('MAIL FROM:<many@far.example>', qr/^250/);
	$x->command('RCPT TO:<nobody@example.com>');
	$x->command('QUIT');
}
$end = time + 10;
sleep 0.2 while time < $end && (() = $pb->log_text('smtpLog') =~ /recipient-refused/g) < 13;
my $last = told('nobody@example.com');
is(scalar(() = $last =~ /^ticket /mg), 10, 'of an address the last ten sessions');
like($last, qr/3 earlier sessions are left out; --all shows them/, '... and that there are more');
is(scalar(() = told('nobody@example.com', '--all') =~ /^ticket /mg), 13, '... which --all shows');
done_testing;
