#!/usr/bin/perl
# What the sender is told, and when his message goes: NOTIFY (RFC 3461), BY
# (RFC 2852), HOLDFOR (RFC 4865), and ETRN (RFC 1985) for what waits.
# Features: QUEUE-11.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Outbound;
use Pillarbox::Queue;
use Pillarbox::Zone;

plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';
my $port = Pillarbox::Outbound::free_port();
my $zone = Pillarbox::Zone->new('plain.test' => "@ MX 10 mx\nmx A 127.0.0.5\n", 'dsn.test' => "@ MX 10 mx\nmx A 127.0.0.6\n",
	'eai.test' => "@ MX 10 mx\nmx A 127.0.0.7\n", 'turn.test' => "@ MX 10 mx\nmx A 127.0.0.5\n", 'still.test' => "@ MX 10 mx\nmx A 127.0.0.5\n");
my $pb = Pillarbox->new(settings => { primaryDns => $zone->address, smtpOutPort => $port, allowLoopbackTargets => 'True',
	retryIntervals => '60,60', delayWarning => 0, etrn => 'trusted' });
$pb->user('bob@example.com');
$pb->user("s$_\@example.com") for 0 .. 10;

# "later" recipients are deferred until the flag is there.
my $flag = "$pb->{top}/now";
my %defer = (RCPT => sub { my ($c, $line) = @_; return $line =~ /nobody/ ? '550 5.1.1 no' : $line =~ /later/ && !-e $flag ? '451 4.2.0 not now' : '' });
my $plain = Pillarbox::Outbound::Server->new('127.0.0.5', $port, sub { $_[0]->serve(%defer) });
my $dsn = Pillarbox::Outbound::Server->new('127.0.0.6', $port, sub {
	$_[0]->serve(ehlo => [ 'PIPELINING', 'DSN', 'DELIVERBY', 'MT-PRIORITY' ], %defer) });
my $eai = Pillarbox::Outbound::Server->new('127.0.0.7', $port, sub { $_[0]->serve(ehlo => [ 'PIPELINING', 'DSN', 'SMTPUTF8' ], %defer) });
$pb->start;

