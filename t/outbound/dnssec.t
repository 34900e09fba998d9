#!/usr/bin/perl
# Forged DNS (case D07): mail for a domain whose records do not fit its signatures is
# deferred with 4.7.5 and goes to nobody, until the zone is right again.
# Features: GEN-03.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox::Outbound;
use Pillarbox::Zone;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';
plan skip_all => 'ldns-signzone (ldnsutils) is not installed' unless -x '/usr/bin/ldns-signzone';

my $dir = tempdir('pillarbox-dnssec-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;
my $key = `cd $dir && ldns-keygen -a ECDSAP256SHA256 -k signed.example`;
chomp $key;
my ($anchor) = Pillarbox::Outbound::slurp("$dir/$key.key") =~ /^(signed\.example\.\s[^;]*)/m or die "no key\n";
Pillarbox::Outbound::write_file("$dir/anchor", "$anchor\n");

my $port = Pillarbox::Outbound::free_port();
my $serve = sub { $_[0]->serve };
my $mx = Pillarbox::Outbound::Server->new('127.0.0.5', $port, $serve);
my $thief = Pillarbox::Outbound::Server->new('127.0.0.6', $port, $serve);
my $zone = Pillarbox::Zone->new('signed.example' => "@ MX 10 mx\nmx A 127.0.0.5\n",
	'thief.example' => "@ MX 10 mx\nmx A 127.0.0.6\n");
my $file = "$zone->{dir}/signed.example.zone";
my $plain = Pillarbox::Outbound::slurp($file);
system('cd ' . $dir . " && ldns-signzone -f signed $file $key") == 0 or die "ldns-signzone: exit $?\n";
my $signed = Pillarbox::Outbound::slurp("$dir/signed");

my %settings = (smtpOutPort => $port, dnsTrustAnchor => "$dir/anchor");
my $out;
my $peace = 1;		# remote-send always ended as asked

# The zone as it is from now on; the records that are forged are those that match.
# remote-send starts anew, because an answer that was found good or forged is kept for a while.
sub publish {
	my ($text, $from, $to) = @_;
	my $forged = defined $from ? $text =~ s/$from/$to/gr : $text;
	die "nothing to forge\n" if defined $from && $forged eq $text;
	Pillarbox::Outbound::write_file($file, $forged);
	$zone->stop;
	$zone->start;
	return if !$out;
	$peace &&= $out->stop == 0;
	$out->start;
}

sub deliver {
	my ($to) = @_;
	my %r = $out->send("Subject: x\r\n\r\nx\r\n", domain => $to, from => 'a@sender.example', rcpt => ["b\@$to"]);
	return %r;
}

# A line of the log with all of these words.
sub logged {
	my ($re) = @_;
	my $end = time + 10;
	sleep 0.1 while $out->log !~ $re && time < $end;
	return $out->log =~ $re;
}

publish($signed);
$out = Pillarbox::Outbound->new(dns => $zone->address, settings => \%settings);
my %r = deliver('signed.example');
like($r{1}, qr/^250 /, 'a zone that fits its signatures: delivered');
is(scalar($mx->transcripts), 1, 'to its host');

my %forgery = (
	'a forged MX' => [ $signed, qr/^signed\.example\.\s+5\s+IN\s+MX\s+.*$/m, 'signed.example. 5 IN MX 10 mx.thief.example.',
		qr/^451 4\.7\.5 DNSSEC validation of domain signed\.example failed/ ],
	'an MX more' => [ $signed, qr/^signed\.example\.\s+5\s+IN\s+MX\s+.*$/m, "signed.example. 5 IN MX 1 mx.thief.example.\nsigned.example. 5 IN MX 10 mx.signed.example.",
		qr/^451 4\.7\.5 DNSSEC validation of domain signed\.example failed/ ],
	'a forged address' => [ $signed, qr/^mx\.signed\.example\.\s+5\s+IN\s+A\s+.*$/m, 'mx.signed.example. 5 IN A 127.0.0.6',
		qr/^451 4\.7\.5 DNSSEC validation of the mail hosts failed/ ],
	'records without signatures' => [ $plain, qr/^\@ MX .*$/m, '@ MX 10 mx.thief.example.',
		qr/^451 4\.7\.5 DNSSEC validation of domain signed\.example failed/ ],
);
for my $name (sort keys %forgery) {
	my ($text, $from, $to, $want) = @{ $forgery{$name} };
	publish($text, $from, $to);
	%r = deliver('signed.example');
	like($r{1}, $want, "$name: deferred");
	is($r{dns}, 1, "$name: as a look-up that failed");
	ok(logged(qr/event=deferred id=$out->{jobs} .*code=451 status=4\.7\.5 .*DNSSEC/), "$name: the log says why");
}
is(scalar($thief->transcripts), 0, 'nothing went to the host of the forger');
is(scalar($mx->transcripts), 1, 'nor to the true one');
%r = deliver('thief.example');
like($r{1}, qr/^250 /, 'a domain that has no signatures and promised none is served all along');

publish($signed);
%r = deliver('signed.example');
like($r{1}, qr/^250 /, 'when the zone is right again mail is delivered');
is(scalar($mx->transcripts), 2, 'to its host');
ok($peace && $out->stop == 0, 'and remote-send ended in peace each time');

# Without an anchor nothing is validated.
delete $settings{dnsTrustAnchor};
undef $out;
publish($plain);
$out = Pillarbox::Outbound->new(dns => $zone->address, settings => \%settings);
%r = deliver('signed.example');
like($r{1}, qr/^250 /, 'without dnsTrustAnchor answers are taken as they are');
$out->stop;
done_testing;
