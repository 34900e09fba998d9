#!/usr/bin/perl
# Messages that a milter put aside: seen, read, let go, deleted; across restarts, and
# by nobody else's word.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new;
$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=unix:test-milter', 'failMode=tempfail', 'timeout=20');
$pb->start;

my $socket = $pb->dir . '/run/pub/test-milter';
my $milter = fork() // die "fork: $!";
if ($milter == 0) {
	open STDERR, '>>', "$pb->{top}/milter.log";
	exec "$Pillarbox::BIN/../t/smtp/test-milter", "local:$socket" or POSIX::_exit(127);
}
END { kill 'KILL', $milter if $milter }
wait_for(sub { -S $socket && chmod(0666, $socket) && IO::Socket::UNIX->new(Peer => $socket) });

sub wait_for {
	my ($condition) = @_;
	my ($end, $got) = time + 40;
	sleep 0.1 while !($got = $condition->()) && time < $end;
	return $got;
}

# Its id.
sub put_aside {
	my ($from, @to) = @_;
	my %before = map { $_ => 1 } ids();
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	$c->expect("RCPT TO:<$_>", qr/^250/) for @to;
	$c->expect('DATA', qr/^354/);
	$c->send_raw("From: <$from>\r\nSubject: quarantine\r\nX-From: $from\r\n\r\nx\r\n.\r\n");
	like($c->reply, qr/^250/, "from $from");
	my ($id) = grep { !$before{$_} } ids();
	return $id;
}

sub rows { return @{ decode_json($pb->ctl_ok('quarantine', 'list', '--json', @_)) } }
sub ids { return map { $_->{id} } rows(@_) }
# How often the message of that sender is in the mailbox.
sub copies {
	my ($user, $from) = @_;
	return scalar grep { Pillarbox::slurp($_) =~ /^X-From: \Q$from\E\r$/m } $pb->mail($user);
}
sub pair { my ($id) = @_; return grep { m{/\Q$id\E\.} } queue_files($pb) }

