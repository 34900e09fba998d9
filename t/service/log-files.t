#!/usr/bin/perl
# LOG-06, LOG-07: old log files go when deleteLogsAfterDays is on and stay when it
# is off; lines go to syslog when logToSyslog is on, also to one that comes late or
# starts anew, and mail never waits for it.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Errno qw(EAGAIN);
use IO::Select;
use POSIX qw(strftime);
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

sub day { my ($ago) = @_; return strftime('%Y.%m.%d', localtime(time - $ago * 86400)) }

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
my $log = $pb->dir . '/log';
my (undef, undef, undef, undef, $uid, $gid) = stat $log;

sub plant {
	my ($name) = @_;
	Pillarbox::spew("$log/$name", "00:00:00.000 [-][-] event=old\n");
	chown $uid, $gid, "$log/$name";
}

sub until_true {
	my ($test) = @_;
	my $end = time + 20;
	sleep 0.05 while !$test->() && time < $end;
	return $test->();
}

my ($old, $young) = (day(9) . '-smtpLog.log', day(2) . '-smtpLog.log');
plant($_) for $old, $young;
$pb->start;
ok($pb->wait_log('administrative', qr/event=/), 'with deleteLogsAfterDays off the server starts');
ok(-e "$log/$old", 'and an old file stays');
$pb->set(deleteLogsAfterDays => 7);
$pb->ctl_ok('set', 'deleteLogsAfterDays', '--enable');
ok(until_true(sub { !-e "$log/$old" }), 'when it is on, one of nine days goes');
ok($pb->wait_log('administrative', qr/event=log-deleted name=\Q$old\E$/m), 'which is told');
ok(-e "$log/$young", 'one of two days stays');
$pb->stop;

SKIP: {
	skip 'a /dev/log of its own needs root', 1 if $> != 0;
	my $dev = "$pb->{top}/dev";
	my $run = "$pb->{top}/in-dev";
	mkdir $dev or die "$dev: $!";
	# Programs see this folder as /dev; what they need of the true one is mounted into it.
	my @need = qw(null zero full random urandom tty);
	Pillarbox::spew("$dev/$_", '') for @need;
	Pillarbox::spew($run, "#!/bin/sh\nset -e\n" . join('', map { "mount --bind /dev/$_ $dev/$_\n" } @need)
		. "mount --rbind $dev /dev\nexec \"\$@\"\n");
	chmod 0755, $run;
	my @through = ('unshare', '--mount', '--propagation', 'private', $run);
	skip 'no mount namespaces here', 1 if ($pb->run(@through, 'true'))[0] != 0;

	my $syslogd;
	my $begin = sub {
		unlink "$dev/log";
		socket($syslogd, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
		bind($syslogd, pack_sockaddr_un("$dev/log")) or die "bind: $!";
		chmod 0666, "$dev/log";
	};
	my $hears = sub {
		my ($re) = @_;
		my $end = time + 20;
		while (time < $end) {
			next unless IO::Select->new($syslogd)->can_read(1);
			recv $syslogd, my $text, 65536, 0;
			return $text if $text =~ $re;
		}
		return '';
	};
	my $login = sub {
		my ($user) = @_;
		my $c = $pb->connect('pop3s');
		$c->expect("USER $user", qr/^\+OK/);
		like($c->command('PASS Wrong-word-1'), qr/^-ERR/, "$user is told no");
		$c->close;
	};
	$pb->set(popLogLevel => 'Normal', logToSyslog => 'True');
	$pb->start(through => \@through);
	$login->('one@example.com');
	ok($pb->wait_log('popLog', qr/one\@example\.com/), 'without a syslogd the file has its lines');
	ok($pb->wait_log('administrative', qr/event=syslog-gone socket=\/dev\/log error=ENOENT$/m), 'and the lack is told');
	$begin->();
	sleep 1.1;	# it is looked for once a second
	$login->('two@example.com');
	like($hears->(qr/\]\[\d{12}\] .*two\@example\.com/), qr/^<22>pillarbox: \d\d:\d\d:\d\d\.\d{3} \[127\.0\.0\.1\]\[\d{12}\] event=login-failed /,
		'a syslogd that comes late gets lines, as facility mail');
	ok($pb->wait_log('administrative', qr/event=syslog-missed lines=\d+$/m), 'and the log tells how many it missed');
	close $syslogd;
	$begin->();
	$login->('three@example.com');
	like($hears->(qr/three\@example\.com/), qr/event=login-failed/, 'one that starts anew misses nothing');
	my $gone = () = $pb->log_text('administrative') =~ /event=syslog-gone/g;
	is($gone, 1, 'which is not told as a loss');

	$pb->set(logToSyslog => 'False');
	$login->('four@example.com');
	ok($pb->wait_log('popLog', qr/four\@example\.com/), 'switched off, the file has the lines');
	$syslogd->blocking(0);
	my ($text, $heard) = ('', '');
	$heard .= $text while defined recv $syslogd, $text, 65536, 0;
	is($! + 0, EAGAIN, 'and syslog has been read to its end');
	unlike($heard, qr/four/, 'without them');
	$pb->stop;
}
done_testing;
