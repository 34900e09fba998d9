#!/usr/bin/perl
# What auth-check posts on its board: a mailbox that was asked for is not asked for again, and
# the next session hears of every change.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Select;
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new;
$pb->user($_) for map { "$_\@example.com" } qw(alice bob carol);
$pb->ctl_ok('alias', 'add', 'sales@example.com', 'alice@example.com');
$pb->start;
sub session {
	my $c = $pb->connect('smtp', timeout => 40);
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect('MAIL FROM:<s@far.example>', qr/^250/);
	return $c;
}
sub rcpt { my ($c, $to) = @_; return $c->command("RCPT TO:<$to\@example.com>") }

my $c = session();
like(rcpt($c, $_), qr/^250/, "$_ is ours") for qw(alice sales Bob);
$c->close;

# A stopped auth-check answers nothing: what is taken now was read.
my $main = auth_main($pb);
$c = session();
like(rcpt($c, 'carol'), qr/^250/, 'a first question of this session, so that it has the board');
kill 'STOP', $main;
like(rcpt($c, 'alice'), qr/^250/, 'a mailbox that was asked for is known');
$c->send_raw("RCPT TO:<$_\@example.com>\r\n") for 'sales', 'bob', 'alice';
ok(!IO::Select->new($c->{sock})->can_read(1), 'an alias, and a mailbox that was named by another spelling, are asked for');
kill 'CONT', $main;
like($c->line, qr/^250/, "$_ is answered when it goes on") for 'sales', 'bob', 'alice';
$c->close;

$pb->ctl_ok('user', 'delete', 'alice@example.com', '--yes');
$c = session();
like(rcpt($c, 'alice'), qr/^550 5\.1\.1/, 'a deleted user is unknown at once');
like(rcpt($c, 'carol'), qr/^250/, 'others are there');
$c->close;
$pb->ctl_ok('user', 'edit', 'carol@example.com', 'disabled=True');
$c = session();
unlike(rcpt($c, 'carol'), qr/^2/, 'a disabled user takes nothing');
$c->close;
done_testing;
