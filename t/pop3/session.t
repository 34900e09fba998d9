#!/usr/bin/perl
# POP3: greeting, states, log-in, CAPA, limits (cases I15, I16, I18).
# Features: SVC-09, POP-01, POP-03.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64 qw(encode_base64);
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { popMaxBadCommands => 5, popLogLevel => 'Detailed' });
$pb->user('alice@example.com');
$pb->start;
my $P = $Pillarbox::PASSWORD;

my $c = $pb->connect('pop3');
like($c->{greeting}, qr/^\+OK mail\.test\.example /, 'greeting with the host name');
my ($status, @capa) = $c->lines_command('CAPA');
for my $want (qw(TOP UIDL RESP-CODES AUTH-RESP-CODE PIPELINING STLS USER)) {
	ok((grep { $_ eq $want } @capa), "CAPA offers $want");
}
like(join(' ', @capa), qr/SASL .*PLAIN/, 'and SASL with PLAIN on loopback');
unlike($c->{greeting}, qr/<.*>/, 'APOP is not offered');
like($c->command('APOP alice 0123'), qr/^-ERR .*\(\d{12}\)$/, 'nor served; the ticket ends the line');
$c->close;

$pb->transcript('pop3', <<'END', 'what a state does not allow');
S: +OK
C: STAT
S: -ERR
C: RETR 1
S: -ERR
C: PASS x
S: -ERR
C: QUIT
S: +OK
END
$pb->transcript('pop3', <<"END", 'USER and PASS');
S: +OK
C: USER alice\@example.com
S: +OK
C: PASS $P
S: +OK 0 messages
C: USER alice\@example.com
S: -ERR
C: STLS
S: -ERR
C: AUTH PLAIN
S: -ERR
C: NOOP
S: +OK
C: STAT
S: +OK 0 0
C: RETR 0
S: -ERR
C: QUIT
S: +OK
END
my $plain = encode_base64("\0alice\@example.com\0$P", '');
$pb->transcript('pop3', <<"END", 'AUTH with an initial response', ways => ['lines', 'bytes']);
S: +OK
C: AUTH PLAIN $plain
S: +OK 0 messages
C: QUIT
S: +OK
END
$pb->transcript('pop3', <<"END", 'AUTH with a challenge', ways => ['lines']);
S: +OK
C: AUTH PLAIN
S: + 
C: *
S: -ERR
C: AUTH PLAIN
S: + 
C: $plain
S: +OK 0 messages
C: QUIT
S: +OK
END

my $host = 1;		# each from another address, or abuse-check slows the answers
for my $user ('alice@example.com', 'nobody@example.com', '../alice@example.com', '%u', '*', "'", 'alice@example.com.', 'x' x 250) {
	my $l = $pb->connect('pop3', local => '127.0.0.' . ++$host);
	$l->command("USER $user");
	like($l->command('PASS wrong'), qr/^-ERR \[AUTH\] The user name or the password is wrong/, 'I18 refused: ' . substr $user, 0, 30);
	$l->close;
}
like($pb->connect('pop3', local => '127.0.1.1')->command('AUTH PLAIN ' . encode_base64("root-admin\0alice\@example.com\0$P", '')),
	qr/^-ERR/, 'I18 another authorization identity is refused');

my $bad = $pb->connect('pop3');
like($bad->command('NONSENSE'), qr/^-ERR/, 'a bad command') for 1 .. 4;
like($bad->command('NONSENSE'), qr/^-ERR Too many bad commands/, 'the fifth ends the connection');
ok($bad->at_end, 'and it is closed');

my $long = $pb->connect('pop3');
$long->send_raw('USER ' . 'x' x 20000 . "\r\n");
like($long->line, qr/^-ERR The line is too long/, 'LIMIT_POP3_AUTH_LINE holds');
like($long->command("NOOP\0"), qr/^-ERR/, 'a NUL is refused');
$long->send_raw("CAPA\n");
like($long->line, qr/^-ERR A line ends with CR LF/, 'a bare LF is refused');
$long->close;

# I16: STLS, and what was sent ahead of it
my $tls = $pb->connect('pop3');
like($tls->command('STLS'), qr/^\+OK/, 'STLS');
$tls->start_tls;
($status, @capa) = $tls->lines_command('CAPA');
ok(!(grep { $_ eq 'STLS' } @capa), 'STLS is not offered again');
$tls->login('alice@example.com', $P);
like($tls->command('STAT'), qr/^\+OK 0 0/, 'a session over TLS');
$tls->close;
my $ahead = $pb->connect('pop3');
$ahead->send_raw("STLS\r\nUSER alice\@example.com\r\nPASS $P\r\n");
like($ahead->line, qr/^-ERR Commands were sent ahead/, 'I16 commands ahead of TLS end the connection');
ok($ahead->at_end, 'without being read');
my $s = $pb->connect('pop3s');
$s->login('alice@example.com', $P);
like($s->command('QUIT'), qr/^\+OK/, 'the port with TLS from the start');

$pb->set(plaintextAuth => 'never');
$pb->ctl_ok('reload');
my $never;
for (1 .. 50) {
	$never = $pb->connect('pop3');
	last if $never->command('USER alice@example.com') =~ /^-ERR/;
	$never->close;
	select undef, undef, undef, 0.1;
}
like($never->command('USER alice@example.com'), qr/^-ERR \[AUTH\] Begin TLS/, 'plaintextAuth=never refuses USER');
($status, @capa) = $never->lines_command('CAPA');
ok(!(grep { $_ eq 'USER' } @capa), 'and does not offer it');
like($never->command("AUTH PLAIN $plain"), qr/^-ERR/, 'nor AUTH PLAIN');
ok($pb->wait_log('popLog', qr/event=login user=alice\@example\.com/), 'log-ins are logged')
	or diag($pb->log_text('popLog'));
ok($pb->wait_log('popLog', qr/\[127\.0\.0\.1\]\[(\d{12})\] event=connect at=127\.0\.0\.1:@{[ $pb->port('pop3') ]} listener=pop3\n(?:.*\n)*.*\[\1\] event=login /),
	'and so is where who logs in connected');
# In clear and by TLS, logged in or not: the end of a session is within its rights.
ok($pb->wait_log('popLog', qr/event=end user=alice\@example\.com /), 'the end of a session is logged');
unlike($pb->log_text, qr/event=worker-killed/, 'no worker was ended by its sandbox');
unlike($pb->log_text, qr/\Q$P\E/, 'no password is in any log');
done_testing;
