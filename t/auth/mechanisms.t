#!/usr/bin/perl
# Every mechanism that real clients know, over SMTP, POP3 and IMAP, with channel
# binding and without; what a domain offers; how all of it fails (cases S10, S25, A02).
# Features: DOM-19, SMTPIN-24, SMTPIN-26.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0, popMaxBadCommands => 0, imapMaxBadCommands => 0 });
my ($user, $pw) = ('alice@example.com', $Pillarbox::PASSWORD);
$pb->domain('example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerCramMd5=True', 'offerScramSha1=True');
$pb->user($user);
# Whoever is on this list waits for no failure of his.
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.1', 'smtp=True', 'pop=True', 'imap=True');
$pb->start;
my %port = map { $_ => $pb->port($_) } qw(smtp submission smtps pop3 pop3s imap imaps);
sub have { my ($name) = @_; return grep { -x "$_/$name" } split /:/, "$ENV{PATH}:/usr/sbin" }

# -- what is offered ----------------------------------------------------------
my @scram = qw(SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1);
my $c = $pb->connect('smtp');
my ($clear) = $c->expect('EHLO c.example', qr/^250/) =~ /^250[- ]AUTH (.*?)\r?$/m;
is($clear, 'SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN', 'SMTP: nothing to bind to without TLS');
like($c->command('AUTH SCRAM-SHA-256-PLUS'), qr/^538 5\.7\.11/, 'and none is taken (S10)');
like($c->command('AUTH EXTERNAL ='), qr/^504 5\.5\.4/, 'EXTERNAL is not offered by default');
like($c->command('AUTH OAUTHBEARER'), qr/^504 5\.5\.4/, 'nor OAUTHBEARER');
$c = $pb->connect('smtps');
my ($secured) = $c->expect('EHLO c.example', qr/^250/) =~ /^250[- ]AUTH (.*?)\r?$/m;
is($secured, "@scram CRAM-MD5 PLAIN LOGIN", 'all of them under TLS');
$c = $pb->connect('imaps');
my $capability = $c->command('CAPABILITY');
is(join(' ', $capability =~ /AUTH=(\S+)/g), $secured, 'IMAP: the same');
like($c->command('AUTHENTICATE NTLM'), qr/^\S+ NO There is no such mechanism/m, 'and no other');
$c = $pb->connect('pop3s');
$c->send_raw("CAPA\r\n");
my $sasl;
while ((my $line = $c->line) ne '.') { last if $line eq ''; $sasl = $1 if $line =~ /^SASL (.*)/ }
is($sasl, $secured, 'POP3: the same');
like($c->command('AUTH NTLM'), qr/^-ERR There is no such mechanism/, 'and no other');

