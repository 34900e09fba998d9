#!/usr/bin/perl
# SMTPIN-13: who tries names is counted, whether he asks by RCPT, VRFY or EXPN, and has
# to leave after maxBadRecipients of them.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { maxBadRecipients => 3, enableVrfy => 'True', enableExpn => 'True' });
$pb->user("$_\@example.com") for qw(alice bob);
$pb->ctl_ok('alias', 'add', 'team@example.com', 'alice@example.com', 'bob@example.com');
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'service=smtp', 'badSessions=2', 'blockMinutes=9', 'timeFrame=60');
$pb->start;

sub begin {
	my ($ip) = @_;
	my $c = $pb->connect('smtp', local => $ip);
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect('MAIL FROM:<x@out.example>', qr/^250/);
	return $c;
}
my %command = (RCPT => 'RCPT TO:<%s@example.com>', VRFY => 'VRFY %s@example.com', EXPN => 'EXPN <%s@example.com>');
sub ask { my ($c, $verb, $name) = @_; return $c->command(sprintf $command{$verb}, $name) }

my $n = 0;
for my $verbs ([ qw(VRFY VRFY VRFY VRFY) ], [ qw(EXPN EXPN EXPN EXPN) ], [ qw(VRFY EXPN RCPT VRFY) ], [ qw(EXPN VRFY VRFY RCPT) ]) {
	my $ip = '127.9.7.' . ++$n;
	my $c = begin($ip);
	my @tolerated = @$verbs;
	my $last = pop @tolerated;
	like(ask($c, $_, 'nobody' . ++$n), qr/^550 5\.1\.1 /, "$_ of nobody") for @tolerated;
	like(ask($c, $_, 'team'), qr/^250/, "... $_ of somebody does not count") for qw(VRFY EXPN RCPT) x 2;
	like($c->command("$_ someone\@elsewhere.example"), qr/^252 2\.5\.0 /, "... nor $_ of another domain") for qw(VRFY EXPN);
	like($c->command("$_ x y"), qr/^501 5\.1\.3 /, "... nor one that is no address") for qw(VRFY EXPN);
	like(ask($c, $last, 'nobody' . ++$n), qr/^421 4\.7\.0 .* ticket \d{12}$/, "the fourth of nobody, by $last, closes");
	ok($c->at_end, 'the connection');
	ok($pb->wait_log('smtpLog', qr/\[\Q$ip\E\]\[\d{12}\] event=too-many-bad-recipients$/m), 'and the log tells');
}

# A session that tried names is a bad one.
for (1 .. 2) {
	my $c = begin('127.9.8.1');
	ask($c, 'VRFY', "nobody$_") for 1 .. 4;
	$c->at_end;
}
ok($pb->wait_log('abuseLog', qr/127\.9\.8\.1.*event=blocked/), 'it counts for the rule of bad sessions');

# Without the settings nobody learns anything, and nothing is counted.
$pb->set(enableVrfy => 'False', enableExpn => 'False', smtpMaxBadCommands => 0);
my $c = begin('127.9.9.1');
like(ask($c, 'VRFY', "nobody$_"), qr/^252 2\.5\.0 /, 'VRFY that is off') for 1 .. 4;
like(ask($c, 'EXPN', "nobody$_"), qr/^502 5\.5\.1 /, 'EXPN that is off') for 1 .. 4;
like(ask($c, 'RCPT', 'nobody'), qr/^550 5\.1\.1 /, 'is not counted');
done_testing;
