#!/usr/bin/perl
# What addresses mean: the maps rcpt, expand, domain, sender, account and greylist.
# Features: GEN-02, DOM-12, USER-04.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(time);
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new;
$pb->user($_) for 'alice@example.com', 'bob@example.com', 'shut@example.com', 'carl@second.example';
$pb->ctl_ok('user', 'edit', 'shut@example.com', 'disabled=True');
$pb->ctl_ok('domain', 'edit', 'example.com', 'domainAliases/domainAlias=other.example');
$pb->ctl_ok('alias', 'add', 'team@example.com', 'alice@example.com', 'bob@example.com', 'far@elsewhere.example');
$pb->ctl_ok('alias', 'add', 'nested@example.com', 'team@example.com', 'carl@second.example', 'alice@example.com');
$pb->ctl_ok('alias', 'add', 'circle@example.com', 'round@example.com');
$pb->ctl_ok('alias', 'add', 'round@example.com', 'circle@example.com');
$pb->ctl_ok('alias', 'add', 'sorted@example.com', 'alice+Lists@example.com', 'alice@example.com');
$pb->ctl_ok('alias', 'add', 'stale@example.com', 'gone@example.com');
$pb->ctl_ok('alias', 'add', "deep$_\@example.com", 'deep' . ($_ + 1) . '@example.com') for 1 .. 11;
$pb->ctl_ok('alias', 'add', 'deep12@example.com', 'alice@example.com');
start_directory($pb);

