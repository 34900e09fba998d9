#!/usr/bin/perl
# mailctl spool list: columns, order, selection; and actions on what a selector means.
# Features: SPOOL-02, SPOOL-03, SPOOL-04, SPOOL-05, SPOOL-06, SPOOL-07, SPOOL-08, SPOOL-09,
# SPOOL-10, SPOOL-12, SPOOL-13, SPOOL-14, SPOOL-15, SPOOL-22, SPOOL-24.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new(settings => { retryIntervals => '60,60,60', subSpools => 2 });
$pb->user("u$_\@example.com") for 0 .. 2;
$pb->user('v@example.org');
$pb->start;
put($pb, from => 's@far.example', to => [ 'u0@example.com', 'v@example.org' ]);
# While new/ is a file the mailbox takes nothing.
for my $user ('u0@example.com', 'v@example.org') {
	my $new = $pb->maildir($user) . '/new';
	rename $new, "$new.away" or die;
	Pillarbox::spew($new, '');
}

sub ids { return map { /Queued as (\d+)/ ? $1 : die "not queued: $_" } @_ }
my ($small) = ids(put($pb, from => 'zoe@far.example', to => [ 'u0@example.com' ], size => 1000));
my ($large) = ids(put($pb, from => 'Ann@web.example', to => [ 'u1@example.com', 'u0@example.com' ], size => 300_000));
my @bounce = ids(put($pb, count => 3, from => '', to => [ 'v@example.org' ], size => 5000));
my @all = ($small, $large, @bounce);

sub rows { return @{ decode_json($pb->ctl_ok('spool', 'list', '--json', @_)) } }
sub listed { return map { $_->{id} } rows(@_) }
sub settled { my $end = time + 20; sleep 0.1 while time < $end && grep { $_->{status} ne 'retry' } rows() }
settled();

my %row = map { $_->{id} => $_ } rows();
is_deeply([ listed() ], \@all, 'all that wait, in the order of creation (SPOOL-01)');
is($row{$large}{sender}, 'Ann@web.example', 'sender (SPOOL-06)');
is($row{$bounce[0]}{sender}, '<>', 'also the null one');
like($row{$small}{age}, qr/^\d{1,3}$/, 'time in spool, seconds (SPOOL-07)');
is($row{$small}{attempts}, 1, 'attempts (SPOOL-08)');
like($row{$small}{next}, qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/, 'next attempt (SPOOL-09)');
is_deeply([ map { $row{$_}{recipients} } $small, $large ], [ '0/1', '1/2' ], 'recipients (SPOOL-10)');
is($row{$small}{status}, 'retry', 'status');
is($row{$large}{sizeKB}, 293, 'size in KB (SPOOL-12)');
like($row{$small}{path}, qr/^SubSpool[01]$/, 'spool path (SPOOL-13)');
ok(-e "$pb->{dir}/spool/$row{$small}{path}/$small.eml", '... where the file is');
is($row{$small}{priority}, 5, 'priority (SPOOL-14)');
like($pb->ctl_ok('spool', 'view', $small), qr/^X-Number: /m, 'naming the file opens the message (SPOOL-05)');

is_deeply([ listed('--max', 2) ], [ @all[0, 1] ], 'a limit of rows (SPOOL-02)');
like($pb->ctl_ok('spool', 'list', '--max', 2), qr/^2 of 5$/m, '... and how many there are');
like($pb->ctl_ok('spool', 'list', '--max', 0), qr/^5 of 5$/m, '0 is no limit');

is_deeply([ listed('--sort', 'size') ], [ $small, @bounce, $large ], 'by size (SPOOL-03)');
is_deeply([ listed('--sort', 'size', '--reverse', '--max', 1) ], [ $large ], 'the largest');
is_deeply([ listed('--sort', 'sender') ], [ @bounce, $large, $small ], 'by sender, without letter case');
is_deeply([ listed('--sort', 'id', '--reverse') ], [ reverse @all ], 'the newest first');
for my $column (qw(time age attempts next recipients status sizeKB path priority)) {
	is_deeply([ sort { $a <=> $b } listed('--sort', $column) ], \@all, "by $column all are there");
}
is(($pb->ctl('spool', 'list', '--sort', 'colour'))[0], 2, 'no such column');

