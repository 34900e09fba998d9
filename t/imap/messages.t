#!/usr/bin/perl
# Messages: APPEND, FETCH of every kind, STORE, COPY, MOVE, EXPUNGE, SEARCH, and
# what other sessions are told of it.
# Features: IMAP-01.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { imapMaxBadCommands => 0 });
$pb->user('alice@example.com');
$pb->start;
my $c = $pb->connect('imap');
$c->login('alice@example.com', $Pillarbox::PASSWORD);

my $text = join "\r\n", 'From: "A. Sender" <sender@example.org>', 'To: alice@example.com', 'Subject: =?utf-8?q?caf=C3=A9?= first',
	'Date: Tue, 03 Nov 2026 10:00:00 +0100', 'Message-ID: <1@example.org>', 'MIME-Version: 1.0',
	'Content-Type: multipart/mixed; boundary="b"', '', 'preamble', '--b', 'Content-Type: text/plain; charset=utf-8',
	'Content-Transfer-Encoding: base64', '', 'R3LDvMOfZSBhdXMgTcO8bmNoZW4K', '--b',
	'Content-Type: message/rfc822', '', 'Subject: inner', 'From: inner@example.org', '', 'inner body', '--b--', 'epilogue', '';
my $plain = "From: b\@example.org\r\nSubject: second\r\nDate: Wed, 04 Nov 2026 10:00:00 +0000\r\n\r\nplain words\r\n";

sub append {
	my ($conn, $box, $flags, $message) = @_;
	$conn->{pending} = 'a' . ++$conn->{tag};
	$conn->send_raw("$conn->{pending} APPEND $box " . ($flags eq '' ? '' : "$flags ") . '{' . length($message) . "}\r\n");
	like($conn->line, qr/^\+ /, "APPEND to $box is asked for its message");
	$conn->send_raw("$message\r\n");
	return $conn->reply;
}

$c->expect('CREATE other', qr/OK/);
like(append($c, 'INBOX', '(\\Seen key) " 1-Nov-2026 08:00:00 +0000"', $text), qr/OK \[APPENDUID \d+ 1\]/, 'APPEND with flags and date');
like(append($c, 'INBOX', '', $plain), qr/OK \[APPENDUID \d+ 2\]/, 'APPEND');
$c->{pending} = 'a' . ++$c->{tag};
$c->send_raw("$c->{pending} APPEND INBOX {" . length($plain) . "+}\r\n$plain\r\n");
like($c->reply, qr/OK \[APPENDUID \d+ 3\]/, 'APPEND with LITERAL+');
$c->send_raw("t1 APPEND nosuch {" . length($plain) . "+}\r\n$plain\r\nt2 NOOP\r\n");
like($c->line, qr/^t1 NO \[TRYCREATE\]/, 'APPEND to no mailbox');
like($c->line, qr/^t2 OK/, '... the message that was sent unasked is not read as commands');
like($c->command('APPEND INBOX {999999999999}'), qr/NO \[TOOBIG\]/, 'I11: too big, refused before it is sent');

my $select = $c->command('SELECT INBOX');
like($select, qr/^\* 3 EXISTS$/m, 'EXISTS');
like($select, qr/^\* OK \[UNSEEN 2\]/m, 'UNSEEN');
like($select, qr/^\* FLAGS \(.*key.*\)$/m, 'FLAGS names the keyword');
like($select, qr/^\* OK \[PERMANENTFLAGS \(.*\\\*\)\]/m, 'PERMANENTFLAGS');
like($select, qr/^\* OK \[UIDNEXT 4\]/m, 'UIDNEXT');

my $fetch = sub { $c->command("FETCH $_[0]") };
my $size = length $text;
like($fetch->('1 (UID FLAGS INTERNALDATE RFC822.SIZE)'),
	qr/^\* 1 FETCH \(UID 1 FLAGS \((?=[^)]*\\Seen)(?=[^)]*key)[^)]*\) INTERNALDATE "[ 0]1-Nov-2026 08:00:00 \+0000" RFC822\.SIZE $size\)$/m, 'FETCH from the index');
