#!/usr/bin/perl
# Postfix and Exim as outgoing gateways that demand a log-in: by each mechanism that
# they know, also where TLS begins with the first byte (gatewayServers/server/implicitTls).
# Features: GATE-03, GATE-17.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Certificates;
use Pillarbox::Peer;
use Pillarbox::Postfix;

plan skip_all => 'needs root: these servers change their uids' if $> != 0;

my $pw = $Pillarbox::PASSWORD;
my $pb = Pillarbox->new(host => 'primary.test', settings => { deliveryLogLevel => 'Detailed', retryIntervals => '60' });
$pb->user('alice@home.test');
$pb->start;
my $ca = Pillarbox::Certificates->new("$pb->{top}/certs");
my ($cert, $key) = $ca->make('gateway.test');

# Send one message through this gateway; true when it was taken by it.
my $sent = 0;
sub through {
	my ($name, @fields) = @_;
	$pb->ctl_ok('outgoing', 'delete', '1') if $sent++;
	$pb->ctl_ok('outgoing', 'add', 'address=127.0.0.1', 'authUserName=sender@inside.test', "authPassword=$pw", @fields);
	my ($port) = map { /^port=(\d+)/ } @fields;
	my $end = time + 20;
	sleep 0.1 while time < $end && $pb->ctl_ok('route', 'show', 'bob@example.com') !~ /gateway .* port $port /;
	like($pb->send_mail(from => 'alice@home.test', to => 'bob@example.com', subject => "by $name"), qr/^250 /, "$name: accepted");
	return $pb->wait_log('delivery', qr/event=delivered id=\d+ rcpt=1 .* attempts=0 text="250 .*said: /) && passed($name, $port);
}
sub passed {
	my ($name, $port) = @_;
	my $end = time + 20;
	sleep 0.1 while time < $end && (() = $pb->log_text('delivery') =~ /event=delivered/g) < $sent;
	return is(scalar(() = $pb->log_text('delivery') =~ /event=delivered/g), $sent, "$name: the gateway took it");
}

SKIP: {
	skip Pillarbox::Postfix::lacking(), 1 if Pillarbox::Postfix::lacking();
	# It asks another instance of ours about passwords.
	my $directory = Pillarbox->new(host => 'directory.test', settings => { plaintextAuth => 'always' });
	$directory->domain('inside.test');
	$directory->ctl_ok('domain', 'edit', 'inside.test', 'offerCramMd5=True', 'offerScramSha1=True');
	$directory->user('sender@inside.test');
	$directory->ctl_ok('set', '--add', 'authClients/user', 'postfix');
	$directory->start;
	my @mechanisms = qw(PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256);
	my $base = Pillarbox::free_ports(scalar @mechanisms + 1);
	my $n = 0;
	my $postfix = Pillarbox::Postfix->new($pb, <<"END", join('', map { '127.0.0.1:' . ($base + $n++) . " inet n - n - - smtpd -o smtpd_sasl_mechanism_filter=$_\n" } @mechanisms)
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = $directory->{dir}/run/pub/auth
smtpd_sasl_security_options = noanonymous
smtpd_client_restrictions = permit_sasl_authenticated, reject
smtpd_tls_security_level = may
smtpd_tls_cert_file = $cert
smtpd_tls_key_file = $key
END
		. '127.0.0.1:' . ($base + @mechanisms) . " inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n");
	$n = 0;
	for my $mechanism (@mechanisms) {
		through("Postfix $mechanism", 'port=' . ($base + $n++), 'tls=encrypt');
		like($postfix->log_text, qr/sasl_method=$mechanism, sasl_username=sender\@inside\.test/, '... by this mechanism');
	}
	through('Postfix from the first byte', 'port=' . ($base + $n), 'implicitTls=True');
	# It offers SCRAM with -PLUS, since its directory does, but binds nothing.
	like($postfix->log_text, qr/SASL SCRAM-SHA-256-PLUS authentication failed.*client=\S+, sasl_method=PLAIN,/s, '... by PLAIN after a bound log-in was refused');
	$postfix->stop;
	$directory->stop;
}

SKIP: {
	skip 'no Exim', 1 unless Pillarbox::Peer::has('exim', '/usr/sbin/exim4');
	my ($etc, $d) = ("$pb->{top}/exim/etc", "$pb->{top}/exim");
	mkdir $_ or die "$_: $!" for $d, $etc, "$etc/exim4", map { "$d/$_" } qw(spool log mail);
	Pillarbox::spew("$etc/passwd", Pillarbox::slurp('/etc/passwd') . "Debian-exim:x:5003:5003::/nonexistent:/usr/sbin/nologin\n");
	Pillarbox::spew("$etc/group", Pillarbox::slurp('/etc/group') . "Debian-exim:x:5003:\n");
	chown 5003, 5003, map { "$d/$_" } qw(spool log mail);
	Pillarbox::spew("$d/$_->[0]", Pillarbox::slurp($_->[1])) for [ cert => $cert ], [ key => $key ];
	chown 5003, 5003, "$d/key";
	my %server = (
		PLAIN => "driver = plaintext\n  server_prompts = :\n  server_condition = \${if and{{eq{\$auth2}{sender\@inside.test}}{eq{\$auth3}{$pw}}}}\n  server_set_id = \$auth2",
		LOGIN => "driver = plaintext\n  server_prompts = <| Username: | Password:\n  server_condition = \${if and{{eq{\$auth1}{sender\@inside.test}}{eq{\$auth2}{$pw}}}}\n  server_set_id = \$auth1",
		'CRAM-MD5' => "driver = cram_md5\n  server_secret = $pw\n  server_set_id = \$auth1",
	);
	for my $mechanism (sort keys %server) {
		my $port = Pillarbox::free_ports(1);
		Pillarbox::spew("$etc/exim4/exim4.conf", <<"END");
primary_hostname = exim.test
spool_directory = $d/spool
log_file_path = $d/log/%slog
pid_file_path = $d/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $port
never_users =
tls_advertise_hosts = *
tls_certificate = $d/cert
tls_privatekey = $d/key
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept authenticated = *
  deny message = log in first
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = $d/mail/box
  user = Debian-exim
begin authenticators
one:
  public_name = $mechanism
  $server{$mechanism}
END
		my $pid = fork() // die "fork: $!";
		if ($pid == 0) {
			open STDOUT, '>', "$d/out";
			open STDERR, '>&', \*STDOUT;
			exec Pillarbox::Peer::packaged('exim', $etc, '/usr/sbin/exim4', '-bdf', '-odf') or POSIX::_exit(127);
		}
		my $end = time + 20;
		sleep 0.1 while time < $end && !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
		through("Exim $mechanism", "port=$port", 'tls=encrypt') or diag(map { Pillarbox::slurp($_) } "$d/out", glob "$d/log/*");
		like(Pillarbox::slurp("$d/log/mainlog"), qr/<= alice\@home\.test .* P=esmtpsa .* A=one:sender\@inside\.test/, '... logged in over TLS');
		unlink "$d/log/mainlog";
		kill 'TERM', $pid;
		waitpid $pid, 0;
	}
}
done_testing;
