#!/usr/bin/perl
# The roles of a server among others: mailctl tells what each needs, and when that is done each works: a backup MX,
# an incoming gateway and an outgoing gateway on one machine, with no domain but a placeholder, for a primary.
# Features: GATE-12, GATE-13, GATE-14, GATE-15, GATE-17, GATE-18, GATE-19, ROUTE-07, ROUTE-12, ROUTE-17, DOM-30, QUEUE-06.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Dns;
use Pillarbox::Sink;

my $dns = Pillarbox::Dns->new(<<'END');
prime.test MX 10 mx.prime.test
prime.test MX 20 helper.test
mx.prime.test A 127.0.0.6
helper.test A 127.0.0.3
far.test MX 10 mx.far.test
mx.far.test A 127.0.0.5
END

my $primary = Pillarbox->new(host => 'mx.prime.test');
$primary->user($_) for 'bob@prime.test', 'ann@scanned.test';
my $port = $primary->port('smtp');
$primary->ctl_ok('bindings', 'add', '127.0.0.6', "ports=$port");

# Elsewhere: it keeps who came, by address.
my $far = IO::Socket::INET->new(LocalAddr => '127.0.0.5', LocalPort => $port, Listen => 10, ReuseAddr => 1) or die "listen: $!";
my $far_pid = fork() // die "fork: $!";
if ($far_pid == 0) {
	$SIG{CHLD} = 'IGNORE';
	while (my $s = $far->accept) {
		next if fork();
		Pillarbox::Sink::take($s, "$primary->{top}/far." . $s->peerhost . '.' . time);
		POSIX::_exit(0);
	}
}
END { my $code = $?; if ($far_pid) { kill 'KILL', $far_pid; waitpid $far_pid, 0 } $? = $code }

my $helper = Pillarbox->new(host => 'helper.test', settings => { primaryDns => $dns->address, smtpOutPort => $port,
	allowLoopbackTargets => 'True' });

