#!/usr/bin/perl
# Rules and blocks as an administrator handles them (ABUSE-01, ABUSE-05, CONN-03): add, edit, delete, list;
# blocks shown, added, lifted, kept over a restart; what harvesting counts (ABUSE-06, ABUSE-09, SMTPIN-13), and
# who is exempt (ABUSE-15, LIST-10).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { maxBadRecipients => 3 });
$pb->user('alice@example.com');
sub rules { return [ map { [ split /\t/, $_, -1 ] } grep { !/^number/ } split /\n/, $pb->ctl_ok('abuse', 'list', '--tsv') ] }

# Rules: any number, of each kind (ABUSE-01).
$pb->ctl_ok('abuse', 'add', 'kind=dos', 'service=smtp');
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'service=smtp', 'badSessions=3', 'blockMinutes=9', 'timeFrame=60');
$pb->ctl_ok('abuse', 'add', 'kind=internalSpammer', 'notify=alice@example.com');
$pb->ctl_ok('abuse', 'add', 'kind=loginFailures', 'service=all', 'loginFailures=7');
$pb->ctl_ok('abuse', 'add', 'kind=dos', 'service=ldap', 'connections=1');
is_deeply(rules(), [
	[ 1, 'dos', 'smtp', 5, 300, '', 30, '' ],
	[ 2, 'badSessions', 'smtp', 60, 3, '', 9, '' ],
	[ 3, 'internalSpammer', 'all', 5, 50, 'sameSize', 0, 'alice@example.com' ],
	[ 4, 'loginFailures', 'all', 5, 7, '', 30, '' ],
	[ 5, 'dos', 'ldap', 5, 1, '', 30, '' ],
], 'rules are listed, with the defaults of each kind');
$pb->ctl_ok('abuse', 'edit', 1, 'connections=5', 'timeFrame=10');
is_deeply(rules()->[0], [ 1, 'dos', 'smtp', 10, 5, '', 30, '' ], 'one is edited');
like($pb->ctl_ok('abuse', 'show', 1, '--json'), qr/"count":\s*5\b/, 'and shown');
$pb->ctl_ok('abuse', 'delete', 4, 3, 4);
is_deeply([ map { $_->[1] } @{ rules() } ], [ qw(dos badSessions dos) ], 'two are deleted by their numbers');
my @bad = ([ 3, 'edit', 4, 'connections=5' ], [ 3, 'show', 9 ], [ 3, 'delete', 9 ], [ 2, 'edit', 'x', 'connections=5' ],
	[ 1, 'edit', 1, 'connections=-1' ], [ 1, 'edit', 1, 'service=nntp' ], [ 1, 'add', 'kind=other' ], [ 1, 'add', 'colour=red' ],
	[ 2, 'add' ], [ 2, 'edit', 1 ], [ 1, 'edit', 1, 'notify=nobody' ], [ 1, 'edit', 1, 'timeFrame=1441' ]);
for my $b (@bad) {
	my ($want, @args) = @$b;
	is(($pb->ctl('abuse', @args))[0], $want, "abuse @args: exit $want");
}
is_deeply(rules()->[0], [ 1, 'dos', 'smtp', 10, 5, '', 30, '' ], 'what was refused changed nothing');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.1.0.0/24', 'smtp=True');
$pb->start;

sub greeting {
	my ($service, $ip, $say) = @_;
	my $c = $pb->connect($service, local => $ip);
	my $g = $c->{greeting};
	if ($g =~ /^220/ && $say) {
		$c->expect('EHLO client.example', qr/^250/);
		$say->($c);
	}
	$c->close;
	return $g;
}
sub rows { return join ' ', map { s/\t\d+\t/:/r =~ s/\t/:/r } grep { /^\d/ } split /\n/, $pb->ctl_ok('block', @_, '--tsv') }
sub wait_blocked {
	my ($ip) = @_;
	my $end = time + 10;
	sleep 0.05 while time < $end && ($pb->ctl('block', 'show', $ip))[0] != 0;
	return rows('show', $ip);
}
sub message {
	my ($c, @bad) = @_;
	$c->expect('MAIL FROM:<s@far.example>', qr/^250/);
	$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
	$c->expect('DATA', qr/^354/);
	$c->expect("Subject: x\r\n\r\nx\r\n.", qr/^250/);
	return unless @bad;
	$c->expect('MAIL FROM:<s@far.example>', qr/^250/);
	my @replies = map { scalar $c->command("RCPT TO:<nobody$_\@example.com>") } @bad;
	is(scalar(grep { /^550 5\.1\.1/ } @replies), 3, 'unknown recipients are refused one by one');
	like($replies[-1], qr/^421 4\.7\.0/, 'and then the session is over (SMTPIN-13)');
}

# A session that sent a message, but tried too many names, is a bad one all the same.
greeting('smtp', '127.5.0.1', sub { message($_[0], 1 .. 4) }) for 1 .. 3;
is(wait_blocked('127.5.0.1'), '127.5.0.1:smtp:badSessions', 'who looks for addresses is blocked, even if he sends a message too');
like(greeting('smtp', '127.5.0.1'), qr/^421 4\.7\.0 .*blocked.* ticket \d{12}$/, 'and refused with a ticket');
like(greeting('pop3', '127.5.0.1'), qr/^\+OK/, 'by SMTP alone, as the rule says');
my ($left) = $pb->ctl_ok('block', 'show', '127.5.0.1', '--tsv') =~ /\t(\d+)\tbadSessions/;
ok($left > 400 && $left <= 540, 'for the minutes that the rule says (ABUSE-09)');
greeting('smtp', '127.5.0.2', sub { message($_[0]) }) for 1 .. 4;
is(($pb->ctl('block', 'show', '127.5.0.2'))[0], 3, 'who sends messages is not');
greeting('smtp', '127.1.0.7', sub { $_[0]->command('QUIT') }) for 1 .. 8;
is(($pb->ctl('block', 'show', '127.1.0.7'))[0], 3, 'nor is the whitelist, whatever it does (ABUSE-15, LIST-10)');
like(greeting('smtp', '127.1.0.7'), qr/^220/, 'which is served on');

