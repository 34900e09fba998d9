#!/usr/bin/perl
# Each socket of run/pub serves the users it is for and refuses every other.
use strict;
use warnings;
use IO::Select;
use Pillarbox;
use POSIX ();
use Socket;
use Test::More;

plan skip_all => 'only root can call as other users' if $> != 0;
my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True' });
$pb->start;

my @users = qw(pbsmtp pbmail pbsend pbcheck pbauth pbscan pblog pbhook nobody);
# Who may call (always also the user that serves it), and a first word that makes the server speak.
my %socket = (
	'auth' => [ 'pbsmtp pbmail pbauth', SOCK_STREAM, "VERSION\t1\t2\nCPID\t1\n" ],
	'lookup' => [ 'pbsmtp pbmail pbsend pbcheck pbauth', SOCK_STREAM, '14:rcpt a@b.test.,' ],
	'auth-control' => [ 'pbauth', SOCK_SEQPACKET, "logins\n" ],
	'abuse' => [ 'pbsmtp pbmail pbauth pbcheck', SOCK_SEQPACKET, "connect\nservice=smtp\nip=192.0.2.1\n" ],
	'scan' => [ 'pbsmtp pbmail pbcheck pbscan', SOCK_SEQPACKET, "domain\nn=1\nname=[192.0.2.1]\n" ],
	'abuse-control' => [ 'pbcheck', SOCK_SEQPACKET, "list\n" ],
	'intake' => [ 'pbsmtp pbmail', SOCK_SEQPACKET, "new\n" ],
	'schedule' => [ 'pbsmtp pbmail', SOCK_SEQPACKET, "list\n" ],
	'deliver' => [ 'pbmail', SOCK_SEQPACKET, '' ],
	'send' => [ 'pbmail', SOCK_SEQPACKET, '' ],
	'greylist' => [ 'pbsmtp pbcheck', SOCK_STREAM, '' ],
	'greylist-control' => [ 'pbcheck', SOCK_SEQPACKET, "list\n" ],
	'ctl-smtp-listen' => [ 'pbsmtp', SOCK_SEQPACKET, "status\n" ],
	'ctl-pop3-serve' => [ 'pbmail', SOCK_SEQPACKET, "status\n" ],
	'ctl-imap-serve' => [ 'pbmail', SOCK_SEQPACKET, "status\n" ],
);

# In a child with that user's rights: "refused" when connect fails, when the
# server closes or answers "not allowed"; else "served".
sub call {
	my ($user, $name) = @_;
	my ($type, $text) = @{ $socket{$name} }[1, 2];
	pipe(my $r, my $w) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		my ($uid, $gid) = (getpwnam $user)[2, 3];
		$) = "$gid $gid";
		POSIX::setgid($gid);
		POSIX::setuid($uid);
		POSIX::_exit(2) if $> != $uid || $< != $uid;
		my $answer = 'refused';
		chdir "$pb->{dir}/run/pub";
		socket(my $s, AF_UNIX, $type, 0) or POSIX::_exit(3);
		if (connect($s, pack_sockaddr_un($name))) {
			local $SIG{PIPE} = 'IGNORE';
			send($s, $text, 0) if $text ne '';
			my $got = '';
			if (IO::Select->new($s)->can_read($text eq '' ? 0.5 : 3)) {
				recv($s, $got, 65536, 0);
				$answer = 'served' if $got ne '' && $got !~ /^exit=77$/m;
			} else {
				$answer = 'served';
			}
		}
		syswrite $w, $answer;
		POSIX::_exit(0);
	}
	close $w;
	my $answer = <$r> // '';
	waitpid $pid, 0;
	return $answer;
}

opendir my $dir, "$pb->{dir}/run/pub" or die;
is(join(' ', sort grep { !/^\./ && !$socket{$_} } readdir $dir), 'log smtp',
	'all others are for everybody, and check what they get');
for my $name (sort keys %socket) {
	ok(-S "$pb->{dir}/run/pub/$name", "$name is there") or next;
	my %allowed = map { $_ => 1 } split ' ', $socket{$name}[0];
	is(join(' ', grep { !$allowed{$_} && call($_, $name) ne 'refused' } @users), '', "$name refuses each wrong user");
	is(join(' ', grep { call($_, $name) ne 'served' } sort keys %allowed), '', "$name serves: $socket{$name}[0]");
}

# authClients/user opens both sockets of auth-check to a program of another user, and no more.
$pb->ctl_ok('set', '--add', 'authClients/user', 'nobody');
is(call('nobody', $_), 'served', "$_ serves a user of authClients") for qw(auth lookup);
is(call('nobody', $_), 'refused', "$_ does not") for qw(auth-control abuse intake);
is(call('pbscan', 'auth'), 'refused', 'and auth no other user');
$pb->ctl_ok('set', '--remove', 'authClients/user', 'nobody');
is(call('nobody', $_), 'refused', "$_ refuses who is not named any more") for qw(auth lookup);

# Lines of a kind that belongs to another user are not written.
my $forger = fork() // die;
if ($forger == 0) {
	POSIX::setgid((getpwnam 'nobody')[3]);
	POSIX::setuid((getpwnam 'nobody')[2]);
	chdir "$pb->{dir}/run/pub";
	socket(my $s, AF_UNIX, SOCK_DGRAM, 0);
	connect($s, pack_sockaddr_un('log'));
	send($s, "log kind=smtpLog program=smtp-listen lost=0\n00:00:00.000 [192.0.2.1][000000000001] rsp: 250 forged\n", 0);
	POSIX::_exit(0);
}
waitpid $forger, 0;
ok($pb->wait_log('administrative', qr/event=log-refused uid=\d+/), 'a forged log line is refused');
unlike($pb->log_text('smtpLog'), qr/forged/, 'and not written');
done_testing();
