#!/usr/bin/perl
# Strangers who hold every place by sending as slowly as they can, in DATA, in BDAT or with one
# command after another, or not at all, lose it when places run out, and a normal client is served; who is
# known, or sends like a mail server, is not disturbed (S27; SMTPIN-08).
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxConnections => 10, reservedConnections => 0, smtpMaxConnectionsPerIp => 0 });
$pb->user('alice@example.com');
$pb->start;

my @open = ('EHLO c.example', 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>');
# A session that has come so far; undef while there is no place for it.
sub session {
	my (@commands) = @_;
	my $c = $pb->connect('smtp', local => '127.15.0.1');
	for (@commands) {
		return if $c->{greeting} !~ /^220/ || $c->command($_) !~ /^[23]/;
	}
	return $c->{greeting} =~ /^220/ ? $c : undef;
}
sub dripper { return session(@open, 'DATA') }
my $mute = dripper();		# who fell silent before there was a crowd
sub chunker { my $c = session(@open); $c->send_raw("BDAT 100000 LAST\r\n") if $c; return $c }
sub talker { return session(@open[0, 1]) }
# What it heard when it was ended; undef while it goes on, as another piece does.
sub ended {
	my ($c, $piece) = @_;
	$c->fill(time + 0.01);
	$c->{buf} =~ s/\A(?:250 [^\n]*\n)+//;
	return $c->{buf} eq '' && $c->send_raw($piece) ? undef : $c->{buf};
}

my $user = $pb->connect('submission');
$user->expect('EHLO c.example', qr/^250/);
$user->login('alice@example.com', $Pillarbox::PASSWORD);
$user->expect($_, qr/^[23]/) for 'MAIL FROM:<alice@example.com>', 'RCPT TO:<alice@example.com>', 'DATA';
$user->send_raw("From: alice\@example.com\r\nSubject: user\r\n\r\n");
my $server = session(@open, 'DATA');
$server->send_raw("Subject: server\r\n\r\n");
my %slow = (mute => [ $mute ], data => [ map { dripper() } 1 .. 3 ], bdat => [ map { chunker() } 1 .. 3 ], talk => [ talker() ]);
is(scalar(map { @$_ } values %slow), 8, 'all places are taken');
ok($pb->wait_log('smtpLog', qr/event=crowded/), 'which the server knows');

# They go on all the time, and whoever loses his place comes again.
my %make = (mute => \&dripper, data => \&dripper, bdat => \&chunker, talk => \&talker);
my %heard = map { $_ => [] } keys %slow;
my ($served, $n) = (0, 0);
sub attack {
	for my $kind (sort keys %slow) {
		for my $c (@{ $slow{$kind} }) {
			$c //= $make{$kind}->() or next;
			my $reply = ended($c, $kind eq 'talk' ? 'RCPT TO:<alice+' . ++$n . "\@example.com>\r\n" : $kind eq 'mute' ? '' : 'x') // next;
			push @{ $heard{$kind} }, $reply;
			undef $c;
		}
	}
	die "a user was ended: $user->{buf}\n" if defined ended($user, 'x');
	die "a server was ended: $server->{buf}\n" if defined ended($server, ('x' x 998 . "\r\n") x 8);
	sleep 0.1;
}
sub normal {
	my $c = session(@open, 'DATA') or return;
	$c->expect("Subject: normal\r\n\r\nx\r\n.", qr/^250/);
	$served++;
}
my $end = time + 120;
attack(), normal() while time < $end && !$served;
ok($served, 'a normal client is served');
$end = time + 120;
while (time < $end) {
	attack();
	last if $heard{mute}[0] && $heard{data}[0] && $heard{bdat}[0] && grep { /busy, try/ } @{ $heard{talk} };
}
like($heard{$_}[0], qr/\A421 4\.4\.2 The message comes too slowly, .* ticket \d{12}\r\n\z/, "a slow $_ is told so") for qw(data bdat);
like($heard{mute}[0], qr/\A421 4\.4\.2 Timeout, .* ticket \d{12}\r\n\z/, 'who says nothing in a message, that its time is over');
my ($last) = grep { /busy, try/ } @{ $heard{talk} };
like($last, qr/\A421 4\.3\.2 Too busy, try again later ticket \d{12}\r\n\z/, 'who talks for long without a message too');
ok($pb->wait_log('smtpLog', qr/\[127\.15\.0\.1\]\[\d{12}\] event=$_/), "the log has $_")
	for 'data-ended why="too slow"', 'connection-ended why="crowded"';
like($user->command("\r\n."), qr/^250/, 'the message of the user was taken all the same');
like($server->command("\r\n."), qr/^250/, 'and that of a server');
done_testing();
