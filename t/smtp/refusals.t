#!/usr/bin/perl
# Who is refused over and over has to leave, whatever the reason: unknown recipients and bad
# commands have their settings, and everything else that is said no to has its limits too
# (cases S22, S23).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True', 'greylisting/keyBy' => 'network', maxMessageSizeMB => 2, smtpMaxConnectionsPerIp => 0 });
$pb->user("$_\@example.com") for qw(alice bob shut);
$pb->ctl_ok('whitelist', 'add', '127.14.0.2', 'greylisting=True');
$pb->ctl_ok('user', 'edit', 'shut@example.com', 'disabled=True');
$pb->ctl_ok('user', 'edit', 'bob@example.com', 'mailboxSizeMB=1');
$pb->ctl_ok('domain', 'edit', 'example.com', 'maxRecipientsPerMessage=1');
$pb->ctl_ok('set', '--add', 'blockedSenders/sender', 'blocked@far.example');
$pb->start;
$pb->send_mail(from => 'alice@example.com', to => 'bob@example.com');	# a mailbox that was used has its room known
$pb->wait_mail('bob@example.com', 1);

# A session of somebody who is not greylisted, or of another address.
sub begin {
	my ($service, $ip, @commands) = @_;
	my $c = $pb->connect($service, local => $ip // '127.14.0.2');
	$c->expect('EHLO c.example', qr/^250/);
	$c->expect($_, qr/^[23]/) for @commands;
	return $c;
}
my $from = 'MAIL FROM:<a@far.example>';

# The same command until the session is ended; how often it was refused before, and the last reply.
# What comes is said in portions, so that nothing waits for two buffers.
sub flood {
	my ($c, $command, $refusal) = @_;
	my $count = 0;
	while ($count < 1200) {
		my $portion = $command =~ /\n/ ? 1 : 50;
		$c->send_raw("$command\r\n" x $portion);
		for (1 .. $portion) {
			my $reply = (split /\n/, $c->reply)[-1] // '';
			return ($count, $reply) if $reply !~ $refusal;
			$count++;
		}
	}
	return ($count, '');
}
sub ends {
	my ($limit, $name, $c, $command, $refusal) = @_;
	my ($count, $last) = flood($c, $command, $refusal);
	is($count, $limit->{most}, "$name: $limit->{at}");
	like($last, qr/^421 4\.7\.0 .* ticket \d{12}$/, "  $limit->{over}");
	$c->close;
	return ($last =~ /(\d{12})$/)[0];
}
my $mails = { most => 100, at => 'refusals at LIMIT_SMTP_REFUSED_MAILS are heard', over => 'one over LIMIT_SMTP_REFUSED_MAILS ends the session' };
my $rcpts = { most => 1000, at => 'refusals at LIMIT_SMTP_REFUSED_RCPTS are heard', over => 'one over LIMIT_SMTP_REFUSED_RCPTS ends the session' };

my $ticket = ends($mails, 'MAIL without a log-in on submission', begin('submission'), $from, qr/^530 5\.7\.0/);
ok($pb->wait_log('smtpLog', qr/\[127\.14\.0\.2\]\[\d{12}\] event=too-many-refusals mails=100 recipients=0$/m), 'and the log tells');
like($pb->ctl_ok('explain', $ticket), qr/the session ended after too many refusals: 100 of messages, 0 of recipients/, 'as does mailctl explain');
ends($mails, 'MAIL of a blocked sender', begin('smtp'), 'MAIL FROM:<blocked@far.example>', qr/^550 5\.7\.1/);
ends($mails, 'MAIL with a size over the limit', begin('smtp'), "$from SIZE=3000000", qr/^552 5\.3\.4/);
ends($mails, 'DATA without a recipient', begin('smtp', undef, $from), 'DATA', qr/^554 5\.5\.1/);
ends($mails, 'BDAT without a recipient', begin('smtp', undef, $from), 'BDAT 0', qr/^554 5\.5\.1/);

ends($rcpts, 'RCPT of others', begin('smtp', undef, $from), 'RCPT TO:<x@elsewhere.example>', qr/^550 5\.7\.1/);
ok($pb->wait_log('smtpLog', qr/\[127\.14\.0\.2\]\[\d{12}\] event=too-many-refusals mails=0 recipients=1000$/m), 'and the log tells');
ends($rcpts, 'RCPT of a disabled user', begin('smtp', undef, $from), 'RCPT TO:<shut@example.com>', qr/^550 5\.2\.1/);
ends($rcpts, 'RCPT of a mailbox without room', begin('smtp', undef, "$from SIZE=1900000"), 'RCPT TO:<bob@example.com>', qr/^552 5\.2\.2/);
ends($rcpts, 'RCPT that is greylisted', begin('smtp', '127.14.0.3', $from), 'RCPT TO:<alice@example.com>', qr/^451 4\.7\.1/);
my $user = begin('submission');
$user->login('alice@example.com', $Pillarbox::PASSWORD);
$user->expect($_, qr/^250/) for 'MAIL FROM:<alice@example.com>', 'RCPT TO:<bob@example.com>';
ends($rcpts, 'RCPT over the limit of a user', $user, 'RCPT TO:<alice@example.com>', qr/^452 4\.5\.3/);

# Memory, from the first hundred to the last.
sub rss {
	my %kb;
	for my $pid ($pb->pids_of('smtp-listen')) {
		$kb{$pid} = $1 if Pillarbox::slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
	}
	return %kb;
}
my $c = begin('smtp', undef, $from);
my $ask = sub {
	my ($n) = @_;
	$c->send_raw("RCPT TO:<x\@elsewhere.example>\r\n" x 50), map { $c->reply } 1 .. 50 for 1 .. $n / 50;
};
$ask->(100);
my %before = rss();
$ask->(900);
my %after = rss();
my ($most) = sort { $b <=> $a } map { $after{$_} - $before{$_} } grep { $before{$_} } keys %after;
SKIP: {
	skip 'a sanitizer keeps what was freed', 1 if $ENV{PB_SANITIZED};
	cmp_ok($most, '<', 512, 'nine hundred refusals more cost a worker no memory');
}

# An honest host: a list most of whose recipients are refused, message after message.
sub send_to_alice {
	my ($s) = @_;
	$s->expect('RCPT TO:<alice@example.com>', qr/^250/);
	$s->expect('DATA', qr/^354/);
	return $s->command("Subject: list\r\n\r\nx\r\n.");
}
like($c->command('NOOP'), qr/^250/, 'a thousand refusals alone end nothing');
$c->close;
$c = begin('smtp', undef, $from);
for my $message (1 .. 2) {
	$c->expect($from, qr/^250/) if $message > 1;
	$ask->(950);
	like(send_to_alice($c), qr/^250/, "message $message of a list with 950 refused recipients");
}
# The same for messages.
for my $n (1 .. 99) {
	$c->send_raw("MAIL FROM:<blocked\@far.example>\r\n");
	die "refusal $n" if $c->reply !~ /^550/;
}
$c->expect($from, qr/^250/);
like(send_to_alice($c), qr/^250/, 'a message after 99 that were refused');
$c->send_raw("MAIL FROM:<blocked\@far.example>\r\n"), $c->reply for 1 .. 99;
like($c->command($from), qr/^250/, 'begins the count anew');

# Texts that are refused count as well.
$c = begin('smtp');
my ($refused, $reply) = (0, '');
while ($refused < 150) {
	$reply = $c->command($from);
	last if $reply !~ /^250/;
	$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
	$c->expect('DATA', qr/^354/);
	last if $c->command("Subject: nul\r\n\r\n\0\r\n.") !~ /^554 5\.6\.0/;
	$refused++;
}
is($refused, $mails->{most}, 'a hundred messages are refused for their text');
like($reply, qr/^421 4\.7\.0/, 'and no more are asked for');
done_testing();
