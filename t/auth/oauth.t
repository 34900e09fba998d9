#!/usr/bin/perl
# AUTH OAUTHBEARER: signed tokens, every way in which one is none, keys that change.
# Features: DOM-19.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64 qw(decode_base64 encode_base64 encode_base64url);
use Test::More;
use Pillarbox;
use Pillarbox::Tokens;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0 });
my ($user, $iss, $aud) = ('alice@example.com', 'https://login.example.com/', 'mail');
$pb->user($_) for $user, 'bob@example.com';
my $issuer = Pillarbox::Tokens->new("$pb->{top}/issuer");
$issuer->key('r1', 'RS256');
$issuer->key('e1', 'ES256');
$issuer->key('d1', 'EdDSA');
$issuer->key('weak', 'RS1024');
$issuer->key('evil', 'ES256');
my $jwks = "$pb->{dir}/etc/jwks.json";
sub keys_are {
	my ($text, $mode) = @_;
	Pillarbox::spew("$jwks.new", $text);
	chmod $mode // 0644, "$jwks.new";
	rename "$jwks.new", $jwks or die "$jwks: $!";
}
keys_are($issuer->jwks(qw(r1 e1 d1 weak)));
$pb->set('oauth/issuer' => $iss, 'oauth/audience' => $aud, 'oauth/enabled' => 'True', 'oauth/userClaim' => 'email');
# Whoever is on this list waits for no failure of his.
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.1', 'smtp=True', 'pop=True', 'imap=True');
$pb->start;

sub claims { my (%more) = @_; my %c = (iss => $iss, aud => $aud, exp => time + 300, email => $user, %more);
	delete $c{$_} for grep { !defined $c{$_} } keys %c; return \%c }
sub message { my ($token, $name) = @_; return 'n,' . (defined $name ? "a=$name" : '') . ",\1host=mail.test.example\1port=465\1auth=Bearer $token\1\1" }
my $c;
sub begin {
	$c = $pb->connect('smtps');
	return $c->expect('EHLO c.example', qr/^250/);
}
# The reply; for a failure the status of the challenge before it.
sub try_message {
	my ($text) = @_;
	begin();
	my $reply = $c->command('AUTH OAUTHBEARER ' . encode_base64($text, ''));
	return $reply if $reply !~ /^334 (\S+)/;
	my $status = decode_base64($1);
	return $status . ' ' . $c->command(encode_base64("\1", ''));
}
sub good { my ($token, $name, @o) = @_; like(try_message(message($token, @o)), qr/^235/, $name) }
sub bad {
	my ($token, $why, $name, @o) = @_;
	like(try_message(message($token, @o)), qr/^\{"status":"invalid_token"\} 535 5\.7\.8/, $name);
	ok($pb->wait_log('authLog', qr/event=login-failed .*mechanism=OAUTHBEARER .*\Q$why\E/), "log: $why");
	begin();
	$c->login('bob@example.com', $Pillarbox::PASSWORD);		# ends the growing delay
}

like(begin(), qr/^250[- ]AUTH .*OAUTHBEARER/m, 'offered under TLS');
for my $kid (qw(r1 e1 d1)) {
	good($issuer->token($kid, claims()), "$issuer->{keys}{$kid}{kind}: a good token");
	good($issuer->token($kid, claims(), header => { kid => undef }), 'without the name of its key');
}
ok($pb->wait_log('smtpLog', qr/event=login user=alice\@example\.com mechanism=OAUTHBEARER tls=1/), 'the log has who it is');
good($issuer->token('e1', claims()), 'asked for by name', $user);
good($issuer->token('e1', claims(aud => [ 'other', $aud ])), 'several audiences');
good($issuer->token('e1', claims(email_verified => JSON::PP::true)), 'a verified address');
good($issuer->token('e1', claims(exp => time - 20)), 'expired by less than clocks may differ');
good($issuer->token('e1', claims(exp => time + 1.5e3 + 0.5)), 'a time with a fraction');

