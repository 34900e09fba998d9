#!/usr/bin/perl
# A06: mailctl user passwd is killed at each of its calls that open, write, sync, rename or
# remove a file: the user's file is the old one or the new one, whole, with its owner and mode.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my ($strace) = grep { -x } '/usr/bin/strace', '/bin/strace';
plan skip_all => 'strace is not installed' unless $strace;
my $pb = Pillarbox->new;
my $user = 'alice@example.com';
$pb->user($user);
my $file = $pb->dir . '/domains/example.com/users/alice/userConfig.xml';
my @calls = qw(openat write pwrite64 fsync fdatasync renameat renameat2 linkat unlinkat fchmod fchown fchmodat fchownat
	ftruncate close mkdirat);
my ($rc, $out, $err) = $pb->run($strace, '-qq', '-o', "$pb->{top}/trace", 'true');
plan skip_all => "strace cannot trace here: $err" if $rc != 0;

sub owner_and_mode { my @s = stat $file; return sprintf '%o %d %d', $s[2] & 07777, @s[4, 5] }
sub hash_in { return $_[0] =~ m{<passwordHash>(\$y\$[^<]+)</passwordHash>.*</userConfig>\s*\z}s ? $1 : '' }

my $was = owner_and_mode();
like($was, qr/^640 /, 'the file is kept from others');
# A leak is looked for by ptrace(2), which strace has taken.
local $ENV{ASAN_OPTIONS} = join ':', grep { defined } $ENV{ASAN_OPTIONS}, 'detect_leaks=0';
my (@bad, %came, $word);
my $n = 0;

# One attempt, killed at that call of that name; false when it had no such call any more.
sub killed_at {
	my ($call, $which) = @_;
	my $old = Pillarbox::slurp($file);
	$word = 'Word-number-' . ++$n;
	my ($code, undef, $said) = $pb->run($strace, '-qq', '-o', '/dev/null', '-e', "trace=$call",
		'-e', "inject=$call:signal=KILL:when=$which",
		$pb->program('mailctl'), '-r', $pb->dir, 'user', 'passwd', $user, '--password', $word);
	my $new = Pillarbox::slurp($file);
	my $hash = hash_in($new);
	my $state = $new eq $old ? 'old' : $hash ne '' && crypt($word, $hash) eq $hash ? 'new' : 'broken';
	$came{$state}++ if $code != 0;
	push @bad, "$call $which: $state" if $state eq 'broken' || ($code == 0 && $state ne 'new');
	push @bad, "$call $which: owner and mode" if owner_and_mode() ne $was;
	push @bad, "$call $which: exit $code $said" if $code != 0 && $code != 137;
	return $code != 0 && $which < 200;
}
for my $call (@calls) {
	my $which = 1;
	$which++ while killed_at($call, $which);
}
is(join("\n", @bad), '', 'the file was whole each time, with its owner and mode');
cmp_ok($came{old} // 0, '>', 20, 'often the old one');
cmp_ok($came{new} // 0, '>', 2, 'and after the rename the new one');
($rc, $out) = $pb->ctl('check');
is($rc, 0, 'what the killed ones left behind is no problem') or diag($out);
$pb->start;
my $c = $pb->connect('imaps');
like($c->command("LOGIN $user Word-number-$n"), qr/^a1 OK/m, 'the last password works');
done_testing;
