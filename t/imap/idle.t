#!/usr/bin/perl
# IMAP-08: IDLE is told of new mail and of changes at once, and ends with DONE.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { imapLogLevel => 'Normal' });
$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->start;
my $c = $pb->connect('imap');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
like($c->command('CAPABILITY'), qr/ IDLE/, 'IDLE is offered');
$c->expect('SELECT INBOX', qr/OK/);
like($c->command('IDLE'), qr/^\+ /, 'IDLE begins');
ok($pb->wait_log('imapLog', qr/event=login user=alice\@example\.com/), 'the log has what came before it');
like($pb->send_mail(from => 'bob@example.com', to => 'alice@example.com'), qr/^250/, 'a message comes');
my $begin = time;
my $told = $c->line(10);
$told = $c->line(10) if $told =~ /RECENT/;
like($told, qr/^\* 1 EXISTS$/, 'IDLE tells of it');
cmp_ok(time - $begin, '<', 5, '... at once, not at the next poll of a minute');
$c->line(2) if $c->{buf} ne '';
$c->send_raw("DONE\r\n");
my $line;
1 while ($line = $c->line(5)) =~ /^\* /;
like($line, qr/^a\d+ OK/, 'DONE ends it');
$c->expect('NOOP', qr/OK/);

like($c->command('IDLE'), qr/^\+ /, 'IDLE again');
my $d = $pb->connect('imap');
$d->login('alice@example.com', $Pillarbox::PASSWORD);
$d->expect('SELECT INBOX', qr/OK/);
$d->expect('STORE 1 +FLAGS (\\Flagged)', qr/OK/);
like($c->line(10), qr/^\* 1 FETCH \(FLAGS \(.*\\Flagged/, 'IDLE tells of a flag');
$d->expect('STORE 1 +FLAGS (\\Deleted)', qr/OK/);
$d->expect('EXPUNGE', qr/OK/);
my $gone = $c->line(10);
$gone = $c->line(10) while $gone =~ /FETCH/;
like($gone, qr/^\* 1 EXPUNGE$/, 'IDLE tells of EXPUNGE');
$c->send_raw("NOOP\r\n");
1 while ($line = $c->line(5)) =~ /^\* /;
like($line, qr/^a\d+ BAD/, 'anything but DONE is an error');
done_testing;
