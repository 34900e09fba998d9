#!/usr/bin/perl
# The client's name: asked of DNS once a session where a milter or a policy
# server is told of it, taken when it leads back to the address, told by XCLIENT
# instead; in what policy servers hear and in Received.  (What milters hear is in
# milter-trace.t.)
# Features: TOOL-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::UNIX;
use Pillarbox;
use Pillarbox::Dns;
use POSIX ();
use Test::More;

my $dns = Pillarbox::Dns->new(<<'END', '4.2.0.192.in-addr.arpa' => sub { return undef });
1.2.0.192.in-addr.arpa PTR good.name.test
good.name.test A 192.0.2.1
2.2.0.192.in-addr.arpa PTR forged.name.test
forged.name.test A 198.51.100.1
5.2.0.192.in-addr.arpa PTR odd)name.test
odd)name.test A 192.0.2.5
6.2.0.192.in-addr.arpa PTR forged.name.test
6.2.0.192.in-addr.arpa PTR second.name.test
second.name.test A 192.0.2.6
END
my $pb = Pillarbox->new(settings => { primaryDns => $dns->address });
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'xclientTrusted/address', '127.3.9.9');
my ($path, $trace) = ("$pb->{dir}/run/pub/policy", "$pb->{top}/requests");
$pb->start;

# A policy server that has no opinion and keeps what it was told.
my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 20) or die "$path: $!";
chmod 0666, $path;
my $server = fork() // die "fork: $!";
if ($server == 0) {
	local $SIG{CHLD} = 'IGNORE';
	while (my $s = $listener->accept) {
		next if fork();
		while (my $line = <$s>) {
			open my $f, '>>', $trace;
			print $f $line;
			close $f;
			next if $line ne "\n";
			print $s "action=DUNNO\n\n";
			$s->flush;
		}
		POSIX::_exit(0);
	}
}
END { my $code = $?; kill 'KILL', $server if $server; $? = $code }

# One message from this address (the resolver asks nobody about loopback): what the policy server heard of names, and Received.
my $n = 0;
sub send_from {
	my ($ip, @before) = @_;
	my $subject = 'message ' . ++$n;
	my $heard = -s $trace // 0;
	my $c = $pb->connect('smtp', local => '127.3.9.9');
	$c->expect($_, qr/^2/) for @before ? @before : "XCLIENT ADDR=$ip";
	$c->expect('EHLO c.example', qr/^250/);
	for (1 .. 2) {
		$c->expect($_, qr/^[23]/) for 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>';
		$c->expect('RSET', qr/^250/) if $_ == 1;
	}
	$c->expect('DATA', qr/^354/);
	$c->expect("Subject: $subject\r\n\r\nx\r\n.", qr/^250/);
	$c->command('QUIT');
	$c->close;
	my ($text) = grep { /^Subject: \Q$subject\E\r$/m } map { Pillarbox::slurp($_) } $pb->wait_mail('alice@example.com', $n);
	my $request = substr Pillarbox::slurp($trace), $heard;
	return join ' ', ($request =~ /^client_name=(.*)\n(?:.*\n)*?reverse_client_name=(.*)\n/m),
		($text // '') =~ /^Received: from c\.example \(([^)]*)\)/m;
}

is(send_from('192.0.2.1'), '[192.0.2.1]', 'nobody who is told of names: Received has the address alone');
is(join(' ', grep { /PTR/ } $dns->queries), '', 'and DNS is not asked');

$pb->ctl_ok('set', '--add', 'policyServers/server', 'socket=unix:policy', 'failMode=tempfail', 'timeout=10');
$pb->ctl_ok('reload');
is(send_from('192.0.2.1'), 'good.name.test good.name.test good.name.test [192.0.2.1]', 'a name that leads back to the address');
is(scalar(grep { /PTR/ } $dns->queries), 1, 'DNS was asked once');
is(send_from('192.0.2.2'), 'unknown forged.name.test [192.0.2.2]', 'one that leads elsewhere is told as such alone');
is(send_from('192.0.2.3'), 'unknown unknown [192.0.2.3]', 'a client without a name');
is(send_from('192.0.2.4'), 'unknown unknown [192.0.2.4]', 'a name server that says nothing stops nobody');
ok($pb->wait_log('smtpLog', qr/\[192\.0\.2\.4\]\[\d{12}\] event=policy-unknown about=client-name why="/), 'and the log tells');
is(send_from('192.0.2.5'), 'unknown unknown [192.0.2.5]', 'a name that is none of a host is not taken');
is(send_from('192.0.2.6'), 'second.name.test second.name.test second.name.test [192.0.2.6]', 'of two names the one that leads back');

$dns->queries;
is(send_from('127.3.9.9', 'XCLIENT NAME=mx.far.example ADDR=192.0.2.1'), 'mx.far.example mx.far.example mx.far.example [192.0.2.1]',
	'XCLIENT NAME takes the place of DNS');
is(send_from('127.3.9.9', 'XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1'), 'unknown unknown [192.0.2.1]', 'also to say that there is none');
is(scalar(grep { /1\.2\.0\.192.* PTR/ } $dns->queries), 0, 'which DNS is not asked about then');
is(send_from('127.3.9.9', 'XCLIENT ADDR=192.0.2.1'), 'good.name.test good.name.test good.name.test [192.0.2.1]', 'without it DNS is asked for the new address');
my $c = $pb->connect('smtp', local => '127.3.9.9');
like($c->command("XCLIENT NAME=$_"), qr/^501 5\.5\.4/, "XCLIENT NAME=$_ is none") for 'a+20b', '-.example', 'x..example';
$c->close;
done_testing();
