#!/usr/bin/perl
# Nothing of a transaction outlives it, whatever ended it: not its sender and what he may, its
# recipients, its parameters or its text (STYLE: one reset is the only way back).
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { maxMessageSizeMB => 1, allowRelay => 'localDomains' });
$pb->user("$_\@example.com") for qw(alice bob);
$pb->ctl_ok('domain', 'edit', 'example.com', 'requireSmtpAuth=False');
$pb->start;

# Every way out of a transaction: what is said within it after MAIL by a sender who may relay, binary
# and with UTF-8, and the last reply to it.
my $mail = 'MAIL FROM:<alice@example.com> BODY=BINARYMIME SMTPUTF8 RET=HDRS ENVID=old';
my @rcpts = ('RCPT TO:<x@out.example> NOTIFY=NEVER', 'RCPT TO:<alice@example.com>');
sub chunk { my ($text, $last) = @_; return "BDAT " . length($text) . ($last ? ' LAST' : '') . "\r\n$text" }
my @ways = (
	[ 'RSET', [ $mail, @rcpts, 'RSET' ], qr/^250/ ],
	[ 'EHLO', [ $mail, @rcpts, 'EHLO other.example' ], qr/^250/ ],
	[ 'HELO', [ $mail, @rcpts, 'HELO other.example' ], qr/^250/ ],
	[ 'MAIL refused for its size', [ "$mail SIZE=2000000" ], qr/^552 5\.3\.4/ ],
	[ 'MAIL that cannot be read', [ "$mail X=Y" ], qr/^555/ ],
	[ 'RSET between chunks', [ $mail, @rcpts, \chunk("Subject: old\r\n"), 'RSET' ], qr/^250/ ],
	[ 'RSET after a chunk that was refused', [ $mail, @rcpts, \chunk("Subject: old\r\n\r\na\0b"), 'RSET' ], qr/^250/ ],
	[ 'a last chunk that was refused', [ $mail, @rcpts, \chunk("Subject: old\r\n\r\n" . 'x' x 9000, 1) ], qr/^554 5\.6\.0/ ],
	[ 'a text over the limit', [ $mail, @rcpts, \chunk("Subject: old\r\n\r\n" . ('x' x 98 . "\r\n") x 12000, 1) ], qr/^552 5\.3\.4/ ],
);
sub last_line { my ($reply) = @_; return (split /\n/, $reply)[-1] // '' }
my $n = 0;
for my $way (@ways) {
	my ($name, $said, $re) = @$way;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	my $last;
	for my $text (@$said) {
		if (ref $text) {
			$c->send_raw($$text);
			$last = last_line($c->reply);
		} else {
			$last = last_line($c->command($text));
		}
	}
	like($last, $re, "$name: the transaction is over");
	like($c->command('MAIL FROM:<>'), qr/^250 2\.1\.0/, '  the next begins');
	like($c->command('RCPT TO:<x@out.example>'), qr/^550 5\.7\.1/, '  its sender has no right of the last one');
	like($c->command("RCPT TO:<b\xc3\xb6b\@example.com>"), qr/^553 5\.6\.7/, '  it is not for UTF-8');
	$c->expect('RCPT TO:<bob@example.com>', qr/^250/);
	like($c->command('DATA'), qr/^354/, '  nor for binary parts');
	like($c->command('Subject: new' . ++$n . "\r\n\r\nx\r\n."), qr/^250 2\.0\.0/, '  and it is taken');
	$c->command('QUIT');
}
my @mail = $pb->wait_mail('bob@example.com', $n);
is(scalar @mail, $n, 'each arrives');
is(scalar(grep { Pillarbox::slurp($_) =~ /\AReturn-Path: <>\r\n/ } @mail), $n, 'from its own sender');
is(scalar(grep { Pillarbox::slurp($_) =~ /\r\n\r\nx\r\n\z/ && Pillarbox::slurp($_) !~ /Subject: old/ } @mail), $n, 'with its own text');
is(scalar($pb->mail('alice@example.com')), 0, 'and at its own recipients alone');
done_testing();