bad($issuer->token('e1', claims()), 'another user', 'another name than the token has', 'bob@example.com');
bad($issuer->token('e1', claims(exp => time - 3600)), 'has expired', 'expired');
bad($issuer->token('e1', claims(exp => undef)), 'no exp', 'without exp');
bad($issuer->token('e1', claims(exp => '9999999999')), 'no exp', 'exp that is a text');
bad($issuer->token('e1', claims(nbf => time + 3600)), 'not valid yet', 'not valid yet');
bad($issuer->token('e1', claims(iss => 'https://evil.example/')), 'another issuer', 'another issuer');
bad($issuer->token('e1', claims(aud => 'web')), 'another audience', 'another audience');
bad($issuer->token('e1', claims(aud => undef)), 'another audience', 'no audience');
bad($issuer->token('e1', claims(email => undef)), 'names no user', 'no user');
bad($issuer->token('e1', claims(email => [$user])), 'names no user', 'a list of users');
bad($issuer->token('e1', claims(email => 'x' x 400 . '@example.com')), 'names no user', 'a user longer than an address');
bad($issuer->token('e1', claims(email_verified => JSON::PP::false)), 'not verified', 'an address that is not verified');
bad($issuer->token('evil', claims(), header => { kid => 'e1' }), 'signature is wrong', 'a key of somebody else');
bad($issuer->token('evil', claims()), 'no key', 'a key that is not in the set');
bad($issuer->token('weak', claims()), 'no key', 'RSA of 1024 bits');
bad($issuer->token('e1', claims(), header => { alg => 'none' }, signature => ''), 'algorithm', 'alg none');
bad($issuer->token('e1', claims(), header => { alg => 'HS256' }), 'algorithm', 'alg HS256, with the public key as its secret');
bad($issuer->token('e1', claims(), header => { alg => 'RS256' }), 'no key', 'another algorithm than the key has');
bad($issuer->token('e1', claims(), header => { crit => ['exp'] }), 'cannot be read', 'something critical that we do not know');
bad($issuer->token('e1', claims(), payload => '[1]'), 'cannot be read', 'claims that are no object');
bad($issuer->token('e1', claims(), payload => qq({"iss":"$iss","iss":"$iss"})), 'cannot be read', 'claims that stand twice');
my $token = $issuer->token('e1', claims());
bad(substr($token, 0, -2) . 'AA', 'signature is wrong', 'a signature that was changed');
(my $changed = $token) =~ s/\.[^.]*\./'.' . encode_base64url($Pillarbox::Tokens::JSON->encode(claims(email => 'bob@example.com'))) . '.'/e;
bad($changed, 'signature is wrong', 'claims that were changed');
bad("$token=", 'signature is wrong', 'padding');
bad('abc', 'not a token', 'no token at all');
like(try_message(message($issuer->token('e1', claims(email => 'nobody@example.com')))), qr/535 5\.7\.8/, 'an account that does not exist');
like(try_message("n,,\1auth=Bearer " . 'A' x 5000 . "\1\1"), qr/535 5\.7\.8/, 'a token of 5000 bytes that is none');
like(try_message("n,,\1\1"), qr/^\{"status":"invalid_token"\} 535/, 'a client that only asks');
for my $text ('', "\1", "n,,", "p=tls-exporter,,\1auth=Bearer x\1\1", "n,,\1auth=Basic x\1\1", "n,,\1auth=Bearer x\1",
	"n,a=\1auth=Bearer x\1\1", "n,a=x=3,\1auth=Bearer x\1\1", "n,,\1auth=Bearer x\1auth=Bearer x\1\1") {
	like(try_message($text), qr/^\{"status":"invalid_request"\} 535/, 'not well formed: ' . ($text =~ s/\x01/^/gr)) if length $text;
	begin();
	$c->login('bob@example.com', $Pillarbox::PASSWORD);
}
begin();
like($c->command('AUTH OAUTHBEARER'), qr/^334 ?$/, 'without an initial response');
like($c->command(encode_base64(message($issuer->token('d1', claims())), '')), qr/^235/, 'the token comes then');

