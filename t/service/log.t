#!/usr/bin/perl
# event-log: kinds, forged and malformed lines, a full disk.
# Features: LOG-06.
use strict;
use warnings;
use Pillarbox::Skeleton;
use POSIX ();
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);

my $sk = Pillarbox::Skeleton->new(popMaxConnections => 60)->start;
chdir "$sk->{dir}/run/pub" or die;
socket(my $log, AF_UNIX, SOCK_DGRAM, 0) or die;
connect($log, pack_sockaddr_un('log')) or die;
sub line { my ($kind, @lines) = @_; send($log, "log kind=$kind program=test lost=0\n" . join('', map { "$_\n" } @lines), 0) }

line('popLog', '12:00:00.000 [192.0.2.1][000000000001] event=good');
ok(wait_until(5, sub { $sk->log_text('popLog') =~ /event=good$/m }), 'a line arrives');
line('popLog', "12:00:00.000 [192.0.2.1][000000000001] a\rb\x1b[2J\x80\xff", 'not a line at all', '',
	'12:00:00.000 [a][b] event=last');
ok(wait_until(5, sub { $sk->log_text('popLog') =~ /event=last$/m }), 'several lines in one datagram');
like($sk->log_text('popLog'), qr/ a\\x0db\\x1b\[2J\\x80\\xff$/m, 'bytes that are no text are escaped again');
unlike($sk->log_text('popLog'), qr/not a line/, 'a line without time and session is not written there');
ok(wait_until(5, sub { $sk->log_text('administrative') =~ /event=malformed-line program=test text="not a line at all"/ }),
	'but told in the administrative log');
line('nothing', '12:00:00.000 [a][b] x');
send($log, "no head\n", 0);
ok(wait_until(5, sub { (() = $sk->log_text('administrative') =~ /event=log-refused/g) == 2 }),
	'an unknown kind and a datagram without head are refused');
send($log, "log kind=popLog program=test lost=17\n12:00:00.000 [a][b] event=after\n", 0);
ok(wait_until(5, sub { $sk->log_text('popLog') =~ /event=log-lost program=test lines=17\n.*event=after/ }),
	'lines that a program lost are told');

# event-log stands still: workers end all the same, and what they could not tell is counted by their parent.
my $still = ($sk->unit('event-log'))[1];
my @sessions = map { $sk->session } 1 .. 40;
kill 'STOP', $still;
syswrite $_->{sock}, "LOG\r\nQUIT\r\n" for @sessions;
ok(wait_until(30, sub { !grep { -e "/proc/$_->{pid}" } @sessions }), 'a worker ends although event-log does not read');
kill 'CONT', $still;
sub told { my ($text, $lost) = ($sk->log_text('popLog'), 0); $lost += $1 while $text =~ /event=log-lost program=pop3-serve lines=(\d+)/g; return (scalar(() = $text =~ /event=test /g), $lost) }
ok(wait_until(20, sub { my ($there, $lost) = told(); $lost > 0 && $there + $lost == @sessions }),
	'each of its lines is in the log or counted as lost') or diag(join ' ', told());

# A crowd that ends at once loses no line.
my ($there, $lost) = told();
@sessions = map { $sk->session } 1 .. 40;
kill 'STOP', $still;
my $begin = time;
syswrite $_->{sock}, "LOG\r\nQUIT\r\n" for @sessions;
sleep 0.3;
kill 'CONT', $still;
SKIP: {
	skip 'this machine is too slow: workers waited a second', 1 if time - $begin > 0.6;
	ok(wait_until(20, sub { (told())[0] == $there + 40 }), 'who waits for a busy event-log is heard, and nothing is lost')
		or diag("before $there+$lost, now ", join '+', told());
}

SKIP: {
	skip 'a full disk needs root', 4 if $> != 0;
	my $pid = ($sk->unit('event-log'))[1];
	my ($file) = glob("$sk->{dir}/log/*-popLog.log");
	my $size = -s $file;
	my ($uid, $gid) = (stat $file)[4, 5];
	my @as = ('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', 'prlimit', '--pid', $pid);
	skip 'no prlimit', 4 if system(@as, '--fsize=' . ($size + 100) . ':') != 0;
	line('popLog', map { sprintf '12:00:00.000 [a][b] event=full number=%05d %s', $_, 'x' x 100 } 1 .. 300) for 1 .. 60;
	sleep 1;
	is(($sk->unit('event-log'))[1], $pid, 'event-log survives a file that cannot grow');
	like($sk->session->{line}, qr/^\+OK/, 'sessions go on');
	system(@as, '--fsize=unlimited');
	ok(wait_until(10, sub { $sk->log_text('popLog') =~ /event=log-lost program=event-log lines=\d+/ }),
		'lines that did not fit are counted');
	is(scalar(grep { !/^\d\d:\d\d:\d\d\.\d{3} \[.*\]\[.*\] / } split /\n/, $sk->log_text('popLog')), 0,
		'and the file has whole lines only');
}
chdir '/';
done_testing();
