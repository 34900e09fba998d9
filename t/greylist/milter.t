#!/usr/bin/perl
# greylist-check spoken to as a milter, by a server that does not keep within bounds.
# Features: GREY-07, GREY-08, GREY-11, BYP-02, BYP-04, BYP-05.
# LIMIT_GREYLIST_RECIPIENTS, LIMIT_GREYLIST_HOPS.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Socket;
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True', 'greylisting/blockPeriod' => 0 });
$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->ctl_ok('set', '--add', 'ipBypasses/entry', 'ipFrom=127.0.0.60', 'ipTo=127.0.0.69');
$pb->ctl_ok('set', '--add', 'ipBypasses/entry', 'ip=192.0.2.25', 'bypassGreylisting=False');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.61', 'smtp=True');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=203.0.113.77', 'greylisting=True');
$pb->start;

my $socket;
sub put { my ($command, $data) = @_; my $p = pack('N a a*', 1 + length $data, $command, $data); print {$socket} $p or die "write: $!" }
sub take {
	my $head = take_bytes(5);
	my ($n, $command) = unpack 'N a', $head;
	return [ $command, $n > 1 ? take_bytes($n - 1) : '' ];
}
sub take_bytes {
	my ($n) = @_;
	my $all = '';
	local $SIG{ALRM} = sub { die "no answer\n" };
	alarm 30;
	while (length $all < $n) {
		my $got = sysread $socket, my $piece, $n - length $all;
		die "connection ended\n" unless $got;
		$all .= $piece;
	}
	alarm 0;
	return $all;
}
sub ask { put(@_); return take() }
my $steps;
sub session {
	my ($ip) = @_;
	$socket = Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/greylist") or die "connect: $!";
	$socket->autoflush(1);
	$steps = unpack 'x4 x4 N', ask('O', pack 'NNN', 6, 0x1ff, 0x1fffff)->[1];
	is(ask('C', "host\0" . '4' . pack('n', 1234) . "$ip\0")->[0], 'c', "a client from $ip");
	ask('H', "client.example\0") unless $steps & 2;
}
sub sender { return ask('M', "<$_[0]>\0") }
sub recipient { my $r = ask('R', "<$_[0]>\0"); return $r->[0] eq 'y' ? $r->[1] : $r->[0] }
sub header { my ($name, $value) = @_; return ask('L', "$name\0$value\0")->[0] }
sub end_of_header { my $r = ask('N', ''); return $r->[0] eq 'y' ? $r->[1] : $r->[0] }
sub hop { my ($ip, $by) = @_; return header('Received', "from x (x [$ip])\n\tby " . ($by // 'gw.example.com') . ' with ESMTP id 1; date') }
sub ended { return ask('E', '')->[0] }
sub quit { put('Q', ''); close $socket }
my $later = qr/^451 4\.7\.1 Greylisted/;
$pb->set('greylisting/blockPeriod' => 10);

# The originating server behind gateways.
sub through_gateway {
	my ($from, @hops) = @_;
	sender($from);
	my $r = recipient('alice@example.com');
	ask('T', '');
	hop(@$_) for @hops;
	header('Subject', 'x');
	my $end = end_of_header();
	$end = ended() if $end eq 'c';
	put('A', '');
	return ($r, $end);
}
session('127.0.0.60');
my @r = through_gateway('one@far.example', [ '127.0.0.62' ], [ '127.0.0.1' ], [ '192.0.2.25' ], [ '203.0.113.9' ], [ '198.51.100.1' ]);
is($r[0], 'c', 'a gateway is not answered at RCPT');
like($r[1], $later, 'but at the end of the headers (BYP-05)');
like($pb->ctl_ok('greylist', 'list', '--tsv'), qr{\t203\.0\.113\.0/24\t<one\@far\.example> <alice\@example\.com>},
	'by the first address that is no gateway\'s, its own loopback passed over (BYP-02)');
@r = through_gateway('two@far.example', [ '203.0.113.77' ]);
is($r[1], 'c', 'an originating server that is whitelisted passes (GREY-08)');
@r = through_gateway('three@far.example', [ '127.0.0.62' ]);
is($r[1], 'c', 'mail that began at a gateway passes');
@r = through_gateway('four@far.example', (map { [ '127.0.0.62' ] } 1 .. 99), [ '203.0.113.9' ]);
like($r[1], $later, 'hops at LIMIT_GREYLIST_HOPS are read');
@r = through_gateway('five@far.example', (map { [ '127.0.0.62' ] } 1 .. 100), [ '203.0.113.9' ]);
is($r[1], 'c', 'one over LIMIT_GREYLIST_HOPS is not');
quit();
session('127.0.0.61');
like((through_gateway('six@far.example', [ '203.0.113.9' ]))[1], $later, 'a whitelisted gateway is a gateway all the same (BYP-04)');
quit();
session('192.0.2.25');
sender('seven@far.example');
like(recipient('alice@example.com'), $later, 'one with bypassGreylisting off is judged itself');
quit();

# Where the server says that a recipient goes (GREY-07): as macros of RCPT.
sub mailer {
	my ($mailer, $to) = @_;
	put('D', "R{rcpt_mailer}\0$mailer\0");
	return recipient($to);
}
session('198.51.100.5');
sender('mx@far.example');
is(mailer('backup', 'x@primary.example'), 'c', 'a recipient for whom we are backup MX');
is(mailer('smtp', 'x@elsewhere.example'), 'c', 'one for whom mail leaves this site');
like(mailer('relay', 'x@inside.example'), $later, 'one behind us waits');
like(mailer('local', 'alice@example.com'), $later, 'and so does one of ours');
put('A', '');
$pb->ctl_ok('set', 'greylisting/smartHosts', 'True');
sender('mx@far.example');
like(mailer('backup', 'x@primary.example'), $later, 'the first too, when the setting says so');
quit();

# More recipients than are remembered.
session('203.0.113.77');
sender('many@far.example');
my $good = 0;
$good += recipient("x$_\@example.com") eq 'c' for 1 .. 999;
$good += recipient('alice@example.com') eq 'c';
$good += recipient('bob@example.com') eq 'c';
is($good, 1001, 'any number of recipients is judged');
ask('T', '');
end_of_header();
is(ended(), 'c', 'and the message taken');
my $known = $pb->ctl_ok('greylist', 'list', '--state', 'known', '--sender', 'many@far.example', '--tsv');
like($known, qr/^received-from\t.*<alice\@example\.com>$/m, 'those at LIMIT_GREYLIST_RECIPIENTS are learned from (GREY-11)');
unlike($known, qr/bob/, 'one over LIMIT_GREYLIST_RECIPIENTS is not');
unlike($known, qr/x1\@/, 'nor are users that do not exist');
quit();

# Who gives up halfway teaches nothing.
session('203.0.113.77');
sender('half@far.example');
recipient('alice@example.com');
ask('T', '');
put('A', '');
quit();
like($pb->ctl_ok('greylist', 'list', '--sender', 'half@far.example', '--tsv'), qr/\A[^\n]*\n\z/, 'a message that was not ended teaches nothing');
like($pb->ctl_ok('greylist', 'stats', '--tsv'), qr/^\d/m, 'greylist-check is there');
done_testing;
