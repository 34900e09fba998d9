#!/usr/bin/perl
# Many sessions of milters at a time, each in a thread of greylist-check, while
# settings are read again, records deleted, users expected and lists printed:
# every recipient gets the right answer, every record is there, and it is the
# same process at the end.
# Features: GREY-02, GREY-15, GREY-17.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Pillarbox;
use Pillarbox::Auth;
use POSIX ();
use Test::More;

my ($SESSIONS, $MESSAGES) = (20, 15);
my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True', 'greylisting/blockPeriod' => 600 });
$pb->user($_) for 'alice@example.com', 'bob@example.com', 'carol@example.com';
$pb->ctl_ok('user', 'edit', 'bob@example.com', 'disableGreylisting=True');
$pb->start;
my @pid = $pb->pids_of('greylist-check');

# -- one session, in a process of its own ---------------------------------------

my $socket;
sub put { my ($command, $data) = @_; my $p = pack('N a a*', 1 + length $data, $command, $data); syswrite($socket, $p) == length $p or die "write: $!\n" }

sub take_bytes {
	my ($n) = @_;
	my $all = '';
	while (length $all < $n) {
		sysread($socket, $all, $n - length $all, length $all) or die "the connection ended\n";
	}
	return $all;
}

sub ask {
	put(@_);
	my ($n, $command) = unpack 'N a', take_bytes(5);
	my $data = $n > 1 ? take_bytes($n - 1) : '';
	return $command eq 'y' ? $data : $command;
}

# What was wrong with the answers of session $i; '' when nothing was.
sub session {
	my ($i) = @_;
	local $SIG{ALRM} = sub { die "no answer\n" };
	alarm 120;
	$socket = Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/greylist") or die "connect: $!\n";
	ask('O', pack 'NNN', 6, 0x1ff, 0x1fffff);
	my $got = ask('C', "host\0" . '4' . pack('n', 1234) . "198.51.100.$i\0");
	return "connect: $got" if $got ne 'c';
	for my $m (1 .. $MESSAGES) {
		return "sender: $got" if ($got = ask('M', "<s$i.$m\@far.example>\0")) ne 'c';
		for (1, 2) {
			$got = ask('R', "<alice\@example.com>\0");
			return "alice, message $m: $got" if $got !~ /^451 4\.7\.1 Greylisted/;
		}
		$got = ask('R', "<bob\@example.com>\0");
		return "bob, message $m: $got" if $got ne 'c';
		$got = ask('R', "<carol\@example.com>\0");	# perhaps expected now
		return "carol, message $m: $got" if $got !~ /^451 4\.7\.1 Greylisted/ && $got ne 'c';
		$got = ask('R', "<nobody$i.$m\@elsewhere.example>\0");
		return "elsewhere, message $m: $got" if $got !~ /^(?:c$|451 4\.7\.1 Greylisted)/;
		put('A', '');
	}
	put('Q', '');
	return '';
}

# The victims are deleted over and over: whatever the moment, they wait.
my %child;
for my $i (1 .. $SESSIONS) {
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		my $wrong = eval { session($i) } // $@;
		Pillarbox::spew("$pb->{top}/session.$i", $wrong eq '' ? 'good' : $wrong);
		POSIX::_exit(0);
	}
	$child{$pid} = 1;
}
my $rounds = 0;
my @wrong;
while (%child) {
	my $round = ++$rounds;
	for my $do ([ 'reload' ], [ 'expect', 'carol@example.com', '--for', '15m' ], [ 'greylist', 'delete', "198.51.100.$round", "s$round.1\@far.example", 'alice@example.com' ],
	    [ 'greylist', 'list', '--tsv' ], [ 'greylist', 'stats', '--tsv' ], [ 'greylist', 'why', '198.51.100.1', 's1.1@far.example', 'alice@example.com' ],
	    [ 'expect', 'carol@example.com', '--end' ]) {
		my ($rc, $out, $err) = $pb->ctl(@$do);
		push @wrong, "@$do: exit $rc $err" if $rc != 0 && !($do->[1] && $do->[1] eq 'delete' && $rc == 3);
	}
	while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) { delete $child{$pid} }
}
cmp_ok($rounds, '>', 0, 'the administrator was busy meanwhile');
is(join("\n", @wrong), '', 'and each of his commands was carried out');
is(Pillarbox::slurp("$pb->{top}/session.$_"), 'good', "session $_: every answer was right") for 1 .. $SESSIONS;
is(join(' ', $pb->pids_of('greylist-check')), "@pid", 'it is the same process');

# What must be there: each sender but those deleted, waiting for alice.
my %there = map { $_ => 1 } $pb->ctl_ok('greylist', 'list', '--tsv', '--recipient', 'alice@example.com', '--max', '10000') =~ /<(s\d+\.\d+)\@far\.example>/g;
my @missing;
for my $i (1 .. $SESSIONS) {
	for my $m (1 .. $MESSAGES) {
		push @missing, "s$i.$m" if !$there{"s$i.$m"} && !($m == 1 && $i <= $rounds);
	}
}
is("@missing", '', 'no record was lost');
done_testing();
