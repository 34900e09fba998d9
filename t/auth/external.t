#!/usr/bin/perl
# AUTH EXTERNAL: log-in by a client's certificate, of a CA or by its fingerprint.
# Features: DOM-19.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::SSL;
use MIME::Base64 qw(encode_base64);
use Test::More;
use Pillarbox;
use Pillarbox::Certificates;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0 });
$pb->user($_) for 'alice@example.com', 'bob@example.com';
my $ca = Pillarbox::Certificates->new("$pb->{top}/certs");
my %cert = (
	alice => [ $ca->make('alice', email => 'alice@example.com', client => 1) ],
	stranger => [ $ca->make('stranger', email => 'stranger@example.net', client => 1) ],
	expired => [ $ca->make('expired', email => 'alice@example.com', client => 1, days => -1) ],
	self => [ $ca->make('self', email => 'alice@example.com', client => 1, self => 1) ],
	listed => [ $ca->make('listed', client => 1, self => 1) ],
);
my $other = Pillarbox::Certificates->new("$pb->{top}/other");
$cert{foreign} = [ $other->make('alice', email => 'alice@example.com', client => 1) ];
$pb->set(tlsClientCertificates => 'ask', tlsClientCaPath => $ca->ca, authExternal => 'True');
my $print = uc $ca->fingerprint($cert{listed}[0]);
$print =~ s/(..)(?=.)/$1:/g;
$pb->ctl_ok('set', '--add', 'authCertificates/certificate', "fingerprint=$print", 'account=bob@example.com');
# Whoever is on this list waits for no failure of his.
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.1', 'smtp=True', 'pop=True', 'imap=True');
$pb->start;

sub session {
	my ($service, $who, %o) = @_;
	my $c = $pb->connect($service, tls => 0, no_greeting => 1);
	IO::Socket::SSL->start_SSL($c->{sock}, SSL_verify_mode => 0, SSL_hostname => '',
		$who ? (SSL_cert_file => $cert{$who}[0], SSL_key_file => $cert{$who}[1], SSL_use_cert => 1) : (), %o) or die $SSL_ERROR;
	$c->{is_tls} = 1;
	$c->{greeting} = $c->reply;
	return $c;
}
sub smtp {
	my ($who, $command, %o) = @_;
	my $c = session('smtps', $who, %o);
	my $ehlo = $c->expect('EHLO c.example', qr/^250/);
	return ($c->command($command), $ehlo);
}
sub b64 { return encode_base64($_[0], '') }

my ($reply, $ehlo) = smtp('alice', 'AUTH EXTERNAL =');
like($ehlo, qr/^250[- ]AUTH .*\bEXTERNAL\b/m, 'offered to who has a certificate');
like($reply, qr/^235/, 'the account of the address in it');
ok($pb->wait_log('smtpLog', qr/event=login user=alice\@example\.com mechanism=EXTERNAL tls=1/), 'is in the log');
like((smtp('alice', 'AUTH EXTERNAL ' . b64('alice@example.com')))[0], qr/^235/, 'asked for by name');
like((smtp('alice', 'AUTH EXTERNAL ' . b64('bob@example.com')))[0], qr/^535 5\.7\.8/, 'but nobody else');
my $c = session('smtps', 'alice');
$c->expect('EHLO c.example', qr/^250/);
like($c->command('AUTH EXTERNAL'), qr/^334 ?$/, 'without an initial response');
like($c->command(''), qr/^235/, 'an empty answer');
like((smtp('alice', 'AUTH EXTERNAL =', SSL_version => 'TLSv1_2'))[0], qr/^235/, 'under TLS 1.2 too');
($reply, $ehlo) = smtp(undef, 'AUTH EXTERNAL =');
unlike($ehlo, qr/EXTERNAL/, 'not offered to who has none');
like($reply, qr/^504/, 'nor taken');
for my $who (qw(stranger foreign self expired)) {
	like((smtp($who, 'AUTH EXTERNAL ='))[0], qr/^535 5\.7\.8/, "$who: a certificate that stands for nobody");
	my $good = session('smtps', undef);
	$good->expect('EHLO c.example', qr/^250/);
	$good->login('alice@example.com', $Pillarbox::PASSWORD);
}
like((smtp('listed', 'AUTH EXTERNAL ='))[0], qr/^235/, 'one whose fingerprint is listed');
ok($pb->wait_log('smtpLog', qr/event=login user=bob\@example\.com mechanism=EXTERNAL/), 'is the account listed with it');
like((smtp('listed', 'AUTH EXTERNAL ' . b64('alice@example.com')))[0], qr/^535/, 'and no other');

# The same program serves others after it: nothing of the certificate stays.
like((smtp(undef, 'AUTH EXTERNAL ' . b64('alice@example.com')))[0], qr/^504/, 'the next client has no part in it');

SKIP: {
	skip 'msmtp is not installed', 2 unless grep { -x "$_/msmtp" } split /:/, $ENV{PATH};
	Pillarbox::spew("$pb->{top}/msmtprc", "account default\ntls on\ntls_certcheck off\ntls_starttls off\nhost 127.0.0.1\nport " . $pb->port('smtps')
		. "\nsource_ip 127.9.11.1\nfrom alice\@example.com\nauth external\nuser alice\@example.com\ntls_cert_file $cert{alice}[0]\ntls_key_file $cert{alice}[1]\n");
	chmod 0600, "$pb->{top}/msmtprc";
	my ($rc, undef, $err) = $pb->run_input("Subject: x\n\nx\n", 'timeout', '30', 'msmtp', '-C', "$pb->{top}/msmtprc", 'alice@example.com');
	is($rc, 0, 'msmtp: EXTERNAL') or diag($err);
	ok($pb->wait_log('smtpLog', qr/\[127\.9\.11\.1\]\S* event=login user=alice\@example\.com mechanism=EXTERNAL tls=1/), 'by that mechanism');
}

$c = session('imaps', 'alice');
like($c->{greeting}, qr/AUTH=EXTERNAL/, 'IMAP: offered');
like($c->command('AUTHENTICATE EXTERNAL ='), qr/^\S+ OK/m, 'and taken');
like($c->command('SELECT INBOX'), qr/^\S+ OK/m, 'with its mailbox');
$c = session('pop3s', 'listed');
like($c->command('AUTH EXTERNAL ='), qr/^\+OK/, 'POP3 too');

# A resumed session is still the client's of before.
SKIP: {
	my $text = '';
	for my $way ([ '-sess_out' ], [ '-sess_in' ]) {
		my (undef, $out, $err) = $pb->run_input("EHLO c.example\r\nAUTH EXTERNAL =\r\nQUIT\r\n", 'timeout', '20', 'openssl', 's_client',
			'-connect', '127.0.0.1:' . $pb->port('smtps'), '-tls1_3', '-crlf', '-ign_eof', @$way, "$pb->{top}/session",
			'-cert', $cert{alice}[0], '-key', $cert{alice}[1]);
		$text = "$out$err";
		like($text, qr/^235 /m, "EXTERNAL with $way->[0]");
	}
	like($text, qr/^Reused, TLSv1\.3/m, 'where it was resumed');
}

$pb->ctl_ok('user', 'edit', 'alice@example.com', 'disabled=True');
like((smtp('alice', 'AUTH EXTERNAL ='))[0], qr/^535 5\.7\.8/, 'an account that is shut');
$pb->set(authExternal => 'False');
($reply, $ehlo) = smtp('listed', 'AUTH EXTERNAL =');
unlike($ehlo, qr/EXTERNAL/, 'authExternal=False: not offered');
like($reply, qr/^504/, 'nor taken');
done_testing();
