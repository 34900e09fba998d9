#!/usr/bin/perl
# An auth-check that is silent holds up nobody: each RCPT through a Postfix with
# its usual milter_default_action (tempfail) is answered by greylist-check itself,
# however many ask at a time; and who is exempt is known again afterwards.
# Features: GREY-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Pillarbox;
use Pillarbox::Postfix;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => Pillarbox::Postfix::lacking() if Pillarbox::Postfix::lacking();

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True' });
$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->ctl_ok('user', 'edit', 'bob@example.com', 'disableGreylisting=True');
$pb->start;
chmod 0666, "$pb->{dir}/run/pub/greylist" or die;
my $px = Pillarbox::Postfix->new($pb, "smtpd_milters = unix:$pb->{dir}/run/pub/greylist\n");

# The replies to RCPT of as many clients as there are senders, all at the same time.
sub at_once {
	my ($to, @from) = @_;
	my @c;
	for my $from (@from) {
		my $c = $px->connect;
		$c->expect($_, qr/^250/) for 'EHLO client.example', "MAIL FROM:<$from\@far.example>";
		push @c, $c;
	}
	$_->send_raw("RCPT TO:<$to>\r\n") for @c;
	my @replies = map { $_->reply } @c;
	for my $c (@c) {
		$c->command('QUIT');
		$c->close;
	}
	return @replies;
}

my $greylisted = qr/^451 4\.7\.1 .*Greylisted, try again later: not before/;
like((at_once('bob@example.com', 'before'))[0], qr/^250/, 'a user without greylisting');
my @all = $pb->pids_of('auth-check');
kill 'STOP', @all;
my @replies = at_once('alice@example.com', map { "first$_" } 1 .. 10);
is(scalar(grep { $_ =~ $greylisted } @replies), 10, 'auth-check is silent: ten at a time are answered') or diag(join "\n", @replies);
@replies = at_once('bob@example.com', map { "second$_" } 1 .. 5);
is(scalar(grep { $_ =~ $greylisted } @replies), 5, 'and five more, all judged alike') or diag(join "\n", @replies);
kill 'CONT', @all;
ok($pb->wait_log('greylistLog', qr/event=directory-unknown why="/), 'the log says why');
is(scalar(() = $pb->log_text('greylistLog') =~ /event=directory-unknown/g), 1, 'once');

my ($end, $reply, $n) = (time + 30, '', 0);
sleep 0.5 until ($reply = (at_once('bob@example.com', 'after' . ++$n))[0]) =~ /^250/ || time > $end;
like($reply, qr/^250/, 'when it speaks again it is asked again');

# Killed and started anew: its old lines are not waited for.
kill 'KILL', @all;
$end = time + 30;
sleep 0.1 until (grep { my $p = $_; !grep { $_ == $p } @all } $pb->pids_of('auth-check')) || time > $end;
sleep 0.5 until ($reply = (at_once('bob@example.com', 'again' . ++$n))[0]) =~ /^250/ || time > $end;
like($reply, qr/^250/, 'started anew too');
done_testing();
