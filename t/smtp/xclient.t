#!/usr/bin/perl
# XCLIENT and XFORWARD for trusted addresses only: the session becomes that of
# another client, with its lists, limits, log-in and Received field; and what
# Received tells of somebody who logged in (setting hideClientAddress).
use strict;
use warnings;
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxConnectionsPerIp => 3 });
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'xclientTrusted/address', '127.7.1.0/24');
$pb->ctl_ok('set', '--add', 'xforwardTrusted/address', '127.7.2.1');
$pb->ctl_ok('blacklist', 'add', '192.0.2.66');
$pb->ctl_ok('whitelist', 'add', '192.0.2.77-192.0.2.78', 'smtp=True');
$pb->start;

sub begin {
	my ($ip) = @_;
	my $c = $pb->connect('smtp', local => $ip);
	$c->{ehlo} = $c->expect('EHLO proxy.example', qr/^250/);
	return $c;
}
sub logged { my ($re) = @_; return ok($pb->wait_log('smtpLog', $re), "the log: $re") }

# Offered to whom it is for, refused from all others.
my $c = begin('127.7.1.9');
like($c->{ehlo}, qr/^250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT$/m, 'EHLO lists the attributes');
unlike($c->{ehlo}, qr/XFORWARD/, 'of the one that is allowed');
like(begin('127.7.2.1')->{ehlo}, qr/^250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE$/m, 'and of the other');
my $other = begin('127.8.1.1');
unlike($other->{ehlo}, qr/XCLIENT|XFORWARD/, 'to nobody else');
like($other->command("$_ ADDR=192.0.2.1"), qr/^550 5\.7\.1 .*\d{12}$/, "$_ is refused from anybody else") for qw(XCLIENT XFORWARD);
like($other->command('MAIL FROM:<a@far.example>'), qr/^250/, 'and changed nothing');
$other->close;
logged(qr/\[127\.8\.1\.1\]\[\d{12}\] event=xclient-refused/);
logged(qr/\[127\.8\.1\.1\]\[\d{12}\] event=xforward-refused/);

# The session of another client.
$c->expect($_, qr/^250/) for 'MAIL FROM:<a@far.example>', 'RSET';
like($c->command('XCLIENT NAME=spike.example ADDR=192.0.2.10 PORT=4711 PROTO=ESMTP HELO=spike.example'), qr/^220 mail\.test\.example /, 'the greeting comes again');
like($c->command('XCLIENT ADDR=192.0.2.11 DESTADDR=127.0.0.1 DESTPORT=25'), qr/^220 /, 'and once more: who connected decides');
like($c->command('MAIL FROM:<a@far.example>'), qr/^503/, 'HELO is needed again when none was told');
$c->expect($_, qr/^[23]/) for 'EHLO client.example', 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>';
like($c->command('XCLIENT ADDR=192.0.2.12'), qr/^503/, 'not within a transaction');
$c->expect('DATA', qr/^354/);
$c->expect("Subject: 1\r\n\r\nx\r\n.", qr/^250/);
my ($file) = $pb->wait_mail('alice@example.com', 1);
like(Pillarbox::slurp($file), qr/^Received: from client\.example \(\[192\.0\.2\.11\]\)/m, 'Received names the other client');
like($c->command('RCPT TO:<x@far.example>'), qr/^503/, 'the transaction is over');
like($c->command('XCLIENT ADDR=IPV6:2001:db8::5'), qr/^220 /, 'an IPv6 address');
$c->expect('EHLO six.example', qr/^250/);
$c->command('QUIT');
logged(qr/\[127\.7\.1\.9\]\[\d{12}\] event=xclient name=spike\.example addr=192\.0\.2\.10 port=4711 proto=ESMTP helo=spike\.example/);
logged(qr/\[192\.0\.2\.11\]\[\d{12}\] event=message from=a\@far\.example/);

