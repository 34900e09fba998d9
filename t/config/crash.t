#!/usr/bin/perl
# mailctl is killed at any moment: a settings file is old or new, never empty,
# and keeps owner and mode; the next change works.
# Features: TOOL-01.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
my $file = $pb->dir . '/domains/example.com/users/alice/userConfig.xml';
my ($mode, $gid) = (stat $file)[2, 5];
my ($whole, $same, $killed) = (1, 1, 0);

for my $i (0 .. 60) {
	my $pid = fork() // die;
	if ($pid == 0) {
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		exec $pb->program('mailctl'), '-r', $pb->dir, 'user', 'edit', 'alice@example.com', "fullName=Name $i"
			or POSIX::_exit(127);
	}
	sleep $i * 0.0005;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	$killed++ if $? & 127;
	my $text = Pillarbox::slurp($file);
	$whole = 0 unless $text =~ m{<passwordHash>\$y\$.*</userConfig>\s*\z}s;
	my @st = stat $file;
	$same = 0 unless $st[2] == $mode && $st[5] == $gid;
}
cmp_ok($killed, '>', 5, "$killed of them were killed in time");
ok($whole, 'the file was whole each time');
ok($same, 'with the same owner and mode');
is(($pb->ctl('user', 'edit', 'alice@example.com', 'fullName=After'))[0], 0, 'the next change works');
is($pb->ctl_ok('user', 'show', 'alice@example.com', 'fullName'), "After\n", 'and is there');
my ($code, $out) = $pb->ctl('check');
is($code, 0, 'no problems are left') or diag($out);

# A power cut leaves one of the two as well: synced before it gets its name, and the name synced.
SKIP: {
	skip 'strace is not installed', 1 unless grep { -x "$_/strace" } split /:/, $ENV{PATH};
	my $calls = "$pb->{top}/calls";
	$pb->run('strace', '-qq', '-y', '-o', $calls, '-e', 'trace=fsync,rename,renameat,renameat2', $pb->program('mailctl'),
		'-r', $pb->dir, 'user', 'edit', 'alice@example.com', 'fullName=Synced');
	like(Pillarbox::slurp($calls), qr{fsync\(\d+<[^>]*/alice/\.userConfig\.xml\.tmp>\) = 0\nrename[^\n]*"userConfig\.xml"[^\n]* = 0\nfsync\(\d+<[^>]*/alice>\) = 0\n},
		'fsync of the new file, rename, fsync of the folder');
}
done_testing();
