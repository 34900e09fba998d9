#!/usr/bin/perl
# Only CR LF . CR LF ends a message, and a message with bare CR or LF is
# refused with the connection (cases S01, S02, S07): nothing can be hidden in it.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

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

$pb->set(bareLineEnds => 'normalize');
$pb->stop;
$pb->start;
$c = begin();
$c->send_raw("Subject: a\r\n\r\nx\n.\n$evil.\r\n");
like($c->reply, qr/^250/, 'with bareLineEnds=normalize the message is taken');
$c->expect('QUIT', qr/^221/);
my ($mail) = $pb->wait_mail('alice@example.com', 1);
like(Pillarbox::slurp($mail), qr/\r\nx\r\n\.\r\nMAIL FROM:<evil/, 'and what was hidden is text of it');
unlike(Pillarbox::slurp($mail), qr/[^\r]\n|\r[^\n]/, 'with whole line ends only');
done_testing();
