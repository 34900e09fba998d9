#!/usr/bin/perl
# BDAT and BINARYMIME (RFC 3030): a message in chunks is the same as by DATA,
# whatever the chunks; what is refused is read and never becomes a command
# (cases S11, S14; S13 is in memory.t); binary parts become base64, everything else stays.
# Features: SMTPIN-01.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use MIME::Base64 qw(decode_base64);
use Pillarbox;

my $pb = Pillarbox->new(settings => { maxMessageSizeMB => 40, smtpMaxBadCommands => 0 });
$pb->user('alice@example.com');
$pb->start;

my $n = 0;
sub begin {
	my ($mail) = @_;
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^2/) for 'EHLO c.example', $mail // 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>';
	return $c;
}
sub chunk { my ($text, $last) = @_; return 'BDAT ' . length($text) . ($last ? ' LAST' : '') . "\r\n$text" }
# A chunk, and the reply to it.
sub give { my ($c, @chunk) = @_; $c->send_raw(chunk(@chunk)); return $c->reply }
# The text of the one mail with this subject, without what the server put on top.
sub text_of {
	my ($subject) = @_;
	$pb->wait_mail('alice@example.com', ++$n);
	my ($mail) = grep { /^Subject: \Q$subject\E\r$/m } map { Pillarbox::slurp($_) } $pb->mail('alice@example.com');
	return ($mail // '') =~ s/\A.*?(?=Subject: )//sr;
}
sub hidden { return "MAIL FROM:<evil\@x.example>\r\nRCPT TO:<alice\@example.com>\r\n" }

$pb->transcript('smtp', <<'END', 'a message in three chunks');
S: 220
C: EHLO client.example
S: ...
S: 250 HELP
C: MAIL FROM:<a@b.example>
S: 250
C: RCPT TO:<alice@example.com>
S: 250
C: BDAT 17\r\nSubject: chunks
S: 250 2.0.0 17 bytes
C: BDAT 9\r\n\r\n.\r\n..
S: 250 2.0.0 9 bytes
C: NOOP
S: 250
C: BDAT 4 LAST\r\nxy
S: 250 2.0.0 OK id=
C: QUIT
S: 221
END
$pb->wait_mail('alice@example.com', 3);
my %seen;
$seen{ Pillarbox::slurp($_) =~ s/\A.*?(?=Subject: )//sr }++ for $pb->mail('alice@example.com');
is_deeply(\%seen, { "Subject: chunks\r\n\r\n.\r\n..\r\nxy\r\n" => 3 }, 'dots are text, and the three ways agree');
$n = 3;

# Every way to cut one message.
my $text = "Subject: cut\r\n\r\na\r\n.\r\nb\r\n";
for my $at (0 .. length $text) {
	my $c = begin();
	$c->send_raw(chunk(substr($text, 0, $at)) . chunk(substr($text, $at), 1));
	my ($one, $two) = ($c->reply, $c->reply);
	die "cut at $at: $one, $two" unless $one =~ /^250/ && $two =~ /^250/;
}
$n += 1 + length $text;
$pb->wait_mail('alice@example.com', $n);
is(scalar(grep { /\Q$text\E\z/ } map { Pillarbox::slurp($_) } $pb->mail('alice@example.com')), 1 + length $text,
	'one message cut at every place');

my $c = begin();
$c->expect('BDAT 0', qr/^250/);
like(give($c, ("Subject: open end\r\n\r\nno line end", 1)), qr/^250/, 'the last line may lack its end');
is(text_of('open end'), "Subject: open end\r\n\r\nno line end\r\n", 'which is added');

# S11: the size decides where content ends; one that cannot be read ends the connection.
for my $args ('18446744073709551616', '-1', '0x10', '10 LAST X', '', '4294967297', '+5', '5 FIRST', '5LAST') {
	my $c = begin();
	$c->send_raw("BDAT $args\r\n" . hidden());
	like($c->reply, qr/^521 5\.5\.4 .* ticket \d{12}$/, "S11: BDAT $args");
	ok($c->at_end, '  and the connection is closed');
}
# Its content does not come whole here: that the server waits for it is in the log.
unlike($pb->log_text('smtpLog'), qr/event=data-ended/, 'no content was cut off so far');
$c = begin();
$c->send_raw("BDAT 2147483647\r\nthe beginning");
$c->close;
ok($pb->wait_log('smtpLog', qr/event=data-ended why="closed by peer"/), 'the content of a chunk at LIMIT_SMTP_CHUNK is waited for');
$c = begin();
like($c->command('BDAT 2147483648'), qr/^521 5\.5\.4/, 'over LIMIT_SMTP_CHUNK');

# S14: order, and errors within.
$c = begin();
like(give($c, "Subject: order\r\n"), qr/^250/, 'a chunk');
like($c->command('DATA'), qr/^503 5\.5\.1/, 'S14: no DATA after BDAT');
like($c->command('MAIL FROM:<a@b.example>'), qr/^503/, 'no MAIL');
like($c->command('RCPT TO:<alice@example.com>'), qr/^503/, 'no RCPT');
like(give($c, ("\r\nx\r\n", 1)), qr/^250/, 'and the message goes on');
is(text_of('order'), "Subject: order\r\n\r\nx\r\n", 'to its end');

$c = begin();
$c->expect('DATA', qr/^354/);
$c->send_raw("Subject: dot\r\n\r\nBDAT 3\r\nx\r\n.\r\n");
like($c->reply, qr/^250/, 'BDAT inside DATA is text');
is(text_of('dot'), "Subject: dot\r\n\r\nBDAT 3\r\nx\r\n", 'as it stands');
like(give($c, (hidden(), 1)), qr/^503/, 'BDAT without MAIL is refused');
like($c->command('NOOP'), qr/^250/, 'and its content was read');

$c = begin();
like(give($c, ("Subject: bad\r\n\r\nx\0y\r\n")), qr/^554 5\.6\.0/, 'a NUL in a chunk');
like(give($c, (hidden())), qr/^503 5\.5\.1/, 'the next chunk is read and refused');
like(give($c, (hidden(), 1)), qr/^503 5\.5\.1/, 'the last too');
like($c->command('RCPT TO:<alice@example.com>'), qr/^503/, 'which ended the transaction');

$c = begin();
like(give($c, "Subject: reset\r\n"), qr/^250/, 'a chunk');
like($c->command('RSET'), qr/^250/, 'RSET between chunks');
like(give($c, ("\r\n", 1)), qr/^503/, 'ends the message');
for my $bad ("x\ny\r\n", "x\ry\r\n", "x\r") {
	my $c = begin();
	$c->send_raw(chunk("Subject: bare\r\n\r\n$bad", 1));
	like($c->reply, qr/^521 5\.5\.2/, 'a bare line end is refused as in DATA');
	ok($c->at_end, '  with the connection');
}
# The verdict is that on the whole chunk, however it comes.
for my $pause (0, 0.2) {
	my $c = begin();
	my ($head, $tail) = (chunk("Subject: both\r\n\r\na\0b\r\nc\nd\r\n", 1)) =~ /\A(.*\0b\r\n)(.*)\z/s;
	$c->send_raw($head . ($pause ? '' : $tail));
	select undef, undef, undef, $pause if $pause;
	$c->send_raw($tail) if $pause;
	like($c->reply, qr/^521 5\.5\.2/, 'a bare line end behind a NUL ' . ($pause ? 'that came before' : 'in one segment'));
	ok($c->at_end, '  ends the connection');
}
$c = begin();
$c->send_raw('BDAT 100 LAST' . "\r\nSubject: half\r\n\r\n");
$c->close;

# A message that is given up after it went to the file: intake gets it back.
my $big = ('x' x 998 . "\r\n") x 1500;
$c = begin();
like(give($c, "Subject: big\r\n\r\n$big"), qr/^250/, 'a chunk');
$c->expect('RSET', qr/^250/);
$c->expect($_, qr/^250/) for 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>';
like(give($c, "Subject: big\r\n\r\n$big"), qr/^250/, 'a chunk');
like(give($c, ($big, 1)), qr/^250/, 'a large message in chunks, after one that was given up');
ok(text_of('big') eq "Subject: big\r\n\r\n$big$big", 'whole');

# BINARYMIME
sub binary { return begin('MAIL FROM:<a@b.example> BODY=BINARYMIME') }
$c = binary();
like($c->command('DATA'), qr/^503 5\.5\.1/, 'BINARYMIME goes by BDAT only');
my $bytes = join '', map { chr } 0 .. 255, 13, 10, 45, 45, 99, 13, 10, 10, 13, 46;
my $plain = "Content-Type: text/plain\r\n\r\n.plain\r\n";
my $message = "Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
	. "Content-Transfer-Encoding: binary\r\n\r\npreamble\r\n--b\r\n$plain"
	. "--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nX-After: 1\r\n\r\n"
	. "$bytes--bx\r\n--b-\r\n--b-- \r\nepilogue\r\n";
like(give($c, ($message, 1)), qr/^250/, 'a multipart with a binary part');
my $got = text_of('parts');
like($got, qr/^Content-Transfer-Encoding: 8bit\r\n\r\npreamble\r\n--b\r\n\Q$plain\E--b\r\n/m, 'text passes as it is');
like($got, qr/\r\n--b-- \r\nepilogue\r\n\z/, 'to the end');
my ($code) = $got =~ /base64\r\nX-After: 1\r\n\r\n(.*?\r\n)--b-- /s;
unlike($code // '', qr/[^A-Za-z0-9+\/=\r\n]|[^\r\n]{77}/, 'the part is base64');
is(decode_base64($code // ''), "$bytes--bx\r\n--b-", 'of the same bytes, the line end of the delimiter left out');

$message = "Subject: single\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: BINARY\r\n\r\n$bytes\r\n";
$c = binary();
$c->send_raw(chunk(substr($message, $_, 1), $_ == length($message) - 1)) for 0 .. length($message) - 1;
my @replies = map { $c->reply } 1 .. length $message;
is(scalar(grep { /^250/ } @replies), length $message, 'byte by byte in chunks of one');
is(decode_base64(text_of('single') =~ s/.*?\r\n\r\n//sr), "$bytes\r\n", 'gives the same bytes');

$message = "Subject: unchanged\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\n\r\n--q\r\nContent-Transfer-Encoding:"
	. " quoted-printable\r\n\r\n=00\r\n--q--\r\n";
$c = binary();
like(give($c, $message, 1), qr/^250/, 'a chunk');
is(text_of('unchanged'), $message, 'a message without binary parts is not changed');
$c = binary();
like(give($c, ("Subject: lie\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\0", 1)), qr/^554 5\.6\.0/,
	'binary that is not labelled so is refused');
$c = binary();
like(give($c, ("Subject: lie\r\nContent-Type: multipart/mixed\r\nContent-Transfer-Encoding: binary\r\n\r\nx", 1)),
	qr/^554 5\.6\.0/, 'so is a binary multipart without a boundary');
# A line that is refused for its form: nobody knows what follows it, so nothing of that is run.
my %odd = (
	'over LIMIT_SMTP_LINE' => sub { "BDAT $_[0]" . ' ' x 4100 . "LAST\r\n" },
	'over LIMIT_SMTP_AUTH_LINE' => sub { "bdat $_[0]" . ' ' x 13_000 . "\r\n" },
	'with blanks before it' => sub { ' ' x 13_000 . "BDAT $_[0] LAST\r\n" },
	'that ends by LF' => sub { "BDAT $_[0]\n" },
);
for my $what (sort keys %odd) {
	$c = begin();
	my $content = "RSET\r\nNOOP\r\n" . hidden();
	$c->send_raw($odd{$what}->(length $content) . $content);
	like($c->reply, qr/^521 5\.5\.2 .*\d{12}$/, "BDAT $what");
	ok($c->at_end, 'and nothing of its content is run');
}
$c = begin();
like($c->command('NOOP ' . 'x' x 13_000), qr/^500 5\.5\.2/, 'another command of that length');
like($c->command('RSET'), qr/^250/, 'is only refused');
is(scalar $pb->mail('alice@example.com'), $n, 'nothing that was refused arrived');
is($pb->ctl_ok('--tsv', 'spool', 'list') =~ tr/\n// <= 1 ? 0 : 1, 0, 'nor is it queued');
done_testing();
