#!/usr/bin/perl
# allowRelayForAuthenticated=False takes away what a log-in gives, and nothing else: who logged in
# may then what anybody may by allowRelay (SMTPIN-22).
use strict;
use warnings;
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Detailed' });
$pb->user('alice@example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'requireSmtpAuth=False');
$pb->start;

# The reply to RCPT for somebody outside, with or without a log-in.
sub relay {
	my ($login) = @_;
	my $c = $pb->connect($login ? 'smtps' : 'smtp');
	$c->expect('EHLO client.example', qr/^250/);
	$c->login('alice@example.com', $Pillarbox::PASSWORD) if $login;
	$c->expect('MAIL FROM:<alice@example.com>', qr/^250/);
	my $reply = $c->command('RCPT TO:<y@out.example>');
	$c->command('QUIT');
	return $reply;
}
sub until_reply { my ($login, $re) = @_; my ($end, $reply) = (time + 15, ''); while (time < $end && ($reply = relay($login)) !~ $re) { select undef, undef, undef, 0.2 } return $reply }
my $denied = qr/^550 5\.7\.1 Relaying denied ticket \d{12}$/;
for my $flag ('True', 'False') {
	for my $value ('nobody', 'localUsers', 'localDomains') {
		$pb->ctl_ok('--yes', 'set', 'allowRelay', $value);
		$pb->ctl_ok('--yes', 'set', 'allowRelayForAuthenticated', $flag);
		my $open = $value eq 'nobody' ? $denied : qr/^250 2\.1\.5/;
		my $want = $flag eq 'True' ? qr/^250 2\.1\.5/ : $open;
		like(until_reply(0, $open), $open, "allowRelay $value: without a log-in");
		like(until_reply(1, $want), $want, "allowRelayForAuthenticated $flag, allowRelay $value: with one");
	}
}
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=$_ weight=\S+ total=\S+/), "the log has $_")
	for 'log-in value=alice@example\.com', 'allow-relay value=no', 'allow-relay value=localUsers', 'allow-relay value=localDomains';
done_testing();
