#!/usr/bin/perl
# Load and damage: many wrong log-ins, planted hashes, killed and stopped processes.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new;
$pb->user($_) for 'alice@example.com', 'bob@example.com', 'planted@example.com';
start_directory($pb);
my $pw = $Pillarbox::PASSWORD;
sub until_good {
	my ($user) = @_;
	my $end = time + 20;
	my $r;
	do { $r = (login($pb, 'smtp', 'PLAIN', $user, $pw))[0]; sleep 0.1 if $r ne 'OK' } while $r ne 'OK' && time < $end;
	return $r;
}

# A03: 500 wrong ones at once.
my @wrong = map { auth_connect($pb) } 1 .. 20;
my $text = encode_base64("\0alice\@example.com\0Wrong-word-1", '');
for my $s (@wrong) { syswrite $s, join '', map { "AUTH\t$_\tPLAIN\tservice=smtp\tsecured\tresp=$text\n" } 1 .. 25 }
my $start = time;
is((lookup($pb, 'rcpt alice@example.com'))[0], 'OK mailbox alice@example.com', 'look-ups go on under 500 wrong log-ins');
cmp_ok(time - $start, '<', 2, 'without delay');
is((login($pb, 'smtp', 'PLAIN', 'bob@example.com', $pw))[0], 'OK', 'a good log-in comes through');
diag(sprintf '%.1f s', time - $start);
cmp_ok(time - $start, '<', 5, 'within five seconds');
my $failed = 0;
for my $s (@wrong) { for (1 .. 25) { $failed++ if (read_line($s) // '') =~ /^FAIL\t\d+\tuser=alice\@example\.com$/ } }
is($failed, 500, 'and all 500 fail');
my $s = auth_connect($pb);
syswrite $s, join '', map { "AUTH\t$_\tPLAIN\tservice=smtp\tsecured\n" } 1 .. 33;
my @r = map { read_line($s) // '' } 1 .. 33;
is(scalar(grep { /^CONT/ } @r), 32, 'one connection has 32 log-ins under way');
like($r[32], qr/^FAIL\t33\ttemp/, 'and no more');

# A07: hashes that cost too much, or are none.
my $file = "$pb->{dir}/domains/example.com/users/planted/userConfig.xml";
my $xml = Pillarbox::slurp($file);
for my $hash ('$y$jFT$saltsalt$' . 'x' x 43, '$6$rounds=999999999$saltsalt$' . 'x' x 86, '$2b$31$' . 'x' x 53,
    '9999999999:c2FsdA==:c2FsdHNhbHRzYWx0c2FsdA==', '*0', 'plain') {
	(my $new = $xml) =~ s{<passwordHash>[^<]*}{<passwordHash>$hash};
	my (undef, undef, $mode, undef, $uid, $gid) = stat $file;
	Pillarbox::spew("$file.new", $new);
	chown $uid, $gid, "$file.new";
	chmod $mode & 07777, "$file.new";
	rename "$file.new", $file;
	ask_control($pb, 'auth-control', "changed\nuser=planted\@example.com\n");
	like((login($pb, 'smtp', 'PLAIN', 'planted@example.com', $pw))[0], qr/^(?:FAILED|TROUBLE)$/, "planted hash " . substr $hash, 0, 16);
}
is((login($pb, 'smtp', 'PLAIN', 'bob@example.com', $pw))[0], 'OK', 'and the service is alive');

# A file that is not well formed leaves what was known.
Pillarbox::spew($file, "<userConfig><passwordHash>x</");
ask_control($pb, 'auth-control', "changed\nuser=planted\@example.com\n");
is((lookup($pb, 'rcpt planted@example.com'))[0], 'OK mailbox planted@example.com', 'a torn file changes nothing');
ok($pb->wait_log('authLog', qr/event=settings-refused file=\S*planted/), 'and is logged');

# Helpers that die.
my $main = auth_main($pb);
my @helpers = hash_helpers($pb);
cmp_ok(scalar @helpers, '>=', 2, 'there are helpers');
kill 'KILL', @helpers;
like((login($pb, 'smtp', 'PLAIN', 'alice@example.com', $pw))[0], qr/^(?:OK|TROUBLE)$/, 'all helpers killed');
is(until_good('alice@example.com'), 'OK', 'and others take their place');

# A05: killed during log-ins: never a wrong answer, and back soon.
my @open = map { auth_connect($pb) } 1 .. 10;
syswrite $_, join '', map { "AUTH\t$_\tPLAIN\tservice=smtp\tsecured\tresp=$text\n" } 1 .. 5 for @open;
kill 'KILL', $main;
my $ok = 0;
for my $c (@open) { while (defined(my $l = read_line($c))) { $ok++ if $l =~ /^OK/ } }
is($ok, 0, 'no log-in is good by accident');
is(until_good('alice@example.com'), 'OK', 'it comes back');
done_testing;