my @cases = (
	[ 'rcpt alice@example.com', 'OK mailbox alice@example.com', 'a mailbox' ],
	[ 'rcpt ALICE@Example.Com', 'OK mailbox alice@example.com', 'in any letter case' ],
	[ 'rcpt "alice"@example.com', 'OK mailbox alice@example.com', 'quoted' ],
	[ 'rcpt Alice+Lists@Example.com', 'OK mailbox alice+Lists@example.com', 'with a detail, which keeps its letters' ],
	[ 'rcpt "alice+a/b+c"@other.example', 'OK mailbox alice+a/b+c@example.com', 'all behind the first + is the detail' ],
	[ "rcpt alice+caf\xc3\xa9\@example.com", "OK mailbox alice+caf\xc3\xa9\@example.com", 'in UTF-8' ],
	[ "rcpt alice+caf\xe9\@example.com", qr/^PERM 550 5\.1\.3/, 'which must be right' ],
	[ "rcpt caf\xc3\xa9\@example.com", qr/^PERM 550 5\.1\.3/, 'and stands in a detail only' ],
	[ 'rcpt alice+@example.com', 'OK mailbox alice@example.com', 'an empty detail' ],
	[ 'rcpt team+x@example.com', 'OK alias team@example.com', 'an alias drops it' ],
	[ 'expand alice+Lists@example.com', 'OK mailbox:alice+Lists@example.com', 'a target keeps it' ],
	[ 'expand alice+%20%zz@example.com', 'OK mailbox:alice+%2520%25zz@example.com', 'escaped' ],
	[ 'expand team+x@example.com', 'OK mailbox:alice@example.com mailbox:bob@example.com remote:far@elsewhere.example', 'an alias does not hand it on' ],
	[ 'expand sorted@example.com', 'OK mailbox:alice+Lists@example.com mailbox:alice@example.com', 'an alias may name one itself' ],
	[ 'sender sorted@example.com', 'OK alice@example.com', 'but its members are accounts' ],
	[ 'sender alice+x@example.com', 'OK alice@example.com', 'as is who sends with a detail' ],
	[ 'greylist alice+x@example.com a@b.example', 'OK check alice@example.com', 'or is greylisted' ],
	[ 'rcpt alice@other.example', 'OK mailbox alice@example.com', 'at another name of the domain' ],
	[ 'rcpt team@example.com', 'OK alias team@example.com', 'an alias' ],
	[ 'rcpt nobody@example.com', qr/^PERM 550 5\.1\.1 /, 'an unknown user' ],
	[ 'rcpt shut@example.com', qr/^PERM 550 5\.2\.1 /, 'a disabled one' ],
	[ 'rcpt x@elsewhere.example', 'NOTFOUND ', 'a domain that is not ours' ],
	[ 'rcpt x@sub.example.com', 'NOTFOUND ', 'nor is one below ours' ],
	[ 'rcpt postmaster', qr/^OK mailbox postmaster\@/, 'postmaster alone' ],
	[ 'rcpt PostMaster@second.example', qr/^OK mailbox postmaster\@second/, 'postmaster of a domain' ],
	[ 'rcpt root@mail.test.example', qr/^OK mailbox postmaster\@/, 'root of the host name' ],
	[ 'rcpt nobody@mail.test.example', qr/^PERM 550 5\.1\.1/, 'nobody else is at home there' ],
	[ 'rcpt postmaster@other.example', qr/^OK mailbox postmaster\@example\.com$/, 'postmaster of another name' ],
	[ 'rcpt ../alice@example.com', qr/^PERM 550 5\.1\.1/, 'a path' ],
	[ 'rcpt @example.com', qr/^PERM 550 5\.1\.3/, 'no local part' ],
	[ 'rcpt alice', qr/^PERM 550 5\.1\.3/, 'no domain' ],
	[ 'rcpt ' . 'x' x 300 . '@example.com', qr/^PERM 550/, 'a local part over the limit' ],
	[ 'rcpt ' . 'x@' . 'y' x 300, qr/^(?:PERM|NOTFOUND)/, 'a domain over the limit' ],
	[ 'expand alice@example.com', 'OK mailbox:alice@example.com', 'a mailbox expands to itself' ],
	[ 'expand team@example.com', 'OK mailbox:alice@example.com mailbox:bob@example.com remote:far@elsewhere.example', 'an alias to its targets' ],
	[ 'expand nested@example.com', 'OK mailbox:alice@example.com mailbox:bob@example.com remote:far@elsewhere.example mailbox:carl@second.example', 'a nested one, each once' ],
	[ 'expand circle@example.com', qr/^PERM 550 5\.4\.6/, 'a circle' ],
	[ 'expand deep1@example.com', qr/^PERM 550 5\.4\.6/, 'aliases nested deep' ],
	[ 'expand deep2@example.com', qr/^PERM 550 5\.4\.6/, 'one level over LIMIT_EXPANSION_DEPTH' ],
	[ 'expand deep3@example.com', 'OK mailbox:alice@example.com', 'levels at LIMIT_EXPANSION_DEPTH' ],
	[ 'expand stale@example.com', 'OK mailbox:gone@example.com', 'a member that is gone is kept: its delivery fails' ],
	[ 'expand x@elsewhere.example', 'NOTFOUND ', 'what is not ours does not expand' ],
	[ 'domain EXAMPLE.com', qr/^OK example\.com/, 'a domain' ],
	[ 'domain other.example', qr/^OK example\.com/, 'another name of it' ],
	[ 'domain elsewhere.example', 'NOTFOUND ', 'a foreign one' ],
	[ 'sender alice@example.com', 'OK alice@example.com', 'who may send as a mailbox' ],
	[ 'sender team@example.com', 'OK alice@example.com bob@example.com', 'as an alias' ],
	[ 'sender x@elsewhere.example', 'NOTFOUND ', 'as somebody elsewhere' ],
	[ 'greylist Alice@Example.com a@b.example', 'OK check alice@example.com', 'greylisting applies' ],
	[ 'greylist nobody@example.com a@b.example', 'PERM 550 5.1.1 There is no such user here', 'but not to mail that is refused' ],
	[ 'greylist a@elsewhere.example a@b.example', 'NOTFOUND ', 'nor, as far as this goes, to that for others' ],
	[ 'account alice@example.com', qr/^OK 10240000 200 \d+$/, 'bytes and recipients of what an account may send, and a checksum of its password' ],
	(map { [ "account $_", 'NOTFOUND ', "no account: $_" ] } 'shut@example.com', 'nobody@example.com', 'team@example.com', 'postmaster@other.example'),
	[ 'nonsense x', qr/^PERM/, 'an unknown map' ],
	[ 'rcpt', qr/^PERM/, 'no key' ],
);
my @answers = lookup($pb, map { $_->[0] } @cases);
for my $i (0 .. $#cases) {
	my (undef, $want, $name) = @{ $cases[$i] };
	ref $want ? like($answers[$i], $want, $name) : is($answers[$i], $want, $name);
}
is_deeply([ lookup($pb, map { $_->[0] } @cases) ], \@answers, 'a second time the same');

my @many = map { 'rcpt alice@example.com' } 1 .. 5000;
my $start = time;
my @got = lookup($pb, @many);
my $micro = (time - $start) / @many * 1e6;
is(scalar(grep { $_ eq 'OK mailbox alice@example.com' } @got), 5000, '5,000 questions in one go');
diag(sprintf '%.1f microseconds each, with this test', $micro);
cmp_ok($micro, '<', 500, 'fast enough');

