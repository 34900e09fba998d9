#!/usr/bin/perl
# Outgoing gateways: outside mail goes through them and never by MX, with a log-in
# by each mechanism, over TLS; the password is with auth-check alone and shown by nobody;
# when a gateway fails the next is tried, and when all do the schedule.
# Features: GATE-01, GATE-02, GATE-03, GATE-04, GATE-05, GATE-11, PRIO-11.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Auth;
use Pillarbox::Dns;
use Pillarbox::Queue;
use Pillarbox::Sink;

my $pw = $Pillarbox::PASSWORD;
my ($mx_port, $plain_port) = map { Pillarbox::free_ports(1) } 1, 2;
my $mx = Pillarbox::Sink->new('127.0.0.5', $mx_port);
my $plain = Pillarbox::Sink->new('127.0.0.6', $plain_port);
my $dns = Pillarbox::Dns->new("far.test MX 10 mx.far.test\nmx.far.test A 127.0.0.5\ngate.test A 127.0.0.1\n");

my $gate = Pillarbox->new(host => 'gate.test');
$gate->domain('inside.test');
$gate->ctl_ok('domain', 'edit', 'inside.test', 'offerCramMd5=True', 'offerScramSha1=True');
$gate->user("$_\@inside.test") for qw(sender bob);
$gate->set(smtpLogLevel => 'Detailed', requireAuthMatch => 'none');
$gate->start;

my $pb = Pillarbox->new(host => 'primary.test', settings => { primaryDns => $dns->address, smtpOutPort => $mx_port,
	allowLoopbackTargets => 'True', deliveryLogLevel => 'Detailed', retryIntervals => '1,1,1' });
$pb->user('alice@home.test');
$pb->start;

sub mail {
	my ($to, $subject) = @_;
	like($pb->send_mail(from => 'alice@home.test', to => $to, subject => $subject), qr/^250 /, "$subject: accepted");
}
sub arrived {
	my ($subject) = @_;
	my $end = time + 30;
	while (time < $end) {
		for my $file ($gate->mail('bob@inside.test')) {
			my $text = Pillarbox::slurp($file);
			return $text if $text =~ /^Subject: \Q$subject\E\r?$/m;
		}
		sleep 0.1;
	}
	return '';
}
sub outgoing { return $pb->ctl_ok('outgoing', @_) }
# Settings are read anew by a program that starts anew.
sub settle { my $end = time + 20; sleep 0.1 while time < $end && $pb->ctl_ok('route', 'show', 'a@far.test') !~ $_[0] }

# -- without a gateway: by MX
mail('a@far.test', 'by MX');
is(scalar $mx->wait_messages(1), 1, 'without a gateway mail goes by MX');
like($pb->ctl_ok('route', 'show', 'a@far.test'), qr/way +mx\n.*why +gateways none 0 0\n.*host +10 mx\.far\.test 127\.0\.0\.5 port $mx_port/s,
	'route show says so');
like($pb->ctl_ok('route', 'show', 'alice@home.test'), qr/^alice\@home\.test +way +mailbox/m, 'and where a mailbox is');

# -- each mechanism, at one of ours
my ($rc, $out, $err) = $pb->ctl('outgoing', 'add', 'address=gate.test', 'authUserName=sender@inside.test');
like("$rc $err", qr/^1 .*authUserName needs a password/, 'a user name needs a password');
($rc, $out, $err) = $pb->ctl('outgoing', 'add', 'address=gate.test', 'priorityMin=6', 'priorityMax=3');
like("$rc $err", qr/^1 .*no message would go through it/, 'a range holds something');
($rc, $out, $err) = $pb->ctl('outgoing', 'add', 'port=25');
like("$rc $err", qr/^1 .*needs an address/, 'an address too');
($rc, $out, $err) = $pb->run_input("$pw\n", $pb->program('mailctl'), '-r', $pb->dir, '--password-stdin', 'outgoing', 'add', 'address=gate.test',
	'port=' . $gate->port('submission'), 'authUserName=sender@inside.test', 'tls=encrypt');
is("$rc$err", '0', 'a gateway is added, its password from standard input');
settle(qr/way +gateway/);
like($pb->ctl_ok('route', 'show', 'a@far.test'), qr/way +gateway\n.*why +priority 5 0 0\n.*why +gateway 1 0 0\n.*host +0 gate\.test 127\.0\.0\.1 port \d+\n.*gateway +0 gate\.test port \d+ as sender\@inside\.test/s,
	'route show says which way, and why');

sub logged_in {
	my ($subject, $mechanism) = @_;
	mail('bob@inside.test', $subject);
	like(arrived($subject), qr/^Received: from primary\.test .* with ESMTPSA/ms, "$subject: over TLS, logged in");
	ok($gate->wait_log('smtpLog', qr/event=login user=sender\@inside\.test mechanism=\Q$mechanism\E tls=1/), "... by $mechanism");
}
logged_in('bound to the channel', 'SCRAM-SHA-256-PLUS');
# What the host offers, but has no secret of this user for, gives way to PLAIN.
$gate->ctl_ok('domain', 'edit', 'inside.test', 'offerScramSha256=False', 'offerScramSha1=False', 'offerCramMd5=False');
$gate->ctl_ok('user', 'passwd', 'sender@inside.test', '--password', $pw);
outgoing('edit', '1', 'tls=auto');		# another connection
logged_in('after a refusal', 'PLAIN');
is(scalar $mx->messages, 1, 'nothing went by MX');

