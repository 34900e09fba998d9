#!/usr/bin/perl
# SMTPOUT-08: DNS answers are kept for their time to live, or not at all (dnsCache).
use strict;
use warnings;
use Pillarbox;
use Pillarbox::Dns;
use Pillarbox::Outbound;
use Pillarbox::Scan;
use Test::More;
use Time::HiRes qw(sleep);

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available() && Pillarbox::Scan::available();

# Records live two seconds.
$Pillarbox::Dns::TTL = 2;
my $zone = "x.example MX 10 none.example\nnone.example TXT -\n";
my $dns = Pillarbox::Dns->new($zone);

# How often the MX was asked for by a message to x.example, whose host has no address.
sub asked {
	my ($out) = @_;
	$dns->queries;
	my %r = $out->send("x\r\n", domain => 'x.example', from => '', rcpt => ['a@x.example']);
	like($r{1} // 'no answer', qr/^45\d /, 'a message is tried');
	return scalar grep { $_ eq 'x.example MX' } $dns->queries;
}

my $out = Pillarbox::Outbound->new(dns => $dns->address);
is(asked($out), 1, 'the first message asks DNS');
sleep 3;
is(asked($out), 1, 'after its time to live an answer is asked for again');
is($out->stop, 0, 'ended');

$out = Pillarbox::Outbound->new(dns => $dns->address, settings => { dnsCache => 'False' });
is(asked($out), 1, 'without cache the first message asks');
is(asked($out), 1, '... and so does the next');
is($out->stop, 0, 'ended');

# With a long time to live nothing is asked twice; scan-check keeps to the setting, too.
$Pillarbox::Dns::TTL = 600;
$dns = Pillarbox::Dns->new($zone);
$out = Pillarbox::Outbound->new(dns => $dns->address);
is(asked($out), 1, 'the first message asks DNS');
is(asked($out), 0, 'the next does not');
is($out->stop, 0, 'ended');
my $long = Pillarbox::Dns->new("y.example MX 10 y.example\n");
my $other = Pillarbox::Dns->new("z.example MX 10 z.example\n");
for my $cache ('True', 'False') {
	my $pb = Pillarbox->new(settings => { primaryDns => $long->address, dnsCache => $cache });
	$pb->start;
	my $scan = Pillarbox::Scan->new($pb);
	$long->queries;
	is($scan->ask('domain 9000 y.example'), 'resolves', "scan-check with dnsCache $cache") for 1, 2;
	is(scalar(grep { $_ eq 'y.example MX' } $long->queries), $cache eq 'True' ? 1 : 2, '... asked as often as that says');
	if ($cache eq 'False') {
		is($scan->ask('domain 9000 z.example'), 'nxdomain', 'a domain that this server does not know');
		$pb->set(primaryDns => $other->address);
		$pb->ctl_ok('reload');
		my $got = '';
		for (1 .. 100) {
			last if ($got = $scan->ask('domain 9000 z.example')) eq 'resolves';
			sleep 0.1;
		}
		is($got, 'resolves', 'another DNS server is used after reload');
	}
	$pb->stop;
}
done_testing();
