#!/usr/bin/perl
# Ports, addresses and their names as clients reach them, and what the log says of it: which are open, and at
# which somebody came in.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Rows;

my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Detailed', popLogLevel => 'Detailed', imapLogLevel => 'Detailed',
	smtpBanner => '#HostName# ready', popBanner => '#HostName# ready', imapBanner => '#HostName# ready' });
$pb->user('alice@example.com');
$pb->start;
my $extra = Pillarbox::free_ports(3);
my $rows = Pillarbox::Rows->new($pb);
sub opened { my ($what, $at, $listener) = @_; return qr/event=port-$what at=\Q$at\E listener=$listener/ }
sub at { my ($at, $listener) = @_; return qr/event=connect at=\Q$at\E listener=$listener/ }

sub greeting {
	my ($protocol, $host, $port) = @_;
	return sub {
		my $c = Pillarbox::Client->new(host => $host, port => $port, protocol => $protocol, local => $rows->{ip});
		$c->close;
		return $c->{greeting};
	};
}
# Whether anybody listens there.
sub knock { my ($host, $port) = @_; return sub { IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 5) ? 'open' : 'nobody listens' } }
my %begin = (smtp => '220 ', pop3 => '\+OK ', imap => '\* OK \[.*?\] ');
my %kind = (smtp => 'smtpLog', pop3 => 'popLog', imap => 'imapLog');
my $as_sent = sub { my ($reply) = @_; return qr/rsp: \Q$reply\E/ };

# Ports of a fresh instance, each with its service.
for my $service (qw(smtp pop3 imap)) {
	my $port = $pb->port($service);
	$rows->row('BIND-01', "the port of $service", greeting($service, '127.0.0.1', $port), qr/^$begin{$service}mail\.test\.example ready$/,
		$kind{$service} => $as_sent, administrative => opened('opened', "127.0.0.1:$port", $service),
		$service eq 'smtp' ? (smtpLog => at("127.0.0.1:$port", 'smtp')) : ());
}
$rows->row('BIND-01', 'a port that is added', sub {
		$pb->ctl_ok('bindings', 'add', $extra, 'service=submission');
		return greeting('smtp', '127.0.0.1', $extra)->();
	}, qr/^220 mail\.test\.example ready$/, smtpLog => at("127.0.0.1:$extra", 'submission'), administrative => opened('opened', "127.0.0.1:$extra", 'submission'));

# An address of its own, with one of the ports and a name.
my $smtp = $pb->port('smtp');
$rows->row('BIND-02, BIND-05', 'an address with its ports and name', sub {
		$pb->ctl_ok('bindings', 'add', '127.0.9.1', "ports=$smtp", 'hostName=second.test.example');
		return greeting('smtp', '127.0.9.1', $smtp)->();
	}, qr/^220 second\.test\.example ready$/, smtpLog => at("127.0.9.1:$smtp", 'smtp'), smtpLog => $as_sent,
	administrative => opened('opened', "127.0.9.1:$smtp", 'smtp'));
$rows->row('BIND-05', 'its name in the reply to EHLO', sub {
		my $c = Pillarbox::Client->new(host => '127.0.9.1', port => $smtp, protocol => 'smtp', local => $rows->{ip});
		return (split /\n/, $c->command('EHLO client.example'))[0];
	}, qr/^250-second\.test\.example/, smtpLog => qr/rsp: 250-second\.test\.example.*/);
$rows->row('BIND-02', 'a port that is not one of its own', knock('127.0.9.1', $pb->port('pop3')), qr/^nobody listens$/);
unlike($pb->log_text('administrative'), opened('opened', '127.0.9.1:' . $pb->port('pop3'), 'pop3'), 'BIND-02: nor does the log say so');
$rows->row('BIND-03', 'an address that is taken off', sub {
		$pb->ctl_ok('bindings', 'delete', '127.0.9.1');
		return knock('127.0.9.1', $smtp)->();
	}, qr/^nobody listens$/, administrative => opened('closed', "127.0.9.1:$smtp", 'smtp'));
$rows->row('BIND-04', 'mailctl tells of a port that nobody needs', sub { ($pb->ctl('bindings', 'check', '--tsv'))[1] }, qr/^port\t$smtp\tsmtp usually needs 25 only$/m,
	administrative => opened('opened', "127.0.0.1:$smtp", 'smtp'));

# Port 587 of old: the alternate SMTP port of a domain.
my $alt = $extra + 1;
$rows->row('DOM-14', 'the alternate port of a domain', sub {
		$pb->ctl_ok('domain', 'edit', 'example.com', "smtpPortAlt=$alt", 'smtpPortAlt@enabled=True');
		return greeting('smtp', '127.0.0.1', $alt)->();
	}, qr/^220 mail\.test\.example ready$/, smtpLog => at("127.0.0.1:$alt", 'smtp'), administrative => opened('opened', "127.0.0.1:$alt", 'smtp'));
$rows->row('DOM-14', 'the usual one serves on', greeting('smtp', '127.0.0.1', $smtp), qr/^220 /, smtpLog => at("127.0.0.1:$smtp", 'smtp'));
$rows->row('DOM-14', 'switched off', sub {
		$pb->ctl_ok('domain', 'edit', 'example.com', 'smtpPortAlt@enabled=False');
		return knock('127.0.0.1', $alt)->();
	}, qr/^nobody listens$/, administrative => opened('closed', "127.0.0.1:$alt", 'smtp'));
$rows->logged;
done_testing;
