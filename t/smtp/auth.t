#!/usr/bin/perl
# Log-in with every mechanism by real clients over TLS, and all the ways in which
# it fails (cases S24, S25).
# Features: DOM-19, SMTPIN-24.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use MIME::Base64 qw(decode_base64 encode_base64);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0 });
$pb->domain('example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerCramMd5=True');
$pb->user('alice@example.com');
$pb->start;

sub have { my ($name) = @_; return grep { -x "$_/$name" } split /:/, "$ENV{PATH}:/usr/sbin" }

my $sent = 0;
SKIP: {
	skip 'swaks is not installed', 4 unless have('swaks');
	for my $mechanism (qw(PLAIN LOGIN CRAM-MD5)) {
		my ($rc, $out) = $pb->run('swaks', '--server', '127.0.0.1:' . $pb->port('submission'), '--tls',
			'--auth', $mechanism, '--auth-user', 'alice@example.com', '--auth-password', $Pillarbox::PASSWORD,
			'--from', 'alice@example.com', '--to', 'alice@example.com', '--timeout', '20');
		is($rc, 0, "swaks with $mechanism over STARTTLS") or diag($out);
		$sent += $rc == 0;
	}
	my ($rc) = $pb->run('swaks', '--server', '127.0.0.1:' . $pb->port('submission'), '--tls',
		'--auth', 'PLAIN', '--auth-user', 'alice@example.com', '--auth-password', 'wrong',
		'--from', 'alice@example.com', '--to', 'alice@example.com', '--timeout', '20');
	is($rc, 28, 'swaks with a wrong password');
}
SKIP: {
	skip 'msmtp is not installed', 5 unless have('msmtp');
	for my $case ([ 'submission', 'scram-sha-256', 'on' ], [ 'smtps', 'scram-sha-256', 'off' ], [ 'smtps', 'plain', 'off' ],
		[ 'submission', 'login', 'on' ], [ 'smtps', 'cram-md5', 'off' ]) {
		my ($service, $mechanism, $starttls) = @$case;
		my $rc_file = "$pb->{top}/msmtprc";
		Pillarbox::spew($rc_file, "defaults\ntls on\ntls_certcheck off\ntls_starttls $starttls\naccount default\n"
			. "host 127.0.0.1\nport " . $pb->port($service) . "\nfrom alice\@example.com\nauth $mechanism\n"
			. "user alice\@example.com\npassword $Pillarbox::PASSWORD\n");
		chmod 0600, $rc_file;
		my ($rc, $out, $err) = $pb->run_input("From: alice\@example.com\nSubject: $mechanism\n\nx\n",
			'msmtp', '-C', $rc_file, 'alice@example.com');
		is($rc, 0, "msmtp with $mechanism on $service") or diag($err);
		$sent += $rc == 0;
	}
}
is(scalar($pb->wait_mail('alice@example.com', $sent)), $sent, 'all of it arrived');

sub begin {
	my $c = $pb->connect('smtps');
	$c->expect('EHLO c.example', qr/^250/);
	return $c;
}
my $good = encode_base64("\0alice\@example.com\0$Pillarbox::PASSWORD", '');
my $bad = encode_base64("\0alice\@example.com\0wrong", '');

my $c = begin();
like($c->command('AUTH'), qr/^501 5\.5\.4/, 'no mechanism');
like($c->command('AUTH XYZZY'), qr/^504 5\.5\.4/, 'an unknown mechanism');
like($c->command('AUTH PLAIN !!!'), qr/^501 5\.5\.2/, 'no base64');
for my $none ('A', 'AAA', 'AAAAA', 'A===', 'AA=A', '=AAA', '====', 'AA==AAAA', "AA\xe4A", "A\0AA", 'AA-_', '==') {
	like($c->command("AUTH PLAIN $none"), qr/^501 5\.5\.2/, 'no base64: ' . ($none =~ s/([^!-~])/sprintf '\\x%02x', ord $1/ger));
	$c->expect('AUTH PLAIN', qr/^334/);
	like($c->command($none), qr/^501 5\.5\.2/, 'nor as an answer');
}
like($c->command('AUTH PLAIN ='), qr/^535 5\.7\.8/, 'an empty response is one, and wrong');
like($c->command("AUTH PLAIN $good x"), qr/^501/, 'two responses');
like($c->command('AUTH PLAIN'), qr/^334 ?$/, 'a challenge');
like($c->command('*'), qr/^501 5\.7\.0/, 'cancelled by the client');
like($c->command('AUTH LOGIN'), qr/^334/, 'LOGIN asks for the name');
like($c->command('*'), qr/^501/, 'cancelled');
like($c->command("AUTH PLAIN $bad"), qr/^535 5\.7\.8 .* ticket \d{12}$/, 'a wrong password');
like($c->command('AUTH PLAIN ' . encode_base64("\0nobody\@example.com\0wrong", '')), qr/^535 5\.7\.8/,
	'an unknown user gets the same answer');
