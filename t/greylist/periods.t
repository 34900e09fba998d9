#!/usr/bin/perl
# How long records of greylisting count: passPeriod and recordExpiration, told by the
# records themselves.
# Features: GREY-03, GREY-04, GREY-05.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use JSON::PP;
use POSIX qw(mktime);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True', 'greylisting/blockPeriod' => 0 });
$pb->user('alice@example.com');
$pb->start;

sub recipient {
	my ($from) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	return $c->command('RCPT TO:<alice@example.com>');
}

sub seconds {
	my ($text) = @_;
	my @n = $text =~ /(\d+)/g;
	return @n < 6 ? 0 : mktime($n[5], $n[4], $n[3], $n[2], $n[1] - 1, $n[0] - 1900, 0, 0, -1);
}

# State, and seconds from the last use to the end, of the one record of a sender.
sub record {
	my ($from) = @_;
	my ($r) = grep { $_->{'sender-recipient'} =~ /\Q$from\E/ }
		@{ decode_json($pb->ctl_ok('greylist', 'list', '--sender', $from, '--json')) };
	return $r ? "$r->{state} " . (seconds($r->{expires}) - seconds($r->{last})) : 'none';
}

# A reload is answered before greylist-check has read its new settings: the first
# contacts of new senders show when it has.
my $n = 0;
sub first_contact {
	my ($want) = @_;
	my $end = time + 20;
	my ($from, $got);
	do {
		sleep 0.1 if $got;
		$from = 'stranger' . ++$n . '@far.example';
		like(recipient($from), qr/^451 4\.7\.1/, 'a first contact');
		$got = record($from);
	} while $got ne $want && time < $end;
	return ($from, $got);
}

my ($from, $got) = first_contact('waiting 21600');
is($got, 'waiting 21600', 'passPeriod is six hours when nobody sets it');
like(recipient($from), qr/^250/, 'the retry passes');
is(record($from), 'passed ' . 36 * 86400, 'recordExpiration is 36 days');
$pb->set('greylisting/passPeriod' => 90, 'greylisting/recordExpiration' => 2);
($from, $got) = first_contact('waiting 5400');
is($got, 'waiting 5400', 'passPeriod=90 holds for first contacts from then on');
like(recipient($from), qr/^250/, 'the retry passes');
is(record($from), 'passed 172800', 'recordExpiration=2 holds for who passes from then on');
$pb->set('greylisting/blockPeriod' => 120);
($from, $got) = first_contact('waiting 10800');
is($got, 'waiting 10800', 'a pass period that ends before the block period is taken as an hour more than that');
done_testing;
