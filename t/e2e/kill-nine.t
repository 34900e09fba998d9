#!/usr/bin/perl
# Each program in turn is killed with -9 again and again while real messages are
# sent by swaks and msmtp, with log-in, to a mailbox here and to one on a second
# server.  mail-master brings it back (mail-master itself is started again);
# what was answered with 250 arrives, byte for byte, and log-in and reading work
# again afterwards.
# Features: TOOL-09.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Messages qw(real_messages wire without_trace is_legal by_swaks by_msmtp);
use Pillarbox::Zone;

my $zone = Pillarbox::Zone->new('remote.test' => "@ MX 10 mx\nmx A 127.0.0.1\n");
my $far = Pillarbox->new(host => 'mx.remote.test');
$far->user('carol@remote.test');
$far->start;
my $pb = Pillarbox->new(settings => {
	primaryDns => $zone->address, smtpOutPort => $far->port('smtp'), allowLoopbackTargets => 'True', retryIntervals => '0,0,0,0,0,1,1,1',
	'greylisting/enabled' => 'True', requireAuthMatch => 'none',
});
$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->start;

$SIG{PIPE} = 'IGNORE';	# servers die in the middle of a TLS session

my %real = real_messages();
my @texts = map { wire($_) } grep { is_legal($_) } map { $real{$_} } sort keys %real;
@texts = map { "From: bob\@example.com\r\nSubject: $_\r\n\r\n" . "line $_\r\n" x (50 * $_) } 1 .. 40 unless @texts;

my %promised;	# number => [ recipient, message ]
my $n = 0;

# One message; only a 250 to its end is a promise.  Trouble is what the test makes.
sub try_to_send {
	my $number = ++$n;
	my $text = "X-Ledger: $number\r\n$texts[$n % @texts]";
	my $to = $n % 4 < 2 ? 'alice@example.com' : 'carol@remote.test';
	my ($rc) = $n % 2 ? by_swaks($pb, $text, $to) : by_msmtp($pb, $text, $to);
	return 0 if $rc != 0;
	$promised{$number} = [ $to, $text ];
	return 1;
}

sub kill_program {
	my ($program) = @_;
	my @pids = $pb->pids_of($program) or return 0;
	kill 'KILL', @pids;
	return 1 if $program ne 'mail-master';
	sleep 0.5;
	$pb->ctl('start');
	return 1;
}

# Send until `want` messages are promised, killing the program now and then.
sub send_while_killing {
	my ($program, $want) = @_;
	my ($sent, $kills, $end) = (0, 0, time + 40);
	while (time < $end && ($sent < $want || $kills < 3)) {
		$kills += kill_program($program) if $kills < 3 && $sent >= $kills * $want / 4;
		$sent += try_to_send();
	}
	cmp_ok($kills, '>=', 3, "$program was killed");
	cmp_ok($sent, '>=', $want, "... and mail was taken all the same");
	return;
}

for my $program (qw(smtp-listen spool-runner local-deliver remote-send auth-check abuse-check scan-check event-log greylist-check
	pop3-serve imap-serve mail-master)) {
	send_while_killing($program, 9);
	my $up = 0;
	my $end = time + 20;
	until ($up || time > $end) {
		$up = eval {
			my $c = $pb->connect('imap');
			$c->login('alice@example.com', $Pillarbox::PASSWORD);
			$c->expect('SELECT INBOX', qr/OK/);
			my $p = $pb->connect('pop3');
			$p->login('alice@example.com', $Pillarbox::PASSWORD);
			1;
		};
		sleep 0.2 unless $up;
	}
	ok($up, "after $program was killed, log-in and reading work again");
}

# How often each message is where it was due; damaged copies count as none.
sub arrived {
	my %got;
	for my $where ([ $pb, 'alice@example.com' ], [ $far, 'carol@remote.test' ]) {
		for my $file ($where->[0]->mail($where->[1])) {
			my $text = Pillarbox::slurp($file);
			my ($number) = $text =~ /^X-Ledger: (\d+)/m or next;
			my $sent = $promised{$number} or next;
			$got{$number}++ if $where->[1] eq $sent->[0] && without_trace($text, $sent->[1]) eq $sent->[1];
		}
	}
	return %got;
}
my $end = time + 150;
my %got;
while (time < $end) {
	%got = arrived();
	last unless grep { !$got{$_} } keys %promised;
	$pb->ctl('spool', 'force', '--all') if int(time) % 10 == 0;
	sleep 1;
}
is_deeply([ sort { $a <=> $b } grep { !$got{$_} } keys %promised ], [], 'every message that was answered with 250 arrived as it was sent');
diag(scalar(keys %promised) . ' promised, ' . scalar(grep { $got{$_} > 1 } keys %got) . ' arrived twice');
done_testing;
