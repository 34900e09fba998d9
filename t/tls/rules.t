#!/usr/bin/perl
# TLS rules: certificates for addresses, ports and names; which pairs are refused;
# reload under open sessions; what mailctl tls show tells.
# Features: TLS-01, TLS-02, TLS-03, TLS-04, TLS-05, TLS-06.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use JSON::PP;
use Test::More;
use Pillarbox;
use Pillarbox::Certificates;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
my $ca = Pillarbox::Certificates->new("$pb->{top}/certs");
my ($two, $two_key) = $ca->make('two', names => ['two.example.org']);
my ($sni, $sni_key) = $ca->make('sni', names => [ 'sni.example.org', '*.wild.example.org' ], rsa => 1);
my ($soon, $soon_key) = $ca->make('soon', names => ['soon.example.org'], days => 3);
my ($port) = Pillarbox::free_ports(6);

sub rule { my @w = @_; return $pb->ctl('tls', 'rule', @w) }

# -- what is refused ----------------------------------------------------------
sub refused {
	my ($what, $re, @words) = @_;
	my ($rc, undef, $err) = rule('add', @words);
	is($rc, 1, "$what is refused");
	like($err, $re, "and told: " . ($err =~ /mailctl: (.*)/ ? $1 : $err));
}
refused('a rule without a certificate', qr/a certificate is missing/, 'smtpPort=2500');
refused('a certificate that is not there', qr/No such file/, "certificatePath=$pb->{top}/none.pem", "privateKeyPath=$two_key");
refused('a key of another certificate', qr/key: (?:key values mismatch|different key types)/, "certificatePath=$two", "privateKeyPath=$sni_key");
refused('a file that is none', qr/certificate:/, 'certificatePath=' . $ca->{dir} . '/two.ext', "privateKeyPath=$two_key");
chmod 0640, $two_key;
refused('a key that others may read', qr/two\.key: mode 0640 .* 0600/, "certificatePath=$two", "privateKeyPath=$two_key");
chmod 0600, $two_key;
SKIP: {
	skip 'only root can give a key to somebody else', 2 if $> != 0;
	chown 65534, -1, $two_key;
	refused('a key of somebody else', qr/belongs to uid 65534/, "certificatePath=$two", "privateKeyPath=$two_key");
	chown 0, -1, $two_key;
}
refused('a path outside etc', qr/begins with \/ or etc/, 'certificatePath=state/x.pem');
refused('a port that is none', qr/smtpPort/, 'smtpPort=70000', "certificatePath=$two", "privateKeyPath=$two_key");
refused('a type that is none', qr/type/, 'type=XYZ', "certificatePath=$two", "privateKeyPath=$two_key");
is((rule('list'))[1], '', 'none of them got into the list');

# -- rules that serve ---------------------------------------------------------
my ($smtp, $pop, $imap, $starttls) = ($port, $port + 1, $port + 2, $port + 3);
my @pair = ("certificatePath=$two", "privateKeyPath=$two_key");
is((rule('add', 'ipAddress=127.0.0.2', "smtpPort=$smtp", "popPort=$pop", "imapPort=$imap", 'type=SSL', @pair))[0], 0, 'a rule of type SSL');
is((rule('add', 'ipAddress=127.0.0.2', "smtpPort=$starttls", 'type=TLS', @pair))[0], 0, 'a rule of type TLS');
$ca->openssl('x509', '-in', $sni, '-outform', 'DER', '-out', "$ca->{dir}/sni.cer");
$ca->openssl('pkey', '-in', $sni_key, '-outform', 'DER', '-out', "$ca->{dir}/sni.der");
chmod 0600, "$ca->{dir}/sni.der";
is((rule('add', "certificatePath=$ca->{dir}/sni.cer", "privateKeyPath=$ca->{dir}/sni.der"))[0], 0, 'one for its names alone, as DER');
Pillarbox::spew("$ca->{dir}/soon-both.pem", Pillarbox::slurp($soon) . Pillarbox::slurp($soon_key));
chmod 0600, "$ca->{dir}/soon-both.pem";
is((rule('add', 'ipAddress=127.0.0.2', "popPort=$pop", 'type=SSL', "certificatePath=$ca->{dir}/soon-both.pem"))[0], 0,
	'and one with its key in the same file, on a port that has one');
my $rules = decode_json($pb->ctl_ok('--json', 'tls', 'rule', 'list'));
is(join(' ', map { "$_->{rule}:$_->{type}" } @$rules), '1:SSL 2:TLS 3:TLS 4:SSL', 'the list shows all of them');
is($rules->[0]{imapPort}, $imap, 'with their ports');
$pb->start;

