#!/usr/bin/perl
# The shell of mailctl on a terminal: completion of commands, settings, domains and
# users, history, and a history that keeps no password.
# Features: TOOL-05.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Fcntl;
use IO::Select;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use Pillarbox;

my ($TIOCGPTN, $TIOCSPTLCK, $TIOCSCTTY) = (0x80045430, 0x40045431, 0x540e);
my $pb = Pillarbox->new;
$pb->user('alice@example.com');

sysopen my $tty, '/dev/ptmx', O_RDWR | O_NOCTTY or plan skip_all => "no terminals here: $!";
my ($off, $number) = (pack('i', 0), pack('i', 0));
ioctl $tty, $TIOCSPTLCK, $off or die "TIOCSPTLCK: $!";
ioctl $tty, $TIOCGPTN, $number or die "TIOCGPTN: $!";
my $name = '/dev/pts/' . unpack 'i', $number;
my $pid = fork() // die "fork: $!";
if ($pid == 0) {
	POSIX::setsid();
	sysopen my $slave, $name, O_RDWR or POSIX::_exit(126);
	ioctl $slave, $TIOCSCTTY, 0;
	POSIX::dup2(fileno($slave), $_) for 0 .. 2;
	$ENV{TERM} = 'dumb';
	$ENV{INPUTRC} = '/dev/null';
	exec $pb->program('mailctl'), '-r', $pb->dir or POSIX::_exit(127);	# without a command: the shell
}
END { my $code = $?; if ($pid) { kill 'KILL', $pid; waitpid $pid, 0 } $? = $code }

my $screen = '';

# What came since the last call, up to and with what matches; fails when nothing does.
sub sees {
	my ($re, $test) = @_;
	my $end = time + 20;
	while ($screen !~ $re && time < $end && IO::Select->new($tty)->can_read($end - time)) {
		last unless sysread $tty, $screen, 4096, length $screen;
	}
	my $shown = $screen =~ /^(.*?$re)/s ? $1 : undef;
	ok(defined $shown, $test) or diag("the screen has: $screen");
	substr $screen, 0, length($shown // $screen), '';
	return $shown // '';
}

sub type { syswrite $tty, $_[0] }

sees(qr/mailctl> /, 'without a command, on a terminal, the shell begins');
type("spo\t");
sees(qr/spool /, 'TAB completes a command');
type("vi\t");
sees(qr/view /, 'and what follows it');
type("\cu");
type("st\t\t");
sees(qr/staged\s+start\s+status\s+stop/, 'twice TAB shows what may follow');
type("\cu");
type("get smtpBa\t\r");
sees(qr/smtpBanner .*\n#HostName# ESMTP Pillarbox\r\n/s, 'a setting is completed, and the line runs');
type("user list exam\t\r");
sees(qr/user list example\.com .*alice\@example\.com/s, 'so is a domain');
type("user show alice\@ex\t\r");
sees(qr/user show alice\@example\.com .*\npasswordHash/s, 'and the domain of an address');
type("\cp\cp\cp\r");
sees(qr/#HostName# ESMTP Pillarbox\r\n/, 'lines from before come back');
type("user passwd alice\@example.com --password Hidden-word-7\r");
sees(qr/staged; commit writes it.*mailctl\*> /s, 'an edit is kept, and the prompt says so');
type("\cp\r");
my $again = sees(qr/#HostName# ESMTP Pillarbox\r\n/, 'the line before it comes back');
unlike($again, qr/Hidden-word-7/, 'one with a password does not');
type("revert\rquit\r");
my $ended = 0;
my $end = time + 20;
while (time < $end && !$ended) {
	$ended = waitpid($pid, POSIX::WNOHANG()) == $pid;
	sysread $tty, $screen, 4096, length $screen if !$ended && IO::Select->new($tty)->can_read(0.1);
}
is($ended ? $? : 'runs', 0, 'quit ends it');
$pid = 0 if $ended;
done_testing;
