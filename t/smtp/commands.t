#!/usr/bin/perl
# The commands as transcripts, each as it stands, byte by byte and in one piece.
# Features: SMTPIN-01, SMTPIN-20.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0, smtpBanner => '#HostName# #ConnectedIP# #UnixTime# #Nobody# here' });
$pb->user('alice@example.com');
$pb->user('bob@example.com');
$pb->start;

$pb->transcript('smtp', <<'END', 'the greeting knows its variables (BANNER-04 to -08)', ways => ['lines']);
S: /^220 mail\.test\.example 127\.0\.0\.1 \d{10} #Nobody# here$/
C: QUIT
S: 221 2.0.0
END

$pb->transcript('smtp', <<'END', 'EHLO offers what is there');
S: 220 mail.test.example
C: EHLO client.example
S: 250-mail.test.example
S: 250-PIPELINING
S: 250-SIZE 0
S: 250-8BITMIME
S: 250-ENHANCEDSTATUSCODES
S: 250-DSN
S: 250-CHUNKING
S: 250-BINARYMIME
S: 250-SMTPUTF8
S: 250-MT-PRIORITY
S: 250-DELIVERBY
S: 250-LIMITS RCPTMAX=1000
S: 250-STARTTLS
S: /^250-AUTH (?=.*\bPLAIN\b)(?=.*\bLOGIN\b)(?=.*\bSCRAM-SHA-256\b)/
S: 250 HELP
C: QUIT
S: 221
END

$pb->transcript('smtp', <<'END', 'HELO and EHLO want a name');
S: 220
C: EHLO
S: 501 5.5.4
C: EHLO %n%s\x1b[2J
S: 501 5.5.4
C: HELO [nonsense]
S: 501 5.5.4
C: EHLO [127.0.0.1]
S: ...
S: 250 HELP
C: HELO c.example
S: 250 mail.test.example
C: QUIT
S: 221
END

$pb->transcript('smtp', <<'END', 'two messages in one session');
S: 220
C: EHLO client.example
S: ...
S: 250 HELP
C: MAIL FROM:<sender@elsewhere.example> SIZE=100 BODY=8BITMIME
S: 250 2.1.0
C: RCPT TO:<alice@example.com>
S: 250 2.1.5
C: RCPT TO:<Alice@EXAMPLE.com>
S: 250 2.1.5
C: DATA
S: 354
C: Subject: one
C:
C: ..dots
C: ...
C: .
S: 250 2.0.0
C: MAIL FROM:<>
S: 250 2.1.0
C: RCPT TO:<bob@example.com> NOTIFY=NEVER ORCPT=rfc822;bob@example.com
S: 250 2.1.5
C: DATA
S: 354
C: Subject: two
C:
C: .
S: 250 2.0.0
C: QUIT
S: 221
END
my @alice = $pb->wait_mail('alice@example.com', 3);
my @bob = $pb->wait_mail('bob@example.com', 3);
is(scalar @alice, 3, 'a recipient named twice gets one copy');
my $text = Pillarbox::slurp($alice[0]);
like($text, qr/\AReturn-Path: <sender\@elsewhere\.example>\r\nReceived: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby mail\.test\.example with ESMTP\r\n\tid \d+\r\n\tfor <alice\@example\.com>;\r\n\t\w{3}, [^\r]+\r\n/,
	'trace fields come first');
like($text, qr/\r\n\r\n\.dots\r\n\.\.\r\n\z/, 'dots are as they were');
like(Pillarbox::slurp($bob[0]), qr/\AReturn-Path: <>\r\n.*\r\nSubject: two\r\n\r\n\z/s, 'the null reverse-path, and no body');

$pb->transcript('smtp', <<'END', 'what MAIL and RCPT refuse (S16 to S20)');
S: 220
C: EHLO client.example
S: ...
S: 250 HELP
C: MAIL FROM:<;for i in 0 1 2 3;do read r;done;sh;exit 0;>
S: 501 5.1.7
C: MAIL FROM:<a\x00b@x.example>
S: 501 5.1.7
C: MAIL FROM:<a@x.example> SIZE=-1
S: 501 5.5.4
C: MAIL FROM:<a@x.example> SIZE=99999999999999999999
S: 501 5.5.4
C: MAIL FROM:<a@x.example> AUTH=<
S: 501 5.5.4
C: MAIL FROM:<a@x.example> NONSENSE
S: 555 5.5.4
C: MAIL FROM:<a@x.example> BODY=X
S: 501 5.5.4
C: MAIL a@x.example
S: 501 5.5.4
C: MAIL FROM:<a@x.example>
S: 250
C: RCPT TO:<${run{\x5cx2fbin}}@example.com>
S: 501 5.1.3
C: RCPT TO:<$(id)@example.com>
S: 501 5.1.3
C: RCPT TO:<`id`@example.com>
S: 550 5.1.1
C: RCPT TO:<|/bin/id@example.com>
S: 550 5.1.1
C: RCPT TO:<../../x@example.com>
S: 501 5.1.3
C: RCPT TO:<-froot@example.com>
S: 550 5.1.1
C: RCPT TO:<@a.example,@b.example:alice@example.com>
S: 553 5.1.3
C: RCPT TO:<alice@example.com> NOTIFY=NEVER,SUCCESS
S: 501 5.5.4
C: RCPT TO:<>
S: 501 5.1.3
C: RCPT TO:<alice@example.com>
S: 250
C: QUIT
S: 221
END
is(scalar $pb->mail('alice@example.com'), 3, 'no refused message was delivered');
ok($pb->wait_log('smtpLog', qr/event=message from=(?:"")? id=\d+ /), 'accepted messages are in the log');
done_testing();
