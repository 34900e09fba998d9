#!/usr/bin/perl
# REQUIRETLS (RFC 8689) with hosts found by MX: DNSSEC or MTA-STS must vouch for the
# host, TLSA records or a CA for its certificate, and the host must take the demand on.
# TLS-Required: No is the opposite.  tlsPolicies/policy says it for a domain: by level
# and names.
# Features: SMTPOUT-09.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Temp qw(tempdir);
use Test::More;
use Pillarbox::Certificates;
use Pillarbox::Outbound;
use Pillarbox::Signed;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd and ldnsutils are not installed' unless Pillarbox::Signed::available();
plan skip_all => 'IO::Socket::SSL is not installed' unless eval { require IO::Socket::SSL };

my $dir = tempdir('pillarbox-requiretls-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $ca = Pillarbox::Certificates->new("$dir/ca");
my $port = Pillarbox::Outbound::free_port();
my %cert = (named => [ $ca->make('named', names => [ map { ("mx-$_.signed.example", "mx-$_.plain.example") } qw(ca sts keep old) ]) ],
	self => [ $ca->make('self', names => ['mx-ee.signed.example'], self => 1) ],
	gateway => [ $ca->make('gateway', names => ['mail.provider.example']) ]);
my %ip = (named => '127.0.0.41', self => '127.0.0.42', old => '127.0.0.43', clear => '127.0.0.44', gateway => '127.0.0.45');
my %server;
for my $name (keys %ip) {
	my ($cert, $key) = @{ $cert{ $name eq 'old' ? 'named' : $name } // [] };
	$server{$name} = Pillarbox::Outbound::Server->new($ip{$name}, $port, sub {
		my ($c) = @_;
		my $inside = !$cert;
		$c->serve(EHLO => sub { $c->say('250-mx', !$inside ? '250 STARTTLS' : $cert && $name ne 'old' ? '250 REQUIRETLS' : '250 8BITMIME'); return [] },
			STARTTLS => sub {
				$c->say('220 go');
				IO::Socket::SSL->start_SSL($c->{sock}, SSL_server => 1, SSL_cert_file => $cert, SSL_key_file => $key)
					or POSIX::_exit(0);
				$inside = 1;
				return [];
			});
	});
}
my $ee = $ca->tlsa($cert{self}[0], 3, 1, 1);
sub host { my ($name, $server, @tlsa) = @_; return "$name MX 10 mx-$name\nmx-$name A $ip{$server}\n" . join '', map { "_$port._tcp.mx-$name TLSA $_\n" } @tlsa }
my $zone = Pillarbox::Signed->new(
	signed => { 'signed.example' => join '', host('ca', 'named'), host('ee', 'self', $ee), host('self', 'self'), host('old', 'old'),
		host('bad', 'self', '3 1 1 ' . '00' x 32), host('clear', 'clear', $ee) },
	plain => { 'plain.example' => join '', host('ca', 'named'), host('sts', 'named'), host('test', 'named'), host('keep', 'clear'),
		host('gateway', 'gateway'), host('self', 'self'), host('clear', 'clear') });
$ENV{SSL_CERT_FILE} = $ca->ca;
my %settings = (smtpOutPort => $port, dnsTrustAnchor => $zone->anchor);
my $out = Pillarbox::Outbound->new(dns => $zone->address, settings => \%settings);

# A policy that was fetched before; nobody announces it, and it holds.
sub policy {
	my ($name, $mode) = @_;
	my $now = time;
	Pillarbox::Outbound::write_file("$out->{dir}/i/state/remote-send/sts-$name.plain.example", "mta-sts\nid=1\nfetched=$now\n"
		. "policy=version: STSv1\\nmode: $mode\\nmx: mx-$name.plain.example\\nmax_age: 86400\\n\n");
}
policy('sts', 'enforce');
policy('test', 'testing');
policy('keep', 'enforce');

sub deliver {
	my ($to, %job) = @_;
	my $header = delete $job{header} // '';
	my %r = $out->send("Subject: x\r\n$header\r\nx\r\n", domain => "$to.example", from => 'a@sender.example', rcpt => ["b\@$to.example"], %job);
	return $r{1};
}
sub need { return deliver($_[0], requiretls => 1) }

like(need('ca.signed'), qr/^250 /, 'REQUIRETLS: DNSSEC vouches for the host, a CA for its certificate');
like(join('', $server{named}->transcripts), qr/MAIL FROM:<a\@sender\.example> REQUIRETLS$/m, 'the host is told');
like(need('ee.signed'), qr/^250 /, 'or TLSA records');
like(need('self.signed'), qr/^550 5\.7\.10 REQUIRETLS: mx-self\.signed\.example\S+ has no certificate that can be trusted: self.signed/, 'nobody vouches for the certificate');
like(need('bad.signed'), qr/^550 5\.7\.10 REQUIRETLS: .*TLSA/, 'or TLSA records speak against it');
like(need('clear.signed'), qr/^550 5\.7\.10 REQUIRETLS: .*does not offer TLS/, 'there is no TLS');
like(need('old.signed'), qr/^550 5\.7\.30 mx-old\.signed\.example\S+ does not offer REQUIRETLS/, 'the host does not know REQUIRETLS');
like(need('ca.plain'), qr/^550 5\.7\.10 REQUIRETLS: neither DNSSEC nor MTA-STS vouches for mx-ca\.plain\.example as a host of ca\.plain\.example/, 'nobody vouches for the host');
like(need('sts.plain'), qr/^250 /, 'MTA-STS does');
like(need('test.plain'), qr/^550 5\.7\.10 REQUIRETLS: neither/, 'not in mode testing');
like($out->log, qr/event=failed .*to=b\@ca\.plain\.example .*text="550 5\.7\.10 REQUIRETLS: neither/, 'the log says why');

like(deliver('bad.signed'), qr/^451 4\.7\.5 DANE /, 'a host that does not fit its records');
like(deliver('bad.signed', header => "TLS-Required: No\r\n"), qr/^250 /, 'TLS-Required: No passes over that');
like(deliver('clear.signed', header => "TLS-Required: No\r\n"), qr/^250 /, '... in clear text too');
like(deliver('keep.plain'), qr/^451 4\.7\.4 MTA-STS /, 'a host without the TLS that its policy promises');
like(deliver('keep.plain', header => "TLS-Required: No\r\n"), qr/^250 /, 'TLS-Required: No passes over that');
like(deliver('bad.signed', header => "TLS-Required: No\r\n", requiretls => 1), qr/^550 5\.7\.10 /, 'REQUIRETLS is stronger than it');
is($out->stop, 0, 'it ends in peace');
undef $out;

sub rules { return join '', map { my ($domain, $level, $names) = @$_; "<policy><domain>$domain</domain><level>$level</level><names>" . ($names // '') . '</names></policy>' } @_ }
$out = Pillarbox::Outbound->new(dns => $zone->address, settings => { %settings, tlsPolicies => rules([ 'bad.signed.example', 'may' ],
	[ 'clear.signed.example', 'none' ], [ 'ca.plain.example', 'verify' ], [ 'gateway.plain.example', 'verify', 'other.example, .provider.example' ],
	[ 'sts.plain.example', 'dane' ], [ 'ee.signed.example', 'dane' ], [ 'self.plain.example', 'verify' ], [ '*.plain.example', 'encrypt' ],
	[ 'mx-ca.signed.example', 'none' ]) });
like(deliver('bad.signed'), qr/^250 /, 'tlsPolicies: may, where TLSA records say no');
like(deliver('clear.signed'), qr/^250 /, 'none');
like(deliver('ca.plain'), qr/^250 /, 'verify: a CA names the host');
like(deliver('self.plain'), qr/^451 4\.7\.5 the setting tlsPolicies demands TLS: .* has no certificate that can be trusted/, 'verify: none does');
like(deliver('gateway.plain'), qr/^250 /, 'verify: or a name that was set');
like(deliver('sts.plain'), qr/^451 4\.7\.5 the setting tlsPolicies demands DANE, and mx-sts\.plain\.example has no usable TLSA record/, 'dane: no records');
like(deliver('ee.signed'), qr/^250 /, 'dane: records that fit');
like(deliver('clear.plain'), qr/^451 4\.7\.4 the setting tlsPolicies demands TLS: .* does not offer TLS/, 'encrypt, by a pattern: no TLS');
like(deliver('clear.plain', header => "TLS-Required: No\r\n"), qr/^451 4\.7\.4 /, 'and no sender changes that');
like(deliver('test.plain'), qr/^250 /, 'encrypt: any certificate');
sub upgrades { return scalar(() = join('', $server{named}->transcripts) =~ /^C: STARTTLS$/mg) }
my $before = upgrades();
like(deliver('x.signed', host => 'mx-ca.signed.example'), qr/^250 /, 'a fixed route');
is(upgrades(), $before, 'has rules by its host');
like(need('clear.signed'), qr/^550 5\.7\.10 REQUIRETLS: this server is set to use no TLS for clear\.signed\.example/, 'none, and REQUIRETLS: returned');
is($out->stop, 0, 'it ends in peace');
done_testing;
