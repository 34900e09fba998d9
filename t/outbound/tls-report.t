#!/usr/bin/perl
# What is counted for TLS reports (RFC 8460): sessions that kept what was published,
# and why others did not.
# Features: SMTPOUT-09.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Temp qw(tempdir);
use POSIX qw(strftime);
use Test::More;
use Pillarbox::Certificates;
use Pillarbox::Outbound;
use Pillarbox::Signed;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd and ldnsutils are not installed' unless Pillarbox::Signed::available();
plan skip_all => 'IO::Socket::SSL is not installed' unless eval { require IO::Socket::SSL };

my $dir = tempdir('pillarbox-report-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $ca = Pillarbox::Certificates->new("$dir/ca");
my $port = Pillarbox::Outbound::free_port();
my %cert = (good => [ $ca->make('good', names => [ map { "mx-$_.plain.example" } qw(good test) ]) ],
	old => [ $ca->make('old', names => ['mx-old.plain.example'], days => -1) ], self => [ $ca->make('self', names => ['x.example'], self => 1) ]);
my %ip = (good => '127.0.0.71', old => '127.0.0.72', self => '127.0.0.73', clear => '127.0.0.74');
my %server = map { my $name = $_; ($name => Pillarbox::Outbound::Server->new($ip{$name}, $port, sub {
	my ($c) = @_;
	my $inside = $name eq 'clear';
	$c->serve(EHLO => sub { $c->say('250-mx', $inside ? '250 8BITMIME' : '250 STARTTLS'); return [] }, STARTTLS => sub {
		$c->say('220 go');
		IO::Socket::SSL->start_SSL($c->{sock}, SSL_server => 1, SSL_cert_file => $cert{$name}[0], SSL_key_file => $cert{$name}[1]) or POSIX::_exit(0);
		$inside = 1;
		return [];
	});
})) } keys %ip;
my $ee = $ca->tlsa($cert{self}[0], 3, 1, 1);
sub host { my ($name, $server, @tlsa) = @_; return "$name MX 10 mx-$name\nmx-$name A $ip{$server}\n" . join '', map { "_$port._tcp.mx-$name TLSA $_\n" } @tlsa }
my $zone = Pillarbox::Signed->new(
	signed => { 'signed.example' => join '', host('ee', 'self', $ee), host('bad', 'good', $ee), host('clear', 'clear', $ee), host('forged', 'self', $ee) },
	plain => { 'plain.example' => join('', host('good', 'good'), host('old', 'old'), host('name', 'good'), host('self', 'self'), host('clear', 'clear'),
		host('test', 'clear'), host('nothing', 'self'), host('list', 'good'), "_mta-sts.broken TXT \"v=STSv1; id=?\"\nbroken MX 10 mx-good\n") },
	forge => sub { my ($name, $text) = @_; $text =~ s/^(\S*mx-forged\S*\s+5\s+IN\s+TLSA\s+3 1 1 )\S+/$1 . 'ab' x 32/me or die; return $text });
$ENV{SSL_CERT_FILE} = $ca->ca;
my $out = Pillarbox::Outbound->new(dns => $zone->address, settings => { smtpOutPort => $port, dnsTrustAnchor => $zone->anchor });
my $home = "$out->{dir}/i/state/remote-send";
for my $name (qw(good old name self clear test list)) {
	my ($now, $mode, $mx) = (time, $name eq 'test' ? 'testing' : 'enforce', $name eq 'list' ? 'mx.elsewhere.example' : "mx-$name.plain.example");
	Pillarbox::Outbound::write_file("$home/sts-$name.plain.example", "mta-sts\nid=1\nfetched=$now\n"
		. "policy=version: STSv1\\nmode: $mode\\nmx: $mx\\nmax_age: 86400\\n\n");
}
sub deliver { my ($d) = @_; $out->send("x\r\n", domain => "$d.example", from => '', rcpt => ["a\@$d.example"]) }
deliver("$_.signed") for qw(ee bad bad clear forged);
deliver("$_.plain") for qw(good old name self clear test nothing list broken);
is($out->stop, 0, 'it ends in peace');
my @files = glob "$home/tls-report-*";
is(scalar @files, 1, 'one file for the day');
my %row;
my @lines = split /\n/, join '', map { Pillarbox::Outbound::slurp($_) } @files;
is(shift @lines, 'tls-report 1', 'with its first line');
for (@lines) {
	my ($count, $domain, $type, $result, $mx, $from, $to) = split /\t/;
	push @{ $row{$domain} }, [ $count, $type, $result, $mx, $from, $to ];
}
my %want = ('ee.signed' => '1 tlsa success', 'bad.signed' => '2 tlsa validation-failure', 'clear.signed' => '1 tlsa starttls-not-supported',
	'forged.signed' => '1 tlsa dnssec-invalid', 'good.plain' => '1 sts success', 'old.plain' => '1 sts certificate-expired',
	'name.plain' => '1 sts certificate-host-mismatch', 'self.plain' => '1 sts certificate-not-trusted', 'clear.plain' => '1 sts starttls-not-supported',
	'test.plain' => '1 sts starttls-not-supported', 'nothing.plain' => '1 no-policy-found success', 'list.plain' => '1 sts validation-failure');
for my $name (sort keys %want) {
	my ($host, $zone) = split /\./, $name;
	is(join(' | ', map { join ' ', @$_[0 .. 3] } @{ $row{"$name.example"} || [] }), "$want{$name} mx-$host.$zone.example", $name);
}
is($row{'ee.signed.example'}[0][5], '127.0.0.73', 'with the address that it went to');
like($row{'ee.signed.example'}[0][4], qr/^127\.0\.0\.\d+$/, 'and the one that it came from');
is($row{'forged.signed.example'}[0][4], '-', 'or none, when there was no connection');
like(join(' ', map { $_->[2] } @{ $row{'broken.plain.example'} }), qr/sts-policy-invalid/, 'a policy that cannot be had is counted too');
done_testing;
