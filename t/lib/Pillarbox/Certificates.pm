package Pillarbox::Certificates;

# Certificates for tests, by openssl(1): a small CA and what it signs.
#
#	my $ca = Pillarbox::Certificates->new($dir);
#	my ($cert, $key) = $ca->make('mx', names => ['mx.example.com']);	# paths
#	$ca->make('alice', email => 'alice@example.com', client => 1, days => 5);
use strict;
use warnings;

sub new {
	my ($class, $dir) = @_;
	mkdir $dir;
	my $self = bless { dir => $dir }, $class;
	$self->openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', 30,
		'-subj', '/CN=Test CA', '-keyout', "$dir/ca.key", '-out', "$dir/ca.pem");
	return $self;
}

sub ca { "$_[0]{dir}/ca.pem" }

sub openssl {
	my ($self, @args) = @_;
	my $log = "$self->{dir}/openssl.log";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		exec { 'openssl' } 'openssl', @args or exit 127;
	}
	waitpid $pid, 0;
	return if $? == 0;
	open my $f, '<', $log;
	die "openssl @args: " . join '', <$f>;
}

# Paths of certificate and key.  Options: names, email, client, days (30; -1: expired), rsa, self (signed by itself).
sub make {
	my ($self, $name, %o) = @_;
	my $base = "$self->{dir}/$name";
	my @alt = ((map { "DNS:$_" } @{ $o{names} || [] }), $o{email} ? "email:$o{email}" : ());
	open my $ext, '>', "$base.ext" or die "$base.ext: $!";
	print $ext "basicConstraints=CA:FALSE\n", @alt ? 'subjectAltName=' . join(',', @alt) . "\n" : '',
		$o{client} ? "extendedKeyUsage=clientAuth\n" : '';
	close $ext;
	my @key = $o{rsa} ? ('rsa:2048') : ('ec', '-pkeyopt', 'ec_paramgen_curve:P-256');
	$self->openssl('req', '-new', '-newkey', @key, '-nodes', '-subj', "/CN=$name", '-keyout', "$base.key", '-out', "$base.csr");
	$self->openssl('x509', '-req', '-in', "$base.csr", '-days', $o{days} // 30, '-extfile', "$base.ext", '-out', "$base.pem",
		$o{self} ? ('-signkey', "$base.key") : ('-CA', "$self->{dir}/ca.pem", '-CAkey', "$self->{dir}/ca.key", '-CAcreateserial'));
	chmod 0600, "$base.key";
	return ("$base.pem", "$base.key");
}

# The rest of a TLSA record (RFC 6698 2.2): "3 1 1 ...".
sub tlsa {
	my ($self, $pem, $usage, $selector, $matching) = @_;
	my $der = $selector == 0 ? "openssl x509 -in '$pem' -outform DER"
		: "openssl x509 -in '$pem' -noout -pubkey | openssl pkey -pubin -outform DER";
	my $hash = { 0 => 'cat', 1 => 'openssl dgst -sha256 -binary', 2 => 'openssl dgst -sha512 -binary' }->{$matching};
	return "$usage $selector $matching " . unpack 'H*', `$der | $hash`;
}

# SHA-256 of a certificate file, as mailctl prints it.
sub fingerprint {
	my ($self, $pem) = @_;
	my $text = `openssl x509 -in '$pem' -noout -fingerprint -sha256`;
	$text =~ s/.*=//;
	$text =~ s/[:\s]//g;
	return lc $text;
}

1;
