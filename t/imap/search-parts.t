#!/usr/bin/perl
# SEARCH in the texts of thousands of parts: the last is read as well as the first,
# in its own charset, and what is no text is not searched.
# Features: IMAP-01.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->start;
my $c = $pb->connect('imap');
$c->login('alice@example.com', $Pillarbox::PASSWORD);

my $parts = 3000;
my $text = "Subject: many\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	. "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nx\r\n" x $parts
	. "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nM\xfcnchen\r\n"
	. "--b\r\nContent-Type: application/octet-stream\r\n\r\nnothing to read\r\n--b--\r\n";
$c->{pending} = 'a' . ++$c->{tag};
$c->send_raw("$c->{pending} APPEND INBOX {" . length($text) . "}\r\n");
like($c->line, qr/^\+ /, 'APPEND is asked for its message');
$c->send_raw("$text\r\n");
like($c->reply, qr/^a\d+ OK/m, "a message of $parts parts");
$c->expect('SELECT INBOX', qr/OK/);
like($c->command("SEARCH CHARSET UTF-8 BODY {8+}\r\nm\xc3\xbcnchen"), qr/^\* SEARCH 1$/m, 'a word in the last text is found');
like($c->command('SEARCH BODY "nothing to read"'), qr/^\* SEARCH$/m, 'what stands behind it is no text');
done_testing;
