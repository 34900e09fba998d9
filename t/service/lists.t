#!/usr/bin/perl
# What the lists of addresses mean to those who stand on them, at every service,
# over IPv6, and under inetd (TOOL-11): the blacklist is refused (IPBW-05), the
# whitelist is stronger (IPBW-08) and exempt from relay limits, greylisting and
# blocks (IPBW-06); who needs no log-in is taken as if he had logged in (AUTHB-04).
use strict;
use warnings;
use IO::Socket::IP;
use Socket;
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True', authForLocalDelivery => 'True', requireAuthMatch => 'emailAddress',
	popLogLevel => 'Normal', imapLogLevel => 'Normal' });
$pb->user('alice@example.com');
my @all = ('smtp=True', 'pop=True', 'imap=True');
$pb->ctl_ok('blacklist', 'add', '127.10.0.0/16');
$pb->ctl_ok('blacklist', 'add', '::1');
$pb->ctl_ok('whitelist', 'add', '127.10.1.1-127.10.1.3', @all);
$pb->ctl_ok('auth-bypass', 'add', '127.11.0.1');
$pb->ctl_ok('abuse', 'add', 'kind=dos', 'service=smtp', 'connections=4', 'blockMinutes=5', 'timeFrame=5');
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'badSessions=3', 'blockMinutes=5', 'timeFrame=5');
my $six = IO::Socket::IP->new(LocalHost => '::1', Listen => 1) ? 1 : 0;
$pb->ctl_ok('bindings', 'add', '::1') if $six;
$pb->start;

my %hello = (smtp => qr/^220 /, pop3 => qr/^\+OK /, imap => qr/^\* OK /);
my %no = (smtp => qr/^554 5\.7\.1 .*\d{12}$/, pop3 => qr/^-ERR .*\d{12}\)$/, imap => qr/^\* BYE .*\d{12}\)$/);
my %kind = (smtp => 'smtpLog', pop3 => 'popLog', imap => 'imapLog');
sub greeting { my ($service, $ip) = @_; my $c = $pb->connect($service, local => $ip); $c->close; return $c->{greeting} }
sub mail { my ($c, @words) = @_; $c->expect("$_", qr/^[23]/) for @words; return $c }

for my $service (sort keys %hello) {
	like(greeting($service, '127.10.1.4'), $no{$service}, "$service: a blacklisted address is refused");
	ok($pb->wait_log($kind{$service}, qr/\[127\.10\.1\.4\]\[\d{12}\] event=refused reason=blacklist/), 'and the log tells');
	like(greeting($service, "127.10.1.$_"), $hello{$service}, "127.10.1.$_ is whitelisted too, and served") for 1, 3;
	SKIP: {
		skip 'no IPv6', 2 if !$six;
		my $s = IO::Socket::IP->new(PeerHost => '::1', PeerPort => $pb->port($service)) or die "::1: $@";
		like(scalar(<$s>) =~ s/\r\n//r, $no{$service}, 'IPv6 is refused');
		ok($pb->wait_log($kind{$service}, qr/\[::1\]\[\d{12}\] event=refused reason=blacklist/), 'and in the log');
	}
}

# Greylisting is on: a stranger has to come again.
my $c = mail($pb->connect('smtp', local => '127.12.0.1'), 'EHLO c.example', 'MAIL FROM:<a@far.example>');
like($c->command('RCPT TO:<alice@example.com>'), qr/^451 4\.7\.1/, 'a stranger is greylisted');
like($c->command('RCPT TO:<x@elsewhere.example>'), qr/^550 5\.7\.1/, 'and may not relay');
like(mail($pb->connect('smtp', local => '127.12.0.1'), 'EHLO c.example')->command('MAIL FROM:<alice@example.com>'), qr/^530 5\.7\.0/, 'nor use our domain');
for ([ '127.10.1.2', 'a whitelisted address' ], [ '127.11.0.1', 'an address that needs no log-in' ]) {
	my ($ip, $who) = @$_;
	$c = mail($pb->connect('smtp', local => $ip), 'EHLO c.example', 'MAIL FROM:<alice@example.com>');
	like($c->command('RCPT TO:<alice@example.com>'), qr/^250/, "$who may use our domain and is not greylisted");
	like($c->command('RCPT TO:<x@elsewhere.example>'), qr/^250/, 'and may relay');
	mail($c, 'RSET', 'MAIL FROM:<somebody@far.example>');
	like($c->command('RCPT TO:<alice@example.com>'), qr/^250/, 'under any name');
	$c->command('QUIT');
}
like(greeting('smtp', '127.10.1.2'), qr/^220 /, 'no number of connections or bad sessions blocks a whitelisted address') for 1 .. 8;
greeting('smtp', '127.12.0.9') for 1 .. 5;
like(greeting('smtp', '127.12.0.9'), qr/^421 4\.7\.0 .*\d{12}$/, 'as it does a stranger');

# One session on fd 0 and 1, the addresses told as tcpserver tells them.
sub inetd {
	my ($program, $ip, $input) = @_;
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		close $ours;
		open STDIN, '<&', $theirs;
		open STDOUT, '>&', $theirs;
		@ENV{qw(TCPREMOTEIP TCPREMOTEPORT TCPLOCALIP TCPLOCALPORT)} = ($ip, 4711, '127.0.0.1', $program eq 'smtp-listen' ? 25 : 110);
		exec $pb->program($program), '-r', $pb->dir or POSIX::_exit(127);
	}
	close $theirs;
	syswrite $ours, $input;
	my $said = '';
	alarm 30;
	1 while sysread $ours, $said, 65536, length $said;
	alarm 0;
	waitpid $pid, 0;
	return $said;
}
like(inetd('smtp-listen', '127.10.2.2', ''), qr/\A554 5\.7\.1 [^\n]*\d{12}\r\n\z/, 'under inetd the blacklist holds');
like(inetd('pop3-serve', '127.10.2.2', ''), qr/\A-ERR /, 'for POP3 too');
my $relay = "EHLO c.example\r\nMAIL FROM:<a\@far.example>\r\nRCPT TO:<x\@elsewhere.example>\r\nQUIT\r\n";
like(inetd('smtp-listen', '127.10.1.3', $relay), qr/^250 2\.1\.5 /m, 'and the whitelist');
like(inetd('smtp-listen', '127.12.1.1', $relay), qr/^550 5\.7\.1 /m, 'a stranger is one');
$pb->ctl_ok('set', '--add', 'proxyTrusted/address', '127.13.0.1');
my $proxied = '';
for (1 .. 50) {		# until the settings are written
	$proxied = inetd('smtp-listen', '127.13.0.1', "PROXY TCP4 127.10.2.3 127.0.0.1 1 25\r\n");
	last if $proxied =~ /^554 5\.7\.1/;
	select undef, undef, undef, 0.1;
}
like($proxied, qr/\A554 5\.7\.1 .*not served/, 'a trusted proxy speaks for a blacklisted client');
done_testing();