# -- the password
unlike($pb->ctl_ok('get', 'gatewayServers/server'), qr/\Q$pw\E/, 'get does not show it');
like($pb->ctl_ok('get', 'gatewayServers/server'), qr/authPassword=\*\*\*/, '... but that there is one');
unlike(outgoing('list'), qr/\Q$pw\E/, 'nor does outgoing list');
is(join(' ', grep { Pillarbox::slurp($_) =~ /\Q$pw\E/ } glob("$pb->{dir}/run/settings/*")), "$pb->{dir}/run/settings/auth-check", 'of all programs auth-check alone has it');
is(join(' ', grep { Pillarbox::slurp($_) =~ /\Q$pw\E/ } glob("$pb->{dir}/log/*")), '', 'no log has it');
SKIP: {
	skip 'needs root: other uids ask', 2 if $> != 0;
	my $key = 'gate.test ' . $gate->port('submission') . ' sender@inside.test';
	my ($answer) = lookup_as($pb, 'pbsend', "gateway-login $key");
	is($answer, "OK $pw", 'remote-send is told the password');
	($answer) = lookup_as($pb, 'pbsmtp', "gateway-login $key");
	like($answer, qr/^PERM 550 5\.7\.1 /, 'nobody else is');
}
outgoing('edit', '1', 'tls=encrypt', 'authPassword=other-Secret-2');		# another connection again
unlike(join('', map { Pillarbox::slurp($_) } glob "$pb->{dir}/etc/history/*.log"), qr/other-Secret/, 'the list of changes has none either');

# -- what is wrong costs no mail
mail('bob@inside.test', 'wrong password');
ok($pb->wait_log('delivery', qr/event=gateway-login-failed host=gate\.test text=".*refused the log-in: 535 /), 'a wrong password is told in the log');
ok($pb->wait_log('delivery', qr/event=deferred .*451 4\.7\.8 gate\.test\[127\.0\.0\.1\] refused the log-in/), 'and the message waits');
outgoing('edit', '1', "authPassword=$pw");
$pb->ctl_ok('spool', 'force', '--all');
isnt(arrived('wrong password'), '', 'with the right one it goes');

# -- one gateway after the other, and none
outgoing('edit', '1', 'port=1', 'authUserName=');
settle(qr/port 1\n/);
mail('a@far.test', 'no gateway');
ok($pb->wait_log('delivery', qr/event=deferred .*451 4\.4\.1 cannot connect to gate\.test/), 'a gateway that is away defers');
outgoing('add', 'address=127.0.0.6', "port=$plain_port", 'priorityMin=1', 'priorityMax=5');
settle(qr/127\.0\.0\.6/);
$pb->ctl_ok('spool', 'force', '--all');
is(scalar $plain->wait_messages(1), 1, 'the next is tried');
is(scalar $mx->messages, 1, 'still nothing went by MX');

# -- ranges
outgoing('edit', '1', 'priorityMin=9', 'priorityMax=10');
settle(qr/gateway-priority-over 1/);
like($pb->ctl_ok('route', 'show', 'a@far.test'), qr/why +gateway-priority-over 1 0 0\n.*why +gateway 2 0 0/s, 'a gateway outside of whose range it is is not used');
like($pb->ctl_ok('route', 'show', 'a@far.test', '--priority', '7'), qr/way +mx\n.*gateway-priority-over 1 0 0\n.*gateway-priority-under 2 0 0\n/s, 'without any it goes by MX');
# The priority is what the rules of the sender's domain make of it.
$pb->ctl_ok('domain', 'edit', 'home.test', 'priorityStandard=8', 'priorityStandard@enabled=True');
mail('a@far.test', 'above the range');
is(scalar $mx->wait_messages(2), 2, 'a message above the range goes by MX');
$pb->ctl_ok('domain', 'edit', 'home.test', 'priorityStandard=2');
mail('a@far.test', 'in the range');
is(scalar $plain->wait_messages(2), 2, 'one in the range by the gateway');
outgoing('edit', '2', 'enabled=False');
settle(qr/gateway-disabled 2/);
mail('a@far.test', 'by MX again');
is(scalar $mx->wait_messages(3), 3, 'one that is off takes nothing');
outgoing('delete', '2');
outgoing('delete', '1');
($rc, $out, $err) = $pb->ctl('outgoing', 'delete', '1');
like("$rc $err", qr/^3 .*there is no number 1/, 'what is not there cannot be deleted');

# -- without TLS no password in clear, but to this machine
my $far = Pillarbox::Sink->new('127.0.0.7', my $far_port = Pillarbox::free_ports(1));
outgoing('add', 'address=127.0.0.7', "port=$far_port", 'tls=encrypt');
settle(qr/127\.0\.0\.7/);
mail('a@far.test', 'needs TLS');
ok($pb->wait_log('delivery', qr/event=deferred .*451 4\.7\.4 the setting gatewayServers demands TLS: \[127\.0\.0\.7\]\[127\.0\.0\.7\] does not offer TLS/), 'where TLS must be nothing goes without');
is(scalar $far->messages, 0, '... and nothing went');
done_testing;
