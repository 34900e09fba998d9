#!/usr/bin/perl
# Where the server listens: ports, addresses and host names by mailctl, and what
# is open beyond the need (BIND-01, BIND-02, BIND-03, BIND-04, BIND-05); the
# alternate port of a domain (DOM-14); the submission address that no blacklist
# closes (SMTPIN-25); banners that name host, client and time, by all three
# protocols (BANNER-03, BANNER-04, BANNER-05, BANNER-06, BANNER-07, BANNER-08).
use strict;
use warnings;
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Client;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->set("${_}Banner" => "#HostName# greets #ConnectedIP# at #Time# = #TimeUTC# = #UnixTime#", "${_}LogLevel" => 'Normal') for qw(smtp pop imap);
$pb->start;

sub rows { my (@words) = @_; return decode_json($pb->ctl_ok(@words, '--json')) }
# Is the port open on an address, after a change that may take a moment?
sub is_open {
	my ($ip, $port, $want) = @_;
	my $end = time + 10;
	my $open;
	do {
		my $s = IO::Socket::INET->new(PeerAddr => $ip, PeerPort => $port, Proto => 'tcp', Timeout => 5);
		$open = defined $s ? 1 : 0;
		close $s if $s;
		sleep 0.05 if $open != $want;
	} while ($open != $want && time < $end);
	return $open == $want;
}
sub client {
	my ($ip, $port, $protocol, %o) = @_;
	my $end = time + 10;
	my $c;
	sleep 0.05 until ($c = eval { Pillarbox::Client->new(host => $ip, port => $port, protocol => $protocol, %o) }) || time > $end;
	return $c || die $@;
}
# The greeting of a new client, once it is as it shall be.
sub greeting {
	my ($want, @client) = @_;
	my $end = time + 30;
	my $said;
	do { my $c = client(@client); $said = $c->{greeting}; $c->close; sleep 0.05 if $said !~ $want } while $said !~ $want && time < $end;
	return $said;
}

# Ports.
my $extra = Pillarbox::free_ports(3);
is(scalar @{ rows('bindings', 'list', 'ports') }, 7, 'seven ports at first');
ok(is_open('127.0.0.1', $extra, 0), 'a port that nobody named is closed');
$pb->ctl_ok('bindings', 'add', $extra, 'service=smtp');
ok(is_open('127.0.0.1', $extra, 1), 'one that is added is open');
like(client('127.0.0.1', $extra, 'smtp')->{greeting}, qr/^220 /, 'and serves SMTP');
like(client('127.0.0.1', $pb->port('smtp'), 'smtp')->{greeting}, qr/^220 /, 'beside the first one');
is(($pb->ctl('bindings', 'add', $extra, 'service=pop3'))[0], 1, 'it cannot be added twice');
is(($pb->ctl('bindings', 'add', $extra + 1, 'service=gopher'))[0], 1, 'an unknown service');
is(($pb->ctl('bindings', 'add', 65536, 'service=smtp'))[0], 1, 'no port');
is(($pb->ctl('bindings', 'add', $extra + 1))[0], 2, 'a port without service');
$pb->ctl_ok('bindings', 'edit', $extra, 'service=imap');
like(greeting(qr/^\* OK/, '127.0.0.1', $extra, 'imap'), qr/^\* OK/, 'edit changes what it serves');
is_deeply(rows('bindings', 'show', $extra), [ { port => $extra, service => 'imap', tls => 'STARTTLS' } ], 'show tells it');
$pb->ctl_ok('bindings', 'delete', $extra);
ok(is_open('127.0.0.1', $extra, 0), 'delete closes it');
is(($pb->ctl('bindings', 'show', $extra))[0], 3, 'and it is gone from the list');
is(($pb->ctl('bindings', 'delete', $extra))[0], 3, 'once');

