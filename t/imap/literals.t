#!/usr/bin/perl
# Cases I01, I03, I04: literals and quoted strings that lie.  Nothing that was
# announced as data is ever taken for a command, and memory stays bounded.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { imapMaxBadCommands => 0 });
$pb->user('alice@example.com');
$pb->start;

for my $literal ('{4294967295}', '{99999999999999999999}', '{-1}', '{1 }', '~{10}', '{9000}') {
	my $c = $pb->connect('imap');
	my $reply = $c->command("LOGIN $literal");
	like($reply, qr/^a1 (?:BAD|NO)/, "I01: LOGIN $literal is refused without a continuation");
	like($c->command('NOOP'), qr/^a2 OK/, '... and the next command is read');
}
my $c = $pb->connect('imap');
$c->send_raw("a1 LOGIN {99999999+}\r\n");
like($c->line, qr/^\* BYE \[TOOBIG\]/, 'I01: a non-synchronising literal that cannot be taken ends the connection');
$c->send_raw("a2 LOGOUT\r\n");
ok($c->at_end, '... and what follows is not read as a command');

$c = $pb->connect('imap');
like($c->command('LOGIN {17}'), qr/^\+ /, 'a small literal is asked for');
$c->send_raw("alice\@example.com {13+}\r\n$Pillarbox::PASSWORD\r\n");
like($c->reply, qr/^a1 OK/, 'log-in by a literal and a non-synchronising literal');

for my $bad ('LOGIN "x', 'LOGIN "x\\', 'LOGIN "a\\b" c', "LOGIN \"\xe9\" \"y\"", "LOGIN \"x\0y\" \"z\"", 'LOGIN', 'LOGIN x', 'LOGIN  x y') {
	my $d = $pb->connect('imap');
	my $reply = $d->command($bad);
	(my $name = $bad) =~ s/[^ -~]/?/g;
	like($reply, qr/^\S+ (?:BAD|NO)/, "I04: $name");
}
$c = $pb->connect('imap');
$c->send_raw('a1 NOOP ' . '(' x 4000 . ' ' . 'x' x 20000 . "\r\n");
like($c->line, qr/^(?:a1|\*) BAD/, 'I03: a command longer than it may be before log-in');
$c->send_raw("a2 NOOP\r\n");
like($c->line, qr/^a2 OK/, '... is dropped up to its end');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
$c->expect('SELECT INBOX', qr/OK/);
like($c->command('SEARCH ' . 'NOT ' x 100000 . 'ALL'), qr/BAD/, 'I08: 100,000 times NOT');
like($c->command('SEARCH ' . '(' x 500 . 'ALL' . ')' x 500), qr/BAD/, 'I08: 500 parentheses');
like($c->command('SEARCH ' . join(' ', ('ALL') x 2000)), qr/BAD/, 'more search keys than may be');
like($c->command('FETCH 1 (' . join(' ', ('BODY[]') x 200) . ')'), qr/BAD/, 'more sections than may be');
like($c->command('NOOP'), qr/OK/, 'the session lives');
$c->send_raw("bare NOOP\n");
like($c->line, qr/^\S+ BAD/, 'a bare LF ends no line');
done_testing;
