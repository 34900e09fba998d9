#!/usr/bin/perl
# POP3: messages: STAT, LIST, UIDL, RETR, TOP, DELE, RSET, QUIT (case I15).
# Features: POP-01.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { popMaxBadCommands => 0 });
$pb->user('alice@example.com');
$pb->start;
my $P = $Pillarbox::PASSWORD;
my $maildir = $pb->maildir('alice@example.com');

sub put {
	my ($name, $text) = @_;
	Pillarbox::spew("$maildir/new/$name", $text);
	my (undef, undef, $uid, $gid) = (getpwnam('pbmail'))[0, 1, 2, 3];
	chown $uid, $gid, "$maildir/new/$name" if $> == 0;
}
sub session {
	my $c = $pb->connect('pop3');
	$c->login('alice@example.com', $P);
	return $c;
}

put('1000.a.host', "Subject: one\r\n\r\n.dot\r\n..\r\nline 3\r\n");
put('1001.b.host', "Subject: bare\n\n1\n2\n3\n");
put('1002.c.host', "no end");
my $c = session();
like($c->command('STAT'), qr/^\+OK 3 66$/, 'STAT counts octets of the wire form');
is(join('|', ($c->lines_command('LIST'))[1 .. 3]), '1 34|2 26|3 6', 'LIST');
like($c->command('LIST 2'), qr/^\+OK 2 26$/, 'LIST of one');
my ($status, @uidl) = $c->lines_command('UIDL');
is(scalar @uidl, 3, 'UIDL');
is(join('|', ($c->lines_command('RETR 1'))[1 .. 5]), 'Subject: one||.dot|..|line 3', 'RETR with dots');
is(join('|', ($c->lines_command('RETR 2'))[1 .. 5]), 'Subject: bare||1|2|3', 'RETR of a file with bare LF');
is(join('|', ($c->lines_command('TOP 2 1'))[1 .. 3]), 'Subject: bare||1', 'TOP');
is(scalar(my @top = $c->lines_command('TOP 1 0')), 3, 'TOP 0: the header and the empty line');
for my $bad ('RETR 0', 'RETR -1', 'RETR 99999999999999999999', 'RETR 4', 'TOP 1 -1', 'TOP 1', 'DELE 4', 'RETR', 'LIST x', 'UIDL 9') {
	like($c->command($bad), qr/^-ERR/, "I15 $bad");
}
like($c->command('DELE 1'), qr/^\+OK/, 'DELE');
like($c->command('DELE 1'), qr/^-ERR/, 'twice');
like($c->command('RETR 1'), qr/^-ERR/, 'a marked message is not given');
like($c->command('STAT'), qr/^\+OK 2 32$/, 'nor counted');
like($c->command('RSET'), qr/^\+OK/, 'RSET');
like($c->command('STAT'), qr/^\+OK 3 66$/, 'unmarks');
$c->command('DELE 2');
$c->close;		# without QUIT
my $again;
for (1 .. 50) {		# until the first session's lock is gone
	$again = $pb->connect('pop3');
	$again->command('USER alice@example.com');
	last if $again->command("PASS $P") =~ /^\+OK/;
	select undef, undef, undef, 0.1;
}
like($again->command('STAT'), qr/^\+OK 3 66$/, 'I15 no deletion without QUIT');
is_deeply([ ($again->lines_command('UIDL'))[1 .. 3] ], \@uidl, 'UIDL is the same in another session');

my $second = $pb->connect('pop3');
$second->command('USER alice@example.com');
like($second->command("PASS $P"), qr/^-ERR \[IN-USE\]/, 'one session a mailbox');
$second->close;

my $imap = $pb->connect('imap');
$imap->login('alice@example.com', $P);
like($imap->command('SELECT INBOX'), qr/\* 3 EXISTS/, 'IMAP beside it');
is(join('|', ($again->lines_command('RETR 1'))[1]), 'Subject: one', 'after IMAP moved the files they are still found');
put('1003.d.host', "new\r\n");
like($again->command('STAT'), qr/^\+OK 3 /, 'a new message does not change the session');
$again->command('DELE 1');
like($again->command('QUIT'), qr/^\+OK/, 'QUIT removes');
like($imap->command('NOOP'), qr/EXPUNGE/, 'IMAP learns it');
$imap->close;

my $third = session();
like($third->command('STAT'), qr/^\+OK 3 /, 'two left and the new one');
is_deeply([ map { /^\d+ (.*)/ } (($third->lines_command('UIDL'))[1, 2]) ], [ map { /^\d+ (.*)/ } @uidl[1, 2] ],
	'UIDL of those left is stable');
unlink glob("$maildir/pillarbox.*");
$third->close;
my $fourth;
for (1 .. 50) {
	$fourth = $pb->connect('pop3');
	$fourth->command('USER alice@example.com');
	last if $fourth->command("PASS $P") =~ /^\+OK/;
	select undef, undef, undef, 0.1;
}
is_deeply([ map { /^\d+ (.*)/ } (($fourth->lines_command('UIDL'))[1, 2]) ], [ map { /^\d+ (.*)/ } @uidl[1, 2] ],
	'and outlives journal and index');
$fourth->send_raw("STAT\r\nLIST 1\r\nNOOP\r\nDELE 1\r\nRSET\r\nQUIT\r\n");
is(join(' ', map { substr $fourth->line, 0, 3 } 1 .. 6), join(' ', ('+OK') x 6), 'pipelined commands');

# A message through the whole system, byte for byte after the trace headers
my $text = "From: alice\@example.com\r\nSubject: way\r\n\r\n" . join('', map { ".line $_\r\n" } 1 .. 3000);
like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com', text => $text), qr/^250/, 'sent by SMTP');
$pb->wait_mail('alice@example.com', 4);
my $fifth = session();
my ($n) = $fifth->command('STAT') =~ /^\+OK (\d+)/;
my @lines = $fifth->lines_command("RETR $n");
shift @lines;
my $got = join('', map { "$_\r\n" } @lines);
ok(index($got, $text) > 0 && substr($got, -length $text) eq $text, 'and read back as it was');
$fifth->close;
done_testing;