# Selection (SPOOL-15)
my %selected = (
	'-w sender=*@far.example' => [ $small ],
	'-w sender=""' => \@bounce,
	'-w domain=web.example' => [ $large ],
	'-w rcpt=u1@example.com' => [ $large ],
	'-w dest=example.org' => \@bounce,
	'-w dest=example.com&size>100k' => [ $large ],
	'-w age<1h' => \@all,
	'-w age>1h' => [],
	'-w attempts=1&!(size<2k|dest=example.org)' => [ $large ],
	'-w priority=5&status=retry' => \@all,
	'-w ip=192.0.2.*' => \@all,
	'-w auth!=""' => [],
	'--sender zoe' => [ $small ],
	'--recipient v@ --max 2' => [ @bounce[0, 1] ],
	'--domain example.org' => \@bounce,
	'--older 1d' => [],
	'--status retry --sender ann' => [ $large ],
	'--sender a"b\\' => [],
);
for my $options (sort keys %selected) {
	is_deeply([ listed(split / /, $options) ], $selected{$options}, $options);
}
is_deeply([ listed('--max', 1, '-w', 'dest=example.org') ], [ $bounce[0] ], 'the limit counts what is chosen');
my ($rc, undef, $err) = $pb->ctl('spool', 'list', '-w', 'size>many');
is($rc, 2, 'a selector that is none is a usage error');
like($err, qr/a size is a number with k, M or G/, '... that says why');
is($pb->ctl_ok('spool', 'list', '-0', '-w', 'dest=example.org'), join('', map { "$_\0" } @bounce), 'names for xargs -0');

# spool shape: by destination and age
my %shape = map { $_->{dest} => $_ } @{ decode_json($pb->ctl_ok('spool', 'shape', '--json')) };
is_deeply([ map { $shape{$_}{waiting} } 'example.org', 'example.com', 'TOTAL' ], [ 3, 2, 5 ], 'shape: recipients that wait');
is_deeply([ map { $shape{TOTAL}{$_} } '5m', '15m', 'older' ], [ 5, 0, 0 ], '... all of them new');
my @first = split /\n/, $pb->ctl_ok('spool', 'shape', '--tsv', '--max', 1);
is(scalar @first, 3, 'the longest, and the total');
like($first[1], qr/^example\.org\t3\t3\t0\t/, '... with the most first');
like($pb->ctl_ok('spool', 'shape', '--tsv', '-w', 'size<2k'), qr/^TOTAL\t1\t/m, 'of a selection');

# --watch shows it again (SPOOL-04)
my $out = "$pb->{top}/watch";
my $pid = fork() // die;
if ($pid == 0) {
	open STDOUT, '>', $out;
	exec { $pb->program('mailctl') } 'mailctl', '-r', $pb->dir, 'spool', 'list', '--watch', 1;
}
my $end = time + 20;
my $times = 0;
sleep 0.1 while ($times = () = Pillarbox::slurp($out) =~ /^5 of 5$/mg) < 2 && time < $end;
kill 'TERM', $pid;
Pillarbox::wait_pid($pid, 5);
cmp_ok($times, '>=', 2, 'the list is shown again and again');

# Actions on a selection; SPOOL-22, SPOOL-24.
is_deeply([ split /\n/, $pb->ctl_ok('spool', 'delete', '--dry-run', '--tsv', '-w', 'dest=example.org') ],
	[ 'id', @bounce ], '--dry-run names what is meant');
