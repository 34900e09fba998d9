#!/usr/bin/perl
# Mail for other servers: as backup MX of whose addresses are listed, and passed on for listed
# domains; with a list of valid recipients, or by asking the server behind whether a user exists.
# Features: ROUTE-01, ROUTE-02, ROUTE-05, ROUTE-08, ROUTE-09, ROUTE-13, ROUTE-14, ROUTE-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Zone;

my $zone = Pillarbox::Zone->new(
	'primary.test' => "@ MX 10 mx\n@ MX 20 backup\nmx A 127.0.0.5\nbackup A 127.0.0.1\nxn--f-1ga MX 10 mx\n",
	'other.test' => "@ MX 10 mx\nmx A 127.0.0.7\n", 'net.test' => "@ MX 10 mx\nmx A 127.0.1.9\n", 'none.test' => "\@ MX 0 .\n",
	'shown.test' => "@ MX 10 mx\nmx A 127.0.0.6\n");
my $inner = Pillarbox->new(host => 'mx.shown.test', args => [ '--listen', '127.0.0.1' ]);
$inner->user('bob@inside.example');
$inner->user('eve@inside.example');
$inner->ctl_ok('user', 'edit', 'eve@inside.example', 'disabled=True');
$inner->start;

# A server of another kind: it refuses recipients without an enhanced status code.
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp', Listen => 5) or die "listen: $!";
my $plain = fork() // die "fork: $!";
if ($plain == 0) {
	while (my $s = $listener->accept) {
		print $s "220 plain\r\n";
		while (my $l = <$s>) { print $s $l =~ /^RCPT/ ? "550 no such user\r\n" : "250 ok\r\n"; last if $l =~ /^QUIT/ }
		close $s;
	}
	POSIX::_exit(0);
}
END { my $code = $?; kill 'TERM', $plain if $plain; waitpid $plain, 0 if $plain; $? = $code }

my $pb = Pillarbox->new(settings => { primaryDns => $zone->address });
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'smartHosts/host', $_) for '127.0.0.5', '127.0.1.0/24';
$pb->ctl_ok('set', '--add', 'incomingGateways/gateway', 'mode=domainForward', 'address=127.0.0.1', 'port=' . $inner->port('smtp'),
	'domains=inside.example', 'userVerification=True');
$pb->ctl_ok('set', '--add', 'incomingGateways/gateway', 'mode=domainForward', 'address=127.0.0.1', 'port=9',
	'domains=listed.example, dead.example', 'userVerification=True', 'spamChecks=False');
for my $peer ('True', 'False') {
	$pb->ctl_ok('set', '--add', 'incomingGateways/gateway', 'address=127.0.0.1', 'port=' . $listener->sockport,
		'domains=' . lc($peer) . '.example', 'userVerification=True', "peerMode=$peer");
}
$pb->ctl_ok('set', '--add', 'validRecipients/recipient', $_) for 'Ann@listed.example', 'ben@listed.example';
$pb->start;

sub rcpt {
	my ($to, $helo) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO ' . ($helo // 'client.example'), qr/^250/);
	$c->expect('MAIL FROM:<x@far.example>', qr/^250/);
	my $reply = $c->command("RCPT TO:<$to>");
	$c->command('QUIT');
	return $reply;
}

like(rcpt('anybody@primary.test'), qr/^250 2\.1\.5/, 'one MX host is a listed primary: taken (ROUTE-08)');
like(rcpt('anybody@PRIMARY.test'), qr/^250/, 'in any letter case');
like(rcpt('anybody@net.test'), qr/^250/, 'or is in a listed network');
like(rcpt('anybody@other.test'), qr/^550 5\.7\.1 .* ticket \d{12}$/, 'no other domain');
like(rcpt('anybody@none.test'), qr/^550 5\.7\.1/, 'nor one without mail');
like(rcpt('anybody@nowhere.test'), qr/^(?:550 5\.7\.1|451 4\.4\.3)/, 'nor one that is not there');
like(rcpt('alice@example.com'), qr/^250/, 'hosted domains beside it (ROUTE-09)');
like(rcpt('nobody@example.com'), qr/^550 5\.1\.1/, 'with their own users');
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=recipient-not-ours /), 'the log explains');

like(rcpt('bob@inside.example'), qr/^250/, 'the server behind knows the user (ROUTE-14)');
like(rcpt('carl@inside.example'), qr/^550 5\.1\.1 .* ticket \d{12}$/, 'not this one');
like(rcpt('eve@inside.example'), qr/^550 5\.1\.1/, 'nor may this one receive');
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=recipient-verified value=550\\x205\.1\.1 weight=-100/), 'the log quotes its words');
ok($pb->wait_log('smtpLog', qr/event=callout to=bob\@inside\.example gateway=1 answer=yes code=250/), 'and tells of the question');
like(rcpt('somebody@dead.example'), qr/^250/, 'a server that does not answer: taken');
like(rcpt('x@false.example'), qr/^550 5\.1\.1/, 'a server without enhanced status codes is believed');
like(rcpt('x@true.example'), qr/^250/, 'but a peer says 5.1.1 when it means that (ROUTE-13)');
like(rcpt('ann@listed.example'), qr/^250/, 'a recipient of the list');
like(rcpt('zoe@listed.example'), qr/^550 5\.1\.1 .* ticket \d{12}$/, 'one that is not in it');
ok($pb->wait_log('smtpLog', qr/name=valid-recipients value=no weight=-100 total=-100/), 'which the log says');

