#!/usr/bin/perl
# Channel binding is proven: the right password over another connection than the one
# that auth-check was told of is no log-in (DOM-19, RFC 5802 6).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Digest::SHA qw(hmac_sha1 hmac_sha256 sha1 sha256);
use IO::Socket::SSL;
use MIME::Base64 qw(decode_base64 encode_base64);
use Net::SSLeay;
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0 });
my ($user, $pw) = ('alice@example.com', $Pillarbox::PASSWORD);
$pb->domain('example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerScramSha1=True');
$pb->user($user);
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.1', 'smtp=True');	# failures of his wait for nothing
$pb->start;

sub b64 { return encode_base64($_[0], '') }

# The client's last message of SCRAM for a challenge, bound by gs2 header and data.
sub proof {
	my ($mechanism, $bare, $challenge, $gs2, $binding) = @_;
	my ($hash, $hmac) = $mechanism =~ /SHA-256/ ? (\&sha256, \&hmac_sha256) : (\&sha1, \&hmac_sha1);
	my ($nonce, $salt, $rounds) = $challenge =~ /^r=([^,]+),s=([^,]+),i=(\d+)$/ or die "challenge: $challenge\n";
	my $u = $hmac->(decode_base64($salt) . pack('N', 1), $pw);
	my $salted = $u;
	for (2 .. $rounds) { $u = $hmac->($u, $pw); $salted ^= $u }
	my $key = $hmac->('Client Key', $salted);
	my $last = 'c=' . b64($gs2 . $binding) . ",r=$nonce";
	return "$last,p=" . b64($key ^ $hmac->("$bare,$challenge,$last", $hash->($key)));
}
my $bare = "n=$user,r=abcdefghijkl";

# -- over the socket: what auth-check was told, and what the client binds to ---------
sub asked {
	my ($mechanism, $told, $gs2, $binding) = @_;
	my $s = auth_connect($pb);
	syswrite $s, "AUTH\t1\t$mechanism\tservice=smtp\tsecured$told\tresp=" . b64("$gs2$bare") . "\n";
	my $line = read_line($s) // 'closed';
	return $line if $line !~ /^CONT\t1\t(\S+)$/;
	syswrite $s, "CONT\t1\t" . b64(proof($mechanism, $bare, decode_base64($1), $gs2, $binding)) . "\n";
	$line = read_line($s) // 'closed';
	return $line if $line !~ /^CONT\t1\t(\S+)$/ || decode_base64($1) !~ /^v=/;
	syswrite $s, "CONT\t1\t\n";
	return read_line($s) // 'closed';
}
my ($one, $other, $short) = ('A' x 32, 'B' x 32, 'A' x 12);
for my $mechanism ('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS') {
	for my $type ('exporter', 'unique') {
		my $gs2 = "p=tls-$type,,";
		my $told = "\tcbind-$type=" . b64($one);
		is(asked($mechanism, $told, $gs2, $one), "OK\t1\tuser=$user", "$mechanism: tls-$type A, proven with A");
		like(asked($mechanism, $told, $gs2, $_->[1]), qr/^FAIL\t1\b/, "... with $_->[0]: no log-in")
			for [ B => $other ], [ nothing => '' ], [ 'part of A' => $short ], [ 'A and more' => "${one}A" ];
		my $wrong = $type eq 'exporter' ? 'unique' : 'exporter';
		like(asked($mechanism, $told, "p=tls-$wrong,,", $one), qr/^FAIL\t1\b/, "... as tls-$wrong");
		my $both = "$told\tcbind-$wrong=" . b64($other);
		is(asked($mechanism, $both, $gs2, $one), "OK\t1\tuser=$user", "$mechanism: both are known, tls-$type proven with its own");
		like(asked($mechanism, $both, $gs2, $other), qr/^FAIL\t1\b/, '... with that of the other type');
		like(asked($mechanism, '', $gs2, $one), qr/^FAIL\t1\b/, 'nothing was told: no log-in');
	}
	(my $plain = $mechanism) =~ s/-PLUS//;
	is(asked($plain, '', 'n,,', ''), "OK\t1\tuser=$user", "$plain: without binding");
	like(asked($plain, '', 'n,,', $one), qr/^FAIL\t1\b/, '... proven with some: no log-in');
	like(asked($plain, "\tcbind-exporter=" . b64($one), 'p=tls-exporter,,', $one), qr/^FAIL\t1\b/, '... is not the mechanism that binds');
	like(asked($mechanism, "\tcbind-exporter=" . b64($one), 'p=tls-server-end-point,,', $one), qr/^FAIL\t1\b/, 'tls-server-end-point is not offered');
}

