#!/usr/bin/perl
# Who logged in to send a message is told in a header field, when that is set.
# Features: SMTPOUT-10.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { appendAuthenticatedAs => 'True' });
$pb->user($_) for qw(alice@example.com bob@example.com);
$pb->start;
my $n = 0;
# Header of the next message, by somebody who logged in or by a stranger.
sub header {
	my ($user) = @_;
	my $c = $pb->connect($user ? "submission" : "smtp");
	$c->expect("EHLO client.example", qr/^250/);
	$c->login($user, $Pillarbox::PASSWORD) if $user;
	my $from = $user // 'x@out.example';
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	$c->expect('RCPT TO:<bob@example.com>', qr/^250/);
	$c->expect('DATA', qr/^354/);
	$n++;
	$c->expect("From: $from\r\nX-Own: 1\r\nSubject: m$n\r\n\r\nx\r\n.", qr/^250/);
	$pb->wait_mail('bob@example.com', $n);
	my ($mail) = grep { /^Subject: m$n\r$/m } map { Pillarbox::slurp($_) } $pb->mail('bob@example.com');
	return $mail =~ s/\r\n\r\n.*//sr;
}
my $head = header('alice@example.com');
like($head, qr/^Received: .*^X-SmarterMail-AuthenticatedAs: alice\@example\.com\r\n.*^From: /ms, 'an account that logged in is named, below Received');
unlike(header(), qr/AuthenticatedAs/, 'a stranger is not');
$pb->ctl_ok('set', 'authenticatedAsHeader', 'X-Sender-Account');
my $end = time + 20;
1 while ($head = header('alice@example.com')) !~ /^X-Sender-Account: alice\@example\.com\r$/m && time < $end;
like($head, qr/^X-Sender-Account: alice\@example\.com\r$/m, 'under the name that was set');
unlike($head, qr/X-SmarterMail/, 'and no other');
isnt(($pb->ctl('set', 'authenticatedAsHeader', 'a: b'))[0], 0, 'what is no name of a field is refused');
$pb->ctl_ok('set', 'appendAuthenticatedAs', 'False');
1 while ($head = header('alice@example.com')) =~ /^X-Sender-Account/m && time < $end;
unlike($head, qr/X-Sender-Account/, 'nobody is named when that is off');
done_testing;
