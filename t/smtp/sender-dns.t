#!/usr/bin/perl
# What DNS says of the sender's domain and of HELO is weighed by settings; what DNS
# cannot say, or nobody can be asked about, refuses nothing (CASES D04, D07).
use strict;
use warnings;
use Pillarbox;
use Pillarbox::Dns;
use Test::More;
use Time::HiRes qw(sleep time);

my $dns = Pillarbox::Dns->new(<<'END', 'silent.test' => sub { undef });
good.test MX 10 mail.good.test
mail.good.test A 192.0.2.1
null.test MX 0 .
host.test A 192.0.2.9
nothing.test TXT hello
fail.test SERVFAIL
END
my %checks = map { ("envelopeChecks/$_" => 100) } qw(senderUnresolved senderNullMx heloUnresolved);
my $pb = Pillarbox->new(settings => { primaryDns => $dns->address, %checks });
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'smartHosts/host', '127.0.0.5');	# backup MX of whose addresses are there
$pb->start;

# The reply to RCPT for alice, or postmaster, of a message from that sender.
sub rcpt_reply {
	my ($from, %o) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO ' . ($o{helo} // 'mail.good.test'), qr/^250/);
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	my $reply = $c->command('RCPT TO:<' . ($o{to} // 'alice@example.com') . '>');
	$c->command('QUIT');
	chomp $reply;
	return $reply =~ s/\r?\n\z//r;
}
sub granted { my ($from, $name, %o) = @_; like(rcpt_reply($from, %o), qr/^250 /, $name) }

granted('a@good.test', 'a domain with MX');
granted('a@host.test', 'a domain with an address only');
granted('', 'the null sender');
like(rcpt_reply('a@null.test'), qr/^550 5\.7\.27 .*ticket \d{12}$/, 'a domain with a null MX is refused, with a ticket');
ok($pb->wait_log('smtpLog', qr/event=check about=sender-domain name=sender-null-mx value=null\.test weight=-100 total=-100/), '... and the decision is logged: name, value, weight, total');
like(rcpt_reply('a@gone.test'), qr/^550 5\.1\.8 .*ticket \d{12}$/, 'so is one that does not exist');
ok($pb->wait_log('smtpLog', qr/event=check about=sender-domain name=sender-unresolved value=gone\.test weight=-100 total=-100/), '... and is logged');
like(rcpt_reply('a@nothing.test'), qr/^550 5\.1\.8 /, 'and one without MX and address');
granted('a@null.test', 'postmaster takes mail of all', to => 'postmaster@example.com');
like(rcpt_reply('a@good.test', helo => 'gone.test'), qr/^550 5\.7\.1 .*ticket \d{12}$/, 'a name in HELO that does not exist');
granted('a@good.test', 'one that exists', helo => 'host.test');

granted('a@fail.test', 'D07: DNS fails: nothing is refused');
granted('a@good.test', 'D07: ... for the name in HELO', helo => 'fail.test');
my $begin = time;
granted('a@silent.test', 'D04: DNS is silent: nothing is refused');
cmp_ok(time - $begin, '<', 9, '... within the budget');
ok($pb->wait_log('smtpLog', qr/event=policy-unknown about=sender-domain why="?(?:timeout|DNS failed)/), 'D04: ... and the log tells');
ok($pb->wait_log('smtpLog', qr/event=policy-unknown about=helo why="DNS failed"/), 'D07: ... and of the failure');

# D04: every question that a message gives rise to, and no answer to any.
my $mute = $pb->connect('smtp', timeout => 60);
my %took;
sub timed { my ($command) = @_; my $since = time; my $reply = $mute->command($command); $took{ (split ' ', $command)[0] } = time - $since; return $reply }
like(timed('EHLO helo.silent.test'), qr/^250/m, 'D04: HELO with a silent name');
like(timed('MAIL FROM:<a@from.silent.test>'), qr/^250 /, 'D04: ... and such a sender');
like(timed('RCPT TO:<bob@backup.silent.test>'), qr/^451 4\.4\.3 .*ticket \d{12}$/, 'D04: whose backup MX we are is not known now: neither taken nor refused for good');
like($mute->command('RCPT TO:<alice@example.com>'), qr/^250 /, 'D04: our own user gets it');
$mute->expect('DATA', qr/^354/);
like($mute->command("Subject: silent\r\n\r\nx\r\n."), qr/^250 /, 'D04: mail is accepted');
$mute->command('QUIT');
cmp_ok($took{$_}, '<', 14, "D04: $_ within the budget of its questions") for sort keys %took;
is(scalar(grep { Pillarbox::slurp($_) =~ /^Subject: silent\r$/m } $pb->wait_mail('alice@example.com', 1)), 1, 'D04: and is delivered');
ok($pb->wait_log('smtpLog', qr/event=policy-unknown about=$_ why="?(?:timeout|DNS failed)/), "D04: the log tells of the time-out: $_") for qw(helo sender-domain backup-mx);

# scan-check is gone, or stands still.
sub scan_check { my ($signal) = @_; kill $signal, $pb->pids_of('scan-check') }
scan_check('KILL');
granted('a@good.test', 'scan-check is killed: nothing is refused');
my $end = time + 20;
my $reply = '';
until (time > $end || ($reply = rcpt_reply('a@gone.test')) =~ /^550/) { sleep 0.2 }
like($reply, qr/^550 5\.1\.8 /, 'when it is back the checks are, too');
scan_check('STOP');
$begin = time;
granted('a@else.test', 'scan-check stands still: nothing is refused');
cmp_ok(time - $begin, '<', 14, '... within the budget of HELO and of MAIL');
scan_check('CONT');
ok($pb->wait_log('smtpLog', qr/event=policy-unknown about=helo why="?timeout/), '... and the log tells of the timeout');

# Weights below the threshold add up.
$pb->set('envelopeChecks/senderUnresolved' => 60, 'envelopeChecks/heloUnresolved' => 60);
$pb->ctl_ok('reload');
granted('a@gone.test', 'one weight under the threshold refuses nothing');
granted('a@good.test', '... nor does the other', helo => 'gone.test');
like(rcpt_reply('a@gone.test', helo => 'gone.test'), qr/^550 /, 'both together do');
$pb->set("envelopeChecks/$_" => 0) for qw(senderUnresolved senderNullMx heloUnresolved);
$pb->ctl_ok('reload');
$dns->queries;
granted('a@null.test', 'with all weights 0 nothing is refused', helo => 'gone.test');
is(join(' ', $dns->queries), '', '... and nothing is asked');
done_testing();
