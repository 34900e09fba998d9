#!/usr/bin/perl
# Gateways of mode backupMx at RCPT: mail is taken for every domain with an MX host at the gateway's address or
# in its network, and the gateway says whether users are verified and the envelope checked; of several that a domain
# has the first in the list speaks.
# Features: ROUTE-01, ROUTE-14, ROUTE-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Dns;

my $dns = Pillarbox::Dns->new(<<'END');
verified.test MX 10 mx.verified.test
verified.test MX 20 backup.test
mx.verified.test A 127.0.0.6
checked.test MX 10 mx.checked.test
mx.checked.test A 127.0.1.9
both.test MX 10 mx.checked.test
both.test MX 20 mx.verified.test
other.test MX 10 mx.other.test
mx.other.test A 127.0.0.7
backup.test A 127.0.0.1
far.test MX 10 mx.other.test
END

# The primary: it knows users whose names begin with "known", and notes who was asked about.
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.6', Proto => 'tcp', Listen => 10) or die "listen: $!";
my $pb = Pillarbox->new(settings => { primaryDns => $dns->address, smtpLogLevel => 'Detailed', 'envelopeChecks/heloBare' => 100 });
my $primary = fork() // die "fork: $!";
if ($primary == 0) {
	while (my $s = $listener->accept) {
		print $s "220 primary\r\n";
		while (my $l = <$s>) {
			last if $l =~ /^QUIT/;
			if ($l =~ /^RCPT TO:<(.*?)>/) {
				Pillarbox::spew("$pb->{top}/asked." . time, $1);
				print $s $1 =~ /^known/ ? "250 2.1.5 ok\r\n" : "550 5.1.1 who?\r\n";
			} else {
				print $s "250 ok\r\n";
			}
		}
		close $s;
	}
	POSIX::_exit(0);
}
END { my $code = $?; if ($primary) { kill 'KILL', $primary; waitpid $primary, 0 } $? = $code }
sub asked { return map { Pillarbox::slurp($_) } sort glob "$pb->{top}/asked.*" }

$pb->user('alice@example.com');
$pb->ctl_ok('gateway', 'add', 'mode=backupMx', 'address=127.0.0.6', 'port=' . $listener->sockport, 'userVerification=True', 'spamChecks=False');
$pb->ctl_ok('gateway', 'add', 'mode=backupMx', 'address=127.0.1.0/24');
$pb->start;

sub rcpt {
	my ($to, $helo) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO ' . ($helo // 'client.test'), qr/^250/);
	$c->expect('MAIL FROM:<x@far.test>', qr/^250/);
	my $reply = $c->command("RCPT TO:<$to>");
	$c->command('QUIT');
	return $reply;
}
sub wait_for { my ($re, @to) = @_; my $end = time + 20; my $r; do { $r = rcpt(@to) } while $r !~ $re && time < $end && sleep 0.2; return $r }

like(rcpt('known@verified.test'), qr/^250 2\.1\.5/, 'an MX host is the gateway: taken (ROUTE-01)');
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=recipient-ours value=backup-mx weight=0 total=0/), 'the log says as what');
ok($pb->wait_log('smtpLog', qr/event=callout to=known\@verified\.test gateway=1 answer=yes code=250/), 'the user was asked about (ROUTE-14)');
like(rcpt('stranger@verified.test'), qr/^550 5\.1\.1 .* ticket \d{12}$/, 'a user whom the primary does not know');
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=recipient-verified value=550\\x205\.1\.1 weight=-100 total=-100/), 'the log quotes it');
is(join(' ', asked()), 'known@verified.test stranger@verified.test', 'the primary heard both names');
like(rcpt('stranger@checked.test'), qr/^250/, 'a gateway of a whole network, without verification');
is(scalar(asked()), 2, 'nobody is asked');
like(rcpt('stranger@both.test'), qr/^550 5\.1\.1/, 'behind two gateways: the first in the list speaks');
like(rcpt('known@both.test'), qr/^250/, '... for both');
like(rcpt('known@other.test'), qr/^550 5\.7\.1 Relaying denied ticket \d{12}$/, 'other domains are not ours');
like(rcpt('known@nowhere.test'), qr/^550 5\.7\.1/, 'nor is one that is not there');

# Checks of the envelope are the gateway's choice (ROUTE-15).
like(rcpt('known@verified.test', 'bare'), qr/^250/, 'no envelope checks for the first');
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=envelope-checks value=off-for-gateway weight=0 total=0/), 'which is logged');
like(rcpt('any@checked.test', 'bare'), qr/^550 5\.5\.2 HELO needs a full domain name ticket/, 'but for the second');
my ($rc, $out) = $pb->ctl('try', '--from', 'x@far.test', '--to', 'known@verified.test', '--to', 'any@checked.test', '--ip', '192.0.2.1', '--helo', 'bare');
my @rows = ([ 'recipient-ours', 'backup-mx', 0, 0 ], [ 'recipient-verified', 'yes', 0, 0 ], [ 'envelope-checks', 'off-for-gateway', 0, 0 ], [ 'reply', '250 2\.1\.5' ],
	[ 'recipient-ours', 'backup-mx', 0, 0 ], [ 'envelope-checks', 100, -100, -100 ], [ 'reply', '550 5\.5\.2' ]);
my $shown = join '.*', map { '^rcpt +' . join(' +', @$_) } @rows;
like($out, qr/$shown/ms, 'mailctl try shows both');

# Changed while the server runs.
$pb->ctl_ok('gateway', 'edit', '1', 'spamChecks=True');
like(wait_for(qr/^550 5\.5\.2/, 'known@verified.test', 'bare'), qr/^550 5\.5\.2/, 'checks switched on');
$pb->ctl_ok('gateway', 'edit', '1', 'spamChecks=False', 'address=127.0.0.66');
like(wait_for(qr/^550 5\.7\.1/, 'known@verified.test'), qr/^550 5\.7\.1/, 'another address: its domains are not ours any more');
like(rcpt('stranger@both.test'), qr/^250/, '... and the second gateway speaks for what is behind both');
$pb->ctl_ok('gateway', 'edit', '1', 'address=127.0.0.6');
like(wait_for(qr/^250/, 'known@verified.test'), qr/^250/, 'and back');

# The primary is down: that is when a backup matters.
kill 'KILL', $primary;
waitpid $primary, 0;
$primary = 0;
close $listener;
like(rcpt('new@verified.test'), qr/^250/, 'nobody answers: taken');
ok($pb->wait_log('smtpLog', qr/event=callout to=new\@verified\.test gateway=1 answer=silent code=0/), 'the log says so');
done_testing;