sub parts {
	my ($pb, $role, $verb) = @_;
	return { map { $_->{part} => $_ } @{ decode_json($pb->ctl_ok('role', $verb // 'show', $role, '--json')) } };
}
sub missing { my $p = parts(@_); return join ', ', sort grep { $p->{$_}{state} eq 'missing' } keys %$p }
sub roles { my ($pb) = @_; return join ' ', map { $_->{role} } grep { $_->{has} } @{ decode_json($pb->ctl_ok('role', 'show', '--json')) } }

# -- what is missing on a bare server
is(roles($helper), '', 'a bare server has no role');
is(missing($helper, 'backup-mx'), 'a domain, primaries, retries', 'what a backup MX lacks');
is(missing($helper, 'incoming-gateway'), 'a domain, abuse detection, domains passed on, scanners', 'what an incoming gateway lacks') or diag($helper->ctl_ok('role', 'show', 'incoming-gateway'));
is(missing($helper, 'outgoing-gateway'), 'a domain, primaries', 'what an outgoing gateway lacks');
is(missing($helper, 'smart-gateway'), 'several gateways, their queues', 'what a smart gateway lacks');
my $advice = parts($helper, 'backup-mx', 'advise');
like($advice->{'MX record'}{advice}, qr/second MX record with a larger preference value than the primary/, 'ROUTE-12: advice on the MX record');
like($advice->{retries}{advice}, qr/10,10,10,1440/, '... the schedule');
like($advice->{'long failures'}{advice}, qr/over 30 minutes: mailctl stop spool here/, '... and long failures');
like($advice->{"primary's part"}{advice}, qr/listens on the addresses of its MX records .*mailctl ip-bypass add/, "ROUTE-17: and the primary's part");
ok(!$advice->{'SMTP port'}, 'what is set up needs no advice');
my ($rc, $out, $err) = $helper->ctl('role', 'show', 'cook');
like("$rc $err", qr/^3 .*no such role: cook \(there are primary, backup-mx, /, 'there is no other role');

# -- as advised
$helper->ctl_ok('domain', 'add', 'example.com', '--admin', 'postmaster', '--password', $Pillarbox::PASSWORD);
$helper->ctl_ok('set', '--add', 'smartHosts/host', '127.0.0.6');
$helper->ctl_ok('set', 'retryIntervals', 'backupMx');
is($helper->ctl_ok('get', 'retryIntervals'), "10,10,10,1440\n", 'QUEUE-06: the preset stands for its waits');
$helper->ctl_ok('gateway', 'add', 'address=127.0.0.6', "port=$port", 'domains=scanned.test');
$helper->ctl_ok('set', 'greylisting/enabled', 'True');
$helper->ctl_ok('whitelist', 'add', '127.0.0.1', 'smtp=True', 'greylisting=True');
$helper->ctl_ok('bindings', 'add', $port, 'service=smtp');
$helper->ctl_ok('bindings', 'edit', '127.0.0.1', 'ports=' . join(',', map { $helper->port($_) } sort keys %Pillarbox::OFFSET));
$helper->ctl_ok('bindings', 'add', '127.0.0.3', "ports=$port");
is(roles($helper), 'primary backup-mx incoming-gateway outgoing-gateway', 'GATE-17: it has several roles') or diag($helper->ctl_ok('role', 'show'));
is(missing($helper, $_), $_ eq 'incoming-gateway' ? 'abuse detection' : '', "$_: nothing is missing")
	for qw(backup-mx incoming-gateway outgoing-gateway);
$helper->start;

sub to_helper {
	my ($from, $to, $subject) = @_;
	return $helper->send_mail(service => 'smtp', no_login => 1, from => $from, to => $to, subject => $subject);
}
sub has {
	my ($user, $subject) = @_;
	my $end = time + 30;
	while (time < $end) {
		return 1 if grep { Pillarbox::slurp($_) =~ /^Subject: \Q$subject\E\r?$/m } $primary->mail($user);
		sleep 0.1;
	}
	return 0;
}

# -- backup MX: the primary is down, then up
like(to_helper('x@far.test', 'bob@prime.test', 'while down'), qr/^250 /, 'the backup takes mail for the primary');
ok($helper->wait_log('delivery', qr/event=deferred id=\d+ rcpt=1 .*451 4\.4\.1 .*mx\.prime\.test/), '... which is down');
$primary->ctl_ok('ip-bypass', 'add', '127.0.0.3');
$primary->start;
is(missing($primary, 'primary'), '', 'the primary lacks nothing');
is(roles($primary), 'primary', 'GATE-12: it has that role');
$helper->ctl_ok('spool', 'reset-retries', '--all');
ok(has('bob@prime.test', 'while down'), 'GATE-13: all goes to it when it is back');

# -- incoming gateway
like(to_helper('x@far.test', 'ann@scanned.test', 'scanned'), qr/^250 /, 'the gateway takes mail of a domain behind it');
ok(has('ann@scanned.test', 'scanned'), 'GATE-14: and passes it on');
like($helper->ctl_ok('route', 'show', 'ann@scanned.test'), qr/way +forward\n.*why +forwarded-domain yes 0 0\n.*host .*127\.0\.0\.6 port $port/s, 'route show knows');

# -- outgoing gateway
$primary->ctl_ok('outgoing', 'add', 'address=127.0.0.3', "port=$port");
my $end = time + 20;
sleep 0.1 while time < $end && $primary->ctl_ok('route', 'show', 'x@far.test') !~ /way +gateway/;
like($primary->send_mail(from => 'bob@prime.test', to => 'x@far.test', subject => 'out'), qr/^250 /, 'the primary takes mail of a user');
sub far { my ($pattern) = @_; my $end = time + 30; sleep 0.1 while time < $end && !(() = glob "$primary->{top}/far.$pattern.*"); return scalar(() = glob "$primary->{top}/far.$pattern.*") }
ok(far('127.0.0.*'), 'GATE-15: and it leaves through the gateway');
like(join('', map { Pillarbox::slurp($_) } glob "$primary->{top}/far.*"), qr/EHLO helper\.test\r\n.*^Received: from mx\.prime\.test /ms, '... that came from it');

# -- which uses no gateway itself where it is a backup MX
$helper->ctl_ok('outgoing', 'add', 'address=127.0.0.5', "port=$port");
$end = time + 20;
sleep 0.1 while time < $end && $helper->ctl_ok('route', 'show', 'x@other.test') !~ /way +gateway/;
like($helper->ctl_ok('route', 'show', 'bob@prime.test'), qr/way +mx\n.*why +backup-mx yes 0 0\n.*host +10 mx\.prime\.test 127\.0\.0\.6/s,
	'mail of a primary goes to it, and through no gateway that would bring it back');
$helper->ctl_ok('outgoing', 'delete', '1');

# -- another outbound address, at once
my ($before) = $helper->pids_of('mail-master');
$helper->ctl_ok('set', 'outboundIPv4', '127.0.0.9');
$end = time + 20;
my $n = 0;
while (time < $end && !glob "$primary->{top}/far.127.0.0.9.*") {
	$primary->send_mail(from => 'bob@prime.test', to => 'x@far.test', subject => 'out ' . ++$n);
	sleep 1;
}
ok(far('127.0.0.9'), 'GATE-18: a new outbound address is used');
is(($helper->pids_of('mail-master'))[0], $before, '... without a restart');
done_testing;