is_deeply([ split /\n/, $pb->ctl_ok('spool', 'delete', '--dry-run', '--tsv', '--all') ], [ 'id', @all ], '... also all');
is_deeply([ listed() ], \@all, '... and does nothing');
$pb->ctl_ok('spool', 'force', '-w', "size<2k");
$end = time + 20;
sleep 0.1 while time < $end && (rows('--sender', 'zoe'))[0]{attempts} != 2;
my %tries = map { $_->{id} => $_->{attempts} } rows();
is_deeply([ @tries{@all} ], [ 2, 1, 1, 1, 1 ], 'force on a selection');
is(($pb->ctl('spool', 'delete', '--all', $small))[0], 2, 'ids and --all are one too many');
is(($pb->ctl('spool', 'delete'))[0], 2, 'nothing chosen is an error');

# Verbs that read take the same choice of messages.
sub shown { return sort { $a <=> $b } map { $_->{id} } grep { ($_->{field} // 'status') eq 'status' } @{ decode_json($pb->ctl_ok('spool', @_, '--json')) } }
is_deeply([ shown('show', '-w', 'dest=example.org') ], \@bounce, 'show what a selector means');
is_deeply([ shown('recipients', '-w', 'dest=example.org') ], \@bounce, '... also its recipients');
is_deeply([ shown('view', '-w', 'size<2k') ], [ $small ], '... and the message');
is_deeply([ shown('show', '--all') ], \@all, 'show all');
is(($pb->ctl('spool', 'show', '-w', 'age>=0', $small))[0], 2, 'a selector and an id are one too many');

# Names of files are as good as ids, each message counts once, and nothing is done when a word is none.
sub given { my ($text, @verb) = @_; return $pb->run_input($text, $pb->program('mailctl'), '-r', $pb->dir, 'spool', @verb, '-') }
my $path = "$pb->{dir}/spool/$row{$small}{path}/$small";
my ($code, $said) = given("$path.hdr\n$path.eml\n$small 0/1 words\n /a b/$small.hdr\r\n\n", 'delete', '--dry-run', '--tsv');
is("$code $said", "0 id\n$small\n", 'names as grep prints them');
($code, $said) = given("$path.hdr\0$bounce[0]\0", 'delete', '--dry-run', '--tsv');
is("$code $said", "0 id\n$small\n$bounce[0]\n", '... or with NUL behind them');
like($pb->ctl_ok('spool', 'show', "SubSpool0/$small.hdr"), qr/^$small\b/m, '... also as arguments');
for my $word ('x', "$path.txt", "$pb->{dir}/spool/.hdr", "-$small", '99999999999999999999') {
	($code, $said, $err) = given("$small\n$word\n", 'delete');
	is($code, 2, "$word is no message");
	like($err, qr/is not the id of a message/, '... and is told');
}
is_deeply([ listed() ], \@all, '... so nothing was deleted');

# The pipeline of the manual page, while the runner runs.
my $dir = $pb->dir;
my $mailctl = $pb->program('mailctl') . " -r $dir";
my @found = map { m{/(\d+)\.eml$} ? $1 : () } split /\n/, qx(grep -rl --include='*.eml' 'X-Number' '$dir/spool');
is(scalar @found, 5, 'grep finds them all');
is(qx(grep -rlF --include='*.hdr' 'smtpSessionId' '$dir/spool' | $mailctl spool delete --dry-run --tsv -), join("\n", 'id', @all) . "\n",
	'grep | mailctl spool delete - takes what grep prints');
($code) = given(join('', map { "$_\n" } @bounce[0, 1]), 'delete');
is($code, 0, 'delete by names on standard input');
ok(wait_queue($pb, 3), 'they are gone');
$pb->ctl_ok('spool', 'delete', '-w', 'sender=ann@*');
ok(wait_queue($pb, 2), 'delete by a selector');
$pb->ctl_ok('spool', 'delete', '--all');
ok(wait_queue($pb, 0), 'delete all, without a question');
is_deeply([ listed() ], [], 'the queue is empty');
unlike($pb->log_text('delivery'), qr/event=bounce/, 'and nobody got a bounce');
done_testing;