like($c->command('MAIL FROM:<alice@example.com>'), qr/^530 5\.7\.0/, 'none of that is a log-in');
my $nonce = 'x' x 900;
my ($challenge) = $c->command('AUTH SCRAM-SHA-256 ' . encode_base64("n,,n=alice\@example.com,r=$nonce", '')) =~ /^334 (\S+)$/;
like(decode_base64($challenge // ''), qr/^r=$nonce\S+,s=[^,]+,i=\d+$/, 'a challenge that is longer than a reply may be comes whole');
like($c->command('*'), qr/^501/, 'given up');
my $tries = 30;
my $ok = 0;
for (1 .. $tries) {
	last unless $c->command('AUTH SCRAM-SHA-256 ' . encode_base64('n,,n=alice@example.com,r=abcdefgh', '')) =~ /^334/;
	last unless $c->command('*') =~ /^501/;
	$ok++;
}
is($ok, $tries, 'exchanges that are begun and given up leave nothing behind (S25)');
like($c->command("AUTH PLAIN $good"), qr/^235 2\.7\.0/, 'then the right password');
like($c->command("AUTH PLAIN $good"), qr/^503 5\.5\.1/, 'once is enough');
unlike($c->expect('EHLO c.example', qr/^250/), qr/AUTH/, 'and nothing more is offered');

# Ten others in flight complete while one misbehaves.
my @others = map { begin() } 1 .. 10;
$_->expect('AUTH LOGIN', qr/^334/) for @others;
# In one line or as an answer, as large as may be or larger, base64 or not: what is base64 and not
# too large is for auth-check to judge.
my $evils = 0;
for my $case ([ 12264, 'A', 535, 535 ], [ 12264, '!', 501, 501 ], [ 12265, 'A', 501, 501 ], [ 12284, 'A', 500, 535 ], [ 65536, 'A', 500, 500 ]) {
	my ($size, $end, $in_line, $as_answer) = @$case;
	my $evil = $pb->connect('smtps', local => '127.9.10.' . ++$evils);
	$evil->expect('EHLO c.example', qr/^250/);
	for my $mechanism (qw(PLAIN LOGIN SCRAM-SHA-256)) {
		my $text = 'A' x ($size - 1) . $end;
		my $reply = $evil->command("AUTH $mechanism $text");
		like($reply, qr/^$in_line /, "$mechanism with $size bytes of \"...A$end\" (S24)");
		$evil->expect("AUTH $mechanism", qr/^334/);
		like($evil->command($text), qr/^$as_answer /, '... as an answer');
		like($evil->command('NOOP'), qr/^250/, '... and the next command is one');
	}
}
$_->expect(encode_base64('alice@example.com', ''), qr/^334/) for @others;
is(scalar(grep { $_->command(encode_base64($Pillarbox::PASSWORD, '')) =~ /^235/ } @others), 10, 'others are not disturbed (S24)');

# RFC 4954 4: an answer that is too long ends the exchange, and the next line is a command.
for my $case ([ 'PLAIN' ], [ 'LOGIN' ], [ 'LOGIN', encode_base64('alice@example.com', '') ]) {
	my ($mechanism, @answers) = @$case;
	my $long = $pb->connect('smtps', local => '127.9.6.1');
	$long->expect('EHLO c.example', qr/^250/);
	$long->expect($_, qr/^334/) for "AUTH $mechanism", @answers;
	like($long->command('A' x 12288), qr/^500 5\.5\.6/, "$mechanism: an answer of 12 KB and its line end");
	like($long->command('NOOP'), qr/^250/, 'ends it');
	$long->expect($_, qr/^334/) for "AUTH $mechanism", @answers;
	like($long->command('A' x 1_000_000), qr/^500 5\.5\.6/, 'so does one of 1 MB');
	like($long->command('NOOP'), qr/^250/, 'and the next line is a command');
	like($long->command("AUTH PLAIN $good"), qr/^235/, 'a log-in is possible after it');
}
my $marker = $pb->connect('smtps', local => '127.9.6.1');
$marker->expect('EHLO c.example', qr/^250/);
$marker->expect("AUTH PLAIN $bad", qr/^535/);
ok($pb->wait_log('abuseLog', qr/\[127\.9\.6\.1\]\S* event=login-failed .* failures=1 /), 'none of them was counted as a failed log-in');
# What is not too long reaches auth-check, which says what it is.
$marker->expect('AUTH PLAIN', qr/^334/);
like($marker->command('A' x 12284), qr/^535 5\.7\.8/, 'an answer just under the limit is a log-in that failed');
ok($pb->wait_log('authLog', qr/\[127\.9\.6\.1\]\S* event=login-failed .*\n.*\[127\.9\.6\.1\]\S* event=login-failed/), 'as auth-check found');

my $log = $pb->log_text('smtpLog');
unlike($log, qr/\Q$good\E|\Q$Pillarbox::PASSWORD\E/, 'no password is in the log');
ok($pb->wait_log('smtpLog', qr/event=login user=alice\@example\.com mechanism=\S+ tls=1/), 'log-ins are');
ok($pb->wait_log('smtpLog', qr/event=login-failed/), 'so are failures');
done_testing();
