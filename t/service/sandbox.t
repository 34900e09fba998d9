#!/usr/bin/perl
# TOOL-12: sandboxBreach says what a forbidden system call does to a process: it ends, or
# the call fails and all goes on.  In neither case is the call made.
use strict;
use warnings;
use Pillarbox::Skeleton;
use Test::More;

*say_line = \&Pillarbox::Skeleton::say_line;
for my $breach (undef, 'kill', 'refuse') {
	my $sk = Pillarbox::Skeleton->new(defined $breach ? (sandboxBreach => $breach) : ());
	my $name = $breach // 'not set';
	$sk->start;
	my $other = $sk->session;
	my $c = $sk->session;
	my $said = say_line($c, 'BREACH');
	if (defined $breach && $breach eq 'refuse') {
		is($said, '+OK EPERM', "$name: the call fails");
		like(say_line($c, 'WHO'), qr/^\+OK pop3 .* $c->{pid}$/, "$name: and the session goes on in its process");
	} else {
		is($said, '', "$name: the session ends");
		ok(wait_until(10, sub { !-e "/proc/$c->{pid}" }), "$name: with its process");
	}
	like(say_line($other, 'WHO'), qr/^\+OK/, "$name: another session goes on");
	like($sk->session->{line}, qr/^\+OK/, "$name: and new ones are served");
	ok($sk->stop, "$name: the server ends as asked");
}
done_testing;
