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

# A non-synchronising literal comes whatever we answer: where it is not read, the
# connection ends, or its bytes would be commands of whoever wrote them.
my $inside = "\r\nz1 CREATE Injected\r\n";
my $begin = 's1 SEARCH TEXT {262100+}';
my $filled = "$begin\r\n" . 'x' x 262100 . ' ' x (262144 - 262100 - length($begin) - 4);
my %lie = (
	'behind a command that is full' => "$filled HEADER SUBJECT {22+}\r\n$inside",
	'at the end of a line that is too long' => 's1 SEARCH ' . 'x' x 300000 . " {22+}\r\n$inside",
	'with a bare LF' => "s1 SEARCH TEXT {22+}\n$inside",
	'of a size that is no number' => "s1 SEARCH TEXT {99999999999999999999+}\r\n$inside",
	'as literal8' => "s1 SEARCH TEXT ~{22+}\r\n$inside",
	'behind the message of APPEND' => "s1 APPEND INBOX {3+}\r\nabc (\\Seen) {22+}\r\n$inside",
	'far behind the message of APPEND' => "s1 APPEND INBOX {3+}\r\nabc " . 'x' x 2000 . " {22+}\r\n$inside",
);
for my $how (sort keys %lie) {
	my $d = $pb->connect('imap');
	$d->login('alice@example.com', $Pillarbox::PASSWORD);
	$d->send_raw($lie{$how});
	my @heard;
	while (defined(my $line = $d->line)) {
		push @heard, $line;
		last if $line =~ /^(?:z1|\* BYE)/;
	}
	like($heard[-1] // '', qr/^\* BYE/, "I01: a literal $how ends the connection");
	unlike("@heard", qr/z1/, '... and none of it is a command');
}
$c = $pb->connect('imap');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
unlike($c->command('LIST "" *'), qr/Injected/, 'nothing was created');
done_testing;