# The server behind goes away: what it said last is kept, then everybody is taken.
$inner->stop;
my $end = time + 20;
like(rcpt('new@inside.example'), qr/^250/, 'unreachable: taken, for that is when a backup matters');

# The same by mailctl try.
my ($rc, $out) = $pb->ctl('try', '--from', 'x@far.example', '--to', 'zoe@listed.example', '--to', 'a@primary.test', '--ip', '192.0.2.1');
like($out, qr/^rcpt +recipient-ours +forward +0 +0.*^rcpt +valid-recipients +no +-100 +-100.*^rcpt +recipient-ours +backup-mx +0 +0/ms,
	'mailctl try shows why');

# Checks of the envelope, and a gateway that wants none.
$pb->ctl_ok('set', 'envelopeChecks/heloBare', 100);
$end = time + 20;
sleep 0.2 while time < $end && rcpt('alice@example.com', 'bare') !~ /^550/;
like(rcpt('alice@example.com', 'bare'), qr/^550 5\.5\.2 HELO needs a full domain name ticket/, 'a bare HELO, when it weighs enough');
like(rcpt('ann@listed.example', 'bare'), qr/^250/, 'but not for a gateway without checks (ROUTE-15)');
($rc, $out) = $pb->ctl('try', '--from', 'x@far.example', '--to', 'ann@listed.example', '--ip', '192.0.2.1', '--helo', 'bare');
like($out, qr/^rcpt +recipient-ours +forward +0 +0.*^rcpt +envelope-checks +off-for-gateway +0 +0.*^rcpt +reply +250/ms, '... which is said');
$pb->ctl_ok('set', 'smtpLogLevel', 'Detailed');
$end = time + 20;
do { rcpt('ann@listed.example', 'bare') } while time < $end && !$pb->wait_log('smtpLog', qr/name=envelope-checks value=off-for-gateway/, 2);
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=envelope-checks value=off-for-gateway weight=0 total=0/), '... and logged');
$pb->ctl_ok('set', 'envelopeChecks/senderNullMx', 100);
sub from { my ($from) = @_; my $c = $pb->connect('smtp'); $c->expect('EHLO c.example', qr/^250/); $c->expect("MAIL FROM:<$from>", qr/^250/);
	return $c->command('RCPT TO:<alice@example.com>') }
$end = time + 20;
sleep 0.2 while time < $end && from('x@none.test') !~ /^550/;
like(from('x@none.test'), qr/^550 5\.7\.27 .* ticket/, 'a sender whose domain takes no mail (RFC 7505)');
like(from('x@primary.test'), qr/^250/, 'another one');
$pb->ctl_ok('set', 'envelopeChecks/senderUnresolved', 100);
$end = time + 20;
sleep 0.2 while time < $end && from('x@gone.primary.test') !~ /^550/;
like(from('x@gone.primary.test'), qr/^550 5\.1\.8 .* ticket/, 'a domain that DNS does not know');
ok($pb->wait_log('smtpLog', qr/event=check about=sender-domain name=sender-unresolved value=gone\.primary\.test weight=-100 total=-100/), 'in the log too');

# The list as mailctl keeps it.
is(($pb->ctl('gateway', 'add', 'mode=backupMx', 'address=192.0.2.0/24'))[0], 0, 'a gateway is added (ROUTE-01)');
like($pb->ctl_ok('--tsv', 'gateway', 'list'), qr/^5\tbackupMx\t192\.0\.2\.0\/24\t25\t/m, 'listed');
is(($pb->ctl('gateway', 'edit', '5', 'address=192.0.2.1'))[0], 0, 'changed');
is(($pb->ctl('gateway', 'edit', '5', 'mode=domainForward'))[0], 1, 'not to something without domains');
is(($pb->ctl('gateway', 'add', 'mode=backupMx', 'address=mx.example.com'))[0], 1, 'a primary has an address');
like($pb->ctl_ok('--tsv', 'gateway', 'list'), qr/^5\tbackupMx\t192\.0\.2\.1\t/m, 'which it keeps');
is(($pb->ctl('gateway', 'delete', '5'))[0], 0, 'deleted');
is(($pb->ctl('gateway', 'delete', '5'))[0], 3, 'once');
done_testing;
