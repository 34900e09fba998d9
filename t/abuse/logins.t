#!/usr/bin/perl
# Failed log-ins: how long answers wait by address and by account (A03), who is spared,
# that nobody learns which accounts exist, and blocks by rule.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Socket qw(SOCK_SEQPACKET);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new(settings => { popMaxBadCommands => 0, imapMaxBadCommands => 0, smtpMaxBadCommands => 0 });
$pb->user($_) for qw(alice@example.com bob@example.com);
$pb->ctl_ok('user', 'add', 'gone@example.com', '--password', $Pillarbox::PASSWORD, 'disabled=True');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=192.0.2.99', 'imap=True');
$pb->ctl_ok('abuse', 'add', 'kind=loginFailures', 'service=imap', 'loginFailures=25', 'timeFrame=60', 'blockMinutes=5');
$pb->start;

# What a worker says, and the delay that it is told.
my $s = Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/abuse", uid_of($pb, 'pbmail'), SOCK_SEQPACKET) or die "abuse: $!";
recv $s, my $hello, 4096, 0;
sub failed {
	my ($ip, $user, $service) = @_;
	send $s, "event\nkind=login-failed\nservice=" . ($service // 'pop3') . "\nip=$ip\nuser=$user\n", 0;
	recv $s, my $reply, 4096, 0;
	return $reply =~ /^ok\ndelay=(\d+)$/m ? $1 / 1000 : "?$reply";
}
sub good { my ($ip, $user) = @_; send $s, "event\nkind=login-good\nservice=pop3\nip=$ip\nuser=$user\n", 0 }
sub delays { my ($n, @of) = @_; return join ' ', map { failed(@$_) } map { my $i = $_; [ map { s/N/$i/r } @of ] } 1 .. $n }

is(delays(8, '192.0.2.1', 'userN@example.com'), '0 0 2 4 8 15 15 15', 'an address that tries accounts waits 2, 4, 8, 15 seconds');
is(delays(7, '198.51.100.N', 'one@example.com'), '0 0 2 4 8 15 15', 'an account that is tried from everywhere too');
is(delays(4, '198.51.100.10N', 'One@Example.COM'), '15 15 15 15', 'in any letter case');
is(delays(4, '203.0.113.1', ''), '0 0 2 4', 'a name that nobody understood counts for the address');
is(delays(4, '2001:db8:1:1::N', 'six-N@example.com'), '0 0 2 4', 'IPv6 is counted by its /64');
is(failed('2001:db8:1:2::1', 'other@example.com'), 0, 'and the next /64 is another');
is(delays(2, '192.0.2.99', 'x-N@example.com', 'imap'), '0 0', 'the whitelist') ;
is(delays(5, '192.0.2.99', 'y-N@example.com', 'imap'), '0 0 0 0 0', 'is not slowed by what comes from its address');
is(delays(4, '192.0.2.99', 'y@example.com', 'imap'), '0 0 2 4', 'but by guesses at one account');

# Spared: where the account logged in before.
good('192.0.2.50', 'alice@example.com');
is(delays(3, '198.51.100.20N', 'alice@example.com'), '0 0 2', 'others guess at an account');
is(delays(20, '192.0.2.50', 'Alice@example.com'), join(' ', (0) x 20), 'its owner is spared where he logged in before');
ok($pb->wait_log('abuseLog', qr{\[192\.0\.2\.50\]\[-\] event=check about=login name=known-pair value=yes weight=15000 total=0 service=\S+ user=\S+$}m), 'as the log explains');
is(failed('192.0.2.50', 'alice@example.com'), 15, 'though not for ever: the address may be shared');
is(failed('192.0.2.50', 'bob@example.com'), 15, 'nor for other accounts');
is(failed('192.0.2.51', 'alice@example.com'), 15, 'nor elsewhere');
is(delays(3, '192.0.2.60', 'z@example.com'), '0 0 2', 'three failures of an address');
good('192.0.2.60', 'mine@example.com');
is(failed('192.0.2.60', 'z2@example.com'), 4, 'are not forgiven to who has an account of his own');
is(failed('local', 'l@example.com'), 0, 'a session of this machine has no address');

# Over the wire: answers wait, and tell nothing.
sub smtp {
	my ($ip, $mech, $user, $password) = @_;
	my $c = $pb->connect('smtps', local => $ip);
	$c->expect('EHLO client.example', qr/^250/);
	return $mech eq 'PLAIN' ? $c->command('AUTH PLAIN ' . encode_base64("\0$user\0$password", ''))
		: do { $c->command("AUTH LOGIN"); $c->command(encode_base64($user, '')); $c->command(encode_base64($password, '')) };
}
sub pop3 {
	my ($ip, $mech, $user, $password) = @_;
	my $c = $pb->connect('pop3s', local => $ip);
	return $c->command('AUTH PLAIN ' . encode_base64("\0$user\0$password", '')) if $mech eq 'PLAIN';
	my $first = $c->command("USER $user");
	return $first . $c->command("PASS $password");
}
sub imap {
	my ($ip, $mech, $user, $password) = @_;
	my $c = $pb->connect('imaps', local => $ip);
	return $c->command('AUTHENTICATE PLAIN ' . encode_base64("\0$user\0$password", '')) if $mech eq 'PLAIN';
	return $c->command("LOGIN $user $password");
}
my $host = 0;
for my $try ([ \&smtp, 'PLAIN' ], [ \&smtp, 'LOGIN' ], [ \&pop3, 'PLAIN' ], [ \&pop3, 'USER' ], [ \&imap, 'PLAIN' ], [ \&imap, 'LOGIN' ]) {
	my ($call, $mech) = @$try;
	my %said;
	for my $case ([ wrong => 'bob@example.com', 'wrong' ], [ unknown => 'nobody@example.com', 'wrong' ],
		[ disabled => 'gone@example.com', $Pillarbox::PASSWORD ], [ foreign => 'bob@elsewhere.example', 'wrong' ]) {
		my ($what, $user, $password) = @$case;
		# known there, or the sixth answer would wait for most of a minute
		good('127.9.1.' . ++$host, $user);
		($said{$what} = $call->("127.9.1.$host", $mech, $user, $password)) =~ s/\d{12}/TICKET/g;
	}
	isnt($said{wrong}, '', "$mech: an answer");
	is($said{$_}, $said{wrong}, "$mech: $_ is answered like a wrong password") for qw(unknown disabled foreign);
}

# The third from an address waits, by each protocol.
for my $try ([ smtp => \&smtp ], [ pop3 => \&pop3 ], [ imap => \&imap ]) {
	my ($service, $call) = @$try;
	my $ip = '127.9.2.' . ++$host;
	failed($ip, "w$_\@example.com", $service) for 1 .. 2;
	my $start = time;
	$call->($ip, 'PLAIN', "w$service\@example.com", 'wrong');
	cmp_ok(time - $start, '>=', 1.9, "$service: the third failure of an address is answered after two seconds");
	ok($pb->wait_log('abuseLog', qr/\[\Q$ip\E\].*event=login-failed service=$service user=w$service\@example\.com failures=3 account-failures=1 delay=2000/),
		'and logged with all that was counted');
	my $about = qr/\[\Q$ip\E\]\[-\] event=check about=login/;
	my $who = qr/service=$service user=w$service\@example\.com/;
	like($pb->log_text('abuseLog'), qr/$about name=address-failures value=3 weight=-2000 total=-2000 $who\n.*$about name=account-failures value=1 weight=0 total=-2000 $who$/m,
		'weighted');
}

# By rule (kind loginFailures): the address is blocked for the service.
failed('127.9.3.1', "v$_\@example.com", 'imap') for 1 .. 24;
like($pb->connect('imap', local => '127.9.3.1')->{greeting}, qr/^\* OK/, 'one below the rule');
failed('127.9.3.1', 'v@example.com', 'imap');
ok($pb->wait_log('abuseLog', qr/\[127\.9\.3\.1\]\[-\] event=check about=rule-\d+ name=loginFailures value=$_->[0] weight=-4 total=$_->[1]$/m), "failure $_->[0] has its share")
	for [ 1, -4 ], [ 24, -96 ], [ 25, -100 ];
like($pb->ctl_ok('block', 'show', '127.9.3.1', '--tsv'), qr/^127\.9\.3\.1\timap\t(?:300|2\d\d)\tloginFailures$/m, 'as many as the rule says: blocked');
like($pb->connect('imap', local => '127.9.3.1')->{greeting}, qr/^\* BYE /, 'and refused');
like($pb->connect('pop3', local => '127.9.3.1')->{greeting}, qr/^\+OK/, 'for that service alone');
done_testing;
