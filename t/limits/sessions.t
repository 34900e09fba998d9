#!/usr/bin/perl
# Limits that only a whole program keeps: of lines, commands and log lines of
# sessions, and of connections to the owners of state.
use strict;
use warnings;
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

$SIG{PIPE} = 'IGNORE';	# who is cut off is asked on
my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Detailed', popMaxBadCommands => 0, imapMaxBadCommands => 0,
	popMaxConnections => 0 });
$pb->user('alice@example.com');
$pb->start;

# LIMIT_POP3_LINE (LIMIT_POP3_AUTH_LINE before log-in, which AUTH needs), without CR LF
my $c = $pb->connect('pop3s');
like($c->command('USER ' . 'x' x (12288 - 5)), qr/^-ERR (?!.*too long)/, 'a line at LIMIT_POP3_AUTH_LINE is read before log-in');
like($c->command('USER ' . 'x' x (12288 - 4)), qr/^-ERR .*too long/, 'over LIMIT_POP3_AUTH_LINE it is not');
# LIMIT_LOGIN_NAME
like($c->command('USER ' . 'x' x 320), qr/^\+OK/, 'a name at LIMIT_LOGIN_NAME');
like($c->command('USER ' . 'x' x 321), qr/^-ERR/, 'over LIMIT_LOGIN_NAME');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
like($c->command('NOOP' . ' ' x (512 - 4)), qr/^(?!.*too long)/, 'a line at LIMIT_POP3_LINE is read after log-in');
like($c->command('NOOP' . ' ' x (512 - 3)), qr/^-ERR .*too long/, 'over LIMIT_POP3_LINE it is not');
like($c->command('NOOP'), qr/^\+OK/, 'and the next command is the next line');

# LIMIT_POOL_WORKERS
like(ask_control($pb, 'ctl-pop3-serve', "status\n"), qr/^max=10000$/m,
	'a pool without limit has places at LIMIT_POOL_WORKERS');
is(($pb->ctl('set', 'popMaxConnections', 10000))[0], 0, 'as many may be asked for');
isnt(($pb->ctl('set', 'popMaxConnections', 10001))[0], 0, 'more would be over LIMIT_POOL_WORKERS');

# LIMIT_IMAP_LOGIN_COMMAND and LIMIT_IMAP_LOGIN_LITERAL
$c = $pb->connect('imaps');
$c->send_raw('b NOOP ' . 'x' x (34000 - 7) . "\r\n");
like($c->line, qr/^b BAD (?!.*long)/, 'a command at LIMIT_IMAP_LOGIN_COMMAND is read before log-in');
$c->send_raw('b NOOP ' . 'x' x (34001 - 7) . "\r\n");
like($c->line, qr/^\* BAD .*too long/, 'over LIMIT_IMAP_LOGIN_COMMAND it is too long');
$c = $pb->connect('imaps');
like($c->command('LOGIN {4096}'), qr/^\+/, 'a literal at LIMIT_IMAP_LOGIN_LITERAL is asked for before log-in');
$c = $pb->connect('imaps');
like($c->command('LOGIN {4097}'), qr/^a1 BAD .*larger than/, 'over LIMIT_IMAP_LOGIN_LITERAL it is not');
# LIMIT_IMAP_ID_FIELDS
like($c->command('ID (' . join(' ', map { qq("f$_" "v") } 1 .. 30) . ')'), qr/^a2 OK/m, 'ID with fields at LIMIT_IMAP_ID_FIELDS');
like($c->command('ID (' . join(' ', map { qq("f$_" "v") } 1 .. 31) . ')'), qr/^a3 BAD/m, 'and over LIMIT_IMAP_ID_FIELDS');

# LIMIT_LOG_COMMAND: a command of 511 bytes stands whole in the log, a longer one is cut
$c = $pb->connect('smtp');
$c->expect('EHLO c.example', qr/^250/);
$c->expect('NOOP a' . 'x' x (511 - 6), qr/^250/);
$c->expect('NOOP b' . 'x' x 1000, qr/^250/);
$c->expect('QUIT', qr/^221/);
ok($pb->wait_log('smtpLog', qr/cmd: QUIT/), 'the session is logged');
my ($a) = $pb->log_text('smtpLog') =~ /cmd: (NOOP ax+)/;
my ($b) = $pb->log_text('smtpLog') =~ /cmd: (NOOP bx+)/;
is(length $a, 511, 'a command at LIMIT_LOG_COMMAND, a NUL counted, is logged whole');
is(length $b, 511, 'over LIMIT_LOG_COMMAND it is cut');

