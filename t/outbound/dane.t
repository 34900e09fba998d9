#!/usr/bin/perl
# DANE for SMTP (RFC 7672): where DNSSEC vouches for TLSA records of a mail host,
# only a host whose certificate fits them gets mail; all else is deferred and says
# why.  Where it does not, TLSA records change nothing.
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

my $dir = tempdir('pillarbox-dane-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $ca = Pillarbox::Certificates->new("$dir/ca");
my $port = Pillarbox::Outbound::free_port();
my $at = "_$port._tcp";
my %cert = (
	good => [ $ca->make('good', names => ['other.example'], days => -1, self => 1) ],
	host => [ $ca->make('host', names => ['mx-ta.signed.example']) ],
	hop => [ $ca->make('hop', names => ['hop.signed.example']) ],
	old => [ $ca->make('old', names => ['mx-old.signed.example'], days => -1) ],
);
# A digest of the CA can only be compared when the server shows the CA too (RFC 7671 5.2.2).
for my $name (qw(host hop old)) {
	my $chain = Pillarbox::Outbound::slurp($cert{$name}[0]) . Pillarbox::Outbound::slurp($ca->ca);
	Pillarbox::Outbound::write_file($cert{$name}[0] = "$dir/$name.chain", $chain);
}
my ($file) = map { $_->[0] } $cert{good};
my ($ee, $ta) = ($ca->tlsa($file, 3, 1, 1), $ca->tlsa($ca->ca, 2, 0, 1));
my $wrong = '3 1 1 ' . '00' x 32;

# One server for each certificate; "none" has no TLS.
my %ip = (good => '127.0.0.11', host => '127.0.0.12', hop => '127.0.0.13', old => '127.0.0.14', none => '127.0.0.15');
my %server;
for my $name (keys %ip) {
	$server{$name} = Pillarbox::Outbound::Server->new($ip{$name}, $port, sub {
		my ($c) = @_;
		my $inside = !$cert{$name};
		$c->serve(EHLO => sub { $c->say('250-mx', $inside ? '250 8BITMIME' : '250 STARTTLS'); return [] },
			STARTTLS => sub {
				$c->say('220 go');
				IO::Socket::SSL->start_SSL($c->{sock}, SSL_server => 1, SSL_cert_file => $cert{$name}[0],
					SSL_key_file => $cert{$name}[1]) or POSIX::_exit(0);
				print { $c->{log} } 'SNI ', $c->{sock}->get_servername // '-', "\n";
				$inside = 1;
				return [];
			});
	});
}

# Domain, the host that its MX names, where that is, and its TLSA records.
sub domain {
	my ($name, $server, @tlsa) = @_;
	return "$name MX 10 mx-$name\nmx-$name A $ip{$server}\n" . join '', map { "$at.mx-$name TLSA $_\n" } @tlsa;
}
my $zone = Pillarbox::Signed->new(
	signed => { 'signed.example' => join('', domain('ee', 'good', $ee), domain('full', 'good', $ca->tlsa($file, 3, 0, 0)),
		domain('sha512', 'good', $ca->tlsa($file, 3, 0, 2)), domain('several', 'good', $wrong, '1 1 1 ' . '11' x 32, $ee),
		domain('bad', 'good', $wrong), domain('ta', 'host', $ta), domain('hop', 'hop', $ta), domain('name', 'hop', $ta),
		domain('old', 'old', $ta), domain('unusable', 'good', '1 1 1 ' . '11' x 32), domain('unusable-plain', 'none', '0 0 1 ' . '11' x 32),
		domain('plain', 'none', $ee), domain('absent', 'none'), domain('forged', 'good', $ee),
		"second MX 10 mx-bad\nsecond MX 20 mx-ee\n", "twice MX 10 mx-bad\ntwice MX 20 mx-plain\n",
		# The name in the MX is an alias: of a signed name, the records at its end or at the alias; of one that is not signed.
		"alias MX 10 mx-alias\nmx-alias CNAME mx-ee\n",
		"alias2 MX 10 mx-alias2\nmx-alias2 CNAME mx-absent2\nmx-absent2 A $ip{good}\n$at.mx-alias2 TLSA $ee\n",
		"alias3 MX 10 mx-alias3\nmx-alias3 CNAME mx.unsigned.example.\n$at.mx-alias3 TLSA $wrong\n",
		"away MX 10 mx.unsigned.example.\n", "itself A $ip{good}\n$at.itself TLSA $wrong\n") },
	plain => { 'unsigned.example' => "@ MX 10 mx\nmx A $ip{good}\n$at.mx TLSA $wrong\nlured MX 10 mx-bad.signed.example.\n" },
	forge => sub { my ($name, $text) = @_; $text =~ s/^(\S*mx-forged\S*\s+5\s+IN\s+TLSA\s+3 1 1 )\S+/$1 . 'ab' x 32/me or die; return $text },
);
my %settings = (smtpOutPort => $port, dnsTrustAnchor => $zone->anchor);
my $out = Pillarbox::Outbound->new(dns => $zone->address, settings => \%settings);
my %seen;

# Result for a message to the domain, and how often MAIL was said in this while.
sub deliver {
	my ($domain, %job) = @_;
	my %before = map { $_ => scalar(() = join('', $server{$_}->transcripts) =~ /^C: MAIL/mg) } keys %server;
	my %r = $out->send("Subject: x\r\n\r\nx\r\n", domain => $domain, from => 'a@sender.example', rcpt => ["b\@$domain"], %job);
	my $said = join ' ', sort grep { (() = join('', $server{$_}->transcripts) =~ /^C: MAIL/mg) > $before{$_} } keys %server;
	return ($r{1}, $said);
}

sub taken { my ($domain, $server, $name) = @_; my ($r, $said) = deliver("$domain.signed.example"); like($r, qr/^250 /, $name); is($said, $server, "... by the right host") }
sub deferred {
	my ($domain, $why, $name) = @_;
	my ($r, $said) = deliver("$domain.signed.example");
	like($r, $why, $name);
	is($said, '', '... and nobody is told of the message');
}

taken('ee', 'good', 'DANE-EE: the key fits; names and time of the certificate do not matter');
like(join('', $server{good}->transcripts), qr/^SNI mx-ee\.signed\.example$/m, 'the host is asked for by the name of its records');
like($out->log, qr/tls: TLSv1\.\d cipher \S+ proven/, 'and the log says that it was proven');
taken('full', 'good', 'a whole certificate as record');
taken('sha512', 'good', 'a SHA-512 digest');
taken('several', 'good', 'one of several records fits');
deferred('bad', qr/^451 4\.7\.5 DANE demands TLS: mx-bad\.signed\.example\[127\.0\.0\.11\] has no certificate that can be trusted: .*DANE/i, 'no record fits');
taken('ta', 'host', 'DANE-TA: the chain leads to the CA, and the certificate names the host');
taken('hop', 'hop', 'DANE-TA: or it names the domain');
deferred('name', qr/^451 4\.7\.5 DANE .*hostname mismatch/i, 'DANE-TA: it names neither');
deferred('old', qr/^451 4\.7\.5 DANE .*expired/, 'DANE-TA: its time is over');
taken('unusable', 'good', 'records for other uses only: any certificate');
deferred('unusable-plain', qr/^451 4\.7\.4 DANE demands TLS: .* does not offer TLS/, '... but not clear text');
deferred('plain', qr/^451 4\.7\.4 DANE demands TLS: mx-plain\.signed\.example\[127\.0\.0\.15\] does not offer TLS/, 'records, and a host without TLS');
taken('absent', 'none', 'no records: as without DANE');
deferred('forged', qr/^451 4\.7\.5 DANE: the TLSA records of mx-forged\.signed\.example could not be looked up/, 'forged records');
taken('second', 'good', 'a host that is not proven is passed over for the next');
deferred('twice', qr/^451 4\.7\.4 /, 'none of two is proven');
taken('alias', 'good', 'the name of the host is an alias: records at its end');
taken('alias2', 'good', 'or at the alias');
deferred('alias3', qr/^451 4\.7\.5 DANE /, 'or at a signed alias of a name that is not signed');
taken('away', 'good', 'a host in a zone without DNSSEC has no records that count');
deferred('itself', qr/^451 4\.7\.5 DANE /, 'a domain without MX is its own host');
my ($r, $said) = deliver('unsigned.example');
like($r, qr/^250 /, 'nor has one whose domain is not signed');
($r, $said) = deliver('lured.unsigned.example');
like($r, qr/^250 /, 'not even when only its MX is not');
($r, $said) = deliver('x.signed.example', host => 'mx-bad.signed.example');
like($r, qr/^451 4\.7\.5 DANE /, 'a fixed route has DANE too');
($r, $said) = deliver('x.signed.example', host => "127.0.0.11:$port");
like($r, qr/^250 /, 'but not one by address');
like($out->log, qr/event=deferred id=\d+ rcpt=1 to=b\@bad\.signed\.example host=mx-bad\.signed\.example text="451 4\.7\.5 DANE demands/,
	'the log says which demand was not met');
is($out->stop, 0, 'it ends in peace');

undef $out;
$out = Pillarbox::Outbound->new(dns => $zone->address, settings => { smtpOutPort => $port });
($r, $said) = deliver('bad.signed.example');
like($r, qr/^250 /, 'without dnsTrustAnchor there is no DANE');
undef $out;
$out = Pillarbox::Outbound->new(dns => $zone->address, settings => { %settings, tlsIfSupported => 'False' });
($r, $said) = deliver('plain.signed.example');
like($r, qr/^250 /, 'nor with tlsIfSupported off');
$out->stop;
done_testing;
