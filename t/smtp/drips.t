#!/usr/bin/perl
# A thousand clients that send a byte now and then, some at every place where a session waits: before
# the first command, within a later one, in DATA, in BDAT, in TLS from the first byte and behind STARTTLS.
# Each is closed at a time that its bytes do not move, and a normal client is served meanwhile (case S27;
# SMTPIN-07, SMTPIN-08).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Poll qw(POLLIN POLLHUP POLLERR);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $each = 167;
my $pb = Pillarbox->new(settings => { smtpCommandTimeout => 4, smtpDataTimeout => 10, smtpMaxConnections => 1500, smtpMaxConnectionsPerIp => 0,
	reservedConnections => 0 });
$pb->user('alice@example.com');
$pb->start;

my @open = ('EHLO c.example', 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>');
my $hello = "\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03" . 'r' x 240;	# the beginning of a ClientHello of 256 bytes

# place => [ service, what is said first, then what drips, what the server says at its end ]
my $late = qr/\A421 4\.4\.2 Timeout, .* ticket \d{12}\r\n\z/;
my $slow = qr/\A421 4\.4\.2 The message comes too slowly, .* ticket \d{12}\r\n\z/;
my %place = (
	'the first command' => [ 'smtp', [], 'E', $late ],
	'a later command' => [ 'smtp', [ @open[0, 1] ], 'R', $late ],
	'DATA' => [ 'smtp', [ @open, 'DATA' ], 'x', $slow ],
	'BDAT' => [ 'smtp', [ @open, '+BDAT 100000 LAST' ], 'x', $slow ],
	'TLS from the first byte' => [ 'smtps', [], undef, qr/\A(?:\x15.*)?\z/s ],
	'TLS behind STARTTLS' => [ 'smtp', [ $open[0], 'STARTTLS' ], undef, qr/\A(?:\x15.*)?\z/s ],
);
my @drips;

# A byte of each that is still there, and what it heard.
sub drip {
	my @here = grep { !$_->{ended} } @drips;
	my $poll = IO::Poll->new;
	$poll->mask($_->{c}{sock} => POLLIN) for @here;
	$poll->poll(0);
	my %ready = map { $_ => 1 } $poll->handles(POLLIN | POLLHUP | POLLERR);
	for my $d (@here) {
		my $c = $d->{c};
		my $byte = $d->{byte} // substr $hello, $d->{sent} % length $hello, 1;
		$d->{sent}++;
		# A close without a word, as TLS has it, is seen by an end of what can be read.
		my $closed = $ready{ $c->{sock} } && !$c->fill(time + 1) && $d->{place} =~ /TLS/;
		$d->{ended} = time - $d->{begun} if $closed || $c->{buf} =~ /\r\n\z/ || !$c->send_raw($byte);
	}
}
my $dripped = time;
for my $name (sort keys %place) {
	my ($service, $said, $byte, $end) = @{ $place{$name} };
	for (1 .. $each) {
		my $begun = time;
		my $c = $pb->connect($service, no_greeting => 1, tls => 0);
		$c->reply if $service eq 'smtp';
		for my $command (@$said) {
			if ($command =~ /^\+(.*)/) { $c->send_raw("$1\r\n") } else { $c->expect($command, qr/^[23]/) }
		}
		push @drips, { c => $c, place => $name, begun => $begun, byte => $byte, sent => 0 };
		if (time - $dripped > 0.5) {
			drip();
			$dripped = time;
		}
	}
}
my ($served, $end) = (0, time + 120);
sub normal {
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^[23]/) for @open, 'DATA';
	$c->expect("Subject: normal\r\n\r\nx\r\n.", qr/^250/);
	$c->command('QUIT');
	$served++;
}
while (time < $end && grep { !$_->{ended} } @drips) {
	normal() if $served < 10;
	drip();
	sleep 0.2;
}
is($served, 10, 'normal clients are served meanwhile');
for my $name (sort keys %place) {
	my @here = grep { $_->{place} eq $name } @drips;
	is(scalar(grep { $_->{ended} } @here), $each, "S27: who drips in $name is closed");
	is(scalar(grep { $_->{c}{buf} =~ $place{$name}[3] } @here), $each, '... and told so') or diag(map { "$_->{c}{buf}\n" } @here[0 .. 2]);
	cmp_ok((sort { $a <=> $b } map { $_->{ended} // 0 } @here)[0], '>=', $name =~ /DATA|BDAT/ ? 9.5 : 3.5, '... not before its time');
}
ok($pb->wait_log('smtpLog', qr/\[127\.0\.0\.1\]\[\d{12}\] event=$_/), "the log has $_")
	for 'connection-ended why="timed out"', 'data-ended why="too slow"', 'tls-failed why="[^"]*time';
is(scalar $pb->wait_mail('alice@example.com', 10), 10, 'only whole messages were delivered');
done_testing();
