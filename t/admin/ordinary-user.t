#!/usr/bin/perl
# An instance made by an ordinary user runs with that uid: mail goes in and
# comes out, all files and processes are that user's.
use strict;
use warnings;
use Test::More;

BEGIN {
	if ($> == 0) {		# become somebody without rights, and begin again
		my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
		plan skip_all => 'there is no user nobody' unless defined $uid;
		plan skip_all => 'the programs cannot be reached by another user'
			if system('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', 'test', '-x', "$ENV{PB_BIN}/mailctl") != 0;
		$ENV{HOME} = '/nonexistent';
		exec 'setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', $^X, "-I$ENV{PB_SRC}/t/lib", $0;
	}
}
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user($_) for qw(alice@example.com bob@example.com);
$pb->start;
# A helper may end between the list and the look.
my @other = grep { ((stat "/proc/$_")[4] // $>) != $> } $pb->pids;
cmp_ok(scalar $pb->pids, '>=', 9, 'all programs run');
is("@other", '', 'all as this user');
my @unconfined = grep { Pillarbox::slurp("/proc/$_/status") =~ /^NoNewPrivs:\s*0$/m } grep { Pillarbox::cmdline($_) !~ /mail-master/ } $pb->pids;
is("@unconfined", '', 'without a way to more rights');
# The kernel gives such files of a process to root when nobody may look into it.
my @open = grep { ((stat "/proc/$_/environ")[4] // 0) != 0 } grep { Pillarbox::cmdline($_) !~ /mail-master/ } $pb->pids;
is("@open", '', 'and none can be traced or dumped, even by this user');
like($pb->send_mail(from => 'alice@example.com', to => 'bob@example.com', subject => 'plain user'), qr/^250 /, 'mail is taken');
my ($file) = $pb->wait_mail('bob@example.com', 1);
is((stat $file)[4], $>, 'and delivered as this user');
my $pop = $pb->connect('pop3s');
$pop->login('bob@example.com', $Pillarbox::PASSWORD);
my ($status, @lines) = $pop->lines_command('RETR 1');
ok((grep { $_ eq 'Subject: plain user' } @lines), 'read by POP3');
$pop->command('QUIT');
my $imap = $pb->connect('imap');
$imap->login('bob@example.com', $Pillarbox::PASSWORD);
like($imap->command('SELECT INBOX'), qr/^\* 1 EXISTS$/m, 'and seen by IMAP');
$imap->command('LOGOUT');
my ($code, $out) = $pb->ctl('check');
is($code, 0, 'check finds no problem') or diag($out);
done_testing();
