#!/usr/bin/perl
# abuse-check is away: mail flows, sessions that miss it say so, and when it is back it
# counts and blocks again.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Socket qw(SOCK_SEQPACKET);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Auth;

if (!$ENV{PB_ABSENT_RAISED}) {	# the crowd at the end needs descriptors
	$ENV{PB_ABSENT_RAISED} = 1;
	exec 'sh', '-c', 'ulimit -n 4096 2>/dev/null; exec "$0" "$@"', $^X, map({ "-I$_" } @INC), $0;
}

my $pb = Pillarbox->new(settings => { smtpMaxConnectionsPerIp => 0 });
$pb->user('alice@example.com');
$pb->ctl_ok('abuse', 'add', 'kind=dos', 'service=pop', 'connections=3', 'blockMinutes=60');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.1', 'pop=True');
$pb->start;
$pb->connect('pop3', local => '127.10.0.1')->close for 1 .. 3;
my $end = time + 10;
my $g;
do { my $c = $pb->connect('pop3', local => '127.10.0.1'); $g = $c->{greeting}; $c->close } while $g !~ /^-ERR/ && time < $end;
like($g, qr/^-ERR .*blocked/, 'an address is blocked');

# In the middle of sessions.
my %open = map { $_ => $pb->connect($_, local => '127.10.1.1') } qw(smtps pop3s imaps);
$open{smtps}->expect('EHLO client.example', qr/^250/);
# A home that others could write to: abuse-check ends at once, however often it is started.
chmod 0777, "$pb->{dir}/state/abuse-check" or die;
kill 'KILL', $pb->pids_of('abuse-check');
my ($ticket) = $open{smtps}->command('FOO') =~ /(\d{12})/;
$open{smtps}->login('alice@example.com', $Pillarbox::PASSWORD);
$open{smtps}->expect('MAIL FROM:<alice@example.com>', qr/^250/);
$open{smtps}->expect('RCPT TO:<alice@example.com>', qr/^250/);
$open{smtps}->expect('DATA', qr/^354/);
like($open{smtps}->command("From: alice\@example.com\r\n\r\nx\r\n."), qr/^250/, 'SMTP goes on in mid-session');
$open{smtps}->command('QUIT');
ok($pb->wait_log('smtpLog', qr/\[127\.10\.1\.1\]\[$ticket\] event=owner-lost owner=abuse/), 'and the log says what it missed');
$open{pop3s}->login('alice@example.com', $Pillarbox::PASSWORD);
like($open{pop3s}->command('STAT'), qr/^\+OK/, 'POP3 too');
$open{pop3s}->command('QUIT');
ok($pb->wait_log('popLog', qr/\[127\.10\.1\.1\].*event=owner-lost owner=abuse/), 'with its line');
like($open{imaps}->command('LOGIN alice@example.com wrong'), qr/^a1 NO/m, 'IMAP answers a wrong password');
like($open{imaps}->command("LOGIN alice\@example.com $Pillarbox::PASSWORD"), qr/^a2 OK/m, 'and a good one');
$open{imaps}->command('LOGOUT');
ok($pb->wait_log('imapLog', qr/\[127\.10\.1\.1\].*event=owner-lost owner=abuse/), 'with its line');

# New sessions.
for my $service (qw(smtp pop3 imap)) {
	for (1 .. 5) {
		my $c = $pb->connect($service, local => '127.10.2.1');
		like($c->{greeting}, qr/^(?:220|\+OK|\* OK)/, "$service: a session without abuse-check");
		$c->close;
	}
}
like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com'), qr/^250/, 'mail flows');

# When so many wait for it that the socket takes no more, workers start all the same.
my (@crowd, $s);
my $uid = uid_of($pb, 'pbmail');
while (@crowd < 1500) {
	local $> = $uid if $uid != $>;
	socket $s, Socket::AF_UNIX(), SOCK_SEQPACKET | Socket::SOCK_NONBLOCK(), 0 or last;
	connect $s, Socket::pack_sockaddr_un("$pb->{dir}/run/pub/abuse") or last;
	push @crowd, $s;
	undef $s;
}
cmp_ok(scalar(@crowd), '<', 1500, 'its socket is full');
for my $i (1 .. 12) {
	my $c = $pb->connect('imap', local => '127.10.2.2');
	$c->close;
}
ok($pb->wait_log('imapLog', qr/event=owner-missing name=abuse error=EAGAIN/), 'a worker that cannot reach it logs that');
$pb->send_mail(from => 'alice@example.com', to => 'alice@example.com') for 1 .. 3;
my $c = $pb->connect('imaps', local => '127.10.2.2');
like($c->command("LOGIN alice\@example.com $Pillarbox::PASSWORD"), qr/^a1 OK/m, 'and serves');
$c->close;
@crowd = ();

# It comes back.
chmod 0700, "$pb->{dir}/state/abuse-check" or die;
$end = time + 90;
sleep 0.1 while time < $end && ($pb->ctl('block', 'list'))[0] != 0;
like($pb->ctl_ok('block', 'list', '--tsv'), qr/^127\.10\.0\.1\tpop3\t/m, 'back, it knows its blocks');
$end = time + 20;
do { $c = $pb->connect('pop3', local => '127.10.0.1'); $g = $c->{greeting}; $c->close } while $g !~ /^-ERR/ && time < $end;
like($g, qr/^-ERR .*blocked/, 'they hold again');
$end = time + 20;
do { $c = $pb->connect('pop3', local => '127.10.0.2'); $g = $c->{greeting}; $c->close } while $g !~ /^-ERR/ && time < $end;
like($g, qr/^-ERR .*blocked/, 'and it counts again');
done_testing;
