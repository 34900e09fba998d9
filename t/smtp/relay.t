#!/usr/bin/perl
# Who may send to whom: our recipients, postmaster, relaying, and what allowRelay opens.
# Features: SMTPIN-02, SMTPIN-03, SMTPIN-04, SMTPIN-05, SMTPIN-06, SMTPIN-22, SMTPIN-28, DOM-18.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { maxBadRecipients => 3 });
$pb->user('alice@example.com');
$pb->start;

# The reply to RCPT after MAIL from a sender.
sub rcpt {
	my ($from, $to, $service) = @_;
	my $c = $pb->connect($service || 'smtp');
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	my $reply = $c->command("RCPT TO:<$to>");
	$c->close;
	return $reply;
}

like(rcpt('x@out.example', 'alice@example.com'), qr/^250 2\.1\.5/, 'our user');
like(rcpt('x@out.example', 'nobody@example.com'), qr/^550 5\.1\.1 .* ticket \d{12}$/, 'unknown user (SMTPIN-28)');
like(rcpt('x@out.example', 'y@out.example'), qr/^550 5\.7\.1 .* ticket \d{12}$/, 'relaying is refused (SMTPIN-02)');
like(rcpt('alice@example.com', 'y@out.example'), qr/^530 5\.7\.0 .* ticket \d{12}$/, 'who says to be ours must log in (DOM-18)');
like(rcpt('alice@example.com', 'alice@example.com'), qr/^250/, 'but not for mail to us');
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=sender-needs-log-in value=yes weight=-100 total=-100/),
	'the log says why');
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'address=127.0.0.1', 'port=9', 'domains=inside.example');
my $passed = time + 20;
select undef, undef, undef, 0.2 while time < $passed && rcpt('x@out.example', 'bob@inside.example') !~ /^250/;
like(rcpt('x@out.example', 'bob@inside.example'), qr/^250/, 'a recipient who is passed on');
like(rcpt('alice@example.com', 'bob@inside.example'), qr/^530 5\.7\.0 .* ticket \d{12}$/, 'is not local: who says to be ours must log in (DOM-18)');
my $known = $pb->connect('smtps');
$known->expect('EHLO client.example', qr/^250/);
$known->login('alice@example.com', $Pillarbox::PASSWORD);
$known->expect('MAIL FROM:<alice@example.com>', qr/^250/);
like($known->command('RCPT TO:<bob@inside.example>'), qr/^250/, 'and then may');
$known->close;
like(rcpt('x@out.example', 'postmaster'), qr/^250/, 'postmaster without a domain');
like(rcpt('x@out.example', 'PostMaster@example.com'), qr/^250/, 'postmaster at our domain');
like(rcpt('x@out.example', 'alice%out.example@example.com'), qr/^550 5\.1\.1/, 'no percent hack');
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=recipient-not-ours value=yes weight=-100 total=-100/),
	'the log explains the refusal');

my $c = $pb->connect('smtp');
$c->expect('EHLO client.example', qr/^250/);
$c->expect('MAIL FROM:<x@out.example>', qr/^250/);
like($c->command("RCPT TO:<nobody$_\@example.com>"), qr/^550/, "unknown recipient $_") for 1 .. 3;
like($c->command('RCPT TO:<nobody4@example.com>'), qr/^421 4\.7\.0/, 'one more closes (maxBadRecipients)');
ok($c->at_end, 'the connection');

# A domain that wants no log-in of its senders is what allowRelay speaks of.
$pb->ctl_ok('domain', 'edit', 'example.com', 'requireSmtpAuth=False');
my %cases = (
	localUsers => [ 'alice@example.com' => 250, 'other@example.com' => 550, 'x@out.example' => 550 ],
	localDomains => [ 'alice@example.com' => 250, 'other@example.com' => 250, 'x@out.example' => 550 ],
	anyone => [ 'x@out.example' => 250 ],
);
for my $value (sort keys %cases) {
	$pb->ctl_ok('--yes', 'set', 'allowRelay', $value, '--force');
	$pb->ctl_ok('reload');
	my %want = @{ $cases{$value} };
	my $end = time + 10;	# the new generation takes over within moments
	my ($first) = grep { $want{$_} == 250 } sort keys %want;
	select undef, undef, undef, 0.2 while time < $end && rcpt($first, 'y@out.example') !~ /^250/;
	like(rcpt($_, 'y@out.example'), qr/^$want{$_}/, "allowRelay $value: $_ gets $want{$_}") for sort keys %want;
}

# Anyone: an open relay, which is made by intent and never forgotten (SMTPIN-06).
my $marks = () = $pb->log_text('smtpLog') =~ /event=open-relay/g;
$pb->ctl_ok('set', 'allowRelay', 'nobody');
my ($rc, undef, $err) = $pb->ctl('set', 'allowRelay', 'anyone');
is($rc, 1, 'mailctl does not make an open relay by the way');
like($err, qr/anyone could send anything through this server; add --force/, 'and says how it is made');
($rc, undef, $err) = $pb->ctl('set', 'allowRelay', 'anyone', '--force');
is($rc, 0, '--force makes it');
like($err, qr/warning: allowRelay anyone: anyone can send anything through this server, and will/, 'with a warning');
my $end = time + 20;
sleep 1 while time < $end && (() = $pb->log_text('smtpLog') =~ /event=open-relay setting=allowRelay value=anyone/g) <= $marks;
cmp_ok(scalar(() = $pb->log_text('smtpLog') =~ /event=open-relay/g), '>', $marks, 'the server logs it when it reads the setting');
$marks = () = $pb->log_text('smtpLog') =~ /event=open-relay/g;
$pb->stop;
$pb->start;
$end = time + 20;
sleep 1 while time < $end && (() = $pb->log_text('smtpLog') =~ /event=open-relay/g) <= $marks;
cmp_ok(scalar(() = $pb->log_text('smtpLog') =~ /event=open-relay/g), '>', $marks, 'and at each start');
like(($pb->ctl('check'))[1], qr/^warning .*allowRelay: anyone can send anything/m, 'mailctl check warns of it');
$pb->ctl_ok('set', 'allowRelay', 'nobody');
$end = time + 20;
sleep 1 while time < $end && rcpt('x@out.example', 'y@out.example') !~ /^550/;
$marks = () = $pb->log_text('smtpLog') =~ /event=open-relay/g;
$pb->stop;
$pb->start;
rcpt('x@out.example', 'last@out.example');
ok($pb->wait_log('smtpLog', qr/event=recipient-refused to=last\@out\.example/), 'once it is closed');
is(scalar(() = $pb->log_text('smtpLog') =~ /event=open-relay/g), $marks, 'a start logs nothing of it');
unlike(($pb->ctl('check'))[1], qr/allowRelay/, 'nor does check');
done_testing();
