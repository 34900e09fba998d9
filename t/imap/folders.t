#!/usr/bin/perl
# Folders: create, list, rename, delete, subscribe, special use; and case I06:
# no name reaches outside the user's own mail.
# Features: IMAP-01.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { imapMaxBadCommands => 0 });
$pb->user($_) for 'alice@example.com', 'victim@example.com';
$pb->start;
my $c = $pb->connect('imap');
$c->login('alice@example.com', $Pillarbox::PASSWORD);

sub listed {
	my ($command) = @_;
	return [ sort map { /^\* (?:LIST|LSUB) \([^)]*\) "\/" (?:"(.*)"|(.*))$/ ? $1 // $2 : () } split /\n/, $c->command($command) ];
}

is_deeply(listed('LIST "" *'), ['INBOX'], 'at first there is INBOX');
like($c->command('LIST "" ""'), qr{^\* LIST \(\\Noselect\) "/" ""}m, 'the separator');
like($c->command("CREATE $_"), qr/^a\d+ OK/m, "CREATE $_") for 'work', '"Sent Items"', 'work/2026', 'a/b/c', 'Sent', '"&AOk-t&AOk-"';
is_deeply(listed('LIST "" *'), [ sort 'INBOX', 'work', 'Sent Items', 'work/2026', 'a', 'a/b', 'a/b/c', 'Sent', '&AOk-t&AOk-' ],
	'LIST * names them and the levels between');
is_deeply(listed('LIST "" %'), [ sort 'INBOX', 'work', 'Sent Items', 'a', 'Sent', '&AOk-t&AOk-' ], 'LIST % stays on one level');
is_deeply(listed('LIST work/ %'), ['work/2026'], 'a reference is put before the pattern');
is_deeply(listed('LIST "" inbox'), ['INBOX'], 'INBOX in any letter case');
my $list = $c->command('LIST "" *');
like($list, qr/\(\\HasNoChildren \\Sent\) "\/" "?Sent"?$/m, 'SPECIAL-USE: Sent');
unlike($list, qr/\\Sent\) "\/" "Sent Items"/, 'only one folder has a use');
like($list, qr/\(\\HasChildren\) "\/" "?work"?$/m, 'CHILDREN');
like($c->command('CREATE work'), qr/NO \[ALREADYEXISTS\]/, 'CREATE of what exists');
like($c->command('CREATE INBOX'), qr/ NO /, 'CREATE INBOX');
like($c->command('DELETE INBOX'), qr/ NO /, 'DELETE INBOX');
like($c->command('DELETE nosuch'), qr/NO \[NONEXISTENT\]/, 'DELETE of nothing');
like($c->command('RENAME work job'), qr/ OK /, 'RENAME');
is_deeply(listed('LIST "" job*'), [ 'job', 'job/2026' ], 'RENAME takes the folders below along');
like($c->command('RENAME job Sent'), qr/NO \[ALREADYEXISTS\]/, 'RENAME onto a folder');
like($c->command('SUBSCRIBE job'), qr/ OK /, 'SUBSCRIBE');
like($c->command('SUBSCRIBE a/b/c'), qr/ OK /, 'SUBSCRIBE another');
is_deeply([ grep { /job|a\/b\/c/ } @{ listed('LSUB "" *') } ], [ 'a/b/c', 'job' ], 'LSUB');
like($c->command('UNSUBSCRIBE job'), qr/ OK /, 'UNSUBSCRIBE');
is_deeply([ grep { /job/ } @{ listed('LSUB "" *') } ], [], '... is gone from LSUB');
like($c->command('DELETE job/2026'), qr/ OK /, 'DELETE');
like($c->command('SELECT job/2026'), qr/NO \[NONEXISTENT\]/, 'SELECT of what was deleted');
like($c->command('STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)'),
	qr/^\* STATUS INBOX \(MESSAGES 0 RECENT 0 UIDNEXT 1 UIDVALIDITY [1-9]\d* UNSEEN 0\)$/m, 'STATUS');
like($c->command('NAMESPACE'), qr{^\* NAMESPACE \(\("" "/"\)\) NIL NIL$}m, 'NAMESPACE');

my $outside = sub { join "\n", sort split /\n/, `cd $pb->{dir}/domains && find . -path '*alice*' -prune -o -print` };
my $before = $outside->();
my @evil = ('../victim/INBOX', 'a/../../b', '/etc', '.', '..', '&AAA', '&AC8-', '&AC4-&AC4-/x', '*', '%', 'x//y',
	'"INBOX/&AAA-"', join('/', ('d') x 1000), 'n' x 300);
for my $name (@evil) {
	my $short = length $name > 40 ? substr($name, 0, 20) . '...' : $name;
	for my $command ("CREATE $name", "RENAME Sent $name", "DELETE $name", "SUBSCRIBE $name", "SELECT $name") {
		unlike($c->command($command), qr/^a\d+ OK/m, 'I06: ' . (split ' ', $command)[0] . " $short");
	}
}
like($c->command("CREATE {7}"), qr/^\+/, 'a name by literal');
$c->send_raw("INBOX/\0\r\n");
like($c->reply, qr/^a\d+ (?:NO|BAD)/, 'I06: NUL in a name');
is($outside->(), $before, 'I06: nothing outside the own mail changed');
for my $name ('new', 'cur', 'tmp') {
	$c->command("CREATE $name");
	ok(!-d $pb->maildir('alice@example.com') . "/.$name/new" || -d $pb->maildir('alice@example.com') . "/$name", "I06: $name stays the INBOX's own");
}
done_testing;
