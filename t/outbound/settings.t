#!/usr/bin/perl
# Settings of outgoing mail, each with both of its meanings: secondaryDns (GEN-03),
# tlsIfSupported (SMTPOUT-09), outboundIPv6 (SMTPOUT-02).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use Test::More;
use Pillarbox::Outbound;
use Pillarbox::Zone;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';

my $port = Pillarbox::Outbound::free_port();
my $server = Pillarbox::Outbound::Server->new('127.0.0.5', $port, sub {
	$_[0]->serve(ehlo => ['STARTTLS'], STARTTLS => '454 4.7.0 not now');
});
my $zone = Pillarbox::Zone->new('x.example' => "@ MX 10 mx\nmx A 127.0.0.5\n", 'six.example' => "@ MX 10 mx\nmx AAAA ::1\n");
my $dead = '127.0.0.1@' . Pillarbox::Zone::free_port();

# The result of one message under these settings.
sub deliver {
	my ($domain, %settings) = @_;
	my $out = Pillarbox::Outbound->new(dns => $settings{primaryDns} // $zone->address,
		settings => { smtpOutPort => $port, %settings });
	my %r = $out->send("x\r\n", domain => $domain, from => '', rcpt => ["a\@$domain"]);
	is($out->stop, 0, 'ended in peace');
	return $r{1};
}

like(deliver('x.example', primaryDns => $dead), qr/^451 4\.4\.3/, 'a DNS server that is not there: later');
like(deliver('x.example', primaryDns => $dead, secondaryDns => $zone->address), qr/^250/, 'secondaryDns is asked then');
like(deliver('x.example', secondaryDns => $dead), qr/^250/, 'and it may be the one that is not there');

my $before = $server->transcripts;
like(deliver('x.example'), qr/^250/, 'a server that offers TLS');
like(($server->transcripts)[$before], qr/C: STARTTLS\n/, 'is asked for it');
like(deliver('x.example', tlsIfSupported => 'False'), qr/^250/, 'with tlsIfSupported=False');
unlike(($server->transcripts)[-1], qr/STARTTLS\n.*C: STARTTLS/s, 'it is not');
like(($server->transcripts)[-1], qr/C: MAIL FROM/, 'and has the message in clear');

SKIP: {
	my $six = eval { Pillarbox::Outbound::Server->new('::1', $port, sub {
		my ($c) = @_;
		$c->serve(END => '250 2.0.0 from ' . $c->{sock}->peerhost);
	}) } or skip 'no IPv6 here', 1;
	like(deliver('six.example'), qr/^250 .*from ::1$/, 'over IPv6 the system chooses the address');
	like(deliver('six.example', outboundIPv6 => '::1'), qr/^250 .*from ::1$/, 'or outboundIPv6 does');
	like(deliver('six.example', outboundIPv6 => '2001:db8::99'), qr/^451 4\.4\.1 .*[Aa]ssign/,
		'an address that is not ours is not replaced by itself');
	like(deliver('six.example', outboundIPv6 => '2001:db8::99', outboundFallbackPrimary => 'True'), qr/^250/,
		'unless outboundFallbackPrimary says so');
	like(deliver('x.example', outboundIPv6 => '2001:db8::99'), qr/^250/, 'it means nothing to IPv4');
}
done_testing;
