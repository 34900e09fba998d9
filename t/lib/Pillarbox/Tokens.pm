package Pillarbox::Tokens;

# Signed tokens (JWT) for tests, by openssl(1).
#
#	my $issuer = Pillarbox::Tokens->new($dir);
#	$issuer->key('r1', 'RS256');			# RS256, ES256 or EdDSA
#	my $jwks = $issuer->jwks('r1', ...);		# the public keys as text
#	my $token = $issuer->token('r1', { iss => ..., exp => time + 60 }, header => { typ => 'JWT' });
use strict;
use warnings;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use Pillarbox;

our $JSON = JSON::PP->new->canonical;

sub new { my ($class, $dir) = @_; mkdir $dir; return bless { dir => $dir }, $class }

sub openssl {
	my ($self, @args) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDERR, '>', "$self->{dir}/openssl.log";
		exec { 'openssl' } 'openssl', @args or exit 127;
	}
	waitpid $pid, 0;
	die "openssl @args: " . Pillarbox::slurp("$self->{dir}/openssl.log") if $?;
}

my %KIND = (RS256 => [ 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048' ], RS1024 => [ 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024' ],
	ES256 => [ 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256' ], EdDSA => ['ED25519']);

sub key {
	my ($self, $kid, $kind) = @_;
	my $file = "$self->{dir}/$kid.key";
	$self->openssl('genpkey', '-algorithm', @{ $KIND{$kind} }, '-out', $file);
	$self->openssl('pkey', '-in', $file, '-pubout', '-outform', 'DER', '-out', "$file.pub");
	my $der = Pillarbox::slurp("$file.pub");
	my %jwk = (kid => $kid, use => 'sig');
	if ($kind =~ /^RS/) {
		my $n = $kind eq 'RS256' ? 256 : 128;
		# The key ends with the modulus, 02 03 and 65537.
		%jwk = (%jwk, kty => 'RSA', e => 'AQAB', n => encode_base64url(substr $der, -5 - $n, $n));
	} elsif ($kind eq 'ES256') {
		%jwk = (%jwk, kty => 'EC', crv => 'P-256', x => encode_base64url(substr $der, -64, 32), y => encode_base64url(substr $der, -32));
	} else {
		%jwk = (%jwk, kty => 'OKP', crv => 'Ed25519', x => encode_base64url(substr $der, -32));
	}
	$self->{keys}{$kid} = { kind => $kind =~ s/RS1024/RS256/r, file => $file, jwk => \%jwk };
}

sub jwks { my ($self, @kids) = @_; return $JSON->encode({ keys => [ map { $self->{keys}{$_}{jwk} } @kids ] }) }

# r and s of an ECDSA signature in DER, 32 bytes each.
sub raw {
	my ($der) = @_;
	my ($r, $s) = unpack 'x2 x C/a* x C/a*', $der;
	return join '', map { my $n = $_; $n =~ s/^\0+//; ("\0" x (32 - length $n)) . $n } $r, $s;
}

sub sign {
	my ($self, $kid, $text) = @_;
	my ($key, $in, $out) = ($self->{keys}{$kid}, "$self->{dir}/text", "$self->{dir}/signature");
	Pillarbox::spew($in, $text);
	if ($key->{kind} eq 'EdDSA') {
		$self->openssl('pkeyutl', '-sign', '-inkey', $key->{file}, '-rawin', '-in', $in, '-out', $out);
	} else {
		$self->openssl('dgst', '-sha256', '-sign', $key->{file}, '-out', $out, $in);
	}
	my $signature = Pillarbox::slurp($out);
	return $key->{kind} eq 'ES256' ? raw($signature) : $signature;
}

# Options: header => { ... } over the usual one, payload => text instead of the claims, signature => bytes.
sub token {
	my ($self, $kid, $claims, %o) = @_;
	my %header = (alg => $self->{keys}{$kid}{kind}, typ => 'JWT', kid => $kid, %{ $o{header} || {} });
	delete $header{$_} for grep { !defined $header{$_} } keys %header;
	my $text = join '.', encode_base64url($JSON->encode(\%header)), encode_base64url($o{payload} // $JSON->encode($claims));
	return "$text." . encode_base64url($o{signature} // $self->sign($kid, $text));
}

1;