# Lists, log-in and limits are those of the other client.
$c = begin('127.7.1.9');
like($c->command('XCLIENT ADDR=192.0.2.66'), qr/^554 5\.7\.1 .*\d{12}$/, 'a blacklisted client is refused');
ok($c->at_end, 'and closed');
$c = begin('127.7.1.9');
$c->expect($_, qr/^2/) for 'XCLIENT ADDR=192.0.2.78', 'EHLO white.example', 'MAIL FROM:<a@far.example>';
like($c->command('RCPT TO:<x@elsewhere.example>'), qr/^250/, 'a whitelisted one may relay');
$c->expect($_, qr/^2/) for 'RSET', 'XCLIENT ADDR=192.0.2.79', 'EHLO c.example', 'MAIL FROM:<a@far.example>';
like($c->command('RCPT TO:<x@elsewhere.example>'), qr/^550 5\.7\.1/, 'the next address may not');
$c->expect($_, qr/^2/) for 'RSET', 'XCLIENT LOGIN=alice@example.com', 'EHLO c.example', 'MAIL FROM:<alice@example.com>';
like($c->command('RCPT TO:<x@elsewhere.example>'), qr/^250/, 'who is logged in may');
$c->expect($_, qr/^2/) for 'RSET', 'XCLIENT LOGIN=[UNAVAILABLE]', 'EHLO c.example', 'MAIL FROM:<a@far.example>';
like($c->command('RCPT TO:<x@elsewhere.example>'), qr/^550/, 'until that is taken back');
$c->close;

# So are the points of its name (our own, which another machine cannot have).
sub to_alice { my ($s) = @_; $s->expect('MAIL FROM:<a@far.example>', qr/^250/); my $r = $s->command('RCPT TO:<alice@example.com>'); $s->expect('RSET', qr/^250/); return $r }
$c = begin('127.7.1.9');
$c->expect('XCLIENT ADDR=192.0.2.41 PROTO=ESMTP HELO=mail.test.example', qr/^220/);
like(to_alice($c), qr/^550 5\.7\.1 .*\d{12}$/, 'a name that XCLIENT tells is judged');
$c->expect('XCLIENT ADDR=192.0.2.42 PROTO=ESMTP HELO=good.example', qr/^220/);
like(to_alice($c), qr/^250/, 'and forgotten with its client');
$c->expect($_, qr/^2/) for 'XCLIENT ADDR=192.0.2.43', 'EHLO mail.test.example';
like(to_alice($c), qr/^550 5\.7\.1/, 'as is one that was said');
$c->expect('XCLIENT ADDR=192.0.2.44 PROTO=ESMTP HELO=good.example', qr/^220/);
like(to_alice($c), qr/^250/, 'whose client is another now');
$c->close;
logged(qr/\[192\.0\.2\.41\]\[\d{12}\] event=check about=helo name=helo-own-name value=mail\.test\.example weight=-100 total=-100/);
my @c = map { my $s = begin('127.7.1.9'); $s->{again} = $s->command('XCLIENT ADDR=192.0.2.40'); $s } 1 .. 4;
like($c[$_]{again}, qr/^220/, 'a session of one client') for 0 .. 2;
like($c[3]{again}, qr/^421 4\.7\.0 .*\d{12}$/, 'one more than it may have, all over one proxy');
$_->close for @c;

# Nobody pays for, or gains from, what the client before did over the same proxy.
sub message {
	my ($c) = @_;
	$c->expect($_, qr/^[23]/) for 'EHLO a.example', 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>', 'DATA';
	$c->expect("Subject: of another\r\n\r\nx\r\n.", qr/^250/);
}
$pb->set(maxBadRecipients => 2);
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'service=smtp', 'badSessions=3', 'blockMinutes=9', 'timeFrame=60');
my $end = time + 20;
my $said = '';
while ($said !~ /^421/ && time < $end) {		# until the setting is in force
	$c = $pb->connect('smtp', local => '127.8.1.9');
	$c->expect($_, qr/^2/) for 'EHLO c.example', 'MAIL FROM:<a@far.example>';
	$said = $c->command("RCPT TO:<nobody$_\@example.com>") for 1 .. 3;
	$c->close;
}
$c = begin('127.7.1.9');
$c->expect($_, qr/^2/) for 'XCLIENT ADDR=192.0.2.20', 'EHLO c.example', 'MAIL FROM:<a@far.example>';
like($c->command("RCPT TO:<nobody$_\@example.com>"), qr/^550 5\.1\.1/, 'one tries names') for 1, 2;
$c->expect($_, qr/^2/) for 'RSET', 'XCLIENT ADDR=192.0.2.21', 'EHLO c.example', 'MAIL FROM:<a@far.example>';
like($c->command("RCPT TO:<nobody$_\@example.com>"), qr/^550 5\.1\.1/, 'the next has as many tries') for 1, 2;
$c->close;
for (1 .. 3) {
	$c = begin('127.7.1.9');
	$c->expect('XCLIENT ADDR=192.0.2.22', qr/^220/);
	message($c);
	$c->expect('XCLIENT ADDR=192.0.2.23', qr/^220/);
	$c->command('QUIT');
	$c->close;
}
$end = time + 15;
sleep 1 while time < $end && ($pb->ctl('block', 'show', '192.0.2.23'))[0] != 0;
is(($pb->ctl('block', 'show', '192.0.2.23'))[0], 0, 'who sends no message is noticed, whatever the client before sent');
is(($pb->ctl('block', 'show', '192.0.2.22'))[0], 3, 'who did is not blocked');