is($pb->ctl_ok('quarantine', 'list', '--json') =~ s/\s//gr, '[]', 'nothing at first');
my %id = map { $_ => put_aside("$_\@far.example", 'alice@example.com') } qw(one two three four five six);
$id{both} = put_aside('both@web.example', 'alice@example.com', 'bob@example.com');
my @all = sort values %id;
is(scalar(grep { $_ } @all), 7, 'each has an id');

my %row = map { $_->{id} => $_ } rows();
is_deeply([ sort keys %row ], \@all, 'all are listed');
my $row = $row{ $id{both} };
is($row->{sender}, 'both@web.example', 'sender');
is($row->{recipients}, 'alice@example.com,bob@example.com', 'recipients');
like($row->{age}, qr/^\d+$/, 'age');
is($row->{sizeKB}, 1, 'size');
is($row->{reason}, 'looks odd', 'the reason that the milter gave');
is_deeply([ ids('-w', 'domain=web.example') ], [ $id{both} ], 'those that a selector means');
is(scalar(ids('-w', 'size>1M')), 0, 'perhaps none');
is(($pb->ctl('quarantine', 'list', '-w', 'colour=red'))[0], 2, 'a selector that is none');
like($pb->ctl_ok('quarantine', 'show', $id{both}), qr/quarantine +looks odd/, 'show tells the reason');
like($pb->ctl_ok('quarantine', 'show', $id{both}), qr/status +quarantined/, '... and the state');
like($pb->ctl_ok('quarantine', 'view', $id{one}), qr/^X-From: one\@far\.example\r$/m, 'view shows the message');
like(decode_json($pb->ctl_ok('quarantine', 'view', $id{one}, '--json'))->[0]{message}, qr/^X-From: one\@far\.example\r$/m, 'as JSON too');
is(scalar(grep { $_->{field} eq 'quarantine' } @{ decode_json($pb->ctl_ok('quarantine', 'show', $id{both}, '--json')) }), 1,
	'as show does');
unlike($pb->ctl_ok('spool', 'list'), qr/far\.example/, 'they are not in the list of the queue');
is(($pb->ctl('spool', 'force', $id{one}))[0], 3, 'nor can they be forced past it');

$pb->stop;
is_deeply([ sort(ids()) ], \@all, 'the stopped server has them still');
unlike($pb->ctl_ok('spool', 'list'), qr/far\.example/, '... apart from the queue');
like($pb->ctl_ok('quarantine', 'view', $id{two}), qr/two\@far/, '... to read');
is(($pb->ctl('quarantine', 'release', $id{two}))[0], 75, 'but does not let them go');
$pb->start;
is_deeply([ sort(ids()) ], \@all, 'the same after a restart');
is(copies('alice@example.com', "$_\@far.example"), 0, "$_ was not delivered") for qw(one two);

like($pb->ctl_ok('quarantine', 'release', '--dry-run', '-w', 'sender~both'), qr/\b$id{both}\b/, 'what would be let go');
is(scalar(ids()), 7, '... is not');
like($pb->ctl_ok('quarantine', 'release', $id{both}), qr/^1 done$/m, 'let go');
ok(wait_for(sub { copies('alice@example.com', 'both@web.example') }), 'it is delivered at once');
ok(wait_for(sub { copies('bob@example.com', 'both@web.example') }), '... to all');
ok(wait_for(sub { !pair($id{both}) }), 'and leaves the spool');
is(scalar(ids()), 6, 'and the quarantine');
$pb->wait_log('delivery', qr/event=quarantine-released id=$id{both}\b/);
like($pb->ctl_ok('explain', $id{both}), qr/put aside: looks odd.*released from quarantine/s, 'its story says so');

my ($rc, $out, $err) = $pb->ctl('quarantine', 'release', $id{both}, '12345', $id{one});
is($rc, 3, 'one that is not there any more is told');
like($err, qr/no message 12345 in quarantine/, '... by its number');
like($out, qr/^1 done$/m, 'the others are done');
ok(wait_for(sub { copies('alice@example.com', 'one@far.example') }), 'and arrive');
($rc, $out) = $pb->run_input("$id{two} anything\n\n$id{three}\n", "$Pillarbox::BIN/mailctl", '-r', $pb->dir,
	'quarantine', 'release', '-');
is($rc, 0, 'ids on standard input');
like($out, qr/^2 done$/m, '... are let go');
ok(wait_for(sub { copies('alice@example.com', "two\@far.example") && copies('alice@example.com', 'three@far.example') }),
	'and arrive');

# The scheduler is asked twice, over two connections, before either is answered.
my ($sub) = map { m{SubSpool(\d+)/} } pair($id{four});
my @callers = map { packet_socket($pb, 'schedule') } 1 .. 2;
send($_, "quarantine-release\nref=$id{four} $sub\n", 0) for @callers;
my @answers = map { ask($_) // '' } @callers;
is(join(' ', sort map { /^count=(\d)$/m ? $1 : $_ } @answers), '0 1', 'asked for twice, it is let go once');
ok(wait_for(sub { copies('alice@example.com', 'four@far.example') && !pair($id{four}) }), 'it comes');
is(copies('alice@example.com', 'four@far.example'), 1, '... and once');
my %bad = ('no message' => '', 'no id' => "ref=x\n", 'no such folder' => "ref=$id{five} 999999\n",
	'no folder' => "ref=$id{five}\n", 'no such message' => "ref=1 0\n", 'too many' => "ref=1 0\n" x 65);
for my $what (sort keys %bad) {
	my $answer = ask(packet_socket($pb, 'schedule'), "quarantine-delete\n$bad{$what}") // '';
	like($answer, $what =~ /no message|many/ ? qr/^error\n/ : qr/^ok\n(?=.*^missing=).*^count=0$/ms, "$what: nothing is done");
}

# The scheduler and its helpers are killed while they let messages go.
my %killed = map { $_ => put_aside("$_\@killed.example", 'bob@example.com') } map { "k$_" } 1 .. 4;
my $caller = packet_socket($pb, 'schedule');
my @refs = map { my ($file) = pair($_); $file =~ m{SubSpool(\d+)/} ? "ref=$_ $1\n" : () } values %killed;
my @schedule = grep { Pillarbox::cmdline($_) =~ /--schedule/ } $pb->pids_of('spool-runner');
ok(@schedule > 0 && @refs == 4, 'who lets go of what');
send($caller, join('', "quarantine-release\n", @refs), 0);
kill 'KILL', @schedule;
sub is_delivered { return copies('bob@example.com', "$_[0]\@killed.example") }
# Each is in quarantine, or will be delivered without a further word.
ok(wait_for(sub { my %there = map { $_ => 1 } ids(); !grep { !$there{ $killed{$_} } && !is_delivered($_) } keys %killed }),
	'killed in between, each is in quarantine or delivered');
ok(wait_for(sub { ($pb->ctl('quarantine', 'release', '-w', 'domain=killed.example'))[0] == 0 }), 'the rest is let go later');
ok(wait_for(sub { !grep { !is_delivered($_) || pair($killed{$_}) } keys %killed }), 'and delivered');
is_deeply([ map { is_delivered($_) } sort keys %killed ], [ 1, 1, 1, 1 ], 'once each');

is(($pb->ctl('quarantine', 'delete'))[0], 2, 'delete wants to know which');
like($pb->ctl_ok('quarantine', 'delete', '-w', 'sender=five@far.example'), qr/^1 done$/m, 'deleted by a selector');
ok(wait_for(sub { !pair($id{five}) }), 'its files are gone');
is_deeply([ ids() ], [ $id{six} ], 'the other is there');
like($pb->ctl_ok('quarantine', 'delete', '--all'), qr/^1 done$/m, 'all that are left');
ok(wait_for(sub { !pair($id{six}) }), 'their files too');
is(scalar(ids()), 0, 'the quarantine is empty');
$pb->wait_log('delivery', qr/event=quarantine-deleted id=$id{six}\b/);
$pb->stop;
$pb->start;
is(scalar(grep { copies('alice@example.com', "$_\@far.example") } qw(five six)), 0, 'what was deleted is never delivered');
unlike($pb->log_text('delivery'), qr/event=bounced/, 'and nobody is told');
done_testing;
