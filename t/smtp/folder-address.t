#!/usr/bin/perl
# user+folder@domain is delivered into that folder when it exists, else into the INBOX; no
# folder is made, and no name leads out of the mailbox.  Straight through and by the queue.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user($_) for 'bob@example.com', 'carol@example.com', 'carol+sorted@example.com';
$pb->ctl_ok('alias', 'add', 'sales@example.com', 'bob@example.com');
$pb->ctl_ok('alias', 'add', 'news@example.com', 'bob+Lists@example.com');
$pb->start;

my $bob = $pb->connect('imap');
$bob->login('bob@example.com', $Pillarbox::PASSWORD);
$bob->expect("CREATE $_", qr/^a\d+ OK/) for 'Lists', 'Lists/unix', '"a.b"', '"caf&AOk-"';
my $root = $pb->maildir('bob@example.com');
my $at_first = folders();

sub folders { return join ' ', sort grep { -d "$root/$_" } map { s{.*/}{}r } glob("$root/.[!.]* $root/*") }
sub files { return glob("$root/" . ($_[0] eq '' ? '' : "$_[0]/") . 'new/*'), glob("$root/" . ($_[0] eq '' ? '' : "$_[0]/") . 'cur/*') }

# What IMAP finds under a subject in a folder.
sub found {
	my ($folder, $subject) = @_;
	$bob->expect(qq(EXAMINE "$folder"), qr/^a\d+ OK/);
	my ($list) = $bob->command(qq(SEARCH SUBJECT "$subject")) =~ /^\* SEARCH ?(.*)$/m;
	return scalar(my @n = split ' ', $list // '');
}

sub wait_found {
	my ($folder, $subject, $n) = @_;
	my $end = time + 20;
	my $got = 0;
	select undef, undef, undef, 0.1 while ($got = found($folder, $subject)) < $n && time < $end;
	return $got;
}

# to => [ folder as IMAP has it, what it is ]
my $count = 0;
sub goes {
	my ($to, $folder, $what, %more) = @_;
	my $subject = 'case' . ++$count . 'end';
	my $c = $pb->connect('smtp');
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect('MAIL FROM:<x@out.example>' . ($more{utf8} ? ' SMTPUTF8' : ''), qr/^250/);
	$c->expect("RCPT TO:<$_>", qr/^250/) for ref $to ? @$to : $to;
	$c->expect('DATA', qr/^354/);
	$c->expect("From: x\@out.example\r\nSubject: $subject\r\n\r\nx\r\n.", qr/^250/);
	is(wait_found($folder, $subject, 1), 1, $what);
	is(found('INBOX', $subject), 0, '... and not in the INBOX') if $folder ne 'INBOX' && !$more{inbox_too};
	return $subject;
}

goes('bob+Lists@example.com', 'Lists', 'a folder');
goes('BOB+Lists@Example.COM', 'Lists', 'of a user in any letter case');
goes('bob+lists@example.com', 'INBOX', 'letters of a folder count');
goes('bob+Lists/unix@example.com', 'Lists/unix', 'a folder below another');
goes('bob+Lists.unix@example.com', 'INBOX', 'a dot is no separator');
goes('bob+a.b@example.com', 'a.b', 'but may be in a name');
goes('bob+nosuch@example.com', 'INBOX', 'a folder that is not there');
goes('bob+@example.com', 'INBOX', 'no name');
goes('bob+inbox@example.com', 'INBOX', 'the INBOX by name');
goes("bob+caf\xc3\xa9\@example.com", 'caf&AOk-', 'a name in UTF-8', utf8 => 1);
goes('bob+caf&AOk-@example.com', 'INBOX', 'a name in modified UTF-7 is another name');

# Hostile names.
mkdir "$root/$_" or die $! for '.outside-real';
symlink $pb->maildir('carol@example.com'), "$root/.link" or die $!;
goes(qq("bob+$_"\@example.com), 'INBOX', "bob+$_") for '/', '..', '../..', '/..', 'Lists/..', 'Lists/../..', 'link', 'new',
	'tmp', '%', '*', '%20%zz', '/.//Lists', 'Lists/', '=00', '&', '/../../../../carol/Maildir';
my $c = $pb->connect('smtp');
$c->expect('EHLO client.example', qr/^250/);
$c->expect('MAIL FROM:<x@out.example> SMTPUTF8', qr/^250/);
like($c->command('RCPT TO:<bob+' . 'x' x 300 . '@example.com>'), qr/^5/, '300 bytes are no local part');
like($c->command('RCPT TO:<bob+' . 'x' x 60 . '@example.com>'), qr/^250/, '64 bytes are one');
like($c->command("RCPT TO:<bob+\xff\@example.com>"), qr/^5/, 'bytes that are no UTF-8');
like($c->command("RCPT TO:<\xc3\xa9\@example.com>"), qr/^550 5\.1\.3/, 'UTF-8 in the name of the user');
$c->close;
is(scalar(my @carols = $pb->mail('carol@example.com')), 0, 'nothing went to somebody else');

# Aliases, and an account of the whole name.
goes('news@example.com', 'Lists', 'an alias may name a folder');
goes('sales+Lists@example.com', 'INBOX', 'but does not hand on what it was called with');
goes([ 'carol+sorted@example.com', 'bob+Lists@example.com' ], 'Lists', 'another one has an account with a plus');
$pb->wait_mail('carol+sorted@example.com', 1);
is(scalar(@carols = $pb->mail('carol@example.com')), 0, 'which goes before a folder');

# Many recipients are one file.
my $subject = goes([ 'bob+Lists@example.com', 'bob@example.com', 'bob+a.b@example.com', 'carol@example.com' ], 'Lists',
	'several places of one user', inbox_too => 1);
is(wait_found($_, $subject, 1), 1, "... $_") for 'INBOX', 'a.b';
my %inode = map { (stat)[1] => 1 } grep { Pillarbox::slurp($_) =~ /Subject: $subject/ }
	files(''), files('.Lists'), files('.a&AC4-b'), $pb->wait_mail('carol@example.com', 1);
is(scalar keys %inode, 1, 'all with one inode');

# By the queue: local-deliver cannot do the first job.
unlink "$root/.link";
rename "$root/.Lists/new", "$root/.Lists/aside" or die $!;
symlink '/nonexistent', "$root/.Lists/new" or die $!;
$c = $pb->connect('smtp');
$c->expect('EHLO client.example', qr/^250/);
$c->expect('MAIL FROM:<x@out.example>', qr/^250/);
$c->expect('RCPT TO:<bob+Lists@example.com>', qr/^250/);
$c->expect('DATA', qr/^354/);
$c->expect("From: x\@out.example\r\nSubject: queuedend\r\n\r\nx\r\n.", qr/^250/);
ok($pb->wait_log('delivery', qr/event=deferred .*to=bob\+Lists\@example\.com/), 'a message that has to wait keeps its folder')
	or diag $pb->log_text('delivery');
unlink "$root/.Lists/new";
rename "$root/.Lists/aside", "$root/.Lists/new" or die $!;
$pb->ctl_ok('spool', 'force', '--all');
is(wait_found('Lists', 'queuedend', 1), 1, 'and is delivered into it by the queue');

# Nothing was made.
unlink "$root/.link";
rmdir "$root/.outside-real";
is(folders(), $at_first, 'no folder was made');

# The setting.
$pb->ctl_ok('set', 'plusAddressing', 'false');
my $end = time + 20;
my $reply = '';
while (time < $end && $reply !~ /^550/) {
	$c = $pb->connect('smtp');
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect('MAIL FROM:<x@out.example>', qr/^250/);
	$reply = $c->command('RCPT TO:<bob+Lists@example.com>');
	$c->close;
}
like($reply, qr/^550 5\.1\.1/, 'without plusAddressing it is nobody');
done_testing;