# SHA-256 of the certificate that a client sees.
sub seen {
	my ($address, @options) = @_;
	my (undef, $out) = $pb->run('timeout', '20', 'openssl', 's_client', '-connect', $address, @options);
	return '' if $out !~ /(-----BEGIN CERT.*?-----END CERTIFICATE-----)/s;
	Pillarbox::spew("$pb->{top}/seen.pem", "$1\n");
	return $ca->fingerprint("$pb->{top}/seen.pem");
}
my %print = (two => $ca->fingerprint($two), sni => $ca->fingerprint($sni), soon => $ca->fingerprint($soon),
	own => $ca->fingerprint("$pb->{dir}/etc/tls/cert.pem"));
sub shows { my ($want, $name, @seen) = @_; is(seen(@seen), $print{$want}, $name) }

for my $service (qw(smtps pop3s imaps)) {
	shows('own', "$service: the server's own certificate", '127.0.0.1:' . $pb->port($service), '-noservername');
	shows('own', "$service: also for a name that nobody has", '127.0.0.1:' . $pb->port($service), '-servername', 'none.example.net');
	shows('sni', "$service: SNI", '127.0.0.1:' . $pb->port($service), '-servername', 'SNI.example.org');
	shows('sni', "$service: SNI with a wildcard", '127.0.0.1:' . $pb->port($service), '-servername', 'a.wild.example.org');
	shows('own', "$service: a wildcard is one label", '127.0.0.1:' . $pb->port($service), '-servername', 'a.b.wild.example.org');
}
shows('sni', 'STARTTLS: SNI', '127.0.0.1:' . $pb->port('smtp'), '-starttls', 'smtp', '-servername', 'sni.example.org');
shows('sni', 'STLS: SNI', '127.0.0.1:' . $pb->port('pop3'), '-starttls', 'pop3', '-servername', 'sni.example.org');
shows('sni', 'IMAP STARTTLS: SNI', '127.0.0.1:' . $pb->port('imap'), '-starttls', 'imap', '-servername', 'sni.example.org');
shows('two', 'smtpPort of a rule, TLS from the first byte', "127.0.0.2:$smtp", '-noservername');
shows('two', 'popPort', "127.0.0.2:$pop", '-noservername');
shows('two', 'imapPort', "127.0.0.2:$imap", '-noservername');
shows('two', 'type TLS: after STARTTLS', "127.0.0.2:$starttls", '-starttls', 'smtp', '-noservername');
shows('soon', 'two rules at one port: by name', "127.0.0.2:$pop", '-servername', 'soon.example.org');
shows('two', 'the first without one', "127.0.0.2:$pop", '-servername', 'nobody.example.org');
shows('sni', 'names hold on ports of rules too', "127.0.0.2:$imap", '-servername', 'sni.example.org');
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $smtp, Timeout => 5), 'a rule opens its port on its address only');
my $plain = $pb->connect('smtp', host => '127.0.0.2', port => $starttls);
like($plain->{greeting}, qr/^220 /, 'and type TLS greets in clear');
like($plain->expect('EHLO c.example', qr/^250/), qr/^250[- ]STARTTLS/m, 'offering STARTTLS');

# -- TLS from the first byte is one thing, a log-in another (TLS-04) ------------
# The replies to MAIL, RCPT of ours, and RCPT of others, of somebody who did not log in.
sub says {
	my ($service, %o) = @_;
	my $c = $pb->connect($service, %o);
	$c->expect('EHLO c.example', qr/^250/);
	my @replies = map { $c->command($_) } 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>', 'RCPT TO:<x@far.example>';
	$c->command('QUIT');
	return join ' ', map { /^(\d{3} [\d.]+)/ } @replies;
}
my ($mx, $submission) = ('250 2.1.0 250 2.1.5 550 5.7.1', '530 5.7.0 503 5.5.1 503 5.5.1');
is(says('smtp', host => '127.0.0.2', port => $smtp, tls => 1), $mx, 'a port that a rule of type SSL opens takes mail from everybody');
ok($pb->wait_log('smtpLog', qr/event=connect at=\S+ listener=smtp-tls$/m), 'as the log tells');
is(says('smtps'), $submission, 'port smtps of the bindings needs a log-in');
for ([ 'smtp', 'SSL', 1, $mx ], [ 'submission', 'SSL', 1, $submission ], [ 'smtps', 'TLS', 0, $submission ]) {
	my ($service, $type, $tls, $want) = @$_;
	is((rule('add', 'smtpPort=' . $pb->port($service), "type=$type", @pair))[0], 0, "type $type for the port $service");
	is(says($service, tls => $tls), $want, 'changes when TLS begins, and not who may send');
	is((rule('delete', 5))[0], 0, 'and is deleted');
}
is(says('smtp'), $mx, 'and all is as it was');

