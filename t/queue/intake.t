#!/usr/bin/perl
# Intake: what is given up leaves nothing, broken rules end the connection, no room is said in time.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new;
$pb->user('u0@example.com');
$pb->start;

# Receivers hold messages in advance, so only our own are looked at.
my %mine;
sub id_of { my ($id) = ($_[0] // '') =~ /^new\nid=(\d+)\n/; $mine{$id} = 1 if $id; return $id }
sub received { return scalar grep { m{/(\d+)\.em_$} && $mine{$1} } queue_files($pb) }
sub soon { my ($is) = @_; my $end = time + 5; sleep 0.02 while time < $end && !$is->(); return $is->() }

my $s = packet_socket($pb, 'intake');
my $id = id_of(ask($s, "new\n"));
ok($id, 'a new message has an id');
is(received(), 1, 'and a file');
close $s;
ok(soon(sub { received() == 0 }), 'a connection that ends takes its file along');

$s = packet_socket($pb, 'intake');
$id = id_of(ask($s, "new\n"));
ask($s, "abort\nid=$id\n", 0.2);
ok(soon(sub { received() == 0 }), 'so does abort');
my $next = id_of(ask($s, "new\n"));
cmp_ok($next, '>', $id, 'an id is not used twice');
close $s;

$s = packet_socket($pb, 'intake');
ok(id_of(ask($s, "new\nk=" . 'x' x (65536 - 7) . "\n")), 'a record at LIMIT_RECORD, with a key that nobody knows, is read');
close $s;
for my $case (
	[ 'a second new', "new\n", "new\n" ],
	[ 'commit of a foreign id', "new\n", "commit\nid=5\nsender=\nrcpt=u0\@example.com\n" ],
	[ 'queued before header', "new\n", "queued\nid=ID\n" ],
	[ 'no record', "no record at all" ],
	[ 'an unknown verb', "destroy\n" ],
	[ 'a record over LIMIT_RECORD', "new\nk=" . 'x' x (65537 - 7) . "\n" ],
) {
	my ($name, @records) = @$case;
	$s = packet_socket($pb, 'intake');
	my $answer;
	for my $record (@records) {
		$id = id_of($answer) // 0;
		$answer = ask($s, $record =~ s/ID/$id/r, 5);
	}
	is($answer, undef, "$name ends the connection");
	close $s;
}
ok(soon(sub { received() == 0 }), 'and leaves no file');

$s = packet_socket($pb, 'intake');
$id = id_of(ask($s, "new\n"));
like(ask($s, "commit\nid=$id\nsender=\ncreated=1\npriority=5\nsize=100\ncrc32c=00000000\nrcpt=u0\@example.com\n"),
	qr/^error\ncode=451\n/, 'a size that the file does not have is refused');
like(ask($s, "new\n"), qr/^new\n/, 'the connection goes on');
close $s;

# Bodies that cost their writer nothing and would cost intake hours (LIMIT_MESSAGE, holes).
my $most = 16 * 1024**3;
for my $case (
	[ $most + 1, qr/^error\ncode=552\nstatus=5\.3\.4\n/, 'a body over LIMIT_MESSAGE' ],
	[ $most, qr/^error\ncode=451\n/, 'a body at LIMIT_MESSAGE, which is a hole, but not too large,' ],
) {
	my ($size, $refusal, $name) = @$case;
	$s = packet_socket($pb, 'intake');
	$id = id_of(ask($s, "new\n"));
	my ($file) = grep { m{/$id\.em_$} } queue_files($pb);
	chmod 0600, $file or die "$file: $!";
	truncate $file, $size or die "$file: $!";
	like(ask($s, "commit\nid=$id\nsender=\ncreated=1\npriority=5\nsize=$size\ncrc32c=00000000\nrcpt=u0\@example.com\n"),
		$refusal, "$name is refused, unread");
	close $s;
}

my ($answer) = put($pb, from => 's@far.example', to => [ map { "u0+$_\@example.com" } 1 .. 101 ]);
like($answer, qr/^250 2\.0\.0 Queued/, 'more than 100 recipients take the queue');
$pb->wait_mail('u0@example.com', 1);
ok(wait_queue($pb, 0), 'and arrive');

# With next=1 the file of the next message follows unasked; the client does not ask either.
my @answers = put($pb, from => 's@far.example', to => ['u0@example.com'], count => 5);
is(scalar(grep { /^250 2\.0\.0 Delivered/ } @answers), 5, 'messages in a row go straight through');
@answers = put($pb, from => 's@far.example', to => [ map { "u0+$_\@example.com" } 1 .. 101 ], count => 3);
is(scalar(grep { /^250 2\.0\.0 Queued/ } @answers), 3, 'and others take the queue one after the other');
ok(wait_queue($pb, 0), 'which is delivered');

$pb->ctl_ok('set', 'spoolReserveMB', 1048576);
$pb->ctl_ok('reload');
my $end = time + 10;
do { ($answer) = put($pb, from => 's@far.example', to => [ 'u0@example.com' ]); sleep 0.2 }
	while time < $end && $answer !~ /^452/;
like($answer, qr/^452 4\.3\.1 /, 'below the reserve mail is refused for now');
done_testing;
