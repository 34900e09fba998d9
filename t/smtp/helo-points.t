#!/usr/bin/perl
# SMTPIN-01: what a HELO name weighs (envelopeChecks/heloOwnName, envelopeChecks/heloLiteral)
# against envelopeChecks/threshold; SMTPIN-22: whether who logged in may send outside
# (allowRelayForAuthenticated).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->start;

# What a client at 192.0.2.9 would be told: 0 taken, 1 refused for good.
sub told {
	my ($helo) = @_;
	return ($pb->ctl('try', '--from', 'x@far.example', '--to', 'alice@example.com', '--ip', '192.0.2.9', '--helo', $helo))[0];
}
sub becomes {
	my ($helo, $want, $name) = @_;
	my $end = time + 20;	# the new generation takes over within moments
	sleep 0.1 while told($helo) != $want && time < $end;
	is(told($helo), $want, $name);
}
is(told('mail.test.example'), 1, 'somebody who says that it is this server: heloOwnName weighs 100, the threshold');
is(told('[192.0.2.7]'), 0, 'the address of somebody else: heloLiteral weighs 50');
is(told('[192.0.2.9]'), 0, 'its own weighs nothing');
is(told('far.example'), 0, 'another name is fine');
$pb->set('envelopeChecks/heloOwnName' => 99, 'envelopeChecks/heloLiteral' => 100);
becomes('mail.test.example', 0, 'heloOwnName=99 is a point too few');
becomes('[192.0.2.7]', 1, 'heloLiteral=100 is enough');
is(told('[192.0.2.9]'), 0, 'the own address weighs nothing still');
$pb->set('envelopeChecks/threshold' => 0);
becomes('[192.0.2.7]', 0, 'threshold=0 refuses nobody');

sub outside {
	my $c = $pb->connect('smtps');
	$c->expect('EHLO client.example', qr/^250/);
	$c->login('alice@example.com', $Pillarbox::PASSWORD);
	$c->expect('MAIL FROM:<alice@example.com>', qr/^250/);
	my $inside = $c->command('RCPT TO:<alice@example.com>');
	return $c->command('RCPT TO:<x@far.invalid>') . " / $inside";
}
like(outside(), qr{^250 .* / 250 }, 'who logged in may send outside');
$pb->set(allowRelayForAuthenticated => 'False');
like(outside(), qr{^550 5\.7\.1 .* / 250 }, 'with allowRelayForAuthenticated=False only to users here');
done_testing;
