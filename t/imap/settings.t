#!/usr/bin/perl
# Settings of IMAP that clients see: imapIdleEnabled (IMAP-08), imapMaxMessageSizeMB (IMAP-01).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { imapMaxMessageSizeMB => 1 });
$pb->user('alice@example.com');
$pb->start;
my $MB = 1 << 20;

sub session {
	my $c = $pb->connect('imap');
	$c->login('alice@example.com', $Pillarbox::PASSWORD);
	return $c;
}

my $c = session();
like($c->command('CAPABILITY'), qr/ IDLE\b/, 'imapIdleEnabled: IDLE is offered');
like($c->command('IDLE'), qr/^\+ /, 'and served');
$c->send_raw("DONE\r\n");
like($c->reply, qr/^a\d+ OK/m, 'to its end');
$pb->set(imapIdleEnabled => 'False');
$c = session();
unlike($c->command('CAPABILITY'), qr/\bIDLE\b/, 'switched off it is not offered');
like($c->command('IDLE'), qr/^a\d+ BAD/, 'nor served');
like($c->command('NOOP'), qr/^a\d+ OK/m, 'and the session goes on');

# A message of the size that is allowed, and one that has a byte more.
sub append {
	my ($client, $size) = @_;
	my $reply = $client->command("APPEND INBOX {$size}");
	return $reply if $reply !~ /^\+ /;
	$client->send_raw("Subject: x\r\n\r\n" . 'x' x ($size - 14) . "\r\n");
	return $client->reply;
}
like(append($c, $MB), qr/^a\d+ OK \[APPENDUID/m, 'a message of imapMaxMessageSizeMB is taken');
like(append($c, $MB + 1), qr/^a\d+ NO \[TOOBIG\]/m, 'with a byte more it is not asked for');
like($c->command('STATUS INBOX (MESSAGES)'), qr/MESSAGES 1\)/, 'and not there');
$c->send_raw('x APPEND INBOX {' . ($MB + 1) . "+}\r\n");
like($c->line, qr/^x NO \[TOOBIG\]/, 'sent unasked it is refused');
like($c->line, qr/^\* BYE \[TOOBIG\]/, 'and its bytes are not waited for');
$pb->set(imapMaxMessageSizeMB => 2);
$c = session();
like(append($c, $MB + 1), qr/^a\d+ OK \[APPENDUID/m, 'imapMaxMessageSizeMB=2 takes it');
done_testing;
