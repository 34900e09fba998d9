#!/usr/bin/perl
# Who has sent as much as he may in this hour waits for the next; nothing is refused.
# Features: THR-01, THR-02, THR-03, THR-04, THR-05, THR-06, THR-07, SPOOL-11.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;
use Pillarbox::Sink;
use Pillarbox::Zone;

my $zone = Pillarbox::Zone->new('far.test' => "@ MX 10 mx\nmx A 127.0.0.1\n");
my $port = Pillarbox::free_ports(1);
my $sink = Pillarbox::Sink->new('127.0.0.1', $port);
my $pb = Pillarbox->new(settings => { primaryDns => $zone->address, smtpOutPort => $port, allowLoopbackTargets => 'True' });
$pb->user($_) for qw(a@messages.example b@messages.example a@bytes.example a@bounces.example a@user.example b@user.example
	news@list.example);
sub on { return map { my ($name, $value) = @$_; ("$name=$value", "$name\@enabled=True") } @_ }
$pb->ctl_ok('domain', 'edit', 'messages.example', on([ throttleMessagesPerHour => 2 ]));
$pb->ctl_ok('domain', 'edit', 'bytes.example', on([ throttleBandwidthPerHourMB => 1 ]));
$pb->ctl_ok('domain', 'edit', 'bounces.example', on([ throttleBouncesPerHour => 1 ]));
$pb->ctl_ok('domain', 'edit', 'list.example', on([ throttleListMessagesPerHour => 1 ], [ throttleListBandwidthPerHourMB => 1 ]));
$pb->ctl_ok('user', 'edit', 'a@user.example', on([ throttleMessagesPerHour => 1 ], [ throttleBandwidthPerHourMB => 10 ],
	[ throttleBouncesPerHour => 2 ]));
$pb->start;
# All of it belongs into one hour.
sleep 1 while time % 3600 > 3600 - 120;

my %sent;		# messages that must come to the sink
sub queued {
	my ($who, $goes, %o) = @_;
	my ($answer) = put($pb, from => $who, auth => $who, to => [ 'x@far.test' ], %o);
	like($answer, qr/^250 /, 'it is taken');
	return $answer =~ /Queued as (\d+)/ ? $1 : die $answer;
}
sub row {
	my ($id) = @_;
	my ($line) = grep { /^$id\t/ } split /\n/, $pb->ctl_ok('spool', 'list', '--max', 0, '--tsv');
	return [ (split /\t/, $line // '')[ 3, 6 ] ];
}
sub wait_until { my ($is) = @_; my $end = time + 30; sleep 0.1 while time < $end && !$is->(); return $is->() }
sub is_throttled {
	my ($id, $name) = @_;
	wait_until(sub { (row($id)->[1] // '') eq 'throttled' });
	return is_deeply(row($id), [ 0, 'throttled' ], $name);
}
sub goes { my ($id, $name) = @_; return ok($pb->wait_log('delivery', qr/event=delivered id=$id .*to=x\@far\.test/), $name) }
sub count_log { my ($re) = @_; return scalar(() = $pb->log_text('delivery') =~ /$re/g) }

subtest 'messages of a domain' => sub {
	goes(queued('a@messages.example'), 'the first goes');
	goes(queued('b@messages.example'), 'the second of another user too');
	my $third = queued('a@messages.example', 0, to => [ 'x@far.test', 'a@user.example' ]);
	is_throttled($third, 'the third waits');
	$pb->wait_mail('a@user.example', 1);
	pass('but not for a mailbox of ours');
	is_throttled(queued('b@messages.example'), 'so does the fourth');
	ok($pb->wait_log('delivery', qr/event=domain-throttled domain=messages\.example limit=messages$/m), 'the event is told');
	ok($pb->wait_log('delivery', qr/event=held id=$third from=a\@messages\.example reason=throttled/), 'and why it waits');
	is(count_log(qr/event=domain-throttled domain=messages/), 1, 'the event once');
	my ($next) = $pb->ctl_ok('spool', 'list', '--tsv') =~ /^$third\t(?:[^\t]*\t){3}([^\t]+)\t/m;
	like($next, qr/:00:00$/, 'until the hour is over');
	$pb->ctl_ok('spool', 'force', $third);
	is_throttled($third, 'forcing changes nothing');
	my $time = time;
	$pb->ctl_ok('service', 'restart', 'abuse-check');
	$pb->ctl_ok('service', 'restart', 'spool-schedule');
	$pb->ctl_ok('spool', 'force', $third);
	is_throttled($third, 'nor does a restart of those who count');
	$pb->ctl_ok('domain', 'edit', 'messages.example', 'throttleMessagesPerHour=100');
	$pb->ctl('spool', 'force', $third);
	goes($third, 'with room it goes on');
};

subtest 'bytes of a domain' => sub {
	goes(queued('a@bytes.example', 1, size => 1_200_000), 'a large one goes');
	is_throttled(queued('a@bytes.example'), 'then the limit is reached');
	ok($pb->wait_log('delivery', qr/event=domain-throttled domain=bytes\.example limit=bandwidth$/m), 'the event says which');
};

subtest 'bounces of a domain' => sub {
	put($pb, from => '', to => [ 'a@bounces.example' ]);
	$pb->wait_mail('a@bounces.example', 1);
	goes(queued('a@bounces.example'), 'one bounce is allowed');
	put($pb, from => '', to => [ 'a@bounces.example', 'nobody@bounces.example' ]);
	$pb->wait_mail('a@bounces.example', 2);
	is_throttled(queued('a@bounces.example'), 'beyond it nothing is sent');
	ok($pb->wait_log('delivery', qr/event=domain-throttled domain=bounces\.example limit=bounces$/m), 'the event says why');
};

subtest 'a user' => sub {
	goes(queued('a@user.example'), 'the first goes');
	is_throttled(queued('a@user.example'), 'the second waits');
	ok($pb->wait_log('delivery', qr/event=user-throttled user=a\@user\.example limit=messages$/m), 'the event is told');
	goes(queued('b@user.example'), 'another user of the domain is not affected');
};

subtest 'a mailing list' => sub {
	$pb->ctl_ok('service', 'stop', 'spool-schedule');
	drop_pair($pb, id => 700000 + $_, from => 'bounce@list.example', to => [ 'x@far.test' ], head => "kind: list news\@list.example\n") for 1, 2;
	$pb->ctl_ok('service', 'start', 'spool-schedule');
	ok(wait_until(sub { grep { (row($_)->[1] // '') eq 'throttled' } 700001, 700002 }), 'one of two waits');
	ok($pb->wait_log('delivery', qr/event=delivered id=70000[12] /), 'the other goes');
	ok($pb->wait_log('delivery', qr/event=list-throttled list=news\@list\.example limit=messages$/m), 'the event is told');
};

unlike($pb->log_text("delivery"), qr/event=(?:failed|bounced) [^\n]*to=x\@far\.test/, "nobody was told of a failure");
done_testing;
