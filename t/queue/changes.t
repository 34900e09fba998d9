#!/usr/bin/perl
# An administrator holds and releases messages, sets their priority, and sends them to another
# domain; all of it outlives the runner, and nothing is delivered twice.
# Features: SPOOL-20.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new(settings => { retryIntervals => '60,60,60', dnsErrorAttempts => 9, maxDeliveriesPerDomain => 1 });
$pb->user("u$_\@example.com") for 0 .. 3;
$pb->ctl_ok('alias', 'add', 'team@example.com', 'u1@example.com', 'u2@lost.invalid', 'u3@lost.invalid');
$pb->start;

sub ids { return map { /Queued as (\d+)/ ? $1 : die "not queued: $_" } @_ }
sub rows { return map { $_->{id} => $_ } @{ decode_json($pb->ctl_ok('spool', 'list', '--max', 0, '--json')) } }
sub wait_for { my ($is) = @_; my $end = time + 30; my $got; sleep 0.1 while !($got = $is->()) && time < $end; return $got }
sub has_status { my ($id, $status, $name) = @_; my %r; wait_for(sub { %r = rows(); ($r{$id}{status} // 'gone') eq $status }); return is($r{$id}{status}, $status, $name) }
sub settled { my (@ids) = @_; return wait_for(sub { my %r = rows(); !grep { $r{$_}{status} ne 'retry' } @ids }) }
sub act { my (@words) = @_; return like($pb->ctl_ok('spool', @words), qr/^\d+ done$/m, join ' ', 'spool', @words[0 .. 1]) }
sub field { my ($id, $name) = @_; return (map { $_->{value} } grep { $_->{field} eq $name } @{ decode_json($pb->ctl_ok('spool', 'show', '--json', $id)) })[0] }
sub restart {
	my ($old) = grep { Pillarbox::cmdline($_) =~ /--schedule/ } $pb->pids_of('spool-runner');
	$pb->ctl_ok('service', 'restart', 'spool-schedule');
	return ok(wait_for(sub { !-e "/proc/$old" }), 'another scheduler serves the queue');
}

my @ids = ids(put($pb, count => 5, from => 's@far.example', to => [ 'u0@lost.invalid' ]));
my ($mixed) = ids(put($pb, from => '', to => [ 'team@example.com', 'u0@other.invalid' ]));
ok(settled(@ids, $mixed), 'all wait for another attempt');

# Priority (SPOOL-20): the order of the next pass.
my %priority;
@priority{@ids} = (1, 9, 5, 3, 7);
act('priority', $priority{$_}, $_) for @ids[0, 1, 3, 4];
ok(wait_for(sub { my %r = rows(); !grep { $r{$_}{priority} != $priority{$_} } @ids }), 'the list shows them');
is(field($ids[1], 'priority'), '9 (set by hand)', 'and that it was done by hand');
ok($pb->wait_log('delivery', qr/event=priority-set id=$ids[1] priority=9$/m), 'the log too');
is((rows())[1] && { rows() }->{ $ids[1] }{attempts}, 1, 'no attempt was made for it');
restart();
ok(settled(@ids, $mixed), 'they wait as before');
my %r = rows();
is_deeply([ map { $r{$_}{priority} } @ids ], [ map { $priority{$_} } @ids ], 'so it is after a restart');
$pb->ctl_ok('spool', 'force', @ids);
ok(wait_for(sub { (() = $pb->log_text('delivery') =~ /event=deferred id=\d+ [^\n]*attempts=2 /g) >= 5 }), 'all are tried');
is_deeply([ $pb->log_text('delivery') =~ /event=deferred id=(\d+) [^\n]*attempts=2 /g ], [ sort { $priority{$b} <=> $priority{$a} } @ids ],
	'in the order of their priority');
for my $bad ('0', '11', 'high', '') {
	is(($pb->ctl('spool', 'priority', $bad, $ids[0]))[0], 2, "priority '$bad' is none");
}
is(($pb->ctl('spool', 'priority', 3, '4711'))[0], 3, 'a message that is not there');

# Hold and release.
ok(settled(@ids), 'they wait again');
act('hold', '-w', 'sender!="" & dest=lost.invalid & priority>=5');
my @held = @ids[1, 2, 4];
ok(wait_for(sub { my %r = rows(); 3 == grep { $r{$_}{status} eq 'held' } @held }), 'three are held');
is({ rows() }->{ $ids[0] }{status}, 'retry', 'the others are not');
is(field($held[0], 'held'), 'by an administrator', 'show says by whom');
ok($pb->wait_log('delivery', qr/event=held id=$held[0] from=s\@far\.example reason=administrator/), 'the log too');
$pb->ctl_ok('spool', 'force', $held[0]);
restart();
ok(wait_for(sub { my %r = rows(); 3 == grep { ($r{$_}{status} // '') eq 'held' } @held }), 'forced, and after a restart, they are held still');
is({ rows() }->{ $held[0] }{attempts}, 2, '... without an attempt');
act('hold', $held[0]);
act('release', @held[0, 1]);
ok(wait_for(sub { my %r = rows(); 2 == grep { $r{$_}{status} eq 'retry' } @held }), 'released they wait for their time');
ok($pb->wait_log('delivery', qr/event=released id=$held[0] /), '... as the log says');
is({ rows() }->{ $held[0] }{attempts}, 2, '... which was not lost');
has_status($held[2], 'held', 'the third is held');

# Another domain: one of ours.
is(($pb->ctl('spool', 'requeue', $ids[0]))[0], 2, 'requeue wants to know where');
is(($pb->ctl('spool', 'requeue', $ids[0], '--to', 'no domain'))[0], 2, '... a domain');
act('requeue', @ids, '--to', 'example.com');
ok($pb->wait_log('delivery', qr/event=redirected id=$ids[0] rcpt=1 to=u0\@example\.com was=u0\@lost\.invalid/), 'the log says so');
is(scalar $pb->wait_mail('u0@example.com', 4), 4, 'those that are not held are delivered there at once');
has_status($held[2], 'held', 'the one that is held is not');
like($pb->ctl_ok('spool', 'recipients', '--tsv', $held[2]), qr/\t1\tu0\@example\.com\tpending\t0\t/, 'but goes to the new address, with all its attempts');
act('release', $held[2]);
is(scalar $pb->wait_mail('u0@example.com', 5), 5, '... when it is released');

# Of several recipients those that still wait, at that domain.
like($pb->ctl_ok('spool', 'recipients', '--tsv', $mixed), qr/u1\@example\.com\tdelivered.*u0\@other\.invalid\tpending.*u2\@lost\.invalid\tpending.*u3\@lost\.invalid\tpending/s,
	'one was delivered');
act('requeue', '-w', 'dest=lost.invalid', '--from', 'LOST.invalid', '--to', 'example.com');
is(scalar $pb->wait_mail("$_\@example.com", 1), 1, "$_ gets it, though an alias had added it") for 'u2', 'u3';
is(scalar $pb->mail('u1@example.com'), 1, 'u1 does not get it again');
like($pb->ctl_ok('spool', 'recipients', '--tsv', $mixed), qr/u1\@example\.com\tdelivered.*u0\@other\.invalid\tpending.*u2\@example\.com\tdelivered.*u3\@example\.com\tdelivered/s,
	'the one at another domain waits as before');
restart();
like($pb->ctl_ok('spool', 'recipients', '--tsv', $mixed), qr/u0\@other\.invalid\tpending/, 'the envelope is good after a restart');
act('requeue', '--all', '--to', 'example.com');
ok(wait_queue($pb, 0, 30), 'with the last the queue is empty');
is(scalar $pb->mail('u0@example.com'), 6, '... whom it went to');
is(scalar $pb->mail('u2@example.com'), 1, '... and nobody else');
unlike($pb->log_text('delivery'), qr/event=(?:change-failed|bounced|message-lost)/, 'nothing went wrong');

like($pb->ctl_ok('explain', $held[2]), qr/gave message $held[2] priority 7\n.*is held: administrator\n.*to u0\@example\.com instead of u0\@lost\.invalid\n.*is held no longer\n/s,
	'its story tells of all that');

# What is being delivered is changed afterwards; wishes beyond measure are put off, not lost.
my @remote = $pb->pids_of('remote-send');
kill 'STOP', @remote;
my @many = ids(put($pb, count => 120, from => '', to => [ 'u{}@one.invalid' ]));
has_status($many[0], 'delivering', 'one is being delivered');
act('hold', '--all');
ok(wait_for(sub { my %r = rows(); 119 == grep { $r{$_}{status} eq 'held' } @many }), 'all but that are held');
act('priority', $_ % 10 + 1, '--all') for 1 .. 30;
kill 'CONT', @remote;
has_status($many[0], 'held', 'it is when its attempt has ended');
ok(wait_for(sub { my %r = rows(); 120 == grep { $r{$_}{priority} == 1 } @many }), 'the last word counts');
my %made;
for ([ 'hold', '' ], [ 'priority', "value=0\n" ], [ 'priority', '' ], [ 'redirect', "to=a b\n" ], [ 'redirect', "from=a.example\n" ]) {
	my ($verb, $fields) = @$_;
	my $answer = ask(packet_socket($pb, 'schedule'), "$verb\n${fields}id=$many[1]\n") // '';
	$made{"$verb $fields"} = $answer =~ /^(\w+)/ ? $1 : '';
}
is(delete $made{'hold '}, 'ok', 'asked for without mailctl');
is_deeply([ grep { $_ ne 'error' } values %made ], [], 'values that are none are refused');
$pb->ctl_ok('spool', 'delete', '--all');
ok(wait_queue($pb, 0, 30), 'held messages can be deleted');
done_testing;