# A flood is one line of the log a minute, and one ticket.
my @g = map { greeting('smtp', '127.5.0.1') } 1 .. 20;
is(scalar(grep { /^421/ } @g), 20, 'twenty more are refused');
my $ticket = ($g[0] =~ /(\d{12})/)[0];
my $lines = () = $pb->log_text('smtpLog') =~ /\[127\.5\.0\.1\]\[\d{12}\] event=refused reason=blocked listener=smtp/g;
cmp_ok($lines, '<', 20, "with few lines in the log ($lines)");
ok($pb->wait_log('smtpLog', qr/\[127\.5\.0\.1\]\[$ticket\] event=refused reason=blocked/), 'the ticket of each is in it');

# By hand.
$pb->ctl_ok('block', 'add', '127.5.1.1', '127.5.1.2', '--minutes', 2, '--service', 'imap', '--reason', "guesses \"names\"\n=1");
is(rows('show', '127.5.1.1'), '127.5.1.1:imap:guesses "names"\x0a=1', 'a block is added with its reason');
like(greeting('imap', '127.5.1.1'), qr/^\* BYE .*blocked.*\d{12}/, 'and holds at once');
like(greeting('smtp', '127.5.1.1'), qr/^220/, 'for its service');
$pb->ctl_ok('block', 'add', '127.5.1.1', '--minutes', 60);
is(rows('show', '127.5.1.1'), join(' ', map { "127.5.1.1:$_" } 'imap:administrator', 'pop3:administrator', 'smtp:administrator'),
	'all services; a longer block takes the place of a shorter one');
$pb->ctl_ok('block', 'add', '127.5.1.1', '--minutes', 1, '--reason', 'short');
unlike(rows('show', '127.5.1.1'), qr/short/, 'and not the other way round');
$pb->ctl_ok('block', 'delete', '127.5.1.1', '--service', 'pop');
is(rows('show', '127.5.1.1'), '127.5.1.1:imap:administrator 127.5.1.1:smtp:administrator', 'one service is lifted');
like(greeting('pop3', '127.5.1.1'), qr/^\+OK/, 'at once');
$pb->ctl_ok('block', 'add', '2001:db8:7::1');
is(rows('show', '2001:db8:7::ffff'), join(' ', map { "2001:db8:7:::$_:administrator" } qw(imap pop3 smtp)), 'IPv6 by its /64');
my ($rc, $out, $err) = $pb->ctl('block', 'add', '127.1.0.7', '--service', 'smtp');
is($rc, 1, 'the whitelist is not blocked');
like($err, qr/whitelist/, 'and the reason told');
@bad = ([ 2, 'add', 'x' ], [ 2, 'add', '127.5.1.9', '--minutes', 0 ], [ 2, 'add', '127.5.1.9', '--minutes', 525601 ],
	[ 2, 'add', '127.5.1.9', '--service', 'nntp' ], [ 3, 'delete', '127.5.1.9' ], [ 3, 'show', '127.5.1.9' ], [ 2, 'show', 'x' ],
	[ 2, 'delete', '127.5.1.1', '--service', 'x' ]);
for my $b (@bad) {
	my ($want, @args) = @$b;
	is(($pb->ctl('block', @args))[0], $want, "block @args: exit $want");
}

# LIMIT_BLOCK_REASON: a reason is 200 bytes at most
$pb->ctl_ok('block', 'add', '127.5.2.1', '--service', 'pop', '--reason', 'r' x 200);
like(rows('show', '127.5.2.1'), qr/:r{200}$/, 'a reason at LIMIT_BLOCK_REASON');
$pb->ctl_ok('block', 'add', '127.5.2.2', '--service', 'pop', '--reason', 'r' x 201);
like(rows('show', '127.5.2.2'), qr/:r{200}$/, 'over LIMIT_BLOCK_REASON it is cut');

# Many blocks: the list has pages.
$pb->ctl_ok('block', 'add', (map { "127.7.$_.1" } 1 .. 200), '--service', 'smtp', '--reason', 'p' x 200);
$pb->ctl_ok('block', 'add', (map { "127.7.$_.2" } 1 .. 200), '--service', 'smtp', '--reason', 'p' x 200);
is(scalar(() = $pb->ctl_ok('block', 'list', '--tsv') =~ /^127\.7\.\d+\.[12]\tsmtp\t/mg), 400, 'four hundred are listed');

# Over a restart.
my $before = rows('list');
$pb->ctl_ok('restart', 'abuse-check');
my $end = time + 20;
sleep 0.1 while time < $end && ($pb->ctl('block', 'list'))[0] != 0;
is(rows('list'), $before, 'a restart keeps them all');
$end = time + 10;
do { $out = greeting('smtp', '127.5.0.1') } while $out !~ /^421/ && time < $end;
like($out, qr/^421 4\.7\.0/, 'and they hold');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.5.0.1', 'smtp=True');
$end = time + 20;
do { $out = greeting('smtp', '127.5.0.1') } while $out !~ /^220/ && time < $end;
like($out, qr/^220/, 'who is put on the whitelist is let in');
unlike(rows('list'), qr/127\.5\.0\.1:/, 'and is no longer listed');
done_testing;
