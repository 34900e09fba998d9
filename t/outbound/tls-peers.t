#!/usr/bin/perl
# Postfix and Exim as receivers: DANE and MTA-STS are kept with them or nothing is
# sent, none of them takes REQUIRETLS on, and without 8BITMIME they get converted text.
# Features: SMTPOUT-09.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use MIME::Base64 qw(decode_base64);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Certificates;
use Pillarbox::Outbound;
use Pillarbox::Peer;
use Pillarbox::Postfix;
use Pillarbox::Signed;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'needs root: these servers change their uids' if $> != 0;
plan skip_all => 'nsd and ldnsutils are not installed' unless Pillarbox::Signed::available();

my $pb = Pillarbox->new;		# a folder for the peers; it is not started
my $ca = Pillarbox::Certificates->new("$pb->{top}/certs");
my ($cert, $key) = $ca->make('peer', names => [ map { "mx-$_.plain.example" } qw(sts list) ]);
$ENV{SSL_CERT_FILE} = $ca->ca;
my $text = "From: a\@sender.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	. "Content-Transfer-Encoding: 8bit\r\nSubject: %s\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n";

# A receiver on this port of 127.0.0.1, its log, and the mail that it has taken.
sub try_peer {
	my ($name, $port, $mails) = @_;
	my $at = "_$port._tcp";
	my ($ee, $wrong) = ($ca->tlsa($cert, 3, 1, 1), '3 1 1 ' . '00' x 32);
	my $zone = Pillarbox::Signed->new(signed => { 'signed.example' => join '', map { "$_->[0] MX 10 mx-$_->[0]\nmx-$_->[0] A 127.0.0.1\n$at.mx-$_->[0] TLSA $_->[1]\n" }
			[ good => $ee ], [ bad => $wrong ] },
		plain => { 'plain.example' => join '', map { "$_ MX 10 mx-$_\nmx-$_ A 127.0.0.1\n" } qw(sts list name) });
	my $out = Pillarbox::Outbound->new(dns => $zone->address, settings => { smtpOutPort => $port, dnsTrustAnchor => $zone->anchor,
		smtpOutCommandTimeout => 20, smtpOutDataTimeout => 20 });
	for my $domain (qw(sts list name)) {
		my ($now, $mx) = (time =~ s/\..*//r, $domain eq 'list' ? 'mx.elsewhere.example' : "mx-$domain.plain.example");
		Pillarbox::Outbound::write_file("$out->{dir}/i/state/remote-send/sts-$domain.plain.example",
			"mta-sts\nid=1\nfetched=$now\npolicy=version: STSv1\\nmode: enforce\\nmx: $mx\\nmax_age: 86400\\n\n");
	}
	my $send = sub { my ($domain, %job) = @_; my %r = $out->send(sprintf($text, $domain), domain => "$domain.example", from => 'a@sender.example',
		rcpt => ['alice@example.com'], %job); return $r{1} };
	like($send->('good.signed'), qr/^250 /, "$name: its certificate fits the TLSA record");
	like($send->('bad.signed'), qr/^451 4\.7\.5 DANE demands TLS: .*no matching DANE TLSA records/, "$name: it does not");
	like($send->('sts.plain'), qr/^250 /, "$name: MTA-STS, and its certificate names it");
	like($send->('name.plain'), qr/^451 4\.7\.5 MTA-STS demands TLS: .*hostname mismatch/, "$name: MTA-STS, and it does not");
	like($send->('list.plain'), qr/^451 4\.7\.5 MTA-STS: the policy of list\.plain\.example does not list/, "$name: MTA-STS, and the policy does not");
	like($send->('good.signed', requiretls => 1), qr/^550 5\.7\.30 mx-good\.signed\.example\S+ does not offer REQUIRETLS/, "$name: REQUIRETLS");
	is($out->stop, 0, "$name: the end in peace");
	my $end = time + 20;
	my @got;
	sleep 0.1 while (@got = $mails->()) < 2 && time < $end;
	is(join(' ', sort map { /^Subject: (\S+)/m } @got), 'good.signed sts.plain', "$name: it has what it was to get, and nothing else");
	for my $mail (@got) {
		my ($head, $body) = split /\r?\n\r?\n/, $mail, 2;
		like($head, qr/^Content-Transfer-Encoding: base64\r?$/m, "$name: converted, since it offers no 8BITMIME");
		is(decode_base64($body), "Gr\xc3\xbc\xc3\x9fe\r\n", "$name: and whole");
	}
}

SKIP: {
	skip Pillarbox::Postfix::lacking(), 1 if Pillarbox::Postfix::lacking();
	my $postfix = Pillarbox::Postfix->new($pb, <<"END");
smtpd_tls_security_level = may
smtpd_tls_cert_file = $cert
smtpd_tls_key_file = $key
smtpd_discard_ehlo_keywords = 8bitmime
END
	try_peer('Postfix', $postfix->{port}, sub { map { Pillarbox::slurp($_) } glob "$postfix->{mail}/new/*" });
	$postfix->stop;
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
	my $port = Pillarbox::free_ports(1);
	Pillarbox::spew("$etc/exim4/exim4.conf", <<"END");
primary_hostname = exim.test
spool_directory = $d/spool
log_file_path = $d/log/%slog
pid_file_path = $d/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $port
never_users =
accept_8bitmime = false
tls_advertise_hosts = *
tls_certificate = $d/cert
tls_privatekey = $d/key
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  maildir_format
  directory = $d/mail/box
  user = Debian-exim
END
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', "$d/out";
		open STDERR, '>&', \*STDOUT;
		exec Pillarbox::Peer::packaged('exim', $etc, '/usr/sbin/exim4', '-bdf', '-odf') or POSIX::_exit(127);
	}
	my $end = time + 20;
	sleep 0.1 while time < $end && !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
	try_peer('Exim', $port, sub { map { Pillarbox::slurp($_) } glob "$d/mail/box/new/*" });
	diag(map { Pillarbox::slurp($_) } "$d/out", glob "$d/log/*") unless Test::More->builder->is_passing;
	kill 'TERM', $pid;
	waitpid $pid, 0;
}
done_testing;