# -- gsasl(1): SCRAM with and without binding, TLS 1.2 (tls-unique) and 1.3 (tls-exporter) --
sub gsasl {
	my ($protocol, $mechanism, $password, @more) = @_;
	my $service = $protocol eq 'imap' ? 'imap' : 'submission';
	my ($rc, $out, $err) = $pb->run('timeout', '30', 'gsasl', "--$protocol", '--connect', "127.0.0.1:$port{$service}",
		'--starttls', '--x509-ca-file=', '-m', $mechanism, '-a', $user, '-p', $password, $mechanism =~ /PLUS/ ? () : '--no-cb', @more);
	return "$rc $out$err";
}
SKIP: {
	skip 'gsasl(1) is not installed', 1 unless have('gsasl');
	for my $mechanism (@scram, 'CRAM-MD5', 'PLAIN', 'LOGIN') {
		for my $protocol ('smtp', 'imap') {
			my $out = gsasl($protocol, $mechanism, $pw);
			like($out, qr/^0 .*(?:235 2\.7\.0|Logged in)/s, "gsasl: $mechanism by $protocol") or diag($out);
			next if $mechanism =~ /PLAIN|LOGIN|MD5/;
			$out = gsasl($protocol, $mechanism, $pw, '--priority=NORMAL:-VERS-TLS1.3');
			like($out, qr/^0 .*(?:235 2\.7\.0|Logged in)/s, "gsasl: $mechanism by $protocol, TLS 1.2") or diag($out);
		}
		unlike(gsasl('smtp', $mechanism, 'Wrong-word-1'), qr/235 2\.7\.0/, "gsasl: $mechanism with a wrong password");
		calm();
	}
}
SKIP: {
	skip 'msmtp is not installed', 1 unless have('msmtp');
	for my $mechanism (map { lc } @scram, qw(PLAIN LOGIN CRAM-MD5)) {
		my $file = "$pb->{top}/msmtprc";
		Pillarbox::spew($file, "defaults\ntls on\ntls_certcheck off\ntls_starttls off\naccount default\n"
			. "host 127.0.0.1\nport $port{smtps}\nfrom $user\nauth $mechanism\nuser $user\npassword $pw\n");
		chmod 0600, $file;
		my ($rc, undef, $err) = $pb->run_input("Subject: x\n\nx\n", 'timeout', '30', 'msmtp', '-C', $file, $user);
		SKIP: {
			skip "this msmtp does not know $mechanism", 1 if $err =~ /not supported|invalid argument/;
			is($rc, 0, "msmtp: $mechanism") or diag($err);
		}
	}
}
SKIP: {
	skip 'curl is not installed', 1 unless have('curl');
	my ($v, $text) = $pb->run('curl', '--version');
	for my $mechanism ('PLAIN', 'LOGIN', 'CRAM-MD5', $text =~ /gsasl/ ? ('SCRAM-SHA-256', 'SCRAM-SHA-1') : ()) {
		for my $url ("smtps://127.0.0.1:$port{smtps}", "imaps://127.0.0.1:$port{imaps}", "pop3s://127.0.0.1:$port{pop3s}") {
			my @what = $url =~ /^smtp/ ? ('--mail-from', $user, '--mail-rcpt', $user, '-T', '-') : ();
			my ($rc, undef, $err) = $pb->run_input("From: $user\r\nSubject: x\r\n\r\nx\r\n", 'curl', '-sSk', '--max-time', '30', $ENV{PB_VERBOSE} ? '-v' : (), '--url', $url,
				'--user', "$user:$pw", '--login-options', "AUTH=$mechanism", @what);
			is($rc, 0, "curl: $mechanism at $url") or diag($err);
		}
	}
}
SKIP: {
	skip 'swaks is not installed', 1 unless have('swaks');
	for my $mechanism (qw(PLAIN LOGIN CRAM-MD5)) {
		my ($rc, $out) = $pb->run('swaks', '--server', "127.0.0.1:$port{smtps}", '--tls-on-connect', '--auth', $mechanism,
			'--auth-user', $user, '--auth-password', $pw, '--quit-after', 'AUTH', '--timeout', '20');
		is($rc, 0, "swaks: $mechanism") or diag($out);
	}
}
SKIP: {
	skip 'mbsync is not installed', 1 unless have('mbsync');
	mkdir "$pb->{top}/mail";
	Pillarbox::spew("$pb->{top}/mbsyncrc", "IMAPAccount a\nHost 127.0.0.1\nPort $port{imaps}\nSSLType IMAPS\nUser $user\nPass $pw\n"
		. "CertificateFile $pb->{dir}/etc/tls/cert.pem\nAuthMechs PLAIN\n\nIMAPStore far\nAccount a\n\nMaildirStore near\n"
		. "Path $pb->{top}/mail/\nInbox $pb->{top}/mail/INBOX\n\nChannel c\nFar :far:\nNear :near:\nCreate Near\nSyncState *\n");
	my ($rc, undef, $err) = $pb->run('timeout', '30', 'mbsync', '-c', "$pb->{top}/mbsyncrc", 'c');
	is($rc, 0, 'mbsync: PLAIN over TLS') or diag($err);
}
SKIP: {
	skip 'python3 is not there', 1 unless have('python3');
	my ($rc, $out, $err) = $pb->run('python3', '-c', <<"PY");
import imaplib, poplib, smtplib, ssl
ctx = ssl._create_unverified_context()
s = smtplib.SMTP_SSL('127.0.0.1', $port{smtps}, context=ctx, timeout=20)
for name, how in (('CRAM-MD5', s.auth_cram_md5),):
    s.ehlo(); s.user, s.password = '$user', '$pw'; print(name, s.auth(name, how)[0])
i = imaplib.IMAP4_SSL('127.0.0.1', $port{imaps}, ssl_context=ctx)
print(i.login_cram_md5('$user', '$pw')[0])
p = poplib.POP3_SSL('127.0.0.1', $port{pop3s}, context=ctx)
p.user('$user'); print(p.pass_('$pw').decode())
PY
	like($out, qr/^CRAM-MD5 235\nOK\n\+OK/, 'python: smtplib, imaplib, poplib') or diag($err);
}