# -- other clients, other protocols --------------------------------------------
SKIP: {
	skip 'curl is not installed', 2 unless grep { -x "$_/curl" } split /:/, $ENV{PATH};
	for my $url ('imaps://127.0.0.1:' . $pb->port('imaps'), 'pop3s://127.0.0.1:' . $pb->port('pop3s')) {
		my ($rc, undef, $err) = $pb->run('curl', '-sSk', '--max-time', '30', '--url', $url, '--user', "$user:",
			'--oauth2-bearer', $issuer->token('r1', claims()), '--login-options', 'AUTH=OAUTHBEARER');
		is($rc, 0, "curl: $url") or diag($err);
	}
}
SKIP: {
	skip 'msmtp is not installed', 1 unless grep { -x "$_/msmtp" } split /:/, $ENV{PATH};
	my $token = $issuer->token('r1', claims());
	my $file = "$pb->{top}/msmtprc";
	Pillarbox::spew($file, "account default\ntls on\ntls_certcheck off\ntls_starttls off\nhost 127.0.0.1\nport " . $pb->port('smtps')
		. "\nfrom $user\nauth oauthbearer\nuser $user\npasswordeval \"cat $pb->{top}/token\"\n");
	Pillarbox::spew("$pb->{top}/token", $token);
	chmod 0600, $file;
	my ($rc, undef, $err) = $pb->run_input("From: $user\nSubject: x\n\nx\n", 'msmtp', '-C', $file, $user);
	is($rc, 0, 'msmtp: oauthbearer') or diag($err);
}

# -- keys that change, and files that cannot be used ------------------------------
$issuer->key('new', 'ES256');
keys_are($issuer->jwks('new'));
good($issuer->token('new', claims()), 'a new key counts at once');
bad($issuer->token('e1', claims()), 'no key', 'and an old one not any more');
keys_are('{ "keys": 7 }');
bad($issuer->token('new', claims()), 'key set cannot be read', 'a set that is none');
sub keys_with { my ($others) = @_; keys_are($Pillarbox::Tokens::JSON->encode({ keys => [ (map { { kty => 'EC' } } 1 .. $others), $issuer->{keys}{new}{jwk} ] })) }
keys_with(63);
good($issuer->token('new', claims()), 'the last key of a set at LIMIT_JWKS_KEYS');
keys_with(64);
bad($issuer->token('new', claims()), 'no key', 'and of one over LIMIT_JWKS_KEYS');
keys_are($issuer->jwks('new') . ' ' x 131072);
bad($issuer->token('new', claims()), 'key set cannot be read', 'a set that is too large');
keys_are($issuer->jwks('new'), 0666);
like(try_message(message($issuer->token('new', claims()))), qr/^454 4\.7\.0/, 'a set that everybody may write: not now');
ok($pb->wait_log('authLog', qr/oauth\/jwksPath/), 'and the log says which file');
unlink $jwks;
like(try_message(message($issuer->token('new', claims()))), qr/^454 4\.7\.0/, 'no set');
keys_are($issuer->jwks('new'));
good($issuer->token('new', claims()), 'there again');
$pb->set('oauth/jwksPath' => 'etc/other-jwks.json');
like(try_message(message($issuer->token('new', claims()))), qr/^454 4\.7\.0/, 'oauth/jwksPath names another file, which is not there');
rename $jwks, "$pb->{dir}/etc/other-jwks.json" or die "rename: $!";
good($issuer->token('new', claims()), 'and is read there');
my $clear = $pb->connect('smtp');
$pb->set(plaintextAuth => 'never');
$clear = $pb->connect('smtp');
unlike($clear->expect('EHLO c.example', qr/^250/), qr/OAUTHBEARER/, 'not offered in clear');
like($clear->command('AUTH OAUTHBEARER'), qr/^538/, 'nor taken');
unlike($pb->log_text, qr/\Q$token\E/, 'no token is in a log');
unlike($pb->log_text('administrative'), qr/ended program=auth-check/, 'auth-check came to no harm');
done_testing();
