#!/usr/bin/perl
# Two gateways of ours are asked how long their queues are, over TLS and logged in: the one with less to do gets the
# mail, one that does not answer is skipped, and only who may know is told.
# Features: GATE-06, GATE-07, GATE-08, GATE-09, GATE-10, GATE-16.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Dns;
use Pillarbox::Sink;

my $pw = $Pillarbox::PASSWORD;
my $mx_port = Pillarbox::free_ports(1);
my $mx = Pillarbox::Sink->new('127.0.0.5', $mx_port);
my $dns = Pillarbox::Dns->new(<<'END');
far.test MX 10 mx.far.test
mx.far.test A 127.0.0.5
dead.test MX 10 mx.dead.test
mx.dead.test A 127.0.0.8
a.gate.test A 127.0.0.1
b.gate.test A 127.0.0.1
END

sub gate {
	my ($name) = @_;
	my $gate = Pillarbox->new(host => $name, settings => { primaryDns => $dns->address, smtpOutPort => $mx_port,
		allowLoopbackTargets => 'True', retryIntervals => '600' });
	$gate->domain('example.com');
	$gate->user('other@example.com');
	$gate->ctl_ok('whitelist', 'add', '127.0.0.1', 'smtp=True');
	$gate->ctl_ok('set', '--add', 'queueReaders/user', 'postmaster@example.com');
	return $gate->start;
}
my %gate = map { $_ => gate("$_.gate.test") } qw(a b);
my $pb = Pillarbox->new(host => 'primary.test', settings => { primaryDns => $dns->address, allowLoopbackTargets => 'True',
	deliveryLogLevel => 'Detailed', maxMessagesPerConnection => 1, retryIntervals => '600' });
$pb->user('alice@home.test');
$pb->start;

# -- who may know
sub asked {
	my ($gate, $service, $user) = @_;
	my $c = $gate->connect($service);
	$c->expect('EHLO client.test', qr/^250/);
	$c->login($user, $pw) if $user;
	return $c->command('XQUEUE');
}
like(asked($gate{a}, 'smtps', 'postmaster@example.com'), qr/^250 2\.0\.0 0 messages in the queue\r?$/, 'an account of queueReaders is told');
like(asked($gate{a}, 'smtps', 'other@example.com'), qr/^530 5\.7\.0 /, 'another is not');
like(asked($gate{a}, 'smtps'), qr/^530 5\.7\.0 /, 'nor who has not logged in');
like(asked($gate{a}, 'submission', 'postmaster@example.com'), qr/^530 5\.7\.0 /, 'nor in clear text');
ok($gate{a}->wait_log('smtpLog', qr/event=xqueue-refused/), '... which the log tells');
like(asked($pb, 'smtps', 'alice@home.test'), qr/^502 5\.5\.1 /, 'where nobody is listed there is no such command');

# -- five messages wait at one of them
for my $n (1 .. 5) {
	like($gate{a}->send_mail(service => 'smtp', no_login => 1, from => 'x@far.test', to => "u$n\@dead.test"), qr/^250 /, "message $n for one that is away");
}
my $end = time + 20;
sleep 0.1 while time < $end && asked($gate{a}, 'smtps', 'postmaster@example.com') !~ /^250 2\.0\.0 5 /;
like(asked($gate{a}, 'smtps', 'postmaster@example.com'), qr/^250 2\.0\.0 5 messages/, 'all of them are in its queue');

# -- as the primary sees them
my ($rc, $out, $err) = $pb->ctl('outgoing', 'add', 'address=a.gate.test', 'gatewayMode=True');
like("$rc $err", qr/^1 .*gatewayMode needs adminUserName/, 'a gateway of ours needs somebody to ask as');
($rc, $out, $err) = $pb->ctl('outgoing', 'add', 'address=a.gate.test', 'url=http://x');
like("$rc $err", qr/^1 .*a url is smtp:/, 'and a url of the right kind');
# One by a url, the other asked at its own address and port.
for my $name (qw(a b)) {
	my @url = $name eq 'a' ? ('url=smtps://a.gate.test:' . $gate{a}->port('smtps')) : ();
	($rc, $out, $err) = $pb->run_input("\n$pw\n", $pb->program('mailctl'), '-r', $pb->dir, '--password-stdin', 'outgoing', 'add',
		"address=$name.gate.test", 'port=' . $gate{$name}->port('smtp'), 'gatewayMode=True', 'adminUserName=postmaster@example.com', @url);
	is("$rc$err", '0', "gateway $name is added");
}
unlike($pb->ctl_ok('get', 'gatewayServers/server'), qr/\Q$pw\E/, 'the administrator\'s password is not shown');
like($pb->ctl_ok('get', 'gatewayServers/server'), qr/ adminPassword=\*\*\*/, '... but that there is one');
is(join(' ', map { s/.*\///r } grep { Pillarbox::slurp($_) =~ /\Q$pw\E/ } glob("$pb->{dir}/run/settings/*")), 'auth-check', 'of all programs auth-check alone has it');
$end = time + 20;
sleep 0.1 while time < $end && $pb->ctl_ok('route', 'show', 'x@far.test') !~ /gateway 2 0 0/;

unlike($pb->ctl_ok('role', 'show', 'smart-gateway'), qr/missing/, 'the primary is a smart gateway');

my $sent = 0;
sub mail { like($pb->send_mail(from => 'alice@home.test', to => 'x@far.test', subject => 'mail ' . ++$sent), qr/^250 /, "mail $sent is accepted"); return delivered() }
sub delivered {
	my $end = time + 30;
	sleep 0.05 while time < $end && (() = $pb->log_text('delivery') =~ /event=sent id=/g) < $sent;
	return ($pb->log_text('delivery') =~ /event=sent id=.* host=(\w)\.gate\.test/g)[-1] // 'none';
}
mail();
ok($pb->wait_log('delivery', qr/event=gateway-queue gateway=a\.gate\.test port=\d+ messages=[56]/, 20), 'the first message has both asked: one has five, and perhaps this one');
ok($pb->wait_log('delivery', qr/event=gateway-queue gateway=b\.gate\.test port=\d+ messages=\d/, 20), '... and the other fewer');
like($pb->ctl_ok('route', 'show', 'x@far.test'), qr/gateway +0 b\.gate\.test port \d+ queue [0-4]\n.*gateway +1 a\.gate\.test port \d+ queue [56]\n/s,
	'route show knows their queues, the shorter first');
is(mail(), 'b', 'the shorter gets the next message') for 1 .. 3;
is(scalar $mx->wait_messages(4), 4, 'all of them arrive');

# -- one that does not answer
$gate{b}->stop;
$end = time + 40;
while (time < $end && $pb->log_text('delivery') !~ /event=gateway-silent gateway=b\.gate\.test text=/) {
	mail();
	sleep 1;
}
like($pb->log_text('delivery'), qr/event=gateway-silent gateway=b\.gate\.test text=/, 'one that is away is known to be silent');
like($pb->ctl_ok('route', 'show', 'x@far.test'), qr/why +gateway-silent 2 0 0\n(?!.*b\.gate).*gateway +0 a\.gate\.test/s, 'and is skipped');
is(mail(), 'a', '... so that the other gets all');
done_testing;
