#!/usr/bin/perl
# Limits that only a whole program keeps: of lines, commands and log lines of
# sessions, and of connections to the owners of state.
use strict;
use warnings;
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Detailed', popMaxBadCommands => 0, imapMaxBadCommands => 0,
	popMaxConnections => 100000 });
$pb->user('alice@example.com');
$pb->start;

# LIMIT_POP3_LINE (LIMIT_POP3_AUTH_LINE before log-in, which AUTH needs), without CR LF
my $c = $pb->connect('pop3s');
like($c->command('USER ' . 'x' x (12288 - 5)), qr/^-ERR (?!.*too long)/, 'a line of LIMIT_POP3_AUTH_LINE is read before log-in');
like($c->command('USER ' . 'x' x (12288 - 4)), qr/^-ERR .*too long/, 'one byte more is not');
# LIMIT_LOGIN_NAME
like($c->command('USER ' . 'x' x 320), qr/^\+OK/, 'a name as long as LIMIT_LOGIN_NAME');
like($c->command('USER ' . 'x' x 321), qr/^-ERR/, 'a longer one is none');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
like($c->command('NOOP' . ' ' x (512 - 4)), qr/^(?!.*too long)/, 'a line of LIMIT_POP3_LINE is read after log-in');
like($c->command('NOOP' . ' ' x (512 - 3)), qr/^-ERR .*too long/, 'one byte more is not');
like($c->command('NOOP'), qr/^\+OK/, 'and the next command is the next line');

# LIMIT_POOL_WORKERS
like(ask_control($pb, 'ctl-pop3-serve', "status\n"), qr/^max=10000$/m,
	'a pool without limit has LIMIT_POOL_WORKERS places');

# LIMIT_IMAP_LOGIN_COMMAND and LIMIT_IMAP_LOGIN_LITERAL
$c = $pb->connect('imaps');
like($c->command('NOOP ' . 'x' x (33000)), qr/^a1 BAD(?!.*long)/, 'a long command within LIMIT_IMAP_LOGIN_COMMAND is read');
$c->send_raw('b NOOP ' . 'x' x 34000 . "\r\n");
like($c->line, qr/^(?:b|\*) (?:BAD|BYE)/, 'one over it is refused');
$c = $pb->connect('imaps');
like($c->command('LOGIN {4096}'), qr/^\+/, 'a literal of LIMIT_IMAP_LOGIN_LITERAL is asked for before log-in');
$c = $pb->connect('imaps');
like($c->command('LOGIN {4097}'), qr/^a1 (?:NO|BAD)/, 'a larger one is not');
# LIMIT_IMAP_ID_FIELDS
like($c->command('ID (' . join(' ', map { qq("f$_" "v") } 1 .. 30) . ')'), qr/^a2 OK/m, 'ID with LIMIT_IMAP_ID_FIELDS fields');
like($c->command('ID (' . join(' ', map { qq("f$_" "v") } 1 .. 31) . ')'), qr/^a3 BAD/m, 'and with one more');

# LIMIT_LOG_COMMAND: a command of 511 bytes stands whole in the log, a longer one is cut
$c = $pb->connect('smtp');
$c->expect('EHLO c.example', qr/^250/);
$c->expect('NOOP a' . 'x' x (511 - 6), qr/^250/);
$c->expect('NOOP b' . 'x' x 1000, qr/^250/);
$c->expect('QUIT', qr/^221/);
ok($pb->wait_log('smtpLog', qr/cmd: QUIT/), 'the session is logged');
my ($a) = $pb->log_text('smtpLog') =~ /cmd: (NOOP ax+)/;
my ($b) = $pb->log_text('smtpLog') =~ /cmd: (NOOP bx+)/;
is(length $a, 511, 'a command as long as LIMIT_LOG_COMMAND allows is logged whole');
is(length $b, 511, 'a longer one is cut');

# LIMIT_AUTH_PENDING: CRAM-MD5 exchanges that wait for their answer
my $s = auth_connect($pb, 'pbsmtp');
my $auth = sub { syswrite $s, "AUTH\t$_[0]\tSCRAM-SHA-256\tservice=smtp\tsecured\n"; read_line($s) };
my @answers = map { $auth->($_) } 1 .. 32;
is(scalar(grep { /^CONT/ } @answers), 32, 'LIMIT_AUTH_PENDING log-ins are under way on one connection');
like($auth->(33), qr/^FAIL\t33\b.*\ttemp/, 'one more is told to try later');
syswrite $s, "CANCEL\t1\n";
like($auth->(34), qr/^CONT\t34/, 'when one was given up there is a place');

# LIMIT_AUTH_LINE: one that is longer is no protocol of ours
$s = auth_connect($pb, 'pbsmtp');
syswrite $s, 'X' . "\tx" x 4000 . "\nAUTH\t1\tSCRAM-SHA-256\tservice=smtp\tsecured\n";
like(read_line($s), qr/^CONT\t1/, 'a line within LIMIT_AUTH_LINE is read');
syswrite $s, 'X' . "\tx" x 4200 . "\nAUTH\t2\tSCRAM-SHA-256\tservice=smtp\tsecured\n";
is(read_line($s), undef, 'a longer one ends the connection');

# LIMIT_SOCKETMAP
like((lookup($pb, 'rcpt ' . 'x' x (1024 - 5)))[0], qr/^PERM/, 'a question of LIMIT_SOCKETMAP bytes is answered');
is(scalar(my @none = lookup($pb, 'rcpt ' . 'x' x (1025 - 5))), 0, 'a longer one is not');

# LIMIT_EXPANSION
for my $n (1000, 1001) {
	$pb->ctl_ok('alias', 'add', "list$n\@example.com", map { "m$_\@far.example" } 1 .. $n);
	my ($answer) = lookup($pb, "expand list$n\@example.com");
	$n == 1000 ? is(scalar(() = $answer =~ / ?remote:/g), 1000, 'an alias may have LIMIT_EXPANSION targets')
		: like($answer, qr/^PERM 55\d 5\./, 'with one more it is refused');
}

# LIMIT_IMAP_COMMAND
$c = $pb->connect('imaps');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
$c->send_raw('b SEARCH SUBJECT "' . 'x' x 262200 . "\"\r\n");
like($c->line, qr/^(?:b|\*) (?:BAD|BYE)/, 'a command over LIMIT_IMAP_COMMAND is refused');

# LIMIT_ABUSE_RECORD
for my $more (0, 1) {
	my $a = Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/abuse", uid_of($pb, 'pbsmtp'), Socket::SOCK_SEQPACKET());
	recv $a, my $hello, 100, 0;
	my $record = "event\nservice=smtp\nip=192.0.2.9\nkind=login-failed\nuser=";
	$record .= 'u' x (2048 + $more - length($record) - 1) . "\n";
	syswrite $a, $record;
	my $reply;
	eval { local $SIG{ALRM} = sub { die }; alarm 5; recv $a, $reply, 4096, 0; alarm 0 };
	$more ? is($reply, '', 'a longer one ends the connection')
		: like($reply, qr/^ok\n/, 'a record of LIMIT_ABUSE_RECORD bytes is answered');
}
done_testing();