# Addresses, each with ports of its own.
my ($smtp, $pop, $imap) = map { $pb->port($_) } qw(smtp pop3 imap);
ok(is_open('127.0.9.1', $smtp, 0), 'an address that is not in the list serves nothing (BIND-03)');
$pb->ctl_ok('bindings', 'add', '127.0.9.1', "ports=$smtp,$imap", 'hostName=second.test.example');
ok(is_open('127.0.9.1', $_, 1), "port $_ is open on it") for $smtp, $imap;
ok(is_open('127.0.9.1', $_, 0), "port $_ is not") for $pop, map { $pb->port($_) } qw(smtps submission pop3s imaps);
ok(is_open('127.0.0.1', $pop, 1), 'the first address has all');
my ($row) = grep { $_->{address} eq '127.0.9.1' } @{ rows('bindings', 'list') };
is_deeply($row, { address => '127.0.9.1', listed => JSON::PP::true, open => "$smtp smtp, $imap imap", 'host-name' => 'second.test.example' },
	'list tells what is open');
$pb->ctl_ok('bindings', 'edit', '127.0.9.1', "ports=$pop,$smtp");
ok(is_open('127.0.9.1', $pop, 1), 'edit opens a port');
ok(is_open('127.0.9.1', $imap, 0), 'and closes one');
is(($pb->ctl('bindings', 'add', '127.0.9.1'))[0], 1, 'an address stands there once');
is(($pb->ctl('bindings', 'edit', '127.0.9.7', 'ports='))[0], 3, 'one that is not there cannot be edited');
is(($pb->ctl('bindings', 'add', 'mail.example.com'))[0], 1, 'a name is no address');

