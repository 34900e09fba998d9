#!/usr/bin/perl
# A milter that fails in the middle of an envelope: whatever it was not asked
# about is answered as failMode says, up to the end of the message; what it has
# said before does not count any more.
# Features: TOOL-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Pillarbox;
use Pillarbox::Milter;
use Test::More;

my $pb = Pillarbox->new;
$pb->user("$_\@example.com") for qw(alice bob dies hangs);
my %reply = (
	tempfail => qr/^451 4\.7\.1 A content filter is not available, try again later ticket \d{12}$/,
	reject => qr/^550 5\.7\.1 A content filter is not available ticket \d{12}$/,
	accept => qr/^[23]/,
);

sub use_mode {
	my ($mode) = @_;
	my $file = $pb->dir . '/etc/mailconfig.xml';
	Pillarbox::spew($file, Pillarbox::slurp($file) =~ s{<milters>.*</milters>\s*}{}sr);
	$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=unix:test-milter', "failMode=$mode", 'timeout=2');
	$pb->ctl_ok('reload');
}

sub begin {
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^250/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>';
	return $c;
}

# Milters end by themselves here, or hang.
my $milter = Pillarbox::Milter->new($pb, 'test-milter');
$pb->start;
sub renew { my ($died) = @_; ok($milter->has_died, '(it ended)') if $died; $milter->restart }

for my $mode (qw(tempfail reject)) {
	use_mode($mode);
	my $no = $reply{$mode};
	for my $how (qw(dies hangs)) {
		my $c = begin();
		$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
		like($c->command("RCPT TO:<$how\@example.com>"), $no, "$mode: a milter that $how at the second recipient");
		like($c->command('RCPT TO:<bob@example.com>'), $no, 'and the third, about which nobody was asked');
		like($c->command('DATA'), $no, 'and DATA, though a recipient had passed');
		like($c->command('MAIL FROM:<a@b.example>'), $no, 'and the next message of the session');
		$c->close;
		renew($how eq 'dies');
		$c = begin();
		like($c->command("RCPT TO:<$how\@example.com>"), $no, "$mode: a milter that $how at the first recipient");
		like($c->command('RCPT TO:<alice@example.com>'), $no, 'and the second');
		like($c->command('DATA'), qr/^554 5\.5\.1 No valid recipients/, 'so there is none for DATA');
		$c->close;
		renew($how eq 'dies');
	}
	my $c = begin();
	$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
	like($c->command('Xdies'), qr/^500 5\.5\.1 Unknown command/, "$mode: a milter that dies of an unknown command");
	like($c->command('RCPT TO:<bob@example.com>'), $no, 'the next recipient');
	like($c->command('DATA'), $no, 'and DATA');
	$c->close;
	renew(1);
	$c = begin();
	$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
	like($c->command('RCPT TO:<nobody-dies@example.com>'), qr/^550 5\.1\.1/, "$mode: one that dies of a recipient that was refused");
	like($c->command('BDAT 14 LAST' . "\r\nSubject: x\r\n\r\n" =~ s/\r\n\z//r), $no, 'BDAT');
	like($c->command('MAIL FROM:<a@b.example>'), $no, 'and the next message');
	$c->close;
	renew(1);
	$c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	like($c->command('Xdies'), qr/^500 5\.5\.1/, "$mode: one that dies of an unknown command between messages");
	like($c->command('MAIL FROM:<a@b.example>'), $no, 'MAIL');
	$c->close;
	renew(1);
}

use_mode('accept');
my $c = begin();
$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
like($c->command($_), $reply{accept}, "accept: $_") for 'RCPT TO:<dies@example.com>', 'RCPT TO:<bob@example.com>', 'DATA';
like($c->command("Subject: unfiltered\r\n\r\nx\r\n."), qr/^250/, 'and the message is taken');
$c->close;
$pb->wait_mail("$_\@example.com", 1) for qw(alice bob);
like(Pillarbox::slurp(($pb->mail("$_\@example.com"))[0]), qr/^Subject: unfiltered\r$/m, "$_ has it, and nothing else") for qw(alice bob);
is(scalar(map { $pb->mail("$_\@example.com") } qw(alice bob dies)), 3, 'no message of the others was delivered');
done_testing();
