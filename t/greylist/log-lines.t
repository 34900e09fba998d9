#!/usr/bin/perl
# What a client hears of greylisting, and the line of the log that says why: one for each recipient, with the
# ticket of the session.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use JSON::PP;
use POSIX qw(mktime);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Rows;

my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Detailed', 'greylisting/enabled' => 'True', 'greylisting/blockPeriod' => 0,
	'greylisting/keyBy' => 'address' });
$pb->user($_) for qw(alice@example.com bob@example.com calm@calm.example);
$pb->ctl_ok('user', 'edit', 'bob@example.com', 'disableGreylisting=True');
$pb->ctl_ok('user', 'edit', 'alice@example.com', 'trustedSenders/sender=friend@trusted.example');
$pb->ctl_ok('domain', 'edit', 'example.com', 'trustedSenders/sender=@partner.example');
$pb->ctl_ok('domain', 'edit', 'calm.example', 'disableGreylisting=True');
$pb->ctl_ok('whitelist', 'add', '127.43.0.1', 'smtp=True');
$pb->ctl_ok('whitelist', 'add', '127.43.0.2', 'smtp=False', 'greylisting=True');
$pb->ctl_ok('whitelist', 'add', '198.51.100.7', 'smtp=False', 'greylisting=True');
$pb->ctl_ok('auth-bypass', 'add', '127.43.0.3');
$pb->ctl_ok('ip-bypass', 'add', '127.43.1.1');
$pb->ctl_ok('ip-bypass', 'add', '127.43.1.2', 'bypassGreylisting=False');
$pb->start;

my $rows = Pillarbox::Rows->new($pb);
sub says { my @what = @_; return sub { $rows->say('smtp', @what) } }
sub rcpt { my ($from, @to) = @_; return says("MAIL FROM:<$from>", map { "RCPT TO:<$_>" } @to) }
my $later = qr/^451 4\.7\.1 Greylisted, try again later: not before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(in \d+ seconds\) ticket \d{12}$/;
my $ok = qr/^250 2\.1\.5 Recipient OK$/;
sub waits { my ($name, $from, $to) = @_;
	return qr/event=greylist verdict=later name=$name value=\S+ weight=0 total=-100 from=\Q$from\E to=\Q$to\E earliest="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"/ }
sub passes { my ($name, $value, $from, $to) = @_;
	return qr/event=greylist verdict=pass name=$name value=$value weight=100 total=0 from=\Q$from\E to=\Q$to\E/ }

# -- periods -------------------------------------------------------------------------------
my $alice = 'alice@example.com';
$rows->row('GREY-02, GREY-04', 'a first contact', rcpt('kept@far.example', $alice), $later, greylistLog => waits('first-contact', 'kept@far.example', $alice), { ip => '127.43.2.1' });
# A minute is the shortest pass period; the record of a first contact shows when it is in force.
$pb->set('greylisting/passPeriod' => 1);
sub seconds { my @n = $_[0] =~ /(\d+)/g; return @n < 6 ? 0 : mktime($n[5], $n[4], $n[3], $n[2], $n[1] - 1, $n[0] - 1900, 0, 0, -1) }
sub lasts {
	my ($from) = @_;
	my ($r) = @{ decode_json($pb->ctl_ok('greylist', 'list', '--sender', $from, '--json')) };
	return $r ? seconds($r->{expires}) - seconds($r->{last}) : 0;
}
my ($n, $late) = (0);
$rows->row('GREY-04', 'one that may come back for a minute', sub {
		$late = 'late' . ++$n . '@far.example';
		my $reply = rcpt($late, $alice)->();
		return lasts($late) == 60 ? $reply : 'the setting is not there';
	}, $later, greylistLog => sub { waits('first-contact', $late, $alice) }, { ip => '127.43.2.3', until => 1 });
my $begun = time;
$rows->row('GREY-02', 'another', rcpt('s@far.example', $alice), $later, greylistLog => waits('first-contact', 's@far.example', $alice), { ip => '127.43.2.2' });
$rows->row('GREY-02', 'which comes back in time', rcpt('s@far.example', $alice), $ok, greylistLog => passes('came-back', '127\.43\.2\.2', 's@far.example', $alice),
	{ ip => '127.43.2.2' });
$rows->row('GREY-05', 'and once more: the record is used', rcpt('s@far.example', $alice), $ok,
	greylistLog => passes('passed-before', '127\.43\.2\.2', 's@far.example', $alice), { ip => '127.43.2.2' });

# -- who is exempt ---------------------------------------------------------------------------
$rows->row('GREY-08, IPBW-06', 'an address whitelisted for SMTP', rcpt('w@far.example', $alice), $ok, greylistLog => passes('client', 'whitelist', 'w@far.example', $alice),
	{ ip => '127.43.0.1' });
$rows->row('GREY-08, IPBW-07', 'one whitelisted for greylisting', rcpt('w@far.example', $alice), $ok, greylistLog => passes('client', 'whitelist', 'w@far.example', $alice),
	{ ip => '127.43.0.2' });
$rows->row('IPBW-07', 'which may do no more than others', says('MAIL FROM:<w@far.example>', 'RCPT TO:<y@far.example>'), qr/^550 5\.7\.1 Relaying denied ticket \d{12}$/,
	smtpLog => qr/event=recipient-refused to=y\@far\.example code=550 status=5\.7\.1/, { ip => '127.43.0.2', silent => { smtpLog => qr/event=relay/ } });
