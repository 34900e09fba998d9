#!/usr/bin/perl
# Postfix, Exim and OpenSMTPD hand us mail for a user: over TLS, with each AUTH
# mechanism that they know, and bodies arrive as they were (SMTPIN-01, DOM-19).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Certificates;
use Pillarbox::Client;
use Pillarbox::Peer;
use Pillarbox::Postfix;

plan skip_all => 'needs root: these servers change their uids' if $> != 0;

my $pb = Pillarbox->new;
$pb->domain('example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerCramMd5=True', 'offerScramSha1=True');
$pb->user("$_\@example.com") for qw(alice bob);
my $ca = Pillarbox::Certificates->new("$pb->{top}/certs");
my ($cert, $key) = $ca->make('alice', email => 'alice@example.com', client => 1);
$pb->set(tlsClientCertificates => 'ask', tlsClientCaPath => $ca->ca, authExternal => 'True');
$pb->start;
my $pw = $Pillarbox::PASSWORD;
my $port = $pb->port('submission');
my $body = join '', map { "line $_ of a body with .\r\n.. dots\r\n" } 1 .. 50;
my $ehlo = do {
	my $c = $pb->connect('submission');
	$c->expect('EHLO c.example', qr|^250|);
	$c->expect('STARTTLS', qr|^220|);
	$c->start_tls;
	$c->command('EHLO c.example');
};
my %offered = map { $_ => 1 } $ehlo =~ /^250[- ]AUTH (.*?)\r?$/m ? split(' ', $1) : ();
is(join(' ', sort keys %offered), 'CRAM-MD5 LOGIN PLAIN SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS',
	'mechanisms are offered over TLS') or diag($ehlo);

sub message { my ($subject) = @_; return "From: alice\@example.com\r\nTo: bob\@example.com\r\nSubject: $subject\r\n\r\n$body" }

# Log-ins by a mechanism so far.
sub logins { my ($mechanism) = @_; return scalar(() = $pb->log_text('smtpLog') =~ /event=login user=alice\@example\.com mechanism=$mechanism tls=1/g) }

