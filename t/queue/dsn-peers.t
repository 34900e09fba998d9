#!/usr/bin/perl
# Delivery status notifications with real next hosts: Postfix and Exim take over what the sender asks when
# they offer DSN, and their own notifications come back to him; where they do not offer it ours say "relayed".
# Features: QUEUE-11.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::Exim;
use Pillarbox::Postfix;
use Pillarbox::Queue;

plan skip_all => $_ for grep { $_ } Pillarbox::Postfix::lacking(), Pillarbox::Exim::lacking();
my $pb = Pillarbox->new(settings => { allowLoopbackTargets => 'True' });
$pb->user("s$_\@example.com") for 0 .. 7;
my $back = $pb->port('smtp');
my $px = Pillarbox::Postfix->new($pb, <<"END");
myhostname = mx.px.test
virtual_mailbox_domains = px.test
virtual_mailbox_maps = inline:{bob\@px.test=box/}
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:$back
local_recipient_maps =
smtpd_reject_unlisted_recipient = no
END
my $ex = Pillarbox::Exim->new($pb, domain => 'ex.test', next => $back, main => "dsn_advertise_hosts = *\n");
my $no = Pillarbox::Exim->new($pb, domain => 'no.test', next => $back, main => "dsn_advertise_hosts =\n");
$pb->ctl_ok('gateway', 'add', 'address=127.0.0.1', "port=$_->[1]", "domains=$_->[0]") for [ 'px.test', $px->{port} ], [ 'ex.test', $ex->{port} ], [ 'no.test', $no->{port} ];
$pb->start;

sub submit {
	my ($from, $mail, $to, $rcpt) = @_;
	my $c = $pb->connect('smtps');
	$c->expect('EHLO c.example', qr/^250/);
	$c->login($from, $Pillarbox::PASSWORD);
	$c->expect($_, qr/^[23]/) for "MAIL FROM:<$from>$mail", "RCPT TO:<$to>$rcpt", 'DATA';
	$c->expect("From: $from\r\nTo: $to\r\nSubject: x\r\n\r\nthe body\r\n.", qr/^250/);
}
sub notice { my ($s) = @_; return join '', map { Pillarbox::slurp($_) } $pb->wait_mail("$s\@example.com", 1, 30) }
# Structure of a report, whoever wrote it (RFC 3462, RFC 3464).
sub report_ok {
	my ($text, $what) = @_;
	my ($boundary) = $text =~ /^Content-Type: multipart\/report;(?:[^\r\n]|\r\n[ \t])*boundary="?([^"\r\n;]+)/mi;
	ok(defined $boundary, "$what: a report") or return;
	my @parts = split /\r\n--\Q$boundary\E(?:--)?\r\n/, "\r\n$text";
	is(scalar @parts - 1, 3 + ($text =~ /--\Q$boundary\E--\r\n./s ? 1 : 0), '... of three parts');
	like($parts[2], qr/^Content-Type: message\/(?:global-)?delivery-status/mi, '... the second for programs');
	like($parts[3], qr/^Content-Type: (?:text\/rfc822-headers|message\/)/mi, '... the third the original');
}

# -- Postfix --------------------------------------------------------------------------
submit('s0@example.com', ' ENVID=Env+2B0 RET=HDRS', 'bob@px.test', ' NOTIFY=SUCCESS ORCPT=rfc822;b+2Bx@else.example');
my $text = notice('s0');
report_ok($text, 'Postfix, delivered');
like($text, qr/^Reporting-MTA: dns; mx\.px\.test\r$/m, 'it is Postfix that tells of it') or diag($px->log_text);
like($text, qr/^Original-Envelope-Id: Env\+0\r$/m, 'it knew ENVID');
like($text, qr/^Original-Recipient: rfc822; ?b\+x\@else\.example\r$/m, 'and ORCPT');
like($text, qr/^Action: delivered\r$/m, 'and NOTIFY=SUCCESS');
submit('s1@example.com', ' RET=FULL', 'nobody@px.test', ' NOTIFY=FAILURE');
$text = notice('s1');
report_ok($text, 'Postfix, failed');
like($text, qr/^Action: failed\r$/m, 'a failure there is told once');
like($text, qr/the body/, 'with the body: it knew RET');

# -- Exim -----------------------------------------------------------------------------
submit('s2@example.com', ' ENVID=Env2', 'bob@ex.test', ' NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@else.example');
$text = notice('s2');
report_ok($text, 'Exim, delivered');
like($text, qr/^Original-Envelope-ID: Env2\r$/mi, 'Exim knew ENVID') or diag($ex->log_text);
like($text, qr/^Action: delivered\r$/m, 'and NOTIFY');
unlike($text, qr/^Subject: Your message was delivered\r$/m, 'and we said nothing');
submit('s3@example.com', '', 'bob@no.test', ' NOTIFY=SUCCESS');
$text = notice('s3');
report_ok($text, 'Exim without DSN');
like($text, qr/^Final-Recipient: rfc822; bob\@no\.test\r\nAction: relayed\r\nStatus: 2\.\d\.\d\r\nRemote-MTA: dns; 127\.0\.0\.1\r$/m, 'it is we who say: relayed');
like($text, qr/^    It was passed on to a system that will tell you nothing more\.\r$/m, 'in words');
submit('s4@example.com', '', 'bob@no.test', ' NOTIFY=FAILURE');
$no->wait_mail(2);
ok(wait_queue($pb, 0), 'where nobody asked for success');
is(scalar($pb->mail('s4@example.com')), 0, 'nobody is told of it');
submit('s5@example.com', '', 'nobody@ex.test', ' NOTIFY=NEVER');
ok(wait_queue($pb, 0), 'NOTIFY=NEVER');
my $end = time + 20;
select undef, undef, undef, 0.1 while time < $end && $ex->log_text !~ /\*\* nobody\@ex\.test/;
like($ex->log_text, qr/\*\* nobody\@ex\.test/, 'reaches Exim, which gives it up');
submit('s6@example.com', '', 'bob@ex.test', ' NOTIFY=SUCCESS');
notice('s6');
is(scalar($pb->mail('s5@example.com')), 0, 'and tells nobody, as was asked');
done_testing;