$rows->row('AUTHB-04, GREY-09', 'one that needs no log-in', rcpt('w@far.example', $alice), $ok, greylistLog => passes('client', 'smtpAuthBypass', 'w@far.example', $alice),
	{ ip => '127.43.0.3' });
$rows->row('DOM-23, GREY-13', 'a domain without greylisting', rcpt('d@far.example', 'calm@calm.example'), $ok,
	greylistLog => passes('recipient', 'domain-off', 'd@far.example', 'calm@calm.example'));
$rows->row('USER-13, GREY-10', 'a sender whom the user trusts', rcpt('friend@trusted.example', $alice), $ok,
	greylistLog => passes('trusted-sender', 'user', 'friend@trusted.example', $alice));
$rows->row('USER-13, GREY-10', 'one whom the domain trusts', rcpt('any@partner.example', $alice), $ok,
	greylistLog => passes('trusted-sender', 'domain', 'any@partner.example', $alice));

# -- recipients ------------------------------------------------------------------------------
$rows->row('GREY-14', 'an unknown user', rcpt('u@far.example', 'nobody@example.com'), qr/^550 5\.1\.1 There is no such user here ticket \d{12}$/,
	smtpLog => qr/event=recipient-refused to=nobody\@example\.com code=550 status=5\.1\.1/, { silent => { greylistLog => qr/event=greylist/ } });
$rows->row('GREY-15, GREY-06', 'one of two recipients waits', rcpt('two@far.example', 'bob@example.com', $alice), $later,
	greylistLog => passes('recipient', 'user-off', 'two@far.example', 'bob@example.com'), greylistLog => waits('first-contact', 'two@far.example', $alice));

# -- behind gateways ----------------------------------------------------------------------------
sub brought { my ($from, $origin) = @_;
	return says($rows->message("Received: from x (x [$origin])\r\n\tby gw.example.com with ESMTP id 1; Sat, 21 Nov 2026 10:00:00 +0000\r\nSubject: x\r\n\r\nx",
		"MAIL FROM:<$from>", "RCPT TO:<$alice>")) }
my %gateway = (ip => '127.43.1.1');
$rows->row('BYP-01, BYP-04, BYP-05', 'mail that a gateway brings waits at its end', brought('g@far.example', '203.0.113.9'), $later,
	greylistLog => qr/event=greylist verdict=later name=first-contact value=203\.0\.113\.9 weight=0 total=-100 from=g\@far\.example to=alice\@example\.com origin=203\.0\.113\.9 earliest=".*"/,
	smtpLog => qr/event=origin ip=203\.0\.113\.9/, { %gateway });
$rows->row('BYP-04', 'and passes when it comes back', brought('g@far.example', '203.0.113.9'), qr/^250 2\.0\.0 OK id=\d+$/,
	greylistLog => qr/event=greylist verdict=pass name=came-back value=203\.0\.113\.9 weight=100 total=0 from=g\@far\.example to=alice\@example\.com origin=203\.0\.113\.9/,
	smtpLog => qr/event=origin ip=203\.0\.113\.9/, { %gateway });
$rows->row('BYP-04, GREY-08', 'a whitelisted server behind it does not wait', brought('h@far.example', '198.51.100.7'), qr/^250 2\.0\.0 OK id=\d+$/,
	greylistLog => qr/event=greylist verdict=pass name=client value=whitelist weight=100 total=0 from=h\@far\.example to=alice\@example\.com origin=198\.51\.100\.7/, { %gateway });
$rows->row('BYP-04', 'with bypassGreylisting off the gateway itself is judged, at RCPT', rcpt('i@far.example', $alice), $later,
	greylistLog => waits('first-contact', 'i@far.example', $alice), { ip => '127.43.1.2' });
$rows->row('BYP-01', 'a server that is not on the list is no gateway', rcpt('j@far.example', $alice), $later,
	greylistLog => waits('first-contact', 'j@far.example', $alice), { ip => '127.43.1.3', silent => { smtpLog => qr/event=origin/ } });

# -- the periods' ends ------------------------------------------------------------------------
# A minute after the first contact it is as if it had never been there; a record that was to last longer, when the
# setting was another, is told to be late.
sleep 0.5 while time < $begun + 62;
$rows->row('GREY-04', 'a retry after the pass period', rcpt($late, $alice), $later, greylistLog => waits('first-contact', $late, $alice),
	{ ip => '127.43.2.3' });
$rows->row('GREY-04', 'begins anew', rcpt($late, $alice), $ok, greylistLog => passes('came-back', '127\.43\.2\.3', $late, $alice), { ip => '127.43.2.3' });
$rows->row('GREY-04', 'one that is late', rcpt('kept@far.example', $alice), $later, greylistLog => waits('too-late', 'kept@far.example', $alice),
	{ ip => '127.43.2.1' });
$rows->row('GREY-04', 'begins anew too', rcpt('kept@far.example', $alice), $ok, greylistLog => passes('came-back', '127\.43\.2\.1', 'kept@far.example', $alice),
	{ ip => '127.43.2.1' });
$pb->set('greylisting/passPeriod' => 360, 'greylisting/blockPeriod' => 60);
my $new;
$rows->row('GREY-03', 'within the block period', sub { $new = 'b' . ++$n . '@far.example'; rcpt($new, $alice)->(); return rcpt($new, $alice)->() }, $later,
	greylistLog => sub { waits('too-early', $new, $alice) }, { until => 1 });
$rows->logged;
done_testing;
