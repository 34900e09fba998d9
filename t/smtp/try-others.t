#!/usr/bin/perl
# `mailctl try` and those whom a real session would ask: a server that verifies recipients is asked and what it says
# is forgotten; milters, policy servers and the wait for early talkers are left out, and rows say so; greylisting is
# judged with who logged in, where the mail goes, and for an own gateway by where the message came from.
# Features: ROUTE-14, TOOL-15, BYP-04, GREY-09.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Dns;

# -- a server that verifies ----------------------------------------------------

# It knows the users in the file "known"; without that file it ends each connection at once.
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp', Listen => 10) or die "listen: $!";
my $dns = Pillarbox::Dns->new("primary.test MX 10 mx.primary.test\nmx.primary.test A 192.0.2.5\n");
# One worker: what a try left behind would be there for the next client.
my $pb = Pillarbox->new(settings => { smtpSpareMin => 1, smtpSpareMax => 1, primaryDns => $dns->address, bannerDelay => 100 });
my $server = fork() // die "fork: $!";
if ($server == 0) {
	while (my $s = $listener->accept) {
		$s->autoflush(1);
		my $known = Pillarbox::slurp("$pb->{top}/known");
		open my $f, '>>', "$pb->{top}/calls" or die; print $f "x"; close $f;
		if ($known ne '') {
			print $s "220 inner\r\n";
			while (my $l = <$s>) {
				last if $l =~ /^QUIT/;
				print $s $l =~ /^RCPT TO:<(\w+)/ && $known !~ /\b$1\b/ ? "550 5.1.1 who?\r\n" : "250 ok\r\n";
			}
		}
		close $s;
	}
	POSIX::_exit(0);
}
END { my $code = $?; if ($server) { kill 'KILL', $server; waitpid $server, 0 } $? = $code }
sub known { Pillarbox::spew("$pb->{top}/known", "@_") }
sub calls { return -s "$pb->{top}/calls" // 0 }

$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->ctl_ok('gateway', 'add', 'address=127.0.0.1', 'port=' . $listener->sockport, 'domains=inside.example', 'userVerification=True');
$pb->start;

sub rcpt {
	my ($to) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect('MAIL FROM:<x@far.example>', qr/^250/);
	my $reply = $c->command("RCPT TO:<$to>");
	$c->command('QUIT');
	return $reply;
}
sub try_to { my ($to, @more) = @_; return ($pb->ctl('try', '--from', 'x@far.example', '--to', $to, '--ip', '192.0.2.1', '--helo', 'client.example', @more))[1] }

known('ann');
like(try_to('late@inside.example'), qr/^rcpt +log +event=callout to=late\@inside\.example gateway=1 answer=no code=550 .*^rcpt +reply +550 5\.1\.1/ms, 'an unknown user is refused');
known('ann', 'late');
like(rcpt('late@inside.example'), qr/^250/, 'and taken a moment later, when the server knows it: the no was not kept');
known('ann');
like(try_to('late@inside.example'), qr/^rcpt +recipient-verified +yes +0 +0.*^rcpt +reply +250/ms, 'what a real client brought up is used');
like(try_to('soon@inside.example'), qr/^rcpt +reply +550 5\.1\.1/m, 'another unknown user');
known('ann', 'soon');
like(try_to('soon@inside.example'), qr/^rcpt +reply +250/m, 'nor does one try know what another heard');
known();
my $before = calls();
like(try_to('who@inside.example'), qr/answer=silent .*^rcpt +recipient-verified +no-answer +0 +0.*^rcpt +reply +250/ms, 'a server that says nothing');
is(calls(), $before + 1, 'which was asked');
known('ann');
like(rcpt('who@inside.example'), qr/^550 5\.1\.1/, '... and is asked again by the next client: its silence was not kept either');

# -- milters, policy servers, early talkers -----------------------------------

unlike(try_to('alice@example.com'), qr/milter|policy-server/, 'without milters there are no rows about them');
like(try_to('alice@example.com'), qr/^connect +early-talker +bannerDelay not-asked/m, 'nobody waits for an early talker, which is said');
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=unix:nobody', 'failMode=reject', 'timeout=1');
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=inet:9@127.0.0.1', 'timeout=1');
$pb->ctl_ok('set', '--add', 'policyServers/server', 'socket=unix:policy', 'failMode=tempfail');
my $end = time + 20;
sleep 0.2 while time < $end && try_to('alice@example.com') !~ /policy-server/;
my $shown = try_to('alice@example.com');
like($shown, qr/^connect +milter +unix:nobody not-asked .*^connect +milter +inet:9\@127\.0\.0\.1 not-asked .*^connect +reply +220/ms, 'milters are not asked, which is said of each');
like($shown, qr/^rcpt +policy-server +unix:policy not-asked .*^rcpt +reply +250/ms, 'nor are policy servers');
unlike(try_to('nobody@example.com'), qr/^rcpt +policy-server/m, 'whom a refused recipient would not have reached');
$pb->ctl_ok('set', '--remove', 'milters/milter', 'socket=unix:nobody');
$pb->ctl_ok('set', '--remove', 'milters/milter', 'socket=inet:9@127.0.0.1');
$pb->ctl_ok('set', '--remove', 'policyServers/server', 'socket=unix:policy');

# -- greylisting ------------------------------------------------------------------

$pb->ctl_ok('set', '--add', 'smartHosts/host', '192.0.2.5');
$pb->ctl_ok('set', '--add', 'ipBypasses/entry', 'ip=192.0.2.60');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=203.0.113.7', 'greylisting=True');
$pb->ctl_ok('set', 'greylisting/enabled', 'True');
my $later = qr/451 4\.7\.1 Greylisted, try again later: not before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(in \d+ seconds\)/;
$end = time + 20;
sleep 0.2 while time < $end && try_to('alice@example.com') !~ $later;
like(try_to('alice@example.com'), qr/^rcpt +greylist-first-contact +192\.0\.2\.0\/24 +0 +-100.*^rcpt +reply +$later *$/ms, 'a stranger waits, in the words that clients hear');
my ($live) = rcpt('alice@example.com') =~ /($later)/;
ok($live, 'as a client does');
my $as_user = try_to('bob@example.com', '--from', 'alice@example.com', '--auth', 'alice@example.com', '--port', 'submission');
like($as_user, qr/^rcpt +greylist-log-in +alice\@example\.com +100 +0.*^rcpt +reply +250/ms, 'who logged in does not wait (GREY-09)') or diag($as_user);
like(try_to('u@primary.test'), qr/^rcpt +greylist-recipient +backup-mx +100 +0.*^rcpt +reply +250/ms, 'nor does a recipient for whom we are backup MX');
$pb->ctl_ok('set', 'greylisting/smartHosts', 'True');
like(try_to('u@primary.test'), qr/^rcpt +greylist-first-contact .*^rcpt +reply +$later/ms, '... unless a setting says so');
like(try_to('x@far.example', '--auth', 'alice@example.com', '--from', 'alice@example.com', '--port', 'submission'), qr/^rcpt +greylist-log-in /m, 'nor mail to others');

# An own gateway: the recipient is taken, the message judged by where it came from (BYP-04).
sub through_gateway {
	my ($received, @to) = @_;
	Pillarbox::spew("$pb->{top}/m", ($received ? "Received: from x.example (x.example [$received]) by gw.example; x\n" : '') . "Subject: x\n\nx\n");
	return $pb->ctl('try', '--from', 'x@far.example', (map { ('--to', $_) } @to), '--ip', '192.0.2.60', '--helo', 'gw.example', "$pb->{top}/m");
}
my ($rc, $out) = through_gateway('198.51.100.9', 'alice@example.com', 'bob@example.com');
like($out, qr/^rcpt +greylisting +asked when the header is there .*^rcpt +reply +250 .*^rcpt +reply +250 .*^data +greylist-first-contact +198\.51\.100\.0\/24 +0 +-100.*^data +reply +$later/ms, 'mail of a gateway');
unlike($out, qr/^data +reply +250/m, '... is not taken');
is($rc, 75, '... and may be tried later');
like((through_gateway('203.0.113.7', 'alice@example.com'))[1], qr/^data +greylist-client +whitelist +100 +0.*^data +reply +250/ms, 'from a whitelisted server');
like((through_gateway('', 'alice@example.com'))[1], qr/^data +greylist-client +no-address +100 +0.*^data +reply +250/ms, 'mail that began there');
like($pb->ctl_ok('greylist', 'why', '192.0.2.60', 'x@far.example', 'alice@example.com', '--tsv'), qr/^client\tno-address\t100\t0\n.*^gateway\tan own gateway/ms, 'mailctl greylist why knows it too');
like($pb->ctl_ok('greylist', 'why', '192.0.2.61', 'y@far.example', 'alice@example.com', '--tsv'), qr/^verdict\tlater: 451 4\.7\.1, a retry is taken from 20/m, 'and of others when they may come again');
unlike($pb->ctl_ok('greylist', 'list', '--tsv'), qr/192\.0\.2\.|198\.51\.100/, 'and nothing was noted but for the real client');
done_testing;
