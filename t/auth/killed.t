#!/usr/bin/perl
# A05: auth-check is killed during 50 log-ins by SMTP, POP3 and IMAP: each client is told to
# come later, nobody gets in, and then it is back.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new(settings => { map { ("${_}SpareMax" => 20) } qw(smtp pop imap) });
my ($user, $password) = ('alice@example.com', $Pillarbox::PASSWORD);
$pb->user($user);
$pb->start;

my $plain = encode_base64("\0$user\0$password", '');
my %want = (smtp => qr/^454 4\.7\.0 .*\d{12}/, pop3 => qr/^-ERR \[SYS\/TEMP\] .*\d{12}/,
	imap => qr/^a\d+ NO \[UNAVAILABLE\] .*\d{12}/);
my %say = (smtp => "AUTH PLAIN $plain", pop3 => "AUTH PLAIN $plain", imap => "a1 AUTHENTICATE PLAIN $plain");
my @clients = map { my $service = (qw(smtp pop3 imap))[$_ % 3]; [ $service, $pb->connect($service) ] } 1 .. 50;
$_->[1]->expect('EHLO client.example', qr/^250/) for grep { $_->[0] eq 'smtp' } @clients;

# No log-in can be answered before auth-check is killed.
my @helpers = hash_helpers($pb);
my $main = auth_main($pb);
kill 'STOP', @helpers;
$_->[1]->send_raw("$say{$_->[0]}\r\n") for @clients;
sleep 0.5;
kill 'KILL', $main;
kill 'CONT', @helpers;
my (%right, @wrong, @tickets);
my %kind = (smtp => 'smtpLog', pop3 => 'popLog', imap => 'imapLog');
for (@clients) {
	my ($service, $c) = @$_;
	$c->{timeout} = 30;
	my $said = $c->line;
	$said =~ $want{$service} ? $right{$service}++ : push @wrong, "$service: $said";
	push @tickets, [ $kind{$service}, $said =~ /(\d{12})/ ];
}
is(join("\n", @wrong), '', 'each of 50 clients is told within 30 seconds to try later, and none that it is in');
is(join(' ', map { "$_=$right{$_}" } sort keys %right), 'imap=17 pop3=17 smtp=16', 'in the words of each protocol');
is(scalar(grep { my ($kind, $ticket) = @$_; $pb->wait_log($kind, qr/\[127\.0\.0\.1\]\[$ticket\] event=login-unknown/) } @tickets), 50,
	'and the log has the ticket of each');
my $end = time + 20;
sleep 0.1 while time < $end && grep { -e "/proc/$_" } @helpers;
is(scalar(grep { -e "/proc/$_" } @helpers), 0, 'its helpers end with it') or diag("@helpers");
$end = time + 30;
my $reply = '';
while (time < $end && $reply !~ /^235/) {
	my $c = eval { $pb->connect('smtp') } or next;
	$c->command('EHLO client.example');
	$reply = $c->command($say{smtp});
	sleep 0.2;
}
like($reply, qr/^235/, 'mail-master brings it back, and log-ins work');
done_testing;
