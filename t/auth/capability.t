#!/usr/bin/perl
# A mailbox goes to the uid that serves mailboxes, and to nobody else (CASES: I17).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new;
$pb->user($_) for 'alice@example.com', 'bob@example.com';
start_directory($pb);
my $pw = $Pillarbox::PASSWORD;
my $maildir = $pb->maildir('alice@example.com');

for my $service ('imap', 'pop3') {
	my ($result, $user, $fd) = login($pb, $service, 'PLAIN', 'alice@example.com', $pw);
	is("$result $user", 'OK alice@example.com', "$service log-in");
	like($fd, qr{^\Q$maildir\E O_PATH$}, "$service gets that one Maildir");
	is((login($pb, $service, 'PLAIN', 'alice@example.com', 'wrong'))[2], '-', "$service gets nothing for a wrong password");
}
is((login($pb, 'smtp', 'PLAIN', 'alice@example.com', $pw))[2], '-', 'smtp gets no mailbox');
like((login($pb, 'imap', 'SCRAM-SHA-256', 'alice@example.com', $pw))[2], qr/O_PATH$/, 'any mechanism will do');

SKIP: {
	skip 'one uid: callers cannot be told apart', 6 if $> != 0;
	is((login($pb, 'imap', 'PLAIN', 'alice@example.com', $pw, uid => uid_of($pb, 'pbsmtp')))[0], 'TROUBLE',
		'pbsmtp asks for imap and is thrown out');
	is((login($pb, 'smtp', 'PLAIN', 'alice@example.com', $pw, uid => uid_of($pb, 'pbmail')))[0], 'TROUBLE',
		'so is pbmail that asks for smtp');
	ok($pb->wait_log('authLog', qr/event=SECURITY socket=auth .*service that is not its own/), 'which is logged');
	for my $user ('pbsend', 'pbcheck', 'nobody') {
		my $s = auth_connect($pb, $user);
		is($s, undef, "$user has no business with log-ins");
	}
}

# A worker that was taken over.
sub attack {
	my ($name, @lines) = @_;
	my $s = auth_connect($pb, 'pbmail') or return fail($name);
	syswrite $s, $_ for @lines;
	my $line = read_line($s);
	unlike($line // '', qr/^OK/, $name);
	return $line;
}
my $good = encode_base64("\0alice\@example.com\0$pw", '');
is(attack('a CONT out of nothing', "CONT\t1\t$good\n"), undef, 'ends the connection');
like(attack('an id twice', "AUTH\t1\tPLAIN\tservice=imap\n", "AUTH\t1\tPLAIN\tservice=imap\n") // '', qr/^(?:CONT\t1\t)?$/,
	'is heard once at most: the second ends the connection');
is(attack('a line without end', 'A' x 20000), undef, 'ends the connection');
is(attack('a number too big', "AUTH\t4294967297\tPLAIN\tservice=imap\tresp=$good\n"), undef, 'ends the connection');
is(attack('no verb', "\n"), undef, 'ends the connection');
like(attack('another user by parameters', "AUTH\t1\tPLAIN\tservice=imap\tuser=bob\@example.com\tmaster=1\tresp="
	. encode_base64("\0alice\@example.com\0no", '') . "\n"), qr/^FAIL\t1/, 'is not another user');
like(attack('an unknown mechanism', "AUTH\t1\tEXTERNAL\tservice=imap\tresp=$good\n"), qr/^FAIL\t1/, 'fails');
like(attack('an empty service', "AUTH\t1\tPLAIN\tresp=" . encode_base64("\0alice\@example.com\0no", '') . "\n") // '', qr/^(?:FAIL.*)?$/, 'gets nothing');

# An answer is for the connection and exchange that earned it.
my ($one, $two) = (auth_connect($pb, 'pbmail'), auth_connect($pb, 'pbmail'));
syswrite $one, "AUTH\t1\tPLAIN\tservice=imap\tsecured\n";
is(read_line($one), "CONT\t1\t", 'an exchange is begun on one connection');
syswrite $two, "CONT\t1\t$good\n";
is(read_line($two), undef, 'and cannot be continued on another');
syswrite $one, "CANCEL\t1\nCONT\t1\t$good\n";
is(read_line($one), undef, 'nor after it was cancelled');

my ($r, $user, $fd) = login($pb, 'imap', 'PLAIN', 'bob@example.com', $pw);
is("$r $user", 'OK bob@example.com', 'and auth-check still serves');

# A mailbox that is a symbolic link, or gone, is trouble and leads nowhere.
my $bob = $pb->maildir('bob@example.com');
rename $bob, "$bob.away" or die;
is((login($pb, 'imap', 'PLAIN', 'bob@example.com', $pw))[0], 'TROUBLE', 'a missing mailbox is trouble');
symlink $maildir, $bob or die;
is((login($pb, 'imap', 'PLAIN', 'bob@example.com', $pw))[0], 'TROUBLE', 'one that is a link to another is not followed');
done_testing;