# Changes.
$pb->ctl_ok('user', 'add', 'new@example.com', '--password', $Pillarbox::PASSWORD);
is((lookup($pb, 'rcpt new@example.com'))[0], 'OK mailbox new@example.com', 'a new user is known at once');
$pb->ctl_ok('user', 'delete', 'new@example.com', '--yes');
like((lookup($pb, 'rcpt new@example.com'))[0], qr/^PERM 550 5\.1\.1/, 'and a deleted one is gone');
$pb->ctl_ok('alias', 'delete', 'team@example.com');
like((lookup($pb, 'rcpt team@example.com'))[0], qr/^PERM 550 5\.1\.1/, 'so is a deleted alias');
$pb->ctl_ok('domain', 'edit', 'second.example', 'disabled=True');
like((lookup($pb, 'rcpt carl@second.example'))[0], qr/^PERM 550 5\.2\.1/, 'a disabled domain refuses');
like((lookup($pb, 'rcpt postmaster@second.example'))[0], qr/^OK mailbox postmaster\@/, 'but its postmaster reaches somebody');
$pb->ctl_ok('domain', 'edit', 'example.com', 'enableCatchAlls=True');
$pb->ctl_ok('domain', 'edit', 'example.com', 'catchAllAlias=bob');
is((lookup($pb, 'rcpt nobody@example.com'))[0], 'OK mailbox bob@example.com', 'a catch-all catches');
is((lookup($pb, 'account nobody@example.com'))[0], 'NOTFOUND ', 'which makes no account');
$pb->ctl_ok('domain', 'add', 'third.example', '--admin', 'postmaster', '--password', $Pillarbox::PASSWORD);
like((lookup($pb, 'domain third.example'))[0], qr/^OK/, 'a new domain is known at once');
$pb->ctl_ok('domain', 'delete', 'third.example', '--yes');
is((lookup($pb, 'rcpt postmaster@third.example'))[0], 'NOTFOUND ', 'and a deleted one is gone');

# By hand, while auth-check is down and up.
my $file = "$pb->{dir}/domains/example.com/users/bob/userConfig.xml";
my $text = Pillarbox::slurp($file);
$text =~ s{(</\w+>\s*)$}{<disabled>True</disabled>$1};
Pillarbox::spew("$file.new", $text);
my (undef, undef, undef, undef, $uid, $gid) = stat $file;
chown $uid, $gid, "$file.new";
chmod 0640, "$file.new";
rename "$file.new", $file;
ask_control($pb, 'auth-control', "reindex\n");
like((lookup($pb, 'rcpt bob@example.com'))[0], qr/^PERM 550 5\.2\.1/, 'reindex reads what was changed by hand');
unlink $file;
my ($pid) = $pb->pids_of('auth-check');
kill 'KILL', $pid;
my @after;
for (1 .. 100) { @after = eval { lookup($pb, 'rcpt alice@example.com', 'rcpt bob@example.com') }; last if @after == 2; select undef, undef, undef, 0.1 }
is($after[0], 'OK mailbox alice@example.com', 'after a kill it is back');
like($after[1], qr/^OK mailbox bob|^PERM 550 5\.1\.1/, 'and saw what happened meanwhile');

# Hostile.
for my $bytes ('99999999:x', 'abc', '5:rcpt;', "4294967299:\n", '2000:' . 'x' x 3000) {
	my $s = Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/lookup", uid_of($pb, 'pbsmtp'));
	syswrite $s, $bytes;
	is(read_line($s), undef, 'ended: ' . substr($bytes, 0, 12) =~ s/\n/\\n/r);
}
SKIP: {
	skip 'all programs have one uid here', 6 if $> != 0;
	like((lookup($pb, $_))[0], qr/^PERM 550 5\.7\.1/, "smtp-listen has no say in: $_") for 'space 900000000 example.com',
		'space-work next', 'space-user @example.com', 'space-counted 900000000 example.com', 'space-warned example.com';
	is((lookup($pb, 'space-refused example.com'))[0], 'OK ', 'but it may say that it refused mail (LIMIT-01)');
}
is((lookup($pb, "rcpt alice\0\@example.com"))[0] =~ /^PERM/, 1, 'a NUL is no part of an address');
is((lookup($pb, 'rcpt alice@example.com'))[0], 'OK mailbox alice@example.com', 'and it still serves');
done_testing;
