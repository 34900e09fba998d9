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
$pb->user('alice@example.com');
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
is($rc, 1, 'with a key of another certificate reload is refused');
like($err, qr/^mailctl: \Q$cert\E: key: /, 'which tells why');
like(($pb->ctl('check'))[1], qr/^certificate +\Q$cert\E +key: /m, 'as mailctl check does');
my ($server) = Pillarbox::slurp($pb->dir . '/run/mail-master.pid') =~ /^(\d+)/;
kill 'HUP', $server;
ok($pb->wait_log('administrative', qr/event=ended program=smtp-listen/), 'whom mail-master starts with it all the same ends');
is(shown(), $first, 'all goes on with the pair before');
($rc, undef, $err) = $pb->ctl('set', 'smtpBanner', 'changed');
is($rc, 0, 'another setting is taken meanwhile');
like($err, qr/warning: saved, and in force as soon as these fit:\n\Q$cert\E: key: /, 'and in force later');

# A start with it: mail that needs no TLS goes on, and everybody is told.
$pb->ctl_ok('stop');
($rc, undef, $err) = $pb->ctl('start');
is($rc, 0, 'the server starts');
like($err, qr/warning: there is no TLS with what does not fit:\n\Q$cert\E: key: /, 'with a warning');
my $c = $pb->connect('smtp');
unlike($c->command('EHLO c.example'), qr/STARTTLS/, 'without TLS');
$c->expect($_, qr/^[23]/) for 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>', 'DATA';
like($c->command("Subject: x\r\n\r\nx\r\n."), qr/^250 /, 'mail is taken');
for my $kind (qw(smtpLog popLog imapLog)) {
	ok($pb->wait_log($kind, qr/event=no-key why="?\Q$cert\E: key: /), "which $kind tells");
}
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

# The settings are two: between their changes the pair does not fit.
$pb->ctl_ok('set', 'tlsCertificatePath', 'etc/tls/cert.pem');
is(shown(), $ca->fingerprint($cert), 'half of a new pair changes nothing');
$pb->ctl_ok('set', 'tlsPrivateKeyPath', 'etc/tls/key.pem');
$end = time + 20;
sleep 0.1 while shown() ne $first && time < $end;
is(shown(), $first, 'the whole is in force');
done_testing;
