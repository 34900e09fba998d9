#!/usr/bin/perl
# Only CR LF . CR LF ends a message, and a message with bare CR or LF is
# refused with the connection (cases S01, S02, S03, S07): nothing can be hidden in it.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::Sink;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->start;

sub begin {
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^[23]/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA';
	return $c;
}

my $evil = "MAIL FROM:<evil\@x.example>\r\nRCPT TO:<alice\@example.com>\r\nDATA\r\nFrom: ceo\@x\r\n\r\ny\r\n";
my %forms = (
	'LF . LF' => "\n.\n", 'LF . CRLF' => "\n.\r\n", 'CRLF . LF' => "\r\n.\n", 'CR . CR' => "\r.\r",
	'CRLF . CR' => "\r\n.\r", 'CR . LF' => "\r.\n", 'CR . CRLF' => "\r.\r\n",
	'CRCRLF . CRCRLF' => "\r\r\n.\r\r\n", 'CRLF . CRCRLF' => "\r\n.\r\r\n",
);
for my $name (sort keys %forms) {
	my $c = begin();
	$c->send_raw("Subject: a\r\n\r\nx$forms{$name}$evil\r\n.\r\n");
	like($c->reply, qr/^521 5\.5\.2 .* ticket \d{12}$/, "$name is no end, and is refused at the true one");
	ok($c->at_end, 'the connection is closed after that one reply');
}
for my $nul ("\r\n\0.\r\n", "\r\n.\0\r\n") {
	my $c = begin();
	$c->send_raw("Subject: a\r\n\r\nx$nul$evil.\r\n");
	like($c->reply, qr/^554 5\.6\.0/, 'a NUL is refused');
	$c->expect('NOOP', qr/^250/);
}
# The same in pieces of one byte each, for the forms that matter most.
for my $name ('LF . CRLF', 'CRLF . LF') {
	my $c = begin();
	$c->send_raw($_) for split //, "Subject: a\r\n\r\nx$forms{$name}$evil\r\n.\r\n";
	like($c->reply, qr/^521/, "$name byte by byte");
}
my $c = $pb->connect('smtp');
$c->send_raw("EHLO c.example\n");
like($c->reply, qr/^500 5\.5\.2/, 'a command line ends with CR LF too');

is(scalar $pb->mail('alice@example.com'), 0, 'nothing was delivered');
is($pb->ctl_ok('--tsv', 'spool', 'list') =~ tr/\n// <= 1 ? 0 : 1, 0, 'nothing is queued');

# Whoever wants such mail gets it with whole line ends, and so does everybody it is passed on to (S03).
my $port = Pillarbox::free_ports(1);
my $sink = Pillarbox::Sink->new('127.0.0.5', $port);
$pb->set(bareLineEnds => 'normalize', allowLoopbackTargets => 'True', maxMessagesPerSession => 0);
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'address=127.0.0.5', "port=$port", 'domains=inside.example');
$pb->stop;
$pb->start;

my $sent = 0;
for my $name (sort keys %forms) {
	my $text = "Subject: $name\r\n\r\nx$forms{$name}$evil\r\n";
	for my $by ('DATA', 'BDAT') {
		my $c = $pb->connect('smtp');
		$c->expect($_, qr/^2/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'RCPT TO:<bob@inside.example>';
		$c->expect('DATA', qr/^354/) if $by eq 'DATA';
		$c->send_raw($by eq 'DATA' ? "$text.\r\n" : 'BDAT ' . length($text) . " LAST\r\n$text");
		like($c->reply, qr/^250 2\.0\.0 OK id=/, "normalize: $name by $by is taken");
		like($c->command('QUIT'), qr/^221/, '... as one message');
		$sent++;
	}
}
for my $nul ("\r\n\0.\r\n", "\r\n.\0\r\n") {
	my $c = begin();
	$c->send_raw("Subject: a\r\n\r\nx$nul$evil.\r\n");
	like($c->reply, qr/^554 5\.6\.0/, 'normalize: a NUL is refused all the same');
	$c->close;
}
my @here = map { Pillarbox::slurp($_) } $pb->wait_mail('alice@example.com', $sent);
my @there = $sink->wait_messages($sent);
for my $place ([ 'delivered', @here ], [ 'passed on', @there ]) {
	my ($what, @texts) = @$place;
	is(scalar @texts, $sent, "$what: as many messages as were sent");
	is(scalar(grep { /^MAIL FROM:<evil\@x\.example>\r$/m } @texts), $sent, "$what: what was hidden is text");
	is(scalar(grep { /[^\r]\n|\r[^\n]|\r\z/ } @texts), 0, "$what: with whole line ends only");
	my %seen;
	$seen{$_}++ for map { /^Subject: (.*?)\r$/m } @texts;
	is_deeply(\%seen, { map { $_ => 2 } keys %forms }, "$what: each form by each way, once");
}
is(scalar(grep { /(?:\A|[^\r])\n|\r(?:[^\n]|\z)/ } $sink->wires), 0, 'no CR or LF outside CRLF is on the wire');
is(scalar(grep { !/^(?:EHLO|MAIL FROM:<a\@b\.example>|RCPT TO:<bob\@inside\.example>|DATA|RSET|NOOP|QUIT)/ } $sink->commands), 0,
	'nor a command that was hidden');

# A local program gives lines that end by LF; a bare CR in one is cleaned by the same rule.
$ENV{PILLARBOX_ROOT} = $pb->dir;
my ($rc, undef, $err) = $pb->run_input("From: a\@b.example\nSubject: injected\n\none\rtwo\n\r.\r\nthree\r\r\n", $pb->program('mail-inject'),
	'-i', '-f', 'a@b.example', 'alice@example.com', 'bob@inside.example');
is($rc, 0, 'mail-inject with bare CR') or diag($err);
my ($injected) = grep { /^Subject: injected\r$/m } $sink->wait_messages($sent + 1);
like($injected // '', qr/\r\n\r\none\r\ntwo\r\n/, 'which ends a line where it is passed on');
unlike(join('', $sink->wires), qr/(?:\A|[^\r])\n|\r(?:[^\n]|\z)/, 'and nothing else is on the wire');
is(scalar($sink->messages), $sent + 1, 'it is one message');
$pb->set(bareLineEnds => 'refuse');
$pb->stop;
$pb->start;
($rc, undef, $err) = $pb->run_input("Subject: refused\n\none\rtwo\n", $pb->program('mail-inject'), '-f', 'a@b.example', 'bob@inside.example');
is($rc, 0, 'where bare ends are refused, mail-inject has cleaned them itself') or diag($err);
my ($cleaned) = grep { /^Subject: refused\r$/m } $sink->wait_messages($sent + 2);
like($cleaned // '', qr/\r\n\r\none\r\ntwo\r\n\z/, 'as it makes whole lines of all that local programs give it');
unlike(join('', $sink->wires), qr/(?:\A|[^\r])\n|\r(?:[^\n]|\z)/, 'and the wire is as clean');
done_testing();