# LIMIT_AUTH_PENDING: CRAM-MD5 exchanges that wait for their answer
my $s = auth_connect($pb, 'pbsmtp');
my $auth = sub { syswrite $s, "AUTH\t$_[0]\tSCRAM-SHA-256\tservice=smtp\tsecured\n"; read_line($s) };
my @answers = map { $auth->($_) } 1 .. 32;
is(scalar(grep { /^CONT/ } @answers), 32, 'log-ins at LIMIT_AUTH_PENDING are under way on one connection');
like($auth->(33), qr/^FAIL\t33\b.*\ttemp/, 'one over LIMIT_AUTH_PENDING is told to try later');
syswrite $s, "CANCEL\t1\n";
like($auth->(34), qr/^CONT\t34/, 'when one was given up there is a place');

# LIMIT_AUTH_LINE: one that is longer is no protocol of ours
$s = auth_connect($pb, 'pbsmtp');
syswrite $s, 'X' x 16384 . "\nAUTH\t1\tSCRAM-SHA-256\tservice=smtp\tsecured\n";
like(read_line($s), qr/^CONT\t1/, 'a line at LIMIT_AUTH_LINE is read');
syswrite $s, 'X' x 16384;
sleep 1;
syswrite $s, "\nAUTH\t2\tSCRAM-SHA-256\tservice=smtp\tsecured\n";
like(read_line($s), qr/^CONT\t2/, 'also when its end comes later');
syswrite $s, 'X' x 16385 . "\nAUTH\t3\tSCRAM-SHA-256\tservice=smtp\tsecured\n";
is(read_line($s), undef, 'over LIMIT_AUTH_LINE it ends the connection');

# LIMIT_AUTH_ANSWER: what auth-check hears of; a longer one is not called a log-in that failed
$c = $pb->connect('imaps');
sub authenticate { my ($n) = @_; $c->command('AUTHENTICATE PLAIN'); $c->send_raw('A' x $n . "\r\n"); return $c->reply }
like(authenticate(12288), qr/^\S+ NO \[AUTHENTICATIONFAILED\]/, 'an answer at LIMIT_AUTH_ANSWER is one');
like(authenticate(12289), qr/^\S+ BAD .*too long/, 'over LIMIT_AUTH_ANSWER it is not read');
like($c->command('AUTHENTICATE PLAIN ' . 'A' x 12288), qr/^\S+ NO \[AUTHENTICATIONFAILED\]/, 'with the command, at LIMIT_AUTH_ANSWER');
like($c->command('AUTHENTICATE PLAIN ' . 'A' x 12292), qr/^\S+ BAD .*too long/, 'and over LIMIT_AUTH_ANSWER');
like($c->command('NOOP'), qr/^\S+ OK/, 'the next command is one');

# LIMIT_SOCKETMAP
like((lookup($pb, 'rcpt ' . 'x' x (1024 - 5)))[0], qr/^PERM/, 'a question at LIMIT_SOCKETMAP is answered');
is(scalar(my @none = lookup($pb, 'rcpt ' . 'x' x (1025 - 5))), 0, 'over LIMIT_SOCKETMAP it is not');

# LIMIT_EXPANSION
for my $n (1000, 1001) {
	$pb->ctl_ok('alias', 'add', "list$n\@example.com", map { "m$_\@far.example" } 1 .. $n);
	my ($answer) = lookup($pb, "expand list$n\@example.com");
	$n == 1000 ? is(scalar(() = $answer =~ / ?remote:/g), 1000, 'an alias with targets at LIMIT_EXPANSION')
		: like($answer, qr/^PERM 550 5\.3\.5 /, 'over LIMIT_EXPANSION');
}

# LIMIT_IMAP_COMMAND
$c = $pb->connect('imaps');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
$c->command('SELECT INBOX');
my $search = sub { my ($n) = @_; my $begin = 'b SEARCH SUBJECT "'; return $begin . 'x' x ($n - length($begin) - 1) . '"' };
$c->send_raw($search->(262144) . "\r\n");
like($c->line, qr/^\* SEARCH/, 'a command at LIMIT_IMAP_COMMAND is done');
like($c->line, qr/^b OK/, 'to its end');
$c->send_raw($search->(262145) . "\r\n");
like($c->line, qr/^\* BAD .*too long/, 'over LIMIT_IMAP_COMMAND it is too long');

# LIMIT_ABUSE_RECORD
for my $more (0, 1) {
	my $a = Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/abuse", uid_of($pb, 'pbsmtp'), Socket::SOCK_SEQPACKET());
	recv $a, my $hello, 100, 0;
	my $record = "event\nservice=smtp\nip=192.0.2.9\nkind=login-failed\nuser=";
	$record .= 'u' x (2048 + $more - length($record) - 1) . "\n";
	syswrite $a, $record;
	my $reply;
	eval { local $SIG{ALRM} = sub { die }; alarm 5; recv $a, $reply, 4096, 0; alarm 0 };
	$more ? is($reply, '', 'one over LIMIT_ABUSE_RECORD ends the connection')
		: like($reply, qr/^ok\n/, 'a record at LIMIT_ABUSE_RECORD is answered');
}
done_testing();