like($fetch->('1 ENVELOPE'), qr/ENVELOPE \("Tue, 03 Nov 2026 10:00:00 \+0100" "=\?utf-8\?q\?caf=C3=A9\?= first" \(\("A\. Sender" NIL "sender" "example\.org"\)\)/, 'ENVELOPE');
like($fetch->('1 BODYSTRUCTURE'), qr/BODYSTRUCTURE \(\("text" "plain" \("charset" "utf-8"\) NIL NIL "base64" \d+ \d+ .*\)\("message" "rfc822" .*"mixed"/i, 'BODYSTRUCTURE');
like($fetch->('1 BODY.PEEK[]'), qr/BODY\[\] \{$size\}\r?\n\Q$text\E\)/, 'BODY[] is the message, byte for byte');
like($fetch->('1 BODY.PEEK[1]'), qr/BODY\[1\] \{28\}\r\nR3LDvMOfZSBhdXMgTcO8bmNoZW4K\)/, 'BODY[1]');
like($fetch->('1 BODY.PEEK[1.MIME]'), qr/BODY\[1\.MIME\] \{\d+\}\r\nContent-Type: text\/plain; charset=utf-8\r\n/, 'BODY[1.MIME]');
like($fetch->('1 BODY.PEEK[2.HEADER]'), qr/BODY\[2\.HEADER\] \{\d+\}\r\nSubject: inner\r\nFrom: inner\@example\.org\r\n\r\n\)/, 'BODY[2.HEADER]');
like($fetch->('1 BODY.PEEK[2.TEXT]'), qr/BODY\[2\.TEXT\] \{10\}\r\ninner body\)/, 'BODY[2.TEXT]');
like($fetch->('1 BODY.PEEK[HEADER.FIELDS (SUBJECT X-None)]'), qr/BODY\[HEADER\.FIELDS \(SUBJECT X-None\)\] \{\d+\}\r\nSubject: =\?utf-8\?q\?caf=C3=A9\?= first\r\n\r\n\)/i, 'HEADER.FIELDS');
unlike($fetch->('1 BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]'), qr/^Subject: =/m, 'HEADER.FIELDS.NOT');
like($fetch->('1 BODY.PEEK[]<6.5>'), qr/BODY\[\]<6> \{5\}\r\n\Q@{[substr $text, 6, 5]}\E\)/, 'a partial fetch');
like($fetch->('1 BODY.PEEK[]<999999.5>'), qr/BODY\[\]<999999> (?:\{0\}\r\n|"")\)/, 'a partial fetch past the end');
like($fetch->('1 BODY.PEEK[9]'), qr/BODY\[9\] NIL\)/, 'a part that is not there');
like($fetch->('2 RFC822.TEXT'), qr/RFC822\.TEXT \{13\}\r\nplain words\r\n/, 'RFC822.TEXT');
like($fetch->('2 FLAGS'), qr/\\Seen/, '... set \\Seen');
like($fetch->('9 FLAGS'), qr/BAD/, 'a message number that is not there');
like($c->command('UID FETCH 999 FLAGS'), qr/^a\d+ OK/, 'a UID that is not there');
like($c->command('UID FETCH 2:* (FLAGS)'), qr/^\* 2 FETCH \(UID 2 .*^\* 3 FETCH \(UID 3 /ms, 'UID FETCH');

my %search = (
	'ALL' => '1 2 3', 'SEEN' => '1 2', 'UNSEEN' => '3', 'KEYWORD key' => '1', 'UNKEYWORD key' => '2 3', 'SUBJECT second' => '2 3',
	'SUBJECT SECOND' => '2 3', 'FROM sender' => '1', 'TEXT words' => '2 3', 'BODY inner' => '1', 'NOT SEEN' => '3', 'OR SUBJECT first UID 3' => '1 3',
	'SENTON 3-Nov-2026' => '1', 'SENTSINCE 4-Nov-2026' => '2 3', 'BEFORE 2-Nov-2026' => '1', 'LARGER 300' => '1', 'SMALLER 300' => '2 3', '2:3 SEEN' => '2',
	'HEADER Message-ID 1@example' => '1', 'UID 2:3' => '2 3', '(SEEN SUBJECT second)' => '2', 'DELETED' => '', 'BODY nosuch' => '',
	"CHARSET UTF-8 SUBJECT {5+}\r\ncaf\xc3\xa9" => '1', "CHARSET UTF-8 BODY {8+}\r\nM\xc3\x9cNCHEN" => '1', "CHARSET ISO-8859-1 SUBJECT {4+}\r\ncaf\xe9" => '1',
);
for my $key (sort keys %search) {
	my ($found) = $c->command("SEARCH $key") =~ /^\* SEARCH ?([\d ]*)$/m;
	(my $name = $key) =~ s/[^ -~]+/?/g;
	is($found, $search{$key}, "SEARCH $name");
}
like($c->command('SEARCH CHARSET X-NONE SUBJECT x'), qr/NO \[BADCHARSET/, 'an unknown charset');

my $d = $pb->connect('imap');
$d->login('alice@example.com', $Pillarbox::PASSWORD);
$d->expect('SELECT INBOX', qr/OK/);
like($c->command('STORE 1 +FLAGS (\\Flagged)'), qr/^\* 1 FETCH \(FLAGS \(.*\\Flagged/m, 'STORE tells the flags');
unlike($c->command('STORE 2 +FLAGS.SILENT (\\Answered)'), qr/^\* 2 FETCH/m, 'STORE .SILENT does not');
my $noop = $d->command('NOOP');
like($noop, qr/^\* 1 FETCH \(.*\\Flagged/m, 'the other session is told');
like($noop, qr/^\* 2 FETCH \(.*\\Answered/m, '... of both');
like($c->command('STORE 2 FLAGS (\\Recent)'), qr/BAD/, '\\Recent is the server\'s');
like($c->command('COPY 1:2 other'), qr/OK \[COPYUID \d+ 1:2 1:2\]/, 'COPY');
like($c->command('COPY 1 nosuch'), qr/NO \[TRYCREATE\]/, 'COPY to no mailbox');
like($c->command('MOVE 3 other'), qr/^\* OK \[COPYUID \d+ 3 3\].*^\* 3 EXPUNGE\n.*^a\d+ OK/ms, 'MOVE');
like($d->command('NOOP'), qr/^\* 3 EXPUNGE$/m, 'the other session is told of MOVE');
$c->expect('STORE 1 +FLAGS.SILENT (\\Deleted)', qr/OK/);
like($c->command('UID EXPUNGE 2'), qr/^a\d+ OK/, 'UID EXPUNGE of another');
like($c->command('STATUS INBOX (MESSAGES)'), qr/MESSAGES 2/, '... leaves it');
unlike($d->command('FETCH 1:2 FLAGS'), qr/EXPUNGE/, 'no EXPUNGE during FETCH');
like($c->command('EXPUNGE'), qr/^\* 1 EXPUNGE$/m, 'EXPUNGE');
like($d->command('NOOP'), qr/^\* 1 EXPUNGE$/m, 'the other session is told of EXPUNGE');
like($c->command('FETCH 1 (UID)'), qr/UID 2\)/, 'UIDs stay');
like($c->command('EXAMINE other'), qr/^\* 3 EXISTS\n.*READ-ONLY/ms, 'EXAMINE');
like($c->command('STORE 1 +FLAGS (\\Deleted)'), qr/NO \[READ-ONLY\]/, 'which changes nothing');
like($c->command('FETCH 1 BODY[]'), qr/\Q$text\E/, 'reads');
unlike($c->command('FETCH 2 FLAGS'), qr/\\Recent.*\\Recent/, 'and goes on');
$c->expect('SELECT other', qr/OK/);
$c->expect('STORE 1:3 +FLAGS.SILENT (\\Deleted)', qr/OK/);
like($c->command('UNSELECT'), qr/^a\d+ OK/, 'UNSELECT');
like($c->command('STATUS other (MESSAGES)'), qr/MESSAGES 3/, '... expunges nothing');
$c->expect('SELECT other', qr/OK/);
unlike($c->command('CLOSE'), qr/EXPUNGE/, 'CLOSE is silent');
like($c->command('STATUS other (MESSAGES UIDNEXT)'), qr/MESSAGES 0 UIDNEXT 4/, '... but expunges, and UIDs are not used again');
done_testing;
