#!/usr/bin/perl
# Messages that are due go out by their priority, which follows from rules of the sender's domain.
# Features: PRIO-01, PRIO-02, PRIO-03, PRIO-04, PRIO-05, PRIO-06, PRIO-07, PRIO-08, PRIO-09, PRIO-10, PRIO-12,
# QUEUE-13, SPOOL-20.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Outbound;
use Pillarbox::Queue;
use Pillarbox::Zone;

my $zone = Pillarbox::Zone->new('far.test' => "@ MX 10 mx\nmx A 127.0.0.1\n");
my $port = Pillarbox::free_ports(1);
# Takes everything but what is for no@, which it puts off.
my $server = Pillarbox::Outbound::Server->new('127.0.0.1', $port, sub {
	my ($c) = @_;
	$c->serve(ehlo => ['8BITMIME'], RCPT => sub { $_[1] =~ /<no@/ ? '450 4.2.1 not now' : '250 2.1.5 ok' });
});
my $pb = Pillarbox->new(settings => { primaryDns => $zone->address, smtpOutPort => $port, allowLoopbackTargets => 'True',
	maxDeliveryThreads => 1, retryIntervals => '60,60,60' });
my @domains = qw(plain.example standard.example size.example kinds.example attempts.example);
for my $domain (@domains) {
	$pb->domain($domain);
	$pb->user("a\@$domain");
}
sub on { return map { my ($name, $value) = @$_; ("$name=$value", "$name\@enabled=True") } @_ }
$pb->ctl_ok('domain', 'edit', 'standard.example', on([ priorityStandard => 8 ]));
$pb->ctl_ok('domain', 'edit', 'size.example', on([ priorityStandard => 9 ], [ priorityOverSize => 2 ]), 'priorityOverSizeMB=1');
$pb->ctl_ok('domain', 'edit', 'kinds.example', on([ priorityMailingList => 10 ], [ priorityAutoResponder => 7 ],
	[ priorityEmailReports => 4 ], [ priorityEventEmails => 3 ]));
$pb->ctl_ok('domain', 'edit', 'attempts.example', on([ priorityStandard => 9 ], [ prioritySecondAttempt => 2 ], [ priorityThirdAttempt => 3 ]));
# What other programs make comes as pairs.
my %made = (list => 700001, autoResponse => 700002, report => 700003, event => 700004);
$pb->start;

sub queued { my ($answer) = put($pb, to => [ 'x@far.test' ], @_); return $answer =~ /Queued as (\d+)/ ? $1 : die $answer }

# The columns of a message.
sub row {
	my ($id) = @_;
	my ($line) = grep { /^$id\t/ } split /\n/, $pb->ctl_ok('spool', 'list', '--max', 0, '--tsv');
	return [ split /\t/, $line // '' ];
}
sub priority { return row($_[0])->[9] // 'gone' }
sub wait_priority {
	my ($id, $is, $name) = @_;
	my $end = time + 10;
	sleep 0.1 while time < $end && priority($id) ne $is;
	is(priority($id), $is, $name);
}

# Whichever is the first takes the one place, and the others wait.
kill 'STOP', $pb->pids_of('remote-send');
$pb->ctl_ok('service', 'stop', 'spool-schedule');
drop_pair($pb, id => $made{$_}, from => 'a@kinds.example', to => [ 'x@far.test' ], head => "kind: $_ a\@kinds.example\n",
	body => "X-Number: $_-1\n\nx\n") for keys %made;
my %id = (
	plain => queued(tag => 'plain', from => 'a@plain.example', auth => 'a@plain.example'),
	standard => queued(tag => 'standard', from => 'a@standard.example', auth => 'a@standard.example'),
	small => queued(tag => 'small', from => 'a@size.example', auth => 'a@size.example', size => 1 << 20),
	large => queued(tag => 'large', from => 'a@size.example', auth => 'a@size.example', size => (1 << 20) + 1000),
	sender => queued(tag => 'sender', from => 'a@standard.example'),
	hand => queued(tag => 'hand', from => 'a@standard.example', auth => 'a@standard.example'),
	%made,
);
$pb->ctl_ok('service', 'start', 'spool-schedule');
my $end = time + 20;
sleep 0.1 while time < $end && $pb->ctl_ok('spool', 'list', '--tsv') !~ /^$id{hand}\t/m;
$pb->ctl_ok('spool', 'priority', 1, $id{hand});
my %expected = (plain => 5, standard => 8, small => 9, large => 2, sender => 8, hand => 1,
	list => 10, autoResponse => 7, report => 4, event => 3);
wait_priority($id{$_}, $expected{$_}, "$_ has $expected{$_}") for sort keys %expected;
like(Pillarbox::slurp(glob "$pb->{dir}/spool/SubSpool*/$id{hand}.hdr"), qr/^priority: 1 \[/m, 'one that was set by hand stands in the envelope');
is(($pb->ctl('spool', 'priority', 11, $id{hand}))[0], 2, 'no priority but 1 to 10');
like($pb->ctl_ok('spool', 'list', '-w', 'priority=2', '--tsv'), qr/^$id{large}\t/m, 'they can be selected by it');

kill 'CONT', $pb->pids_of('remote-send');
ok(wait_queue($pb, 0, 40), 'all go out');
my @order = map { /X-Number: (\w+)-/g } $server->transcripts;
# The one that has the place may have had it from a scheduler that a reload has ended too.
my $first = shift @order;
shift @order while @order && $order[0] eq $first;
is_deeply([ sort @order ], [ grep { $_ ne $first } sort keys %expected ], 'each once');
is_deeply([ map { $expected{$_} } @order ], [ sort { $b <=> $a } map { $expected{$_} } @order ],
	'those that waited by their priority, 10 before 1') or diag("@order");

subtest 'attempts (PRIO-09, PRIO-10)' => sub {
	my $id = queued(tag => 'again', from => 'a@attempts.example', auth => 'a@attempts.example', to => [ 'no@far.test' ]);
	wait_priority($id, 2, 'after one failure');
	$pb->ctl_ok('spool', 'force', $id);
	wait_priority($id, 3, 'after the second');
	$pb->ctl_ok('spool', 'priority', 7, $id);
	wait_priority($id, 7, 'by hand beats all');
	$pb->ctl_ok('spool', 'force', $id);
	ok($pb->wait_log('delivery', qr/event=deferred id=$id .*attempts=3 /), 'a third failure');
	is(priority($id), 7, 'and lasts');
	my $after = row($id)->[4];
	$pb->ctl_ok('service', 'restart', 'spool-schedule');
	wait_priority($id, 7, 'over a restart too');
	is(row($id)->[4], $after, 'and does not change when the next attempt is made');
};
done_testing;
