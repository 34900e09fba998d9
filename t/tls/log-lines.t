#!/usr/bin/perl
# TLS as a client sees it, and the line of the log that names protocol, cipher and certificate.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::Certificates;
use Pillarbox::Rows;

my $pb = Pillarbox->new(settings => { popLogLevel => 'Normal', imapLogLevel => 'Normal' });
$pb->user('alice@example.com');
my $ca = Pillarbox::Certificates->new("$pb->{top}/certs");
my ($two, $two_key) = $ca->make('two', names => ['two.example.org']);
my ($sni, $sni_key) = $ca->make('sni', names => ['sni.example.org']);
my $port = Pillarbox::free_ports(4);
my ($ssl, $tls, $pop, $imap) = map { $port + $_ } 0 .. 3;
$pb->ctl_ok('tls', 'rule', 'add', 'ipAddress=127.0.0.2', "smtpPort=$ssl", "popPort=$pop", "imapPort=$imap", 'type=SSL', "certificatePath=$two", "privateKeyPath=$two_key");
$pb->ctl_ok('tls', 'rule', 'add', 'ipAddress=127.0.0.2', "smtpPort=$tls", 'type=TLS', "certificatePath=$two", "privateKeyPath=$two_key");
$pb->ctl_ok('tls', 'rule', 'add', "certificatePath=$sni", "privateKeyPath=$sni_key");
$pb->start;

my $rows = Pillarbox::Rows->new($pb);
my %print = (own => $ca->fingerprint("$pb->{dir}/etc/tls/cert.pem"), two => $ca->fingerprint($two), sni => $ca->fingerprint($sni));
sub tls { my ($which, $subject) = @_;
	return qr/event=tls session="TLSv1\.[23] cipher [A-Z0-9_-]+" certificate=$subject sha256=$print{$which}/ }

# The fingerprint that a client saw, in the row's words.
sub seen {
	my ($o) = @_;
	my $c = $pb->connect($o->{service}, local => $rows->{ip}, host => $o->{host} // '127.0.0.1', port => $o->{port} // $pb->port($o->{service}),
		no_greeting => 1, tls => 0);
	if ($o->{upgrade}) {
		$c->reply;
		$c->expect('EHLO c.example', qr/^250/);
		$c->expect('STARTTLS', qr/^220 2\.0\.0 Ready to start TLS/);
	}
	$c->start_tls(SSL_hostname => $o->{name} // '');
	my $seen = $c->{sock}->get_fingerprint('sha256') =~ s/^sha256\$//r;
	my $greeting = $o->{upgrade} ? $c->command('EHLO c.example') : $c->reply;
	$c->close;
	return "$seen " . (split /\n/, $greeting)[0];
}
sub row { my ($ids, $name, $o, $which, $subject, $kind, $greeting, @more) = @_;
	return $rows->row($ids, $name, sub { seen($o) }, qr/^$print{$which} $greeting/, $kind => tls($which, $subject), @more) }

row('TLS-01', 'the usual certificate', { service => 'smtps' }, 'own', '\S+', 'smtpLog', '220 ');
row('TLS-02, TLS-03, TLS-05', 'smtpPort of a rule', { service => 'smtp', host => '127.0.0.2', port => $ssl }, 'two', 'CN=two', 'smtpLog', '220 ',
	smtpLog => qr/event=connect at=127\.0\.0\.2:$ssl listener=smtp-tls/);
row('TLS-03', 'popPort', { service => 'pop3', host => '127.0.0.2', port => $pop }, 'two', 'CN=two', 'popLog', '\+OK ');
row('TLS-03', 'imapPort', { service => 'imap', host => '127.0.0.2', port => $imap }, 'two', 'CN=two', 'imapLog', '\* OK ');
row('TLS-04', 'type TLS: after STARTTLS', { service => 'smtp', host => '127.0.0.2', port => $tls, upgrade => 1 }, 'two', 'CN=two', 'smtpLog', '250-mail',
	smtpLog => qr/event=connect at=127\.0\.0\.2:$tls listener=smtp/);
row('TLS-05', 'a name that a client asks for', { service => 'smtps', name => 'sni.example.org' }, 'sni', 'CN=sni', 'smtpLog', '220 ');
row('TLS-05', 'over IMAP', { service => 'imaps', name => 'sni.example.org' }, 'sni', 'CN=sni', 'imapLog', '\* OK ');

# No TLS: no line of a handshake that there was not.
$rows->row('TLS-04', 'clear text on a port that begins with TLS', sub {
		my $c = $pb->connect('smtps', local => $rows->{ip}, tls => 0, no_greeting => 1);
		$c->send_raw("EHLO c.example\r\n");
		return $c->at_end ? 'closed' : $c->line =~ s/[^ -~]+/./gr;
	}, qr/./, smtpLog => qr/event=tls-failed why=".+"/, { silent => { smtpLog => qr/event=tls session/ } });

# A rule that is gone.
like(($pb->ctl('tls', 'rule', 'delete', 3))[2], qr/a restart is needed to end them \(mailctl restart\)/, 'TLS-06: mailctl says what follows from deleting a rule');
$pb->ctl_ok('restart');
row('TLS-06', 'a deleted rule', { service => 'smtps', name => 'sni.example.org' }, 'own', '\S+', 'smtpLog', '220 ', { until => 1 });
$rows->logged;
done_testing;
