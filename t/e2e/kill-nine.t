#!/usr/bin/perl
# Each program in turn is killed with -9 again and again while mail is sent
# with log-in to a mailbox here and to one on a second server.  mail-master
# brings it back; what was answered with 250 arrives, and log-in and reading
# work again afterwards.
# Features: TOOL-09.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Zone;

my $zone = Pillarbox::Zone->new('remote.test' => "@ MX 10 mx\nmx A 127.0.0.1\n");
my $far = Pillarbox->new(host => 'mx.remote.test');
$far->user('carol@remote.test');
$far->start;
my $pb = Pillarbox->new(settings => {
	primaryDns => $zone->address, smtpOutPort => $far->port('smtp'), allowLoopbackTargets => 'True', retryIntervals => '0,0,0,0,0,1,1,1',
	'greylisting/enabled' => 'False',
});
$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->start;

$SIG{PIPE} = 'IGNORE';	# servers die in the middle of a TLS session

my %promised;	# subject => recipient
my $n = 0;

# One message; only a 250 to its end is a promise.  Trouble is what the test makes.
sub try_to_send {
	my ($to) = @_;
	my $subject = 'ledger-' . ++$n;
	my $reply = eval { $pb->send_mail(from => 'bob@example.com', to => $to, subject => $subject) } // '';
	return 0 unless $reply =~ /^250/;
	$promised{$subject} = $to;
	return 1;
}

# Send until `want` messages are promised, killing the program now and then.
sub send_while_killing {
	my ($program, $want) = @_;
	my ($sent, $kills, $end) = (0, 0, time + 40);
	while (time < $end && ($sent < $want || $kills < 3)) {
		if ($kills < 3 && $sent >= $kills * $want / 4) {
			my @pids = $pb->pids_of($program);
			$kills++ if @pids && kill 'KILL', @pids;
		}
		$sent += try_to_send($n % 2 ? 'alice@example.com' : 'carol@remote.test');
		sleep 0.02;
	}
	cmp_ok($kills, '>=', 3, "$program was killed");
	cmp_ok($sent, '>=', $want, "... and mail was taken all the same");
	return;
}

for my $program (qw(smtp-listen spool-runner local-deliver remote-send auth-check abuse-check event-log pop3-serve imap-serve)) {
	send_while_killing($program, 12);
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

sub arrived {
	my %got;
	for my $where ([ $pb, 'alice@example.com' ], [ $far, 'carol@remote.test' ]) {
		for my $file ($where->[0]->mail($where->[1])) {
			my ($subject) = Pillarbox::slurp($file) =~ /^Subject: (\S+)/m;
			$got{$subject}++;
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
is_deeply([ sort grep { !$got{$_} } keys %promised ], [], 'every message that was answered with 250 arrived');
diag(scalar(keys %promised) . ' promised, ' . scalar(grep { $got{$_} > 1 } keys %got) . ' arrived twice');
done_testing;
