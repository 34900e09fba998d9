#!/usr/bin/perl
# A client that leaves at the end of a message: what it left whole may be kept, what it did not
# finish is not, nothing is half, and nobody hangs (case S35).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxConnectionsPerIp => 0 });
$pb->user('alice@example.com');
$pb->start;

# One small message, and one that is longer than what a connection holds.
my %body = (small => "text\r\n", large => join('', map { sprintf "%07d %s\r\n", $_, 'x' x 90 } 1 .. 8000));
sub text { my ($name, $size) = @_; return "Subject: $name\r\n\r\n$body{$size}" }

sub drop {
	my ($c, $how) = @_;
	setsockopt $c->{sock}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $how eq 'reset';
	shutdown $c->{sock}, 1 if $how eq 'half';
	$c->close;
}

my (%size, %unfinished, %answered);
my $n = 0;
for my $how ('close', 'reset', 'half') {
	for my $size (sort keys %body) {
		for my $by ('DATA', 'BDAT') {
			# How much of the end is missing: nothing, one byte, all of it.
			for my $missing (0, 1, 3) {
				for my $pause (0, 0.01) {
					my $name = 'message ' . ++$n;
					my $text = text($name, $size);
					my $wire = $by eq 'DATA' ? "$text.\r\n" : 'BDAT ' . length($text) . " LAST\r\n$text";
					my $c = $pb->connect('smtp');
					$c->expect($_, qr/^2/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>';
					$c->expect('DATA', qr/^354/) if $by eq 'DATA';
					$c->send_raw(substr $wire, 0, length($wire) - $missing);
					sleep $pause;
					drop($c, $how);
					$size{$name} = $size;
					$unfinished{$name} = 1 if $missing;
				}
			}
		}
	}
}
# Those behind them are served, and what they were told is so.
for my $size (sort keys %body) {
	my $name = "whole $size";
	$size{$name} = $size;
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^[23]/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA';
	like($c->command(text($name, $size) . '.'), qr/^250 /, "a client behind them is served ($size)");
	$answered{$name} = 1;
}

# Every session has come to its end when no worker holds a connection any more.
sub sessions { return grep { /^\s*\d+: \S+:@{[ sprintf '%04X', $pb->port('smtp') ]} \S+ 0[1-9AB] / && !/ 0A / } split /\n/, Pillarbox::slurp('/proc/net/tcp') }
my $end = time + 60;
sleep 0.1 while time < $end && grep { !/ 06 / } sessions();
is(scalar(grep { !/ 06 / } sessions()), 0, 'no session hangs');
$end = time + 60;
my $queued;
do { sleep 0.1; $queued = $pb->ctl_ok('--tsv', 'spool', 'list') =~ tr/\n// } while time < $end && $queued > 1;
cmp_ok($queued, '<=', 1, 'nothing is left in the queue');

my (%seen, @half);
for my $mail (map { Pillarbox::slurp($_) } $pb->wait_mail('alice@example.com', 2)) {
	my ($name) = $mail =~ /^Subject: (.*?)\r$/m;
	my $text = $mail =~ s/\A.*?(?=^Subject: )//smr;
	$seen{ $name // '' }++;
	push @half, $name // 'one without a subject' if !defined $name || !$size{$name} || $text ne text($name, $size{$name});
}
is_deeply(\@half, [], 'S35: every message that is there is whole');
is_deeply([ grep { $unfinished{$_} } sort keys %seen ], [], 'what was not finished is not there');
is_deeply([ grep { $seen{$_} > 1 } sort keys %seen ], [], 'nothing is there twice');
is_deeply([ grep { !$seen{$_} } sort keys %answered ], [], 'what was answered is');
note(scalar(grep { !$answered{$_} } keys %seen) . ' messages of clients that left were kept');
cmp_ok(scalar(keys %seen), '>', 2, 'among them some whose client had left');
ok($pb->wait_log('smtpLog', qr/event=data-ended why="closed by peer"/), 'the log tells of those who left before the end');
is($pb->log_text =~ /worker-killed/ ? 1 : 0, 0, 'no worker came to harm');
done_testing();