# -- over real connections --------------------------------------------------------------
sub session {
	my ($version, %ssl) = @_;
	my $c = $pb->connect('submission');
	$c->expect('EHLO c.example', qr/^250/);
	$c->expect('STARTTLS', qr/^220/);
	$c->start_tls(SSL_version => $version, %ssl);
	$c->expect('EHLO c.example', qr/^250/);
	return $c;
}
# A session whose connection is cut off cannot be resumed.
sub end { my ($c) = @_; $c->command('QUIT'); $c->{sock}->close }
sub ssl_of { my ($c) = @_; return $c->{sock}->_get_ssl_object }
sub log_in {
	my ($c, $mechanism, $gs2, $binding) = @_;
	my $reply = $c->command("AUTH $mechanism " . b64("$gs2$bare"));
	return $reply if $reply !~ /^334 (\S+)/;
	$reply = $c->command(b64(proof($mechanism, $bare, decode_base64($1), $gs2, $binding)));
	return $reply =~ /^334 / ? $c->command('') : $reply;
}
# RFC 5929 3: the first Finished: the client's, or the server's when a session is resumed.
sub unique_of {
	my ($c) = @_;
	my $finished = '';
	Net::SSLeay::session_reused(ssl_of($c)) ? Net::SSLeay::get_peer_finished(ssl_of($c), $finished)
		: Net::SSLeay::get_finished(ssl_of($c), $finished);
	return $finished;
}
sub exporter_of { my ($c) = @_; return Net::SSLeay::export_keying_material(ssl_of($c), 32, 'EXPORTER-Channel-Binding', '') }

my $stranger = session('TLSv1_2');
my $stranger_unique = unique_of($stranger);
my $stranger_exporter = exporter_of($stranger);
for my $mechanism ('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS') {
	my $context = IO::Socket::SSL::SSL_Context->new(SSL_version => 'TLSv1_2', SSL_verify_mode => 0, SSL_session_cache_size => 4);
	my @reuse = (SSL_reuse_ctx => $context, SSL_session_key => $mechanism);
	for my $how ('full', 'resumed') {
		my $c = session('TLSv1_2', @reuse);
		is(Net::SSLeay::session_reused(ssl_of($c)) ? 'resumed' : 'full', $how, "TLS 1.2, $how");
		like(log_in($c, $mechanism, 'p=tls-unique,,', $stranger_unique), qr/^535 5\.7\.8/, "$mechanism: tls-unique of another connection is refused");
		like(log_in($c, $mechanism, 'p=tls-exporter,,', $stranger_exporter), qr/^535 5\.7\.8/, 'so is its tls-exporter');
		like(log_in($c, $mechanism, 'p=tls-unique,,', unique_of($c)), qr/^235 2\.7\.0/, 'tls-unique of this one is right');
		end($c);
		next if $how eq 'full';
		$c = session('TLSv1_2', @reuse);
		like(log_in($c, $mechanism, 'p=tls-exporter,,', exporter_of($c)), qr/^235 2\.7\.0/, 'its tls-exporter too');
		end($c);
	}
	my $c = session('TLSv1_3');
	like(log_in($c, $mechanism, 'p=tls-exporter,,', $stranger_exporter), qr/^535 5\.7\.8/, "$mechanism: TLS 1.3, tls-exporter of another connection");
	like(log_in($c, $mechanism, 'p=tls-unique,,', unique_of($c)), qr/^535 5\.7\.8/, 'tls-unique does not exist there');
	like(log_in($c, $mechanism, 'p=tls-exporter,,', exporter_of($c)), qr/^235 2\.7\.0/, 'its own');
}
done_testing;
