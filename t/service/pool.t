#!/usr/bin/perl
# The pre-forked pool: spares, one session a worker, the limit and its words,
# deaths of workers and of the parent, tickets, scoreboard, ending a session.
# Features: TOOL-11, TOOL-12.
use strict;
use warnings;
use Pillarbox::Skeleton;
use Test::More;
use Time::HiRes qw(sleep time);

my $sk = Pillarbox::Skeleton->new(popMaxConnections => 5)->start;
*say_line = \&Pillarbox::Skeleton::say_line;

ok(wait_until(10, sub { $sk->workers == 2 }), 'popSpareMin workers wait before the first connection');
my $c = $sk->session;
like($c->{line}, qr/^\+OK \d{12} \d+$/, 'a session has a ticket of twelve digits');
my ($code, $verb, $f) = $sk->ask('pub/ctl-pop3-serve', 'status');
is("@{ $f->{busy} } @{ $f->{max} }", '1 5', 'the parent knows that one is busy');
ok(wait_until(10, sub { $sk->workers == 3 }), 'and another spare was forked');
like(say_line($c, 'WHO'), qr/^\+OK pop3 127\.0\.0\.1 $c->{pid}$/, 'listener and address of the peer');
is(say_line($c, 'OPEN'), '+OK ' . ($> == 0 ? 'ENOENT' : 'EACCES'), 'a worker reaches no file');

($code, $verb, $f) = $sk->ask('pub/ctl-pop3-serve', 'connections');
like($f->{connection}[0], qr/^$c->{pid} pop3 127\.0\.0\.1 $c->{ticket} \d+ \d+ \d+ somebody TEST$/,
	'the scoreboard shows it');
is(say_line($c, 'QUIT'), '', 'QUIT ends it');
ok(wait_until(10, sub { !-e "/proc/$c->{pid}" }), 'and the worker, which serves one session');

my %tickets;
my @open = map { $sk->session } 1 .. 5;
$tickets{ $_->{ticket} }++ for @open;
is(keys %tickets, 5, 'no ticket twice');
my $over = $sk->session;
like($over->{line}, qr/^-ERR busy pop3 \d{12}$/, 'the sixth is told that all are busy');
is(Pillarbox::Skeleton::read_line($over->{sock}), '', 'and closed');
close((shift @open)->{sock});
ok(wait_until(10, sub { my $n = $sk->session; my $good = $n->{line} =~ /^\+OK/; close $n->{sock}; $good }),
	'when one ends there is room again');

($code, $verb) = $sk->ask('pub/ctl-pop3-serve', 'end', "pid=$open[0]{pid}");
is($verb, 'ok', 'end: asked of the parent');
is(Pillarbox::Skeleton::read_line($open[0]{sock}), '', 'the session is gone');
($code, $verb, $f) = $sk->ask('pub/ctl-pop3-serve', 'end', 'pid=1');
is("$code $verb @{ $f->{exit} }", '1 error 3', 'a pid that is no session of ours is refused');
close $_->{sock} for @open;

ok(wait_until(10, sub { my @w = $sk->workers; @w >= 2 && @w <= 4 }), 'popSpareMax holds afterwards');
my ($victim) = $sk->workers;
kill 'KILL', $victim;
ok(wait_until(10, sub { my @w = $sk->workers; !grep({ $_ == $victim } @w) && @w >= 2 }), 'a killed worker is replaced');

$c = $sk->session;
my $parent = $sk->parent;
kill 'KILL', $parent;
ok(wait_until(15, sub { $sk->state('pop3-serve') eq 'running' && $sk->parent != $parent }),
	'a killed parent is started again');
like(say_line($c, 'WHO'), qr/^\+OK pop3/, 'its session goes on');
like($sk->session->{line}, qr/^\+OK/, 'and new ones are served');
my $again = $sk->session;
ok(!$tickets{ $again->{ticket} }, 'with tickets never seen');
say_line($c, 'QUIT');
ok(wait_until(10, sub { !-e "/proc/$c->{pid}" }), 'the orphaned worker leaves after its session');

my @own = map { Pillarbox::slurp("/proc/$_/smaps_rollup") =~ /^Private_Dirty:\s+(\d+)/m ? $1 : () } $sk->workers;
note("memory of idle workers' own, in KiB: @own");
SKIP: {
	skip 'only root reads the figures of another user', 1 if !@own;
	skip 'sanitizer build', 1 if Pillarbox::slurp("$sk->{bin}/pop3-serve") =~ /__asan_init/;
	cmp_ok((sort { $a <=> $b } @own)[0], '<=', 72, 'an idle worker costs little');
}
ok($sk->stop, 'SIGTERM ends mail-master in time');
is(scalar(grep { 1 } $sk->pids), 0, 'and everything it started');
done_testing();