# A good log-in ends the growing delays that bad ones bring about.
sub calm {
	my $s = $pb->connect('smtps');
	$s->expect('EHLO c.example', qr/^250/);
	$s->expect('AUTH PLAIN ' . encode_base64("\0$user\0$pw", ''), qr/^235/);
}

# -- the first message of SCRAM ------------------------------------------------
sub scram_reply {
	my ($mechanism, $gs2, $name) = @_;
	my $s = $pb->connect('smtps');
	$s->expect('EHLO c.example', qr/^250/);
	my $reply = $s->command("AUTH $mechanism " . encode_base64($gs2 . 'n=' . ($name // $user) . ',r=abcdefghij', ''));
	$reply = decode_base64($1) if $reply =~ /^334 (\S+)/;
	calm();
	return $reply;
}
like(scram_reply('SCRAM-SHA-256', 'n,,'), qr/^r=abcdefghij.*,s=.*,i=4096$/, 'n: a client that cannot bind');
like(scram_reply('SCRAM-SHA-256', 'y,,'), qr/^535 5\.7\.8/, 'y: it could, and was told that we cannot: somebody lies');
like(scram_reply('SCRAM-SHA-256-PLUS', 'p=tls-exporter,,'), qr/^r=/, 'p: it binds');
like(scram_reply('SCRAM-SHA-256-PLUS', 'n,,'), qr/^535/, 'PLUS without binding is none');
like(scram_reply('SCRAM-SHA-256', 'p=tls-exporter,,'), qr/^535/, 'nor binding without PLUS');
like(scram_reply('SCRAM-SHA-256-PLUS', 'p=tls-unique,,'), qr/^535/, 'tls-unique does not exist in TLS 1.3');
like(scram_reply('SCRAM-SHA-256-PLUS', 'p=nonsense,,'), qr/^535/, 'an unknown binding');
$c = $pb->connect('smtp');
$c->expect('EHLO c.example', qr/^250/);
like($c->command('AUTH SCRAM-SHA-256 ' . encode_base64("y,,n=$user,r=abc", '')), qr/^334/, 'y is right where there is nothing to bind to');
$c->command('*');
for my $mechanism (qw(SCRAM-SHA-256 SCRAM-SHA-1)) {
	my @known = map { scram_reply($mechanism, 'n,,') =~ /s=([^,]*),i=(\d+)/ && "$1 $2" } 1 .. 2;
	my @unknown = map { scram_reply($mechanism, 'n,,', 'nobody@example.com') =~ /s=([^,]*),i=(\d+)/ && "$1 $2" } 1 .. 2;
	is($unknown[0], $unknown[1], "$mechanism: an unknown user has a salt that stays");
	is($known[0], $known[1], 'as a known one has');
	is(length($unknown[0]), length($known[0]), 'of the same length');
	isnt($unknown[0], $known[0], 'but another');
}

# -- 300 exchanges begun and left, then one that works (S25) --------------------
$c = $pb->connect('smtps');
$c->expect('EHLO c.example', qr/^250/);
my $left = 0;
for my $n (1 .. 300) {
	my $mechanism = $scram[ $n % 4 ];
	my $gs2 = $mechanism =~ /PLUS/ ? 'p=tls-exporter,,' : 'n,,';
	last unless $c->command("AUTH $mechanism " . encode_base64("${gs2}n=$user,r=abcdefgh$n", '')) =~ /^334/;
	last unless $c->command('*') =~ /^501/;
	$left++;
}
is($left, 300, '300 exchanges begun and left');
like($c->command('AUTH PLAIN ' . encode_base64("\0$user\0$pw", '')), qr/^235/, 'then a right one works');

# -- the name is the whole address (SMTPIN-26), the password has a length (A02) ----
sub plain {
	my ($name, $password, %o) = @_;
	my $s = $pb->connect('smtps');
	$s->expect('EHLO c.example', qr/^250/);
	my $reply = $s->command('AUTH PLAIN ' . encode_base64("\0$name\0$password", ''));
	calm() if $reply !~ /^235/ && !$o{last};
	return $reply;
}
like(plain($user, $pw), qr/^235/, 'SMTPIN-26: the complete address');
like(plain('ALICE@Example.COM', $pw), qr/^235/, 'in any case of letters');
like(plain('alice', $pw), qr/^535 5\.7\.8/, 'not its local part alone');
like(plain($user, 'x' x 513), qr/^535 5\.7\.8/, 'a password of 513 bytes (A02)');
like(plain($user, "$pw\0x"), qr/^535 5\.7\.8/, 'one with NUL');
like(plain($user, ''), qr/^535 5\.7\.8/, 'none');

# -- what the domain offers -----------------------------------------------------
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerPlain=False', 'offerScramSha1=False');
like(plain($user, $pw, last => 1), qr/^535 5\.7\.8/, 'offerPlain=False: PLAIN fails as a wrong password does');
$c = $pb->connect('imaps');
like($c->command("LOGIN $user $pw"), qr/^\S+ NO \[AUTHENTICATIONFAILED\]/m, 'so does LOGIN of IMAP');
$c = $pb->connect('pop3s');
$c->command("USER $user");
like($c->command("PASS $pw"), qr/^-ERR \[AUTH\]/, 'and PASS of POP3');
SKIP: {
	skip 'gsasl(1) is not installed', 3 unless have('gsasl');
	like(gsasl('smtp', 'SCRAM-SHA-256-PLUS', $pw), qr/235 2\.7\.0/, 'SCRAM still works');
	unlike(gsasl('smtp', 'SCRAM-SHA-1', $pw), qr/235 2\.7\.0/, 'SCRAM-SHA-1 is not offered any more: secrets that are there do not count');
	$pb->ctl_ok('domain', 'edit', 'example.com', 'offerPlain=True');
	like(gsasl('smtp', 'PLAIN', $pw), qr/235 2\.7\.0/, 'offerPlain=True again');
}
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerPlain=True');
$pb->set(disableAuthLogin => 'True');
$c = $pb->connect('smtps');
unlike($c->expect('EHLO c.example', qr/^250/), qr/^250[- ]AUTH .*(?:PLAIN|LOGIN)/m, 'SMTPIN-24: disableAuthLogin takes LOGIN and PLAIN out of EHLO');
like($c->command('AUTH LOGIN'), qr/^504 5\.5\.4/, 'and refuses LOGIN');
like($c->command('AUTH PLAIN ' . encode_base64("\0$user\0$pw", '')), qr/^504 5\.5\.4/, 'and PLAIN');
like($c->command('AUTH CRAM-MD5'), qr/^334/, 'CRAM-MD5 stays');
unlike($pb->log_text('smtpLog') . $pb->log_text('authLog'), qr/\Q$pw\E/, 'no password is in a log');
done_testing();
