#!/usr/bin/perl
# Greylisting of mail that this server takes for others: as backup MX, and to pass it on.
# Features: GREY-07, GREY-13, ROUTE-04.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::Dns;

# Its MX host has an address that is listed; the other's has not.
my $dns = Pillarbox::Dns->new("primary.test MX 10 mx.primary.test\nmx.primary.test A 192.0.2.5\n"
	. "other.test MX 10 mx.other.test\nmx.other.test A 192.0.2.7\nfar.test MX 10 mx.other.test\n"
	. "slow.test MX 10 mx.slow.test\nmx.slow.test A 192.0.2.17\nquick.test MX 10 mx.quick.test\nmx.quick.test A 192.0.2.20\n");
my $pb = Pillarbox->new(settings => { primaryDns => $dns->address, 'greylisting/enabled' => 'True' });
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'smartHosts/host', '192.0.2.5');
$pb->ctl_ok('set', '--add', 'incomingGateways/gateway', 'mode=domainForward', 'address=192.0.2.9', 'domains=inside.example');
$pb->ctl_ok('set', '--add', 'incomingGateways/gateway', 'mode=domainForward', 'address=192.0.2.10', 'domains=quick.example',
	'disableGreylisting=True');
$pb->ctl_ok('set', '--add', 'incomingGateways/gateway', 'mode=backupMx', 'address=192.0.2.16/30');
$pb->ctl_ok('set', '--add', 'incomingGateways/gateway', 'mode=backupMx', 'address=192.0.2.20', 'disableGreylisting=True');
$pb->ctl_ok('set', '--add', 'incomingGateways/gateway', 'mode=backupMx', 'address=192.0.2.20/30');
$pb->start;

sub recipient {
	my ($to) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect('MAIL FROM:<x@far.test>', qr/^250/);
	my $r = $c->command("RCPT TO:<$to>");
	$c->command('QUIT');
	return $r;
}
my $later = qr/^451 4\.7\.1 Greylisted, try again later: not before/;
like(recipient('u@primary.test'), qr/^250/, 'a recipient for whom we are backup MX does not wait');
ok($pb->wait_log('greylistLog', qr/verdict=pass name=recipient value=backup-mx weight=100 total=0 from=x\@far\.test to=u\@primary\.test/), '... and the log says why');
like(recipient('u@other.test'), qr/^550/, 'what is not ours is refused as ever (GREY-14)');
like(recipient('u@inside.example'), $later, 'mail that is passed on waits');
like(recipient('u@quick.example'), qr/^250/, '... unless its gateway says otherwise (ROUTE-04)');
ok($pb->wait_log('greylistLog', qr/name=recipient value=forward-off weight=100 total=0 from=x\@far\.test to=u\@quick\.example/), '... and the log says why');
$pb->ctl_ok('set', 'greylisting/smartHosts', 'True');
like(recipient('u@primary.test'), $later, 'with greylisting/smartHosts a backup MX greylists too');

# A server whose backup MX we are may be without it all the same; the first one in the list speaks for a domain.
like(recipient('u@slow.test'), $later, 'one behind a gateway of mode backupMx waits too');
like(recipient('u@quick.test'), qr/^250/, '... unless its gateway says otherwise (ROUTE-04, GREY-13)');
ok($pb->wait_log('greylistLog', qr/verdict=pass name=recipient value=forward-off weight=100 total=0 from=x\@far\.test to=u\@quick\.test/), '... and the log says why');
done_testing;