# -- mailctl tls show ---------------------------------------------------------
my ($rc, $out, $err) = $pb->ctl('--json', 'tls', 'show');
is($rc, 1, 'tls show: something is to be seen to');
like($err, qr/smtp-listen|pop3-serve/, 'and it is told');
like($err, qr/pop3-serve: the certificate of CN=soon .* expires soon/, 'a certificate at its end');
my @shown = @{ decode_json($out) };
my ($row) = grep { $_->{service} eq 'imap-serve' && $_->{address} eq '127.0.0.2' } @shown;
is("$row->{port} $row->{sha256} $row->{state}", "$imap $print{two} ok", 'what the listener itself says');
like("$row->{subject} $row->{issuer} $row->{names} $row->{'not-after'}", qr/^CN=two CN=Test CA two\.example\.org \d{4}-\d\d-\d\d$/,
	'subject, issuer, names, not-after');
is(scalar(grep { $_->{sha256} eq $print{sni} && $_->{port} eq '*' } @shown), 3, 'names alone: on every port of each service');
is(scalar(grep { $_->{file} =~ /soon/ } @shown), 1, 'a rule for POP is with POP alone');

# -- a new certificate under open sessions ------------------------------------
my $session = $pb->connect('imaps');
$session->expect('LOGIN alice@example.com ' . $Pillarbox::PASSWORD, qr/^\S+ OK/m);
# A message whose half is sent, over TLS.
my $sender = $pb->connect('smtps');
$sender->expect('EHLO c.example', qr/^250/);
$sender->login('alice@example.com', $Pillarbox::PASSWORD);
$sender->expect($_, qr/^[23]/) for 'MAIL FROM:<alice@example.com>', 'RCPT TO:<alice@example.com>', 'DATA';
$sender->send_raw("From: alice\@example.com\r\nSubject: over a reload\r\n\r\n" . "first half\r\n" x 1000);
my ($new, $new_key) = $ca->make('two', names => ['two.example.org']);
$print{new} = $ca->fingerprint($new);
shows('two', 'a new file alone changes nothing', "127.0.0.2:$imap", '-noservername');
($rc, undef, $err) = $pb->ctl('tls', 'show');
like($err, qr/imap-serve: the certificate of CN=two .* is not the one in the file any more/, 'but tls show sees it');
$pb->ctl_ok('reload');
shows('new', 'reload: the new one', "127.0.0.2:$imap", '-noservername');
like($session->command('NOOP'), qr/^\S+ OK/m, 'the session of before goes on');
$sender->send_raw("second half\r\n" x 1000);
like($sender->command('.'), qr/^250 2\.0\.0/, 'a message begun before it is taken');
like($sender->command('NOOP'), qr/^250/, 'and its session goes on too');
my ($mail) = $pb->wait_mail('alice@example.com', 1);
like(Pillarbox::slurp($mail), qr/^Subject: over a reload\r\n(?:[\w-]+: [^\n]*\n)*\r\n(?:first half\r\n){1000}(?:second half\r\n){1000}\z/m, 'whole');
chmod 0644, $new_key;
($rc, undef, $err) = $pb->ctl('reload');
is($rc, 1, 'a reload with a key that others may read is refused');
like($err, qr/two\.key: mode 0644/, 'and says why');
shows('new', 'the running server goes on', "127.0.0.2:$imap", '-noservername');
chmod 0600, $new_key;

# -- edit and delete ----------------------------------------------------------
is((rule('edit', 1, "certificatePath=$sni"))[0], 1, 'edit: the pair must still match');
is((rule('edit', 9, 'type=TLS'))[0], 3, 'edit: there is no such rule');
is((rule('edit', 1, "certificatePath=$soon", "privateKeyPath=$soon_key"))[0], 0, 'edit: another pair');
shows('soon', 'is served', "127.0.0.2:$smtp", '-noservername');
($rc, undef, $err) = rule('add', "smtpPort=" . $pb->port('imap'), @pair);
is($rc, 1, 'a port that serves something else');
like($err, qr/port 127\.0\.0\.1:\d+ serves imap already/, 'is told');
is((rule('delete', 5))[0], 0, 'and taken back');
($rc, undef, $err) = rule('delete', 1);
is($rc, 0, 'delete');
like($err, qr/restart is needed .*mailctl restart/, 'tells that a restart is needed for what is open');
is(seen("127.0.0.2:$smtp"), '', 'no new connection sees it');
is((rule('delete', 4))[0], 3, 'delete: there is no such rule');
is((rule('delete', 'one'))[0], 2, 'delete: a number is needed');
is((rule('delete', 1, '--restart'))[0], 0, 'delete --restart');
$pb->wait_port($_) for qw(smtp imaps);
ok($session->at_end || $session->line =~ /BYE/, 'ends the sessions that had it');
done_testing();