# Banners, with the host name of the address that was reached.
my $date = qr/\w{3}, +\d+ \w{3} \d{4} \d\d:\d\d:\d\d/;
for ([ '127.0.0.1', $pb->{host} ], [ '127.0.9.1', 'second.test.example' ]) {
	my ($ip, $host) = @$_;
	for ([ $smtp, 'smtp', '220 ' ], [ $pop, 'pop3', '\+OK ' ], $ip eq '127.0.0.1' ? [ $imap, 'imap', '\* OK .*?' ] : ()) {
		my ($port, $protocol, $begin) = @$_;
		my $before = time;
		my $line = client($ip, $port, $protocol, local => '127.0.9.33')->{greeting};
		like($line, qr/^$begin\Q$host\E greets 127\.0\.9\.33 at $date [+-]\d{4} = $date \+0000 = \d+\r?$/, "$protocol on $ip: the banner");
		my ($unix) = $line =~ /= (\d+)/;
		cmp_ok(abs($unix - $before), '<=', 60, 'with the time of now');
	}
}
$pb->set(smtpBanner => 'welcome');
is(greeting(qr/welcome$/, '127.0.9.1', $smtp, 'smtp'), '220 second.test.example welcome', 'the host name comes first also when the text lacks it (BANNER-03)');
my $c = client('127.0.9.1', $smtp, 'smtp');
like($c->command('EHLO c.example'), qr/^250-second\.test\.example/, 'the name of the address in the reply to EHLO');
$c->expect($_, qr/^[23]/) for 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>', 'DATA';
$c->expect("Subject: x\r\n\r\nx\r\n.", qr/^250/);
my ($file) = $pb->wait_mail('alice@example.com', 1);
like(Pillarbox::slurp($file), qr/^Received: from [^;]*\s+by second\.test\.example /m, 'and in Received');
# ... and in EHLO of what is sent from it.
my $inner = Pillarbox->new(host => 'inner.test.example');
$inner->user('bob@inside.example');
$inner->start;
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'address=127.0.0.1', 'port=' . $inner->port('smtp'), 'domains=inside.example');
$pb->set(outboundIPv4 => '127.0.9.1', allowLoopbackTargets => 'True');
like($pb->send_mail(from => 'alice@example.com', to => 'bob@inside.example'), qr/^250/, 'a message goes out');
($file) = $inner->wait_mail('bob@inside.example', 1, 30);
like(Pillarbox::slurp($file // '/dev/null'), qr/^Received: from second\.test\.example \(\[127\.0\.9\.1\]\)/m, 'from the address with its name in EHLO (BIND-05)');
$pb->ctl_ok('bindings', 'edit', '127.0.9.1', 'hostName=third.test.example');
like(greeting(qr/third/, '127.0.9.1', $smtp, 'smtp'), qr/^220 third\.test\.example /, 'the host name can be changed');
$pb->ctl_ok('bindings', 'delete', '127.0.9.1');
ok(is_open('127.0.9.1', $_, 0), 'a deleted address is shut') for $smtp, $pop;
is(($pb->ctl('bindings', 'show', '127.0.9.1'))[0], 3, 'and its name is gone with it');

# The alternate SMTP port of a domain.
like(($pb->ctl('domain', 'edit', 'example.com', "smtpPortAlt=$pop", 'smtpPortAlt@enabled=True'))[2], qr/serves pop3/, 'a port of another service is refused');
$pb->ctl_ok('domain', 'edit', 'example.com', 'smtpPortAlt=' . ($extra + 1));
ok(is_open('127.0.0.1', $extra + 1, 0), 'an alternate port that is not enabled is closed');
$pb->ctl_ok('domain', 'edit', 'example.com', 'smtpPortAlt@enabled=True');
ok(is_open('127.0.0.1', $extra + 1, 1), 'enabled it is open');
like($pb->ctl_ok('get', 'bindings/port', '--tsv'), qr/number=@{[ $extra + 1 ]} service=smtp forDomains=True/, 'marked as opened for domains');
like(client('127.0.0.1', $_, 'smtp')->{greeting}, qr/^220 /, "port $_ serves SMTP at the same time (DOM-14)") for $smtp, $extra + 1;
$pb->domain('second.example');
$pb->ctl_ok('domain', 'edit', 'second.example', 'smtpPortAlt=' . ($extra + 1), 'smtpPortAlt@enabled=True');
is(scalar(grep { $_->{port} == $extra + 1 } @{ rows('bindings', 'list', 'ports') }), 1, 'a second domain uses the same port');
ok($pb->wait_log('smtpLog', qr/\[127\.0\.0\.1\]\[\d{12}\] event=connect at=127\.0\.0\.1:\d+ listener=smtp$/m), 'and the log knows it as SMTP');
$pb->ctl_ok('domain', 'edit', 'example.com', 'smtpPortAlt@enabled=False');
ok(is_open('127.0.0.1', $extra + 1, 1), 'switched off for one domain it is open while another names it');
like($pb->ctl_ok('domain', 'edit', 'second.example', 'smtpPortAlt=' . ($extra + 2)), qr/port @{[ $extra + 1 ]} is closed/, 'that one takes another number');
ok(is_open('127.0.0.1', $extra + 1, 0), 'so that nothing listens on the first any more');
ok(is_open('127.0.0.1', $extra + 2, 1), 'but on the second');
ok(is_open('127.0.0.1', $_, 1), "and port $_ is open as before") for $smtp, $pop, $imap;
$pb->ctl_ok('domain', 'delete', 'second.example', '--yes');
ok(is_open('127.0.0.1', $extra + 2, 0), 'the domain is deleted, and its port closed');
$pb->ctl_ok('domain', 'add', 'third.example', '--admin', 'postmaster', '--password', $Pillarbox::PASSWORD,
	'smtpPortAlt=' . ($extra + 1), 'smtpPortAlt@enabled=True');
ok(is_open('127.0.0.1', $extra + 1, 1), 'a new domain opens its port at once');
$pb->ctl_ok('domain', 'edit', 'third.example', 'smtpPortAlt@enabled=False');
ok(is_open('127.0.0.1', $extra + 1, 0), 'and closes it');
# What an administrator opened stays his.
$pb->ctl_ok('bindings', 'add', $extra + 1, 'service=smtp');
$pb->ctl_ok('domain', 'edit', 'third.example', 'smtpPortAlt@enabled=True');
$pb->ctl_ok('domain', 'edit', 'third.example', 'smtpPortAlt@enabled=False');
ok(is_open('127.0.0.1', $extra + 1, 1), 'a port that was opened by hand does not close with a domain');
$pb->ctl_ok('bindings', 'delete', $extra + 1);
ok(is_open('127.0.0.1', $extra + 1, 0), 'only by hand');

# Submission on an address of its own, open where the blacklist shuts all else.
my $submission = $extra + 2;
$pb->ctl_ok('set', 'submissionBinding', "127.0.9.5:$submission");
$pb->ctl_ok('set', 'submissionBinding', '--enable');
$pb->ctl_ok('blacklist', 'add', '127.0.8.0/24');
ok(is_open('127.0.9.5', $submission, 1), 'submissionBinding is open');
ok(is_open('127.0.0.1', $submission, 0), 'on its address only');
like(greeting(qr/^554/, '127.0.0.1', $smtp, 'smtp', local => '127.0.8.7'), qr/^554 5\.7\.1 .*\d{12}$/, 'a blacklisted address is refused by SMTP');
for my $service ('submission', 'smtps') {
	like($pb->connect($service, local => '127.0.8.7')->{greeting}, qr/^554 5\.7\.1 .*\d{12}$/, "by $service too (IPBW-05)");
	like($pb->connect($service, local => '127.0.7.7')->{greeting}, qr/^220 /, 'others are served there');
}
$c = client('127.0.9.5', $submission, 'smtp', local => '127.0.8.7');
like($c->{greeting}, qr/^220 /, 'and may submit (SMTPIN-25)');
$c->expect('EHLO c.example', qr/^250/);
like($c->command('MAIL FROM:<a@far.example>'), qr/^530 5\.7\.0 .*\d{12}$/, 'after a log-in only');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
like($c->command('MAIL FROM:<alice@example.com>'), qr/^250/, 'as whoever it is');
$c->command('QUIT');
ok($pb->wait_log('smtpLog', qr/\[127\.0\.8\.7\]\[\d{12}\] event=connect at=127\.0\.9\.5:\d+ listener=submission$/m), 'which the log tells');
ok($pb->wait_log('smtpLog', qr/\[127\.0\.8\.7\]\[\d{12}\] event=refused reason=blacklist code=554/), 'like the refusal');
my ($rc, $out, $err) = $pb->ctl('set', 'submissionBinding', 'nowhere');
like("$rc $out $err", qr/^[1-9].*submissionBinding.*nowhere/s, 'what is no address is refused');
$pb->ctl_ok('set', 'submissionBinding', "127.0.9.5:$submission");
$pb->ctl_ok('set', 'submissionBinding', '127.0.0.1:' . $pb->port('submission'));
like(greeting(qr/^220/, '127.0.0.1', $pb->port('submission'), 'smtp', local => '127.0.8.7'), qr/^220 /, 'it may be a port that bindings open as well');
like($pb->connect('smtps', local => '127.0.8.7')->{greeting}, qr/^554 5\.7\.1/, 'the other stays shut');
$pb->ctl_ok('set', 'submissionBinding', '--disable');
like(greeting(qr/^554/, '127.0.0.1', $pb->port('submission'), 'smtp', local => '127.0.8.7'), qr/^554 5\.7\.1/, 'disabled it is as all others');
ok(is_open('127.0.9.5', $submission, 0), 'disabled it is shut');

# What is open beyond the need.
($rc, $out) = $pb->ctl('bindings', 'check', '--tsv');
is($rc, 1, 'check finds something');
like($out, qr/^port\t$smtp\tsmtp usually needs 25 only$/m, 'ports that mail does not need');
unlike($out, qr/127\.0\.0\.1/, 'loopback is nobody\'s outside');
SKIP: {
	my @netns = ('unshare', '--net', 'sh', '-c');
	skip 'no network namespace can be made', 5 if $> != 0 || system(@netns, 'ip link set lo up && ip addr add 192.0.2.5/32 dev lo') != 0;
	my $check = "$Pillarbox::BIN/mailctl -r $pb->{dir} bindings check --tsv";
	my $listen = q{perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "192.0.2.5:8080", Listen => 1) or die; system(@ARGV); exit($? >> 8)' };
	my $up = 'ip link set lo up && ip addr add 192.0.2.5/32 dev lo && ip addr add 192.0.2.6/32 dev lo';
	($rc, $out) = $pb->run(@netns, "$up && $listen $check");
	is($rc, 1, 'on a machine with more addresses');
	like($out, qr/^other\t192\.0\.2\.5:8080\tis open and not of this server/m, 'a port of another program');
	unlike($out, qr/^address\t/m, 'the server itself listens where it was told');
	$pb->ctl_ok('set', '--add', 'bindings/ipAddress', 'address=0.0.0.0', "ports=$submission");
	($rc, $out) = $pb->run(@netns, "$up && $check");
	like($out, qr/^address\t192\.0\.2\.$_\tserves mail because all addresses do/m, "192.0.2.$_ is open for that reason alone") for 5, 6;
	$pb->ctl_ok('bindings', 'delete', '0.0.0.0');
}
done_testing();
