#!/usr/bin/perl
# Submission (RFC 6409): log-in first, sender and From must be the user's own,
# missing fields are added, and who logged in may send to the world.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->user('bob@example.com');
$pb->ctl_ok('alias', 'add', 'sales@example.com', 'alice@example.com');
$pb->start;

my $c = $pb->connect('submission');
$c->expect('EHLO c.example', qr/^250/);
like($c->command('MAIL FROM:<alice@example.com>'), qr/^530 5\.7\.0/, 'log-in comes first (SMTPIN-25)');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
like($c->command('MAIL FROM:<bob@example.com>'), qr/^553 5\.7\.1/, 'the sender must be the user (SMTPIN-15)');

# One message with these header lines: the reply to its end.
sub send_one {
	my ($header, $from) = @_;
	$c->expect('MAIL FROM:<' . ($from // 'alice@example.com') . '>', qr/^250/);
	$c->expect('RCPT TO:<bob@example.com>', qr/^250/);
	$c->expect('DATA', qr/^354/);
	$header =~ s/\n/\r\n/g;
	return $c->command("$header\r\n\r\nbody\r\n.");
}
like(send_one("From: Bob <bob\@example.com>\nSubject: forged"), qr/^550 5\.7\.1/, 'so must From');
like(send_one("From: alice\@example.com, bob\@example.com\nSubject: two"), qr/^550 5\.7\.1/, 'From has one address');
like(send_one("From: alice\@example.com\nFrom: bob\@example.com\nSubject: twice"), qr/^550 5\.7\.1/, 'and stands there once');
# M05: nothing is taken for an address of the user that another reader might take otherwise.
my %odd_from = (
	'two fields, the same' => "From: alice\@example.com\nFrom: alice\@example.com", 'From in letters of another case' => "From: alice\@example.com\nFROM: bob\@example.com",
	'two addresses in brackets' => 'From: <alice@example.com>,<bob@example.com>', 'the own one second' => 'From: bob@example.com, alice@example.com',
	'an empty field' => 'From:', 'blanks alone' => "From: \n ", 'a group' => 'From: us: alice@example.com, bob@example.com;',
	'an empty group' => 'From: undisclosed:;', 'a name that is an address' => 'From: "alice@example.com" <bob@example.com>',
	'a comment that is one' => 'From: bob@example.com (alice@example.com)', 'a route' => 'From: <@example.com:bob@example.com>',
	'a blank before the colon' => 'From : bob@example.com', 'both, one with a blank' => "From: alice\@example.com\nFrom : bob\@example.com",
	'folded' => "From:\n bob\@example.com", 'an address as name' => 'From: alice@example.com <bob@example.com>', 'without a domain' => 'From: alice',
	'the null address' => 'From: <>',
);
like(send_one("$odd_from{$_}\nSubject: odd"), qr/^550 5\.7\.1 .* ticket \d{12}$/, "M05: From: $_") for sort keys %odd_from;
like(send_one("Subject: x\nFrom\0: alice\@example.com"), qr/^554 5\.6\.0 /, 'M05: NUL in the name of the field');
like(send_one(" From: alice\@example.com\nSubject: odd"), qr/^55[04] 5\.[67]\.[01] /, 'M05: a header that begins folded has no From');
like(send_one('Subject: none'), qr/^550 5\.7\.1/, 'and must be there');
like(send_one("From: \"A\" <Alice\@EXAMPLE.com>\nSubject: good"), qr/^250/, 'the own address in any letter case');
like(send_one("From: alice\@example.com <alice\@example.com>\nSubject: twice the same"), qr/^250/, 'the own address as name of itself');
like(send_one("From: alice\@example.com\nDate: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-ID: <mine\@c>\nSubject: full", ''),
	qr/^250/, 'with the null reverse-path');
like(send_one("From: sales\@example.com\nSubject: alias", 'sales@example.com'), qr/^250/, 'an alias of the user is his own');

is(scalar(grep { Pillarbox::slurp($_) =~ /^Subject: odd\r$/m } $pb->mail('bob@example.com')), 0, 'none of the odd ones arrived');
my @mail = map { Pillarbox::slurp($_) } $pb->wait_mail('bob@example.com', 4);
my ($good) = grep { /Subject: good/ } @mail;
my ($full) = grep { /Subject: full/ } @mail;
like($good, qr/^Date: \w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r$/m, 'a missing Date is added');
like($good, qr/^Message-ID: <\d+\.\d{12}\@mail\.test\.example>\r$/m, 'a missing Message-ID too');
is(() = $full =~ /^Date:/mg, 1, 'what is there stays');
like($full, qr/^Message-ID: <mine\@c>\r$/m, 'as it is');
like($good, qr/ with ESMTPA\r\n/, 'Received tells of the log-in');

$c->expect('MAIL FROM:<alice@example.com>', qr/^250/);
like($c->command('RCPT TO:<someone@out.example>'), qr/^250 2\.1\.5/, 'the world is open to who logged in');
$c->command('QUIT');
ok($pb->wait_log('smtpLog', qr/event=check about=from name=from-differs-from-log-in value=bob\@example\.com weight=-100 total=-100/), 'the log says why others are not');

my $x = $pb->connect('smtp');
$x->expect('EHLO c.example', qr/^250/);
$x->expect('MAIL FROM:<x@out.example>', qr/^250/);
$x->expect('RCPT TO:<bob@example.com>', qr/^250/);
$x->expect('DATA', qr/^354/);
$x->expect("Subject: from outside\r\n\r\nx\r\n.", qr/^250/);
@mail = map { Pillarbox::slurp($_) } $pb->wait_mail('bob@example.com', 5);
my ($outside) = grep { /Subject: from outside/ } @mail;
unlike($outside, qr/^(?:Date|Message-ID):/m, 'nothing is added to mail from others');
done_testing();
