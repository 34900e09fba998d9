#!/usr/bin/perl
# TLS-05: tlsCertificatePath and tlsPrivateKeyPath name the server's certificate and key, by
# absolute paths or relative to the instance; a pair that does not fit is refused.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Copy qw(copy);
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Certificates;

my $pb = Pillarbox->new;
my $ca = Pillarbox::Certificates->new("$pb->{top}/certs");
my ($cert, $key) = $ca->make('server', names => ['server.example.org']);
my (undef, $other) = $ca->make('other', names => ['other.example.org']);
$pb->start;

sub shown {
	my %f = map { $_->{sha256} => 1 } @{ decode_json($pb->ctl_ok('tls', 'show', '--json')) };
	return join ' ', sort keys %f;
}
my $first = shown();
like($first, qr/^[0-9a-f]{64}$/, 'all listeners show the certificate that init made');
my $file = $pb->dir . '/etc/mailconfig.xml';
my $good = Pillarbox::slurp($file);
sub with { my ($c, $k) = @_; return $good =~ s{(</mailConfig>)}{<tlsCertificatePath>$c</tlsCertificatePath><tlsPrivateKeyPath>$k</tlsPrivateKeyPath>$1}r }
sub reload {
	Pillarbox::spew($file, $_[0]);
	return $pb->ctl('reload');
}
my ($rc, undef, $err) = reload(with($cert, $other));
is($rc, 75, 'with a key of another certificate no listener can start');
like($err, qr/not ready yet: smtp-listen pop3-serve imap-serve/, 'which reload tells');
ok($pb->wait_log('administrative', qr/event=ended program=smtp-listen/), 'and the log');
is(shown(), $first, 'all goes on with the pair before');
is((reload(with($cert, $key)))[0], 0, 'a pair that fits is taken');
my $end = time + 20;
sleep 0.1 while shown() ne $ca->fingerprint($cert) && time < $end;
is(shown(), $ca->fingerprint($cert), 'and shown by all');
my $etc = $pb->dir . '/etc/tls';
copy($cert, "$etc/own.pem") && copy($key, "$etc/own.key") or die "copy: $!";
chmod 0600, "$etc/own.key";
is((reload(with('etc/tls/cert.pem', 'etc/tls/key.pem')))[0], 0, 'the first pair again, relative to the instance');
$end = time + 20;
sleep 0.1 while shown() ne $first && time < $end;
is(shown(), $first, 'is shown again');
is((reload(with('etc/tls/own.pem', 'etc/tls/own.key')))[0], 0, 'a copy inside the instance');
$end = time + 20;
sleep 0.1 while shown() ne $ca->fingerprint($cert) && time < $end;
is(shown(), $ca->fingerprint($cert), 'too');
done_testing;