# What cannot be read changes nothing.
$c = begin('127.7.1.9');
like($c->command("XCLIENT $_"), qr/^501 5\.5\.4/, "XCLIENT $_") for 'ADDR=192.0.2.300', 'ADDR', 'ADDR=', 'COLOUR=red', 'IDENT=4',
	'ADDR=192.0.2.1 ADDR=192.0.2.2', 'PORT=70000';
$c = begin('127.7.1.9');
like($c->command("XCLIENT $_"), qr/^501 5\.5\.4/, 'XCLIENT ' . substr $_, 0, 40) for 'PROTO=QMTP', 'HELO=a+20b', 'NAME=a+0', '', 'NAME=' . 'x' x 321;
$c->command('QUIT');
logged(qr/\[127\.7\.1\.9\]\[\d{12}\] event=connect/);

# XFORWARD is for the log.
$c = begin('127.7.2.1');
like($c->command('XFORWARD NAME=spike.example ADDR=192.0.2.9 PROTO=ESMTP HELO=spike.example IDENT=4+20x SOURCE=REMOTE'), qr/^250 2\.0\.0/, 'XFORWARD');
like($c->command('XFORWARD LOGIN=alice'), qr/^501/, 'has its own attributes');
$c->expect($_, qr/^[23]/) for 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>';
like($c->command('RCPT TO:<x@elsewhere.example>'), qr/^550/, 'and gives no right');
$c->command('QUIT');
logged(qr/\[127\.7\.2\.1\]\[\d{12}\] event=xforward name=spike\.example addr=192\.0\.2\.9 proto=ESMTP helo=spike\.example ident="4 x" source=REMOTE/);

# Who logged in may be hidden.
# The Received field of the n-th message, which has its number as subject.
sub received {
	my ($n) = @_;
	for ($pb->wait_mail('alice@example.com', $n)) {
		my $text = Pillarbox::slurp($_);
		return $1 if $text =~ /^Subject: $n\r?$/m && $text =~ /^(Received:.*?;)/ms;
	}
	return '';
}
sub by_alice {
	my ($n) = @_;
	my $c = $pb->connect('smtps', local => '127.8.2.2');
	$c->expect('EHLO [127.8.2.2]', qr/^250/);
	$c->login('alice@example.com', $Pillarbox::PASSWORD);
	$c->expect($_, qr/^[23]/) for 'MAIL FROM:<alice@example.com>', 'RCPT TO:<alice@example.com>', 'DATA';
	$c->expect("From: alice\@example.com\r\nSubject: $n\r\n\r\nx\r\n.", qr/^250/);
	$c->command('QUIT');
	return received($n);
}
my $n = 5;
like(by_alice($n), qr/127\.8\.2\.2/, 'Received tells where somebody who logged in sent from');
$pb->set(hideClientAddress => 'True');
$end = time + 15;
my $field = '127.8.2.2';
$field = by_alice(++$n) while $field =~ /127\.8\.2\.2/ && time < $end;	# until the setting is in force
unlike($field, qr/127\.8\.2\.2/, 'hidden: neither the address nor the name it gave');
like($field, qr/^Received: from mail\.test\.example\s+by mail\.test\.example with ESMTPSA/, 'the rest is there');
ok($pb->wait_log('smtpLog', qr/\[127\.8\.2\.2\]\[\d{12}\] event=message from=alice/), 'and the log knows');
$c = begin('127.8.2.3');
$n++;
$c->expect($_, qr/^[23]/) for 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>', 'DATA';
$c->expect("Subject: $n\r\n\r\nx\r\n.", qr/^250/);
like(received($n), qr/127\.8\.2\.3/, 'who did not log in is told of');
done_testing();