# The message with this subject came, logged in and encrypted, by a new log-in of the mechanism.
my (%mail, %logins);
sub arrived {
	my ($subject, $mechanism) = @_;
	my $end = time + 40;
	while (!$mail{$subject} && time < $end) {
		for my $file ($pb->mail('bob@example.com')) {
			my $text = Pillarbox::slurp($file);
			$mail{$1} = $text if $text =~ /^Subject: (.*?)\r$/m;
		}
		sleep 0.1 if !$mail{$subject};
	}
	my $text = $mail{$subject} // '';
	like($text, qr/ with ESMTPSA\r\n/, "$subject: taken over TLS, logged in");
	ok(($text =~ /\r\n\r\n(.*)\z/s ? $1 : "") eq $body, "... as it was");
	sleep 0.1 while time < $end && logins($mechanism) == ($logins{$mechanism} // 0);
	is(logins($mechanism), ($logins{$mechanism} // 0) + 1, "... by $mechanism");
	$logins{$mechanism} = logins($mechanism);
}

SKIP: {
	skip 'no Postfix', 1 if Pillarbox::Postfix::lacking();
	my @mechanisms = qw(PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256);
	Pillarbox::spew("$pb->{top}/sasl", "[127.0.0.1]:$port alice\@example.com:$pw\n");
	Pillarbox::spew("$pb->{top}/transport", join '', map { "bob+\L$_\E\@example.com by-\L$_\E:[127.0.0.1]:$port\n" } @mechanisms);
	my $postfix = Pillarbox::Postfix->new($pb, <<"END", join '',
virtual_mailbox_domains =
mynetworks = 127.0.0.0/8
smtp_tls_security_level = encrypt
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:$pb->{top}/sasl
smtp_sasl_security_options = noanonymous
transport_maps = texthash:$pb->{top}/transport
END
		map { "by-\L$_\E unix - - n - - smtp -o smtp_sasl_mechanism_filter=$_\n" } @mechanisms);
	for my $mechanism (@mechanisms) {
		my $c = $postfix->connect;
		$c->expect('EHLO me.example', qr/^250/);
		$c->expect('MAIL FROM:<alice@example.com>', qr/^250/);
		$c->expect("RCPT TO:<bob+\L$mechanism\E\@example.com>", qr/^250/);
		$c->expect('DATA', qr/^354/);
		my $text = message("Postfix $mechanism") =~ s/^\./../mgr;
		$c->expect("$text.", qr/^250/);
		arrived("Postfix $mechanism", $mechanism);
	}
}

# An /etc of the client's own, with the users that its package would make.
sub etc {
	my ($name, @users) = @_;
	my $etc = "$pb->{top}/$name/etc";
	mkdir $_ or die "$_: $!" for "$pb->{top}/$name", $etc;
	my ($id, %file) = (5003, passwd => '/etc/passwd', group => '/etc/group');
	%file = map { $_ => Pillarbox::slurp($file{$_}) } keys %file;
	for my $user (@users) {
		$file{passwd} .= "${user}:x:${id}:${id}::/nonexistent:/usr/sbin/nologin\n";
		$file{group} .= "${user}:x:${id}:\n";
		$id++;
	}
	Pillarbox::spew("$etc/$_", $file{$_}) for keys %file;
	return $etc;
}

SKIP: {
	skip 'no Exim', 1 unless Pillarbox::Peer::has('exim', '/usr/sbin/exim4');
	my $etc = etc('exim', 'Debian-exim');
	mkdir "$etc/exim4";
	my %client = (
		PLAIN => "driver = plaintext\n  client_send = ^alice\@example.com^$pw",
		LOGIN => "driver = plaintext\n  client_send = : alice\@example.com : $pw",
		'CRAM-MD5' => "driver = cram_md5\n  client_name = alice\@example.com\n  client_secret = $pw",
		EXTERNAL => "driver = external\n  client_send = alice\@example.com",
	);
	mkdir "$pb->{top}/exim/certs";
	Pillarbox::spew("$pb->{top}/exim/certs/$_->[0]", Pillarbox::slurp($_->[1])) for [ cert => $cert ], [ key => $key ];
	chown 0, 5003, "$pb->{top}/exim/certs/key";
	chmod 0640, "$pb->{top}/exim/certs/key";
	for my $mechanism (sort keys %client) {
		my $tls = $mechanism ne 'EXTERNAL' ? ''
			: "  tls_certificate = $pb->{top}/exim/certs/cert\n  tls_privatekey = $pb->{top}/exim/certs/key\n";
		my $d = "$pb->{top}/exim/$mechanism";
		mkdir $_ or die "$_: $!" for $d, map { "$d/$_" } qw(spool log);
		chown 5003, 5003, "$d/spool", "$d/log";
		Pillarbox::spew("$etc/exim4/exim4.conf", <<"END");
primary_hostname = client.exim.test
spool_directory = $d/spool
log_file_path = $d/log/%slog
never_users =
begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = ours
begin transports
ours:
  driver = smtp
  port = $port
  allow_localhost
  hosts_require_tls = *
  hosts_require_auth = *
${tls}begin authenticators
one:
  public_name = $mechanism
  $client{$mechanism}
END
		my ($rc, $out, $err) = $pb->run_input(message("Exim $mechanism") =~ s/\r//gr, Pillarbox::Peer::packaged('exim', $etc,
			'/usr/sbin/exim4', '-odf', '-oi', '-f', 'alice@example.com', 'bob@example.com'));
		is($rc, 0, "Exim $mechanism: sent") or diag($out, $err, map { Pillarbox::slurp($_) } glob "$d/log/*");
		arrived("Exim $mechanism", $mechanism);
	}
}

# Between a client and us, with TLS on both sides: the mechanism is not in what we offer.
sub hide {
	my ($mechanism, $listener) = @_;
	while (my $in = $listener->accept) {
		my $out = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $pb->port('smtps'), SSL_verify_mode => 0, SSL_hostname => '') or next;
		my $select = IO::Select->new($in, $out);
		CONNECTION: while (1) {
			my @ready = grep { $_->pending } $in, $out;
			@ready = $select->can_read(60) if !@ready;
			last if !@ready;
			for my $from (@ready) {
				sysread($from, my $text, 65536) or last CONNECTION;
				$text =~ s/^(250[- ]AUTH .*?) \Q$mechanism\E\b/$1/m if $from == $out;
				syswrite $from == $out ? $in : $out, $text;
			}
		}
		close $_ for $in, $out;
	}
}

SKIP: {
	skip 'no OpenSMTPD', 1 if !Pillarbox::Peer::has('opensmtpd', '/usr/sbin/smtpd');
	# It takes PLAIN where that is offered, else LOGIN.
	my $relay_port = Pillarbox::free_ports(1);
	my $listener = IO::Socket::SSL->new(LocalAddr => '127.0.0.1', LocalPort => $relay_port, Listen => 5, ReuseAddr => 1,
		SSL_cert_file => "$pb->{dir}/etc/tls/cert.pem", SSL_key_file => "$pb->{dir}/etc/tls/key.pem") or die "relay: $SSL_ERROR";
	my $relay = fork() // die "fork: $!";
	if ($relay == 0) {
		hide('PLAIN', $listener);
		POSIX::_exit(0);
	}
	close $listener;
	my $etc = etc('opensmtpd', 'opensmtpd', 'opensmtpq');
	my $mine = Pillarbox::free_ports(1);
	mkdir "$pb->{top}/opensmtpd/smtpd-spool";
	chmod 0711, "$pb->{top}/opensmtpd/smtpd-spool";
	Pillarbox::spew("$etc/mailname", "client.opensmtpd.test\n");
	Pillarbox::spew("$etc/resolv.conf", "lookup file\nnameserver 127.0.0.1\n");
	Pillarbox::spew("$etc/hosts", "127.0.0.1 localhost client.opensmtpd.test\n");
	Pillarbox::spew("$etc/secrets", "us alice\@example.com:$pw\n");
	chown 0, 5003, "$etc/secrets";
	chmod 0640, "$etc/secrets";
	Pillarbox::spew("$etc/smtpd.conf", <<"END");
table secrets file:/etc/secrets
listen on 127.0.0.1 port $mine hostname client.opensmtpd.test
action "plain" relay host smtp+tls://us\@127.0.0.1:$port auth <secrets> tls no-verify
action "login" relay host smtps://us\@127.0.0.1:$relay_port auth <secrets> tls no-verify
match from any for rcpt-to "bob+login\@example.com" action "login"
match from any for any action "plain"
END
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', "$pb->{top}/opensmtpd/log";
		open STDERR, '>&', \*STDOUT;
		my @command = Pillarbox::Peer::packaged('opensmtpd', $etc, '/usr/sbin/smtpd', '-d', '-f', '/etc/smtpd.conf');
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	my $end = time + 20;
	sleep 0.1 while time < $end && !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $mine);
	for my $mechanism (qw(PLAIN LOGIN)) {
		my $c = Pillarbox::Client->new(protocol => 'smtp', port => $mine);
		$c->expect('EHLO me.example', qr/^250/);
		$c->expect('MAIL FROM:<alice@example.com>', qr/^250/);
		$c->expect("RCPT TO:<bob+\L$mechanism\E\@example.com>", qr/^250/);
		$c->expect('DATA', qr/^354/);
		my $text = message("OpenSMTPD $mechanism") =~ s/^\./../mgr;
		$c->expect("$text.", qr/^250/);
		arrived("OpenSMTPD $mechanism", $mechanism);
	}
	kill 'TERM', $pid, $relay;
	Pillarbox::wait_pid($_, 10) for $pid, $relay;
	diag(Pillarbox::slurp("$pb->{top}/opensmtpd/log")) if !Test::More->builder->is_passing;
}
done_testing;
