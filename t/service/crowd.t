#!/usr/bin/perl
# A listener whose places run out: the last ones are kept for who is known, who
# is silent goes first, errors and time get short, and nobody who logged in or is
# whitelisted notices (S27, S28; SMTPIN-10).
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxConnections => 10, reservedConnections => 20, smtpMaxConnectionsPerIp => 7,
	popMaxConnections => 5, imapMaxConnections => 5, popLogLevel => 'Normal', imapLogLevel => 'Normal' });
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ipFrom=127.9.0.1', 'ipTo=127.9.0.3', 'smtp=True', 'pop=True', 'imap=True');
$pb->start;

sub until_true {
	my ($seconds, $test) = @_;
	my $end = time + $seconds;
	while (time < $end) {
		return 1 if $test->();
		sleep 0.05;
	}
	return $test->() ? 1 : 0;
}
# The sessions of a service as the parent counts them.
sub sessions { my ($service) = @_; return scalar(grep { /^\d/ } split /\n/, $pb->ctl_ok('connections', $service, '--tsv')) }
sub settled { my ($service, $n) = @_; return ok(until_true(20, sub { sessions($service) == $n }), "$n sessions of $service") }
sub logged { my ($kind, $re) = @_; return ok($pb->wait_log($kind, $re), "the log: $re") }

settled('smtp', 0);
# S28: one address has its own limit.
my @one = map { $pb->connect('smtp', local => '127.8.0.2') } 1 .. 7;
like($_->{greeting}, qr/^220/, 'served') for @one;
like($pb->connect('smtp', local => '127.8.0.2')->{greeting}, qr/^421 4\.7\.0 .*\d{12}$/, 'one more from that address is refused (S28)');
settled('smtp', 7);
my $other = $pb->connect('smtp', local => '127.8.0.3');
like($other->{greeting}, qr/^220/, 'another address is not');
settled('smtp', 8);
logged('smtpLog', qr/\[-\]\[-\] event=crowded busy=8 max=10/);

# From here on who is silent for ten seconds goes: two are kept busy, however slow this machine is.
my $busy = shift @one;
$busy->expect($_, qr/^[23]/) for 'EHLO c.example', 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>', 'DATA';
sub keep_alive {
	$busy->send_raw('X: ' . 'y' x 990 . "\r\n") for 1 .. 25;	# what a crowd wants of a message in ten seconds
	$other->expect('RSET', qr/^250/) if $other;
}

# Eight of ten: two are kept.
my $late = $pb->connect('smtp', local => '127.8.0.4');
like($late->{greeting}, qr/^421 4\.3\.2 .*\d{12}$/, 'the last places are not for strangers');
ok($late->at_end, 'who are not kept waiting');
logged('smtpLog', qr/\[127\.8\.0\.4\]\[\d{12}\] event=refused reason=reserve code=421/);
my $white = $pb->connect('smtp', local => '127.9.0.3');
like($white->{greeting}, qr/^220/, 'a whitelisted peer gets one');
settled('smtp', 9);
keep_alive();
my $user = $pb->connect('smtps', local => '127.8.0.4');
like($user->{greeting}, qr/^220/, 'and who comes to a port where users log in');
$user->expect('EHLO c.example', qr/^250/);
$user->login('alice@example.com', $Pillarbox::PASSWORD);

keep_alive();

# Errors: who is known may make the usual number.
$other->expect('EHLO c.example', qr/^250/);
like($other->command('XYZZY'), qr/^500/, 'a bad command') for 1, 2;
like($other->command('XYZZY'), qr/^421 4\.7\.0/, 'the third one ends a stranger');
undef $other;
keep_alive();
ok(until_true(20, sub { sessions('smtp') < 10 }), 'and his place is free');
my $login = $pb->connect('submission', local => '127.8.0.6');
$login->expect('EHLO c.example', qr/^250/);
like($login->command('MAIL FROM:<a@far.example>'), qr/^530/, 'a MAIL that is refused') for 1, 2;
like($login->command('MAIL FROM:<a@far.example>'), qr/^421 4\.7\.0/, 'the third one ends who does not log in');
undef $login;
keep_alive();
$white->expect('EHLO c.example', qr/^250/);
like($white->command('XYZZY'), qr/^500/, 'not a whitelisted peer') for 1 .. 4;
like($user->command('XYZZY'), qr/^500/, 'nor a user') for 1 .. 4;

# Time: strangers silent for ten seconds go, oldest first; a message under way stays.
my $end = time + 8;
while (time < $end) {		# slow, but fast enough
	$busy->send_raw('X: ' . 'y' x 990 . "\r\n") for 1 .. 3;
	sleep 0.5;
}
$other = $pb->connect('submission', local => '127.8.0.5');
like($one[0]->line(30), qr/^421 4\.3\.2 .*\d{12}$/, 'a stranger that was silent is told to come later');
ok($one[0]->at_end, 'and closed');
logged('smtpLog', qr/\[-\]\[-\] event=idle-ended sessions=\d+ busy=\d+ max=10/);
like($busy->command("Subject: slow\r\n\r\nx\r\n."), qr/^250/, 'the message under way is taken');
like($white->command('NOOP'), qr/^250/, 'the whitelisted peer is there');
like($user->command('NOOP'), qr/^250/, 'and the user');
ok(until_true(30, sub { $pb->log_text('smtpLog') =~ /event=not-crowded/ }), 'until there is room again');
$_->close for @one, $busy, $white, $user, $other;
settled('smtp', 0);

# Full to the last place: the oldest silent stranger makes room for the next client.
for ([ 'pop3', 'popLog', qr/^-ERR \[SYS\/TEMP\] .*busy.*\d{12}\)$/, qr/^\+OK/ ],
    [ 'imap', 'imapLog', qr/^\* BYE \[UNAVAILABLE\] .*busy.*\d{12}\)$/, qr/^\* OK/ ]) {
	my ($service, $kind, $bye, $hello) = @$_;
	(my $name = $service) =~ s/3//;
	settled($name, 0);
	my $known = $pb->connect($service, local => '127.8.1.1');
	$known->login('alice@example.com', $Pillarbox::PASSWORD);
	my @silent = map { my $c = $pb->connect($service, local => "127.8.1.$_"); settled($name, $_); $c } 2 .. 5;
	like($silent[0]->line(30), $bye, "$service: the oldest stranger goes when all places are taken");
	my $next;
	ok(until_true(20, sub { $next = $pb->connect($service, local => '127.8.1.9'); $next->{greeting} =~ $hello }),
		'and the next client gets its place');
	like($known->command('NOOP'), qr/(?:^\+OK|^a\d+ OK)/, 'the user is undisturbed');
	logged($kind, qr/event=idle-ended/);
	$_->close for $known, $next, @silent;
}
done_testing();
