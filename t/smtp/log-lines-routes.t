#!/usr/bin/perl
# What a client hears of recipients behind this server, and of a domain that is full, and the lines of the log
# that say why.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Dns;
use Pillarbox::Rows;

my $dns = Pillarbox::Dns->new(<<'END');
backed.test MX 10 mx.backed.test
mx.backed.test A 127.0.0.6
far.test MX 10 mx.far.test
mx.far.test A 127.0.0.7
END

# A server behind: it knows those whose names begin with "known" and refuses others, without an enhanced
# status code on the second address, where it can mean anything.
my %primary = map { $_ => (IO::Socket::INET->new(LocalAddr => $_, Proto => 'tcp', Listen => 10) or die "listen: $!") } '127.0.0.6', '127.0.0.8';
my @children;
for my $ip (sort keys %primary) {
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		while (my $s = $primary{$ip}->accept) {
			print $s "220 primary\r\n";
			while (my $l = <$s>) {
				print $s $l !~ /^RCPT/ || $l =~ /<known/ ? "250 ok\r\n" : $ip eq '127.0.0.6' ? "550 5.1.1 who?\r\n" : "550 no\r\n";
				last if $l =~ /^QUIT/;
			}
			close $s;
		}
		POSIX::_exit(0);
	}
	push @children, $pid;
}
END { my $code = $?; kill 'KILL', @children; waitpid $_, 0 for @children; $? = $code }

my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Detailed', primaryDns => $dns->address, 'envelopeChecks/heloBare' => 100 });
$pb->user($_) for 'bob@full.example', 'alice@example.com';
$pb->ctl_ok('domain', 'edit', 'full.example', 'diskSpaceMB=1');
sub gateway { $pb->ctl_ok('gateway', 'add', @_) }
gateway('mode=backupMx', 'address=127.0.0.6', 'port=' . $primary{'127.0.0.6'}->sockport, 'userVerification=True', 'spamChecks=False');
gateway('address=127.0.0.8', 'port=' . $primary{'127.0.0.8'}->sockport, "domains=$_->[0].example", 'userVerification=True', "peerMode=$_->[1]")
	for [ 'peer', 'True' ], [ 'other', 'False' ];
gateway('address=127.0.0.9', 'port=9', 'domains=dead.example', 'userVerification=True');
$pb->start;

my $rows = Pillarbox::Rows->new($pb);
my ($helo, $from) = ('EHLO mx.far.test', 'MAIL FROM:<x@far.test>');
sub rcpt { my ($to, $name) = @_; return sub { $rows->say({ service => 'smtp', helo => $name // $helo }, $from, "RCPT TO:<$to>") } }
my $ticket = qr/ ticket \d{12}$/;
my $ok = qr/^250 2\.1\.5 Recipient OK$/;
my $unknown = qr/^550 5\.1\.1 There is no such user here$ticket/;
sub asked { my ($to, $gateway, $answer, $code) = @_; return qr/event=callout to=\Q$to\E gateway=$gateway answer=$answer code=$code/ }
sub check { my ($name, $value, $weight, $total) = @_; return qr/event=check about=recipient name=$name value=\Q$value\E weight=$weight total=$total/ }
sub refused { my ($to, $code, $status) = @_; return qr/event=recipient-refused to=\Q$to\E code=$code status=\Q$status\E/ }

$rows->row('ROUTE-08, ROUTE-14', 'a user whom the primary knows', rcpt('known@backed.test'), $ok, smtpLog => asked('known@backed.test', 1, 'yes', 250),
	smtpLog => check('recipient-ours', 'backup-mx', 0, 0), smtpLog => check('recipient-verified', 'yes', 0, 0));
$rows->row('ROUTE-14', 'one whom it does not', rcpt('ann@backed.test'), $unknown, smtpLog => asked('ann@backed.test', 1, 'no', 550),
	smtpLog => check('recipient-verified', '550\\x205.1.1', -100, -100), smtpLog => refused('ann@backed.test', 550, '5.1.1'));
$rows->row('ROUTE-14', 'a primary that does not answer', rcpt('ann@dead.example'), $ok, smtpLog => asked('ann@dead.example', 4, 'silent', 0),
	smtpLog => check('recipient-ours', 'forward', 0, 0), smtpLog => check('recipient-verified', 'no-answer', 0, 0));
$rows->row('ROUTE-13', 'a peer whose 550 means something else', rcpt('ann@peer.example'), $ok, smtpLog => asked('ann@peer.example', 2, 'silent', 550),
	smtpLog => check('recipient-verified', 'no-answer', 0, 0));
$rows->row('ROUTE-13', 'a server of another kind is believed', rcpt('ann@other.example'), $unknown, smtpLog => asked('ann@other.example', 3, 'no', 550),
	smtpLog => refused('ann@other.example', 550, '5.1.1'));
$rows->row('ROUTE-15', 'a gateway that wants no checks', rcpt('known2@backed.test', 'EHLO bare'), $ok, smtpLog => check('envelope-checks', 'off-for-gateway', 0, 0),
	smtpLog => qr/event=check about=helo name=helo-bare value=bare weight=-100 total=-100/);
$rows->row('ROUTE-15', 'one that does', rcpt('known@other.example', 'EHLO bare'), qr/^550 5\.5\.2 HELO needs a full domain name$ticket/,
	smtpLog => check('envelope-checks', 100, -100, -100), smtpLog => refused('known@other.example', 550, '5.5.2'));
$rows->row('ROUTE-02, ROUTE-05', 'a domain that is passed on', rcpt('known@other.example'), $ok, smtpLog => check('recipient-ours', 'forward', 0, 0));
$rows->row('ROUTE-08', 'a domain behind nobody of ours', rcpt('known@far.test'), qr/^550 5\.7\.1 Relaying denied$ticket/,
	smtpLog => check('allow-relay', 'no', 0, -100), smtpLog => refused('known@far.test', 550, '5.7.1'));

# -- a domain that is full (LIMIT-01) -----------------------------------------------------------
my $no_room = qr/^552 5\.2\.2 The domain has no room for this message$ticket/;
my @to = ({ service => 'smtp', helo => $helo }, $from, 'RCPT TO:<bob@full.example>');
my $end = time + 30;
sleep 0.2 while time < $end && do { $rows->{ip} = '127.0.0.1'; $rows->say(@to); ($pb->ctl('domain', 'show', 'full.example', 'diskSpaceUsed'))[1] !~ /^0$/m };
$rows->row('LIMIT-01', 'a declared size that the domain has no room for', sub { $rows->say($to[0], "$from SIZE=1100000", $to[2]) }, $no_room,
	smtpLog => qr/event=check about=recipient name=room-in-domain value=\d+ weight=-100 total=-100/, smtpLog => refused('bob@full.example', 552, '5.2.2'));
$rows->row('LIMIT-01', 'a message larger than the room', sub { $rows->say($rows->message("Subject: big\r\n\r\n" . ('x' x 998 . "\r\n") x 1100, @to)) }, $no_room,
	smtpLog => qr/event=check about=room name=room-in-domain value=\d+ weight=-100 total=-100/,
	smtpLog => qr/event=message-refused code=552 status=5\.2\.2 text="The domain has no room for this message"/,
	delivery => qr/event=warning domain=full\.example used=\d+ limit=1048576.*/);
$rows->logged;
my ($told) = $pb->wait_mail('postmaster@full.example', 1);
like(Pillarbox::slurp($told // ''), qr/^Subject: The domain full\.example on \S+ is full\r?$/m, 'LIMIT-01: and the administrator of the domain is told');
done_testing;
