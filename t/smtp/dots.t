#!/usr/bin/perl
# Dots where buffers end: a dot begins a line at every offset up to past 8192, as it comes in and
# as it goes out, and every reader gets the bytes that were sent (case S04).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::Sink;

my $port = Pillarbox::free_ports(1);
my $sink = Pillarbox::Sink->new('127.0.0.5', $port);
my $pb = Pillarbox->new(settings => { allowLoopbackTargets => 'True', maxMessagesPerSession => 0 });
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'address=127.0.0.5', "port=$port", 'domains=inside.example');
$pb->start;

# Lines of one kind behind one another, moved by a byte until each offset has had the beginning of one: among
# the bytes of the message as well as among those on the wire, where a dot is doubled.
my $span = 8192 + 1200;		# more than buffers hold, with the fields that the server puts on top
my %line = (dot => '.', dots => '..', 'dot and text' => '.x', 'three dots' => '...');
my %text;
my (%body, %wire);
for my $kind (sort keys %line) {
	my $period = length($line{$kind}) + 3;
	for my $shift (0 .. $period - 1) {
		my $subject = "$kind $shift";
		my $head = "Subject: $subject\r\nX: " . 'p' x (20 - length($subject) + $shift) . "\r\n\r\n";
		my $count = int($span / ($period - 1)) + 1;
		$text{$subject} = $head . "$line{$kind}\r\n" x $count . "end\r\n";
		for my $n (0 .. $count - 1) {
			$body{$kind}{ length($head) + $n * ($period - 1) } = 1;
			$wire{$kind}{ length($head) + $n * $period } = 1;
		}
	}
}
for my $kind (sort keys %line) {
	is(scalar(grep { !$body{$kind}{$_} || !$wire{$kind}{$_} } 60 .. 8300), 0, "$kind: a line begins at each offset");
}

# In by DATA, whole or in small pieces, and by BDAT.
my $sent = 0;
my @ways = ('whole', 'pieces', 'BDAT');
for my $subject (sort keys %text) {
	my $way = $ways[ $sent++ % @ways ];
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^2/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'RCPT TO:<bob@inside.example>';
	if ($way eq 'BDAT') {
		$c->send_raw('BDAT ' . length($text{$subject}) . " LAST\r\n$text{$subject}");
	} else {
		$c->expect('DATA', qr/^354/);
		my $data = ($text{$subject} =~ s/^\./../gmr) . ".\r\n";
		my $piece = $way eq 'whole' ? length $data : 509;
		$c->send_raw(substr $data, 0, $piece, '') while length $data;
	}
	like($c->reply, qr/^250 /, "$subject: $way");
	$c->command('QUIT');
}
# A line of a dot and a CR is one with a bare CR.
my $c = $pb->connect('smtp');
$c->expect($_, qr/^[23]/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA';
$c->send_raw("Subject: x\r\n\r\n.\r\r\n.\r\n");
like($c->reply, qr/^521 5\.5\.2 /, 'a dot and a CR in a line');

sub same {
	my ($what, @got) = @_;
	my %got;
	for (@got) {
		my $text = s/\A.*?(?=^Subject: )//smr;
		my ($subject) = $text =~ /\ASubject: (.*?)\r\n/;
		push @{ $got{ $subject // '' } }, $text;
	}
	is_deeply([ sort keys %got ], [ sort keys %text ], "$what: every message is there");
	is_deeply([ grep { @{ $got{$_} // [] } != 1 || $got{$_}[0] ne $text{$_} } sort keys %text ], [], "$what: once, and byte for byte what was sent");
}
same('delivered', map { Pillarbox::slurp($_) } $pb->wait_mail('alice@example.com', $sent));
same('sent on', $sink->wait_messages($sent));

# Out by POP3, where dots are doubled too.
my $pop = $pb->connect('pop3');
$pop->login('alice@example.com', $Pillarbox::PASSWORD);
my @retrieved;
for my $n (1 .. $sent) {
	my ($status, @lines) = $pop->lines_command("RETR $n");
	push @retrieved, join '', map { "$_\r\n" } @lines;
}
same('by POP3', @retrieved);
done_testing();
