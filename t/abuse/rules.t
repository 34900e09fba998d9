#!/usr/bin/perl
# Rules about addresses: blocks (ABUSE-01 to ABUSE-09: ABUSE-02, ABUSE-03, ABUSE-04, ABUSE-05, ABUSE-06,
# ABUSE-07, ABUSE-08), limits (SMTPIN-10, POP-04), lists (IPBW-01, IPBW-02, IPBW-04, IPBW-06, ABUSE-15), the list
# of blocks (CONN-03), as clients see them.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->set(smtpMaxConnectionsPerIp => 3);
sub add { $pb->ctl_ok('set', '--add', @_) }
sub rule { $pb->ctl_ok('abuse', 'add', @_) }
rule('kind=dos', 'service=smtp', 'connections=6', 'blockMinutes=5', 'timeFrame=5');
rule('kind=dos', 'service=pop', 'connections=4', 'blockMinutes=5', 'timeFrame=5');
rule('kind=dos', 'service=imap', 'connections=4', 'blockMinutes=5', 'timeFrame=5');
rule('kind=badSessions', 'service=smtp', 'badSessions=3', 'blockMinutes=5', 'timeFrame=5');
add('whitelist/entry', 'ip=127.0.0.1', 'smtp=True', 'pop=True', 'imap=True');
add('whitelist/entry', 'ip=127.1.0.0/24', 'smtp=True');
add('blacklist/entry', 'ip=127.2.0.0/16');
add('blacklist/entry', 'ip=127.1.0.9');
$pb->start;

# The greetings of n connections, one after the other.
sub greetings {
	my ($service, $ip, $n, $each) = @_;
	return map {
		my $c = $pb->connect($service, local => $ip);
		my $greeting = $c->{greeting};
		$each->($c) if $each;
		$c->close;
		$greeting;
	} 1 .. $n;
}
# The same with a message in each, so that no session is a bad one.
sub good_session {
	my ($c) = @_;
	return if $c->{greeting} !~ /^220/;
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect('MAIL FROM:<s@far.example>', qr/^250/);
	$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
	$c->expect('DATA', qr/^354/);
	$c->expect("Subject: x\r\n\r\nx\r\n.", qr/^250/);
	$c->command('QUIT');
}
sub blocked { return $pb->ctl_ok('block', 'list', '--tsv') }

my @g = greetings('smtp', '127.3.0.1', 8, \&good_session);
is(scalar(grep { /^220/ } @g), 6, 'six connections are served');
like($_, qr/^421 4\.7\.0 .*blocked.*\d{12}\)?$/, 'the next one is told that it is blocked, with a ticket') for @g[6, 7];
is(scalar(grep { /^220/ } greetings('smtp', '127.3.0.2', 1)), 1, 'another address is not');
like(blocked(), qr/^127\.3\.0\.1\tsmtp\t(?:300|2\d\d)\tdos$/m, 'the block is listed with the time that is left and its reason');

# Without a limit for one address nobody is asked at the greeting, but connections are counted.
$pb->set(smtpMaxConnectionsPerIp => 0);
$pb->ctl_ok('reload');
my $end = time + 20;
my @served;
while (time < $end) {
	@g = greetings('smtp', '127.3.0.40', 1, \&good_session);
	last if $g[0] !~ /^220/;
	push @served, @g;
	sleep 0.1;	# the block is published when the connection before was counted
}
is(scalar @served, 6, 'six connections are served without a question too');
like($g[0], qr/^421 4\.7\.0 .*blocked/, 'then the address is blocked');
$pb->set(smtpMaxConnectionsPerIp => 3);
$pb->ctl_ok('reload');

@g = greetings('pop3', '127.3.0.1', 5);
like($g[3], qr/^\+OK/, 'another service has its own rule');
like($g[4], qr/^-ERR .*blocked.*\d{12}/, 'POP3 says -ERR');
@g = greetings('imap', '127.3.0.1', 5);
like($g[3], qr/^\* OK/, 'IMAP');
like($g[4], qr/^\* BYE .*blocked.*\d{12}/, 'says BYE');
is(scalar(() = blocked() =~ /^127\.3\.0\.1\t(?:smtp|pop3|imap)\t\d+\tdos$/mg), 3, 'each service has its own block');
ok($pb->wait_log('abuseLog', qr/\[127\.3\.0\.1\].*event=blocked reason=dos service=smtp seconds=300/), 'and in the log');

is(($pb->ctl('block', 'delete', '127.9.9.9'))[0], 3, 'lifting what is not blocked: no such object');
is(($pb->ctl('block', 'delete', 'nonsense'))[0], 2, 'and what is no address: usage');
$pb->ctl_ok('block', 'delete', '127.3.0.1');
unlike(blocked(), qr/127\.3\.0\.1/, 'a lifted block is gone from the list');
like((greetings('smtp', '127.3.0.1', 1))[0], qr/^220/, 'and the address is served');

# Sessions without a message.
@g = greetings('smtp', '127.3.1.1', 4, sub { $_[0]->command('QUIT') });
is(scalar(grep { /^220/ } @g), 3, 'three sessions without a message');
like($g[3], qr/^421 4\.7\.0/, 'are enough');
like(blocked(), qr/^127\.3\.1\.1\t/m, 'and blocked');
@g = greetings('smtp', '127.3.1.2', 5, \&good_session);
is(scalar(grep { /^220/ } @g), 5, 'with a message they are no bad ones');

# Sessions at once.
my @open = map { $pb->connect('smtp', local => '127.3.2.1') } 1 .. 4;
like($open[2]{greeting}, qr/^220/, 'three sessions at once');
like($open[3]{greeting}, qr/^421 4\.7\.0 Too many connections/, 'and no fourth');
ok($pb->wait_log('abuseLog', qr/\[127\.3\.2\.1\]\[-\] event=check about=connect name=sessions value=4 weight=-100 total=-100 service=smtp$/m), 'whose line says why');
is(scalar(() = $pb->log_text('abuseLog') =~ /\[127\.3\.2\.1\]\[-\] event=check about=connect /g), 1, 'and the others left none');
$open[0]->command('QUIT');
$open[0]->close;
sleep 0.3;
my $again = $pb->connect('smtp', local => '127.3.2.1');
like($again->{greeting}, qr/^220/, 'one that ended makes room');
$_->close for @open[1 .. 3], $again;

# Lists.
@g = greetings('smtp', '127.1.0.1', 12);
is(scalar(grep { /^220/ } @g), 12, 'the whitelist is exempt from every rule');
like((greetings('smtp', '127.2.3.4', 1))[0], qr/^554 5\.7\.1 .*not served/, 'the blacklist is refused');
like((greetings('pop3', '127.2.3.4', 1))[0], qr/^-ERR .*not served/, 'by POP3 too');
like((greetings('imap', '127.2.3.4', 1))[0], qr/^\* BYE .*not served/, 'and IMAP');
like((greetings('smtp', '127.1.0.9', 1))[0], qr/^220/, 'the whitelist beats the blacklist (IPBW-08)');
like((greetings('pop3', '127.1.0.9', 1))[0], qr/^-ERR/, 'for the services it names');

done_testing;
