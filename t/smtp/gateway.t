#!/usr/bin/perl
# A gateway: mail for listed domains is taken in from anybody and passed on to
# the server the administrator names; trusted addresses may send anywhere,
# blocked ones and blocked senders may not.
# Features: ROUTE-02, ROUTE-03, ROUTE-05, IPBW-01, IPBW-02, IPBW-03, IPBW-04, BLKS-01,
# AUTHB-01, AUTHB-02.
use strict;
use warnings;
use Test::More;
use Pillarbox;

my $inner = Pillarbox->new(host => 'inner.test.example');
$inner->user('bob@inside.example');
$inner->start;

my $outer = Pillarbox->new(host => 'outer.test.example', settings => { allowLoopbackTargets => 'True' });
$outer->user('alice@example.com');
$outer->ctl_ok('set', '--add', 'domainForwarding/server', 'address=127.0.0.1', 'port=' . $inner->port('smtp'),
	'domains=inside.example, other.example');
$outer->start;

sub rcpt {
	my ($from, $to) = @_;
	my $c = $outer->connect('smtp');
	$c->expect('EHLO far.example', qr/^250/);
	my $reply = $c->command("MAIL FROM:<$from>");
	return $reply unless $reply =~ /^250/;
	$reply = $c->command("RCPT TO:<$to>");
	$c->command('QUIT');
	return $reply;
}

like(rcpt('x@far.example', 'bob@INSIDE.example'), qr/^250 /, 'a forwarded domain is taken in');
like(rcpt('x@far.example', 'bob@elsewhere.example'), qr/^550 5\.7\.1/, 'no other is');
my $reply = $outer->send_mail(service => 'smtp', no_login => 1, from => 'x@far.example', to => 'bob@inside.example', subject => 'through');
like($reply, qr/^250 /, 'the message is accepted');
my ($file) = $inner->wait_mail('bob@inside.example', 1, 30);
like(Pillarbox::slurp($file // '/dev/null'), qr/^Received: from outer\.test\.example .*^Subject: through\r?$/ms, 'and reaches the server behind');

$outer->ctl_ok('set', '--add', 'smtpAuthBypass/entry', 'ip=127.0.0.1');
like(rcpt('x@far.example', 'bob@elsewhere.example'), qr/^250 /, 'an address that needs no log-in may send anywhere');
$outer->ctl_ok('set', '--add', 'blockedSenders/sender', '*@spam.example');
like(rcpt('x@spam.example', 'bob@inside.example'), qr/^550 5\.7\.1/, 'a blocked sender is refused');
$outer->ctl_ok('set', '--remove', 'smtpAuthBypass/entry', 'ip=127.0.0.1');
$outer->ctl_ok('set', '--add', 'blacklist/entry', 'ipFrom=127.0.0.0', 'ipTo=127.0.0.9');
like($outer->connect('smtp')->{greeting}, qr/^(?:421|554) /, 'a listed address is refused at connect');
$outer->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.1', 'smtp=True');
like(rcpt('x@far.example', 'bob@elsewhere.example'), qr/^250 /, 'the list of trusted addresses is stronger');
done_testing();
