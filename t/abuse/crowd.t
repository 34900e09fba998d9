#!/usr/bin/perl
# Crowds: 300 connections of one address (S28), 500 wrong log-ins at once (A03), a thousand
# names tried (A04).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Select;
use IO::Socket::INET;
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxConnectionsPerIp => 40, maxBadRecipients => 10, reservedConnections => 0,
	popMaxConnections => 400, imapMaxConnections => 400, popMaxConnectionsPerIp => 50, imapMaxConnectionsPerIp => 50 });
$pb->user($_) for qw(alice@example.com victim@example.com);
$pb->start;

sub raw {
	my ($service, $ip) = @_;
	return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $pb->port($service), LocalAddr => $ip,
		Proto => 'tcp', Timeout => 20) // die "$service from $ip: $!";
}
# One line from each of the sockets, within a time that only a hanging server needs.
sub lines {
	my ($seconds, @s) = @_;
	my (%text, $end);
	my $wait = IO::Select->new(@s);
	$end = time + $seconds;
	while ($wait->count && time < $end) {
		for my $s ($wait->can_read(1)) {
			my $n = sysread $s, $text{$s}, 4096, length($text{$s} // '');
			$wait->remove($s) if !$n || $text{$s} =~ /\n/;
		}
	}
	return map { $text{$_} // '' } @s;
}

# S28: the cap is exact, and others do not feel it.
my @s = map { raw('smtp', '127.0.0.2') } 1 .. 300;
my @g = lines(120, @s);
is(scalar(grep { /^220 / } @g), 40, '300 connections of one address: as many as the cap allows are served (S28)');
is(scalar(grep { /^421 4\.7\.0 Too many connections from your address ticket \d{12}\r\n/ } @g), 260, 'the others hear 421 4.7.0');
like((lines(60, raw('smtp', '127.0.0.3')))[0], qr/^220 /, 'another address is served');
@s = ();

# A03: 500 wrong log-ins at once, half by POP3 and half by IMAP, from 20 addresses.
sub helpers { return scalar $pb->pids_of('auth-check') }
my $helpers = helpers();
my @wrong = map { raw($_ % 2 ? 'pop3' : 'imap', '127.9.9.' . (1 + $_ % 20)) } 1 .. 500;
is(scalar(grep { /^(?:\+OK|\* OK)/ } lines(120, @wrong)), 500, '500 sessions before log-in');
my $good = raw('imap', '127.9.8.1');
lines(60, $good);
my $mta = $pb->connect('smtp', local => '127.9.8.2');
$mta->expect('EHLO mta.example', qr/^250/);
for my $i (0 .. $#wrong) {
	my $user = $i % 3 ? "user$i\@example.com" : 'victim@example.com';
	my $say = encode_base64("\0$user\0wrong$i", '');
	syswrite $wrong[$i], $i % 2 ? "a AUTHENTICATE PLAIN $say\r\n" : "AUTH PLAIN $say\r\n";
}
my $begin = time;
syswrite $good, "a LOGIN alice\@example.com $Pillarbox::PASSWORD\r\n";
my ($answer) = lines(60, $good);
my $took = time - $begin;
my $pending = @wrong - IO::Select->new(@wrong)->can_read(0);
like($answer, qr/^a OK/, 'a good log-in among them is answered (A03)');
cmp_ok($pending, '>', 100, sprintf 'while %d of the wrong ones still wait (it took %.1f s)', $pending, $took);
$mta->expect('MAIL FROM:<s@far.example>', qr/^250/);
$mta->expect('RCPT TO:<alice@example.com>', qr/^250/);
$mta->expect('DATA', qr/^354/);
$mta->expect("Subject: x\r\n\r\nx\r\n.", qr/^250/);
$pending = @wrong - IO::Select->new(@wrong)->can_read(0);
cmp_ok($pending, '>', 50, "mail from others is taken meanwhile, with $pending to come");
is(helpers(), $helpers, 'passwords are checked by as many processes as before: none is made for a crowd');
my @answers = lines(180, @wrong);
is(scalar(grep { /^(?:-ERR|a NO) / } @answers), 500, 'all the wrong ones are refused in the end');
my ($most) = sort { $b <=> $a } $pb->log_text('abuseLog') =~ /event=login-failed .* delay=(\d+)/g;
is($most, 15000, 'and waited up to 15 seconds');
@wrong = ();

# A04: VRFY and EXPN tell nothing; unknown recipients end the session at the eleventh.
my $c = $pb->connect('smtp', local => '127.9.7.1');
$c->expect('EHLO client.example', qr/^250/);
my %said;
for my $name ('alice', map { "name$_" } 1 .. 4) {
	($said{vrfy}{ $c->command("VRFY $name\@example.com") =~ s/\Q$name\E|\d{12}//gr })++;
	($said{expn}{ $c->command("EXPN $name\@example.com") =~ s/\Q$name\E|\d{12}//gr })++;
}
is(scalar(keys %{ $said{vrfy} }), 1, 'VRFY says the same of each');
like((keys %{ $said{vrfy} })[0], qr/^252 /, 'code 252');
is(scalar(keys %{ $said{expn} }), 1, 'EXPN says the same of each');
like((keys %{ $said{expn} })[0], qr/^502 /, 'code 502');
$c->close;
# Whoever tries names is blocked long before a thousand.
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'service=smtp', 'timeFrame=60');
my $end = time + 20;
sleep 0.1 while time < $end && ($pb->ctl('block', 'list'))[0] != 0;
my ($tried, $sessions, $greeting) = (0, 0, '');
while ($tried < 1000) {
	$c = $pb->connect('smtp', local => '127.9.7.2');
	$greeting = $c->{greeting};
	last if $greeting !~ /^220/;
	$sessions++;
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect('MAIL FROM:<s@far.example>', qr/^250/);
	my $reply;
	my $asked = 0;
	do { $reply = $c->command('RCPT TO:<name' . ++$tried . '@example.com>'); $asked++ } while $reply =~ /^550 5\.1\.1/ && $tried < 1000;
	like($reply, qr/^421 4\.7\.0 Too many unknown recipients/, 'the eleventh unknown recipient ends the session (A04)') if $sessions == 1;
	is($asked, 11, 'after ten') if $sessions == 1;
	$c->close;
	sleep 0.05 if $sessions > 18;	# the end of a session is told to abuse-check when it has ended
}
cmp_ok($tried, '<', 1000, "after $sessions sessions and $tried names");
like($greeting, qr/^421 4\.7\.0 .*blocked/, 'the address is blocked');
done_testing;