# Submit: MAIL's and RCPT's addresses with their parameters.
sub submit {
	my ($mail, @rcpt) = @_;
	my $c = $pb->connect('smtps');
	my ($from) = $mail =~ /^([^>]+)/;
	$c->expect('EHLO c.example', qr/^250/);
	$c->login($from, $Pillarbox::PASSWORD);
	$c->expect($_, qr/^[23]/) for "MAIL FROM:<$mail", (map { "RCPT TO:<$_" } @rcpt), 'DATA';
	$c->expect("From: $from\r\nSubject: x\r\n\r\nthe body\r\n.", qr/^250/);
}
sub notice { my ($n, $count) = @_; return (map { Pillarbox::slurp($_) } $pb->wait_mail("s$n\@example.com", $count // 1, 30))[-1] }
# The envelope of the queued message to this recipient.
sub hdr { my ($to) = @_; return (grep { /^rcpt: \d+ \Q$to\E\r$/m } map { Pillarbox::slurp($_) } grep { /\.hdr$/ } queue_files($pb))[0] // '' }
sub wait_for { my ($what) = @_; my $end = time + 30; sleep 0.05 while time < $end && !$what->(); return $what->() }

# -- success ----------------------------------------------------------------------------
submit('s0@example.com> ENVID=Env+2B1 RET=FULL', 'bob@example.com> NOTIFY=SUCCESS ORCPT=rfc822;Bob@example.com');
my $text = notice(0) // '';
like($text, qr/^Original-Envelope-Id: Env\+1\r$/m, 'a delivery is told of, with ENVID');
like($text, qr/^Original-Recipient: rfc822;Bob\@example\.com\r\nFinal-Recipient: rfc822; bob\@example\.com\r\nAction: delivered\r\nStatus: 2\.\d\.\d\r$/m,
	'ORCPT and the mailbox');
like($text, qr/^Subject: Your message was delivered\r$/m, 'in words');
unlike($text, qr/the body/, 'without the body: RET is about failures');

submit('s1@example.com>', 'x@plain.test> NOTIFY=SUCCESS,FAILURE');
like(notice(1) // '', qr/^Final-Recipient: rfc822; x\@plain\.test\r\nAction: relayed\r$/m, 'a host without DSN: relayed');
submit('s2@example.com> ENVID=e RET=HDRS MT-PRIORITY=3 BY=600;N', 'x@dsn.test> NOTIFY=SUCCESS ORCPT=rfc822;x+2By@z');
ok(wait_queue($pb, 0), 'a host with DSN takes over');
my ($said) = grep { /MAIL/ } $dsn->transcripts;
like($said, qr/C: MAIL FROM:<s2\@example\.com> RET=HDRS ENVID=e AUTH=<> MT-PRIORITY=3 BY=(?:600|59\d);N\n|C: MAIL FROM:<s2\@example\.com> RET=HDRS ENVID=e MT-PRIORITY=3 BY=(?:600|59\d);N\n/,
	'it hears RET, ENVID, MT-PRIORITY and BY');
like($said, qr/C: RCPT TO:<x\@dsn\.test> NOTIFY=SUCCESS ORCPT=rfc822;x\+2By\@z\n/, 'and NOTIFY and ORCPT');
is(scalar $pb->mail('s2@example.com'), 0, 'and the sender hears nothing from us');

# -- international original recipients (RFC 6533) -------------------------------------------
my $oe = "\xc3\xb6";
submit('s2@example.com> SMTPUTF8', "j$oe\@eai.test> NOTIFY=FAILURE ORCPT=utf-8;j$oe\\x{2B}\@eai.test");
submit('s2@example.com>', 'x@eai.test> NOTIFY=FAILURE ORCPT=utf-8;j\x{F6}1@eai.test');
submit('s2@example.com> SMTPUTF8', "x\@dsn.test> NOTIFY=FAILURE ORCPT=utf-8;j$oe\@far.test");
ok(wait_queue($pb, 0), 'messages with ORCPT of type utf-8 go');
my $heard = join '', $eai->transcripts;
like($heard, qr/C: RCPT TO:<j$oe\@eai\.test> NOTIFY=FAILURE ORCPT=utf-8;j$oe\\x\{2B\}\@eai\.test\n/, 'as UTF-8 where MAIL says SMTPUTF8');
like($heard, qr/C: RCPT TO:<x\@eai\.test> NOTIFY=FAILURE ORCPT=utf-8;j\\x\{F6\}1\@eai\.test\n/, 'in ASCII where it does not');
like(join('', $dsn->transcripts), qr/C: RCPT TO:<x\@dsn\.test> NOTIFY=FAILURE ORCPT=utf-8;j\\x\{F6\}\@far\.test\n/, 'and to a host without SMTPUTF8');
submit('s10@example.com> SMTPUTF8', "bob\@example.com> NOTIFY=SUCCESS ORCPT=utf-8;b$oe\@example.com");
like(notice(10) // '', qr/^Original-Recipient: utf-8;b\\x\{F6\}\@example\.com\r$/m, 'and in the notice');

put($pb, from => "j$oe\@eai.test", to => [ 'nobody@example.com' ]);
ok(wait_for(sub { join('', $eai->transcripts) =~ /RCPT TO:<j$oe\@eai\.test>\n(?:.*\n)*?D: / }), 'a sender with an internationalised address is told');
$heard = join '', $eai->transcripts;
like($heard, qr/C: MAIL FROM:<>[^\n]* SMTPUTF8\n/, 'by internationalised mail');
like($heard, qr/Content-Type: message\/global-delivery-status/, 'with the report of RFC 6533');
put($pb, from => "j$oe\@plain.test", to => [ 'nobody@example.com' ]);
like(join('', map { Pillarbox::slurp($_) } $pb->wait_mail('postmaster@example.com', 1)), qr/^Final-Recipient: utf-8;j\\x\{F6\}\@plain\.test\r\nAction: failed\r\nStatus: 5\.6\.7\r$/m,
	'where his host cannot take that, postmaster is');

# -- the longest parameters ---------------------------------------------------------------
# More than one record holds: the rest of the recipients goes in a job of its own.
submit('s2@example.com>', map { ('m' x 55) . "$_\@dsn.test> NOTIFY=FAILURE ORCPT=rfc822;" . 'o' x 490 } 100 .. 249);
ok(wait_queue($pb, 0, 60), 'recipients with the longest ORCPT are sent to');
is(scalar(() = join('', $dsn->transcripts) =~ /RCPT TO:<m{55}\d+\@dsn\.test> NOTIFY=FAILURE ORCPT=rfc822;o{490}\n/g), 150,
	'each once, with all of it');

# -- failure ----------------------------------------------------------------------------
submit('s3@example.com>', 'nobody@plain.test> NOTIFY=NEVER');
submit('s3@example.com>', 'nobody@plain.test> NOTIFY=SUCCESS,DELAY');
ok(wait_for(sub { 2 <= (() = $pb->log_text('delivery') =~ /event=failed [^\n]*to=nobody\@plain\.test/g) }), 'failures that nobody wants to hear of');
ok(wait_queue($pb, 0), 'leave the queue');
is(scalar $pb->mail('s3@example.com'), 0, 'in silence');
submit('s3@example.com> RET=FULL', 'nobody@plain.test> NOTIFY=FAILURE');
$text = notice(3) // '';
like($text, qr/^Action: failed\r$/m, 'NOTIFY=FAILURE');
like($text, qr/the body/, 'with RET=FULL the whole message comes back');

# -- delay --------------------------------------------------------------------------------
submit('s4@example.com>', 'later@plain.test> NOTIFY=DELAY', 'later2@plain.test> NOTIFY=FAILURE');
$text = notice(4) // '';
like($text, qr/^Final-Recipient: rfc822; later\@plain\.test\r\nAction: delayed\r\nStatus: 4\.2\.0\r$/m, 'NOTIFY=DELAY: told of the delay');
unlike($text, qr/Final-Recipient: rfc822; later2\@/, 'of nobody else');
ok($pb->wait_log('delivery', qr/event=bounced id=\d+ group=1 bounce=\d+ about=$_\n/), "the log says: $_") for qw(delivered failed delayed);
ok(wait_for(sub { hdr('later@plain.test') =~ /^bounced: 1 \d+ /m }), 'which is written down');

# -- by ---------------------------------------------------------------------------------------
submit('s5@example.com> BY=3;R', 'later@dsn.test> NOTIFY=FAILURE');
$text = notice(5) // '';
like($text, qr/^Action: failed\r\nStatus: 5\.4\.7\r$/m, 'BY with R: returned when the time is over');
submit('s6@example.com> BY=3;N', 'later3@dsn.test>');
$text = notice(6) // '';
like($text, qr/^Action: delayed\r$/m, 'BY with N: told of the delay');
ok(hdr('later3@dsn.test') ne '', 'and it stays in the queue');
submit('s7@example.com> BY=600;R', 'x@plain.test>');
like(notice(7) // '', qr/^Action: failed\r\nStatus: 5\.3\.3\r$/m, 'R to a host that does not know DELIVERBY: returned');
submit('s8@example.com> BY=600;N', 'x@plain.test>');
like(notice(8) // '', qr/^Action: relayed\r$/m, 'N to such a host: relayed, and told');

# -- hold -------------------------------------------------------------------------------------
my $begin = time;
submit('s9@example.com> HOLDFOR=4', 'bob@example.com>');
is(scalar(grep { Pillarbox::slurp($_) =~ /^From: s9/m } $pb->mail('bob@example.com')), 0, 'HOLDFOR: not delivered at once');
like($pb->ctl_ok('--tsv', 'spool', 'list'), qr/s9\@example\.com.*\bdelay\b|\bdelay\b.*s9\@example\.com/i, 'the list says that it rests');
ok(wait_for(sub { grep { Pillarbox::slurp($_) =~ /^From: s9/m } $pb->mail('bob@example.com') }), 'it is delivered later');
cmp_ok(time - $begin, '>=', 3, 'not before its time');

# -- ETRN -------------------------------------------------------------------------------------
submit('s9@example.com>', "later\@$_>") for 'turn.test', 'still.test';
ok(wait_for(sub { hdr('later@turn.test') =~ /^retry: 1;/m && hdr('later@still.test') =~ /^retry: 1;/m }),
	'two messages wait for their next attempt');
my $c = $pb->connect('smtps');
$c->expect('EHLO c.example', qr/^250/);
$c->login('s9@example.com', $Pillarbox::PASSWORD);
my $asked = sub { scalar(() = join('', $plain->transcripts) =~ /RCPT TO:<later\@still\.test>.*\nS: 451/g) };
is($asked->(), 1, 'which was asked once');
like($c->command('ETRN STILL.test'), qr/^253 2\.0\.0 OK, 1 pending /, 'ETRN finds what waits for the domain');
like($c->command('ETRN still.test'), qr/^458 4\.3\.2 /, 'and not again at once');
ok(wait_for(sub { $asked->() > 1 }), 'it is tried');
is(scalar(() = hdr('later@still.test') =~ /^retry:/mg), 1, 'which costs no attempt');
Pillarbox::spew($flag, '');
like($c->command('ETRN turn.test'), qr/^253 2\.0\.0 OK, 1 pending /, 'ETRN for a host that is back');
ok(wait_for(sub { hdr('later@turn.test') eq '' }), 'the message goes');
like(join('', $plain->transcripts), qr/RCPT TO:<later\@turn\.test>/, 'to that host');
ok(hdr('later@still.test') ne '', 'what waits for others waits on');
like($c->command('ETRN nothing.test'), qr/^251 2\.0\.0 /, 'nothing waits for another domain');
done_testing;
