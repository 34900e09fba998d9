#!/usr/bin/perl
# IPv6 addresses are blocked by their /64, and an address of the whitelist is served all the same, whatever its
# neighbours did (ABUSE-15, IPBW-06): before a session begins, behind a proxy, after a restart.  The block
# stays one for the others, and is listed.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::IP;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
my @all = ('smtp=True', 'pop=True', 'imap=True');
$pb->ctl_ok('set', '--add', 'proxyTrusted/address', '127.7.0.1');
$pb->ctl_ok('whitelist', 'add', '2001:db8:9::5', @all);
$pb->ctl_ok('whitelist', 'add', '2001:db8:10::', @all);		# the address that stands for its /64 in the list of blocks
$pb->ctl_ok('whitelist', 'add', '2001:db8:11::/64', @all);
$pb->ctl_ok('whitelist', 'add', '2001:db8:12::5', 'smtp=True');
$pb->ctl_ok('whitelist', 'add', '::1', @all);
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'service=smtp', 'badSessions=3', 'blockMinutes=30', 'timeFrame=60');
my $six = IO::Socket::IP->new(LocalHost => '::1', Listen => 1) ? 1 : 0;
$pb->ctl_ok('bindings', 'add', '::1') if $six;
$pb->start;

my %served = (smtp => qr/^220 /, pop3 => qr/^\+OK /, imap => qr/^\* OK /);
my %blocked = (smtp => qr/^421 4\.7\.0 .*blocked.*\d{12}$/, pop3 => qr/^-ERR .*blocked.*\d{12}\)$/, imap => qr/^\* BYE .*blocked.*\d{12}\)$/);
sub through {
	my ($service, $ip) = @_;
	my $c = $pb->connect($service, local => '127.7.0.1', no_greeting => 1);
	$c->send_raw("PROXY TCP6 $ip 2001:db8::9 4711 25\r\n");
	my $heard = $c->reply;
	$c->command('QUIT') if $service eq 'smtp' && $heard =~ /^220/;
	$c->close;
	return $heard;
}
sub direct {
	my ($service) = @_;
	my $s = IO::Socket::IP->new(PeerHost => '::1', PeerPort => $pb->port($service)) or die "::1: $@";
	return scalar(<$s>) =~ s/\r\n\z//r;
}
sub listed { return $pb->ctl_ok('block', 'list', '--tsv') }
sub check {
	my ($when) = @_;
	for my $service (sort keys %served) {
		like(through($service, '2001:db8:9::6'), $blocked{$service}, "$service, $when: a blocked network");
		like(through($service, '2001:db8:9::5'), $served{$service}, '... but not the whitelisted address in it');
		like(through($service, '2001:db8:10::6'), $blocked{$service}, '... a network whose first address is whitelisted');
		like(through($service, '2001:db8:10::'), $served{$service}, '... but not that address');
		next if !$six;
		like(direct($service), $served{$service}, 'without a proxy, before a session begins');
	}
	like(through('smtp', '2001:db8:12::5'), $served{smtp}, 'the whitelist holds for the services it names');
	like(through('pop3', '2001:db8:12::5'), $blocked{pop3}, '... and no others');
}

# By a rule: what one host does is counted for its /64.
like(through('smtp', "2001:db8:9::$_"), $served{smtp}, 'a session without a message') for 11 .. 13;
my $end = time + 10;
sleep 0.1 while time < $end && listed() !~ /^2001:db8:9::\tsmtp\t/m;
like(listed(), qr/^2001:db8:9::\tsmtp\t\d+\tbadSessions$/m, 'three of them block the network');
# By hand, the rest.
$pb->ctl_ok('block', 'add', $_, '--minutes', 60) for '2001:db8:9::66', '2001:db8:10::66', '2001:db8:12::66', '::2';
my ($rc, $out, $err) = $pb->ctl('block', 'add', '2001:db8:9::5');
is($rc, 1, 'a whitelisted address itself is not blocked');
like($err, qr/whitelist/, '... and the reason told');
is(($pb->ctl('block', 'add', '2001:db8:11::7'))[0], 1, 'nor one of a whitelisted network');
like(listed(), qr/^$_\tsmtp\t\d+\t/m, "the block of $_ is listed") for '2001:db8:9::', '2001:db8:10::', '::';
check('blocked');
like($pb->ctl_ok('try', '--from', 'x@far.example', '--to', 'alice@example.com', '--ip', '2001:db8:9::5'), qr/^connect +reply +220 /m, 'mailctl try says so too');
my ($tried) = ($pb->ctl('try', '--from', 'x@far.example', '--to', 'alice@example.com', '--ip', '2001:db8:9::6'))[1];
like($tried, qr/^connect +reply +421 4\.7\.0 /m, '... of both');

# The database is read again.
my $before = join "\n", map { s/\t\d+\t/\t/r } split /\n/, listed();
$pb->ctl_ok('restart', 'abuse-check');
$end = time + 20;
sleep 0.1 while time < $end && ($pb->ctl('block', 'list'))[0] != 0;
is(join("\n", map { s/\t\d+\t/\t/r } split /\n/, listed()), $before, 'a restart keeps the blocks');
$end = time + 10;
sleep 0.1 while time < $end && through('smtp', '2001:db8:9::6') !~ $blocked{smtp};
check('after a restart');

# A network that is put on the whitelist as a whole has no block any more.
$pb->ctl_ok('whitelist', 'add', '2001:db8:10::/63', @all);
$end = time + 20;
sleep 0.1 while time < $end && listed() =~ /^2001:db8:10::\t/m;
unlike(listed(), qr/^2001:db8:10::\t/m, 'a network that is whitelisted as a whole is not listed any more');
$end = time + 10;
sleep 0.1 while time < $end && through('smtp', '2001:db8:10::6') !~ $served{smtp};
like(through('smtp', '2001:db8:10::6'), $served{smtp}, '... and served');
done_testing;
