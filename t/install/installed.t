#!/usr/bin/perl
# The installed form: `make install`, `mailctl init` without a folder, the init
# script with the exit codes of the LSB, mail in by SMTP and out by IMAP, the
# samples for tcpserver, inetd and systemd, and `make uninstall`.
#
# All happens in a mount namespace of its own: the places of an installation
# are folders of a tmpfs there, and a copy of /etc takes the service users.
# What was started ends with the process namespace.
# Features: TOOL-11 TOOL-13 TOOL-20.
use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl qw(S_IMODE);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Pillarbox;
use Pillarbox::Client;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

my $build = abs_path("$Pillarbox::BIN/..");
my $src = abs_path($Pillarbox::SRC);
plan skip_all => 'what is installed is the plain build' if $ENV{PB_SANITIZED};
plan skip_all => 'needs root: it mounts, and the installed form is made by root' if $> != 0;
plan skip_all => "$build is not a build tree" unless -e "$build/Makefile";

# The places that configure chose.
my %place;
{
	open my $in, '<', "$build/config.status" or die "config.status: $!";
	while (<$in>) { $place{$1} = $2 if /^S\["(\w+)"\]="(.*)"$/ }
	for my $name (keys %place) {
		1 while $place{$name} =~ s/\$\{(\w+)\}/$place{$1} \/\/ ''/e;
	}
}
my ($prefix, $etc, $var, $run) = @place{qw(prefix sysconfdir localstatedir runstatedir)};
plan skip_all => "prefix $prefix is the machine's own" if $prefix =~ m{^(/usr)?/?$};
plan skip_all => 'other places than /etc, /var and /run' unless "$etc $var $run" eq '/etc /var /run';
for my $hidden ($prefix, $var) {
	plan skip_all => "sources or build lie in $hidden" if grep { index("$_/", "$hidden/") == 0 } $src, $build, $^X;
}

if (!$ENV{PB_INSTALLED_INSIDE}) {
	$ENV{PB_INSTALLED_INSIDE} = 1;
	exec 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private',
		$^X, (map { "-I$_" } @INC), abs_path($0);
	die "unshare: $!";
}

# Process 1 of the namespace: waits for whom nobody else waits for, and does its test in a child.
if ($$ == 1) {
	my $test = fork() // die "fork: $!";
	if ($test) {
		my $code = 255;
		while ((my $pid = wait) > 0) {
			next if $pid != $test;
			$code = $? & 127 ? 255 : $? >> 8;
			last;
		}
		POSIX::_exit($code);
	}
}

my $top = tempdir('pillarbox-installed-XXXXXX', TMPDIR => 1, CLEANUP => 0);
END { if ($top && -d $top) { system("umount -l '$top/fs' 2>/dev/null"); rmdir "$top/fs"; rmdir $top } }

sub sh {
	my ($command) = @_;
	my $out = `timeout 120 sh -c '$command' 2>&1 </dev/null`;
	return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $out);
}

sub sh_ok {
	my ($command, $name) = @_;
	my ($rc, $out) = sh($command);
	is($rc, 0, $name // $command) or diag($out);
	return $out;
}

mkdir "$top/fs";
chmod 0755, $top;
sh_ok("set -e; mount -t tmpfs -o mode=0755 tmpfs $top/fs; cd $top/fs; mkdir -p prefix var/lib var/spool var/log var/tmp run; "
	. "chmod 1777 var/tmp; cp -a $etc etc; rm -rf etc/pillarbox; mkdir -p etc/init.d $prefix; "
	. "for f in passwd shadow group gshadow; do if test -e etc/\$f; then sed -i /^pb[a-z]*:/d etc/\$f; fi; done", 'places of its own');
my $mounted = join '; ', map { "mount --bind $top/fs/$_->[0] $_->[1]" }
	['prefix', $prefix], ['var', $var], ['run', $run], ['etc', $etc];
sh_ok("set -e; $mounted", 'mounted over those of the machine');
BAIL_OUT('no mounts') unless Test::More->builder->is_passing;

my $install = "make -s -C $build install install-init MAKEFLAGS=";
sh_ok($install, 'make install install-init');
BAIL_OUT('not installed') unless Test::More->builder->is_passing;
my $ctl = "$prefix/bin/mailctl";
my $libexec = "$prefix/libexec/pillarbox";
my $examples = "$prefix/share/doc/pillarbox/examples";
ok(-x $_, "$_ is a program") for $ctl, "$prefix/bin/mail-inject", "$prefix/bin/sendmail", "$prefix/sbin/sendmail", "$prefix/bin/mailq",
	map { "$libexec/$_" } qw(mail-master smtp-listen spool-runner local-deliver remote-send pop3-serve imap-serve
		greylist-check auth-check abuse-check scan-check event-log);
for my $page (glob "$src/man/*.[18]") {
	(my $name = $page) =~ s{.*/}{};
	my ($section) = $name =~ /(\d)$/;
	ok(-s "$prefix/share/man/man$section/$name", "$name is installed");
}
ok(-s "$prefix/share/man/man5/mailconfig.5", 'mailconfig.5 is installed');
ok(!-e "$etc/pillarbox", 'make install writes no settings');

# The init script before there is anything to start.
my $script = "$etc/init.d/pillarbox";
sub is_lsb { my ($command, $want, $name) = @_; my ($rc, $out) = sh($command); is($rc, $want, $name) or diag($out); return $out }
is_lsb("$script status", 3, 'status: not running is 3');
is_lsb("$script start", 6, 'start: not configured is 6');
is_lsb("$script juggle", 2, 'a wrong word is 2');

# An instance by the manifest.
my $base = Pillarbox::free_ports(7);
is_lsb("setpriv --reuid 65534 --regid 65534 --clear-groups $ctl init", 77, 'mailctl init without DIR is for root');
my @service_users = qw(pbsmtp pbmail pbsend pbcheck pbauth pbscan pblog pbhook);
is(join(' ', grep { defined getpwnam $_ } @service_users), '', 'no service user is there yet');
my $said = sh_ok("$ctl init --base-port $base --host-name mail.test.example --admin boss --admin-password $Pillarbox::PASSWORD",
	'mailctl init makes the installed instance');
is(join(' ', sort $said =~ /^made the service user (\S+)$/mg), join(' ', sort @service_users),
	'init makes the service users and says so, a line each');
is(join(' ', grep { my @pw = getpwnam $_; !@pw || $pw[2] == 0 || $pw[8] !~ m{/(?:nologin|false)$} } @service_users), '',
	'each is there, is not root and cannot log in');
my %entry = ("$etc/pillarbox" => ['root', 'pbauth', 0750], "$etc/pillarbox/mailconfig.xml" => ['root', 'pbauth', 0640],
	"$var/lib/pillarbox" => ['root', 'root', 0755], "$var/lib/pillarbox/domains" => ['root', 'pbauth', 0711],
	"$var/lib/pillarbox/state/auth-check" => ['pbauth', 'pbauth', 0700],
	"$var/spool/pillarbox" => ['pbmail', 'pbmail', 0700], "$var/log/pillarbox" => ['pblog', 'pblog', 0750],
	"$run/pillarbox" => ['root', 'root', 0755]);
for my $path (sort keys %entry) {
	my @st = lstat $path;
	is(@st ? sprintf('%s:%s %04o', scalar getpwuid($st[4]), scalar getgrgid($st[5]), S_IMODE($st[2])) : 'missing',
		sprintf('%s:%s %04o', @{ $entry{$path} }), "$path as the manifest says");
}
is_lsb("$ctl init", 1, 'a second init is refused');
like(sh_ok("$ctl check", 'mailctl check'), qr/no problems/, 'the instance is as the manifest says');
sh_ok("$ctl domain add example.com --admin postmaster --password $Pillarbox::PASSWORD", 'a domain');
sh_ok("$ctl user add $_\@example.com --password $Pillarbox::PASSWORD", "user $_") for qw(alice bob);

sh_ok("$ctl set greylisting/enabled True", 'a setting');

# Started by init; /run is empty after a boot.
sh_ok("rm -rf $run/pillarbox", 'as after a boot');
sh_ok("$script start", 'start: 0');
sh_ok("$script start", 'start of what runs: 0');
like(is_lsb("$script status", 0, 'status: running is 0'), qr/smtp-listen/, 'status tells what runs');
is_lsb("setpriv --reuid 65534 --regid 65534 --clear-groups $script status", 4, 'status without rights is 4: unknown');
my %port = map { $_ => $base + $Pillarbox::OFFSET{$_} } keys %Pillarbox::OFFSET;

sub wait_ports {
	for my $port (@_) {
		for (1 .. 300) {
			last if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp');
			sleep 0.05;
		}
	}
}
wait_ports(values %port);
my %users;
for my $exe (glob '/proc/[0-9]*/exe') {
	my $program = readlink($exe) // next;
	my ($pid) = $exe =~ /(\d+)/;
	my ($uid) = Pillarbox::slurp("/proc/$pid/status") =~ /^Uid:\s+(\d+)/m;
	$users{$1} = getpwuid $uid if defined $uid && $program =~ m{^\Q$libexec\E/(.*)};
}
is_deeply(\%users, { 'mail-master' => 'root', 'smtp-listen' => 'pbsmtp', 'spool-runner' => 'pbmail',
	'local-deliver' => 'pbmail', 'remote-send' => 'pbsend', 'pop3-serve' => 'pbmail', 'imap-serve' => 'pbmail',
	'greylist-check' => 'pbcheck', 'auth-check' => 'pbauth', 'abuse-check' => 'pbcheck', 'scan-check' => 'pbscan', 'event-log' => 'pblog' },
	'every program runs, as its own user');

# Mail by TLS with log-in, by sendmail, and with swaks where it is.
sub client { my ($name, $protocol) = @_;
	return Pillarbox::Client->new(port => $port{$name}, protocol => $protocol, tls => $Pillarbox::IS_TLS{$name}) }
my $c = client('smtps', 'smtp');
$c->expect('EHLO client.test.example', qr/^250/);
$c->login('alice@example.com', $Pillarbox::PASSWORD);
$c->expect('MAIL FROM:<alice@example.com>', qr/^250/);
$c->expect('RCPT TO:<bob@example.com>', qr/^250/);
$c->expect('DATA', qr/^354/);
like($c->command("From: alice\@example.com\r\nSubject: by SMTP\r\n\r\nx\r\n."), qr/^250/, 'sent by SMTP, logged in');
$c->command('QUIT');
Pillarbox::spew("$top/fs/mail", "Subject: by sendmail\n\nx\n");
sh_ok("$prefix/sbin/sendmail -f alice\@example.com bob\@example.com <$top/fs/mail", 'sent by sendmail');
my $sent = 2;
SKIP: {
	skip 'swaks is not installed', 1 unless grep { -x "$_/swaks" } split /:/, $ENV{PATH};
	$sent++;
	sh_ok("swaks --server 127.0.0.1:$port{submission} --tls --auth PLAIN --auth-user alice\@example.com "
		. "--auth-password $Pillarbox::PASSWORD --from alice\@example.com --to bob\@example.com --header \"Subject: by swaks\"",
		'sent by swaks');
}
my $maildir = "$var/lib/pillarbox/domains/example.com/users/bob/Maildir";
sub mail { my @m = (glob("$maildir/new/*"), glob("$maildir/cur/*")); return scalar @m }
sub wait_mail { my ($n) = @_; for (1 .. 300) { last if mail() >= $n; sleep 0.05 } return mail() }
is(wait_mail($sent), $sent, "$sent messages in bob's Maildir");

sub subjects_by_imap {
	my $imap = client('imaps', 'imap');
	like($imap->command("LOGIN bob\@example.com $Pillarbox::PASSWORD"), qr/^\S+ OK/m, 'IMAP: logged in');
	like($imap->command('SELECT INBOX'), qr/^\* $sent EXISTS/m, 'IMAP: all are there');
	my $text = $imap->command('FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]');
	$imap->command('LOGOUT');
	return $text;
}
my $subjects = subjects_by_imap();
like($subjects, qr/Subject: by $_/, "IMAP: the message by $_ is read") for qw(SMTP sendmail);
sh_ok("$script reload", 'reload: 0');
sh_ok("$script restart", 'restart: 0');
wait_ports(values %port);
subjects_by_imap();
my $tree = sh_ok("$ctl check", 'mailctl check while it runs');
like($tree, qr/no problems/, 'sockets, settings and logs as the manifest says');

# The samples: tcpserver's run script and inetd's line serve the same mailbox.
sh_ok("$ctl stop pop", 'pop3 is left to others');
my @started;
sub start_other {
	my ($env, @cmd) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		@ENV{keys %$env} = values %$env;
		open STDOUT, '>>', "$top/fs/others.log";
		open STDERR, '>&', \*STDOUT;
		exec @cmd or POSIX::_exit(127);
	}
	push @started, $pid;
}
sub try_pop {
	my ($how, $port) = @_;
	wait_ports($port);
	my $pop = Pillarbox::Client->new(port => $port, protocol => 'pop3');
	$pop->expect('USER bob@example.com', qr/^\+OK/);
	$pop->expect("PASS $Pillarbox::PASSWORD", qr/^\+OK/);
	like($pop->command('STAT'), qr/^\+OK $sent /, "$how: POP3 reads the mailbox");
	$pop->command('QUIT');
}
sub in_path { my ($name) = @_; return (grep { -x } map { "$_/$name" } qw(/usr/sbin /usr/bin /sbin /bin))[0] }
for my $service (qw(smtp pop3 imap)) {
	ok(-x "$examples/tcpserver/$service/run", "tcpserver/$service/run can be run");
	my $text = Pillarbox::slurp("$examples/tcpserver/$service/run");
	like($text, qr{\Q$libexec\E}, '... and names the installed program');
	sh_ok("sh -n $examples/tcpserver/$service/run", '... and is good shell');
}
SKIP: {
	skip 'tcpserver (ucspi-tcp) is not installed', 1 unless in_path('tcpserver');
	my $port = Pillarbox::free_ports(1);
	start_other({ PORT => $port, ADDRESS => '127.0.0.1' }, "$examples/tcpserver/pop3/run");
	try_pop('tcpserver', $port);
}
my @lines = grep { !/^#|^\s*$/ } split /\n/, Pillarbox::slurp("$examples/inetd.conf");
for my $line (@lines) {
	my @field = split ' ', $line;
	my ($name) = $field[5] =~ m{([^/]+)$};
	ok(getservbyname($field[0], 'tcp') && "@field[1 .. 4]" eq 'stream tcp nowait root' && -x $field[5] && $field[6] eq $name,
		"inetd.conf: $field[0]") or diag($line);
}
SKIP: {
	my $inetd = in_path('inetd') or skip 'inetd (openbsd-inetd) is not installed', 1;
	my $port = Pillarbox::free_ports(1);
	my ($line) = grep { /^pop3\s/ } @lines;
	$line =~ s/^pop3/127.0.0.1:$port/;
	Pillarbox::spew("$top/fs/inetd.conf", "$line\n");
	start_other({}, $inetd, '-d', '-i', "$top/fs/inetd.conf");
	try_pop('inetd', $port);
}
kill 'TERM', @started;
SKIP: {
	skip 'systemd-analyze is not there', 1 unless in_path('systemd-analyze');
	my $said = sh_ok("systemd-analyze verify --man=no $examples/systemd/pillarbox.service "
		. join(' ', map { "$examples/systemd/pillarbox-$_.socket" } qw(smtp pop3 imap)),
		'systemd accepts the units');
	unlike($said, qr/pillarbox/, '... without a word');
}

# Dead with a pid file; then stopped in peace.
sh_ok("$ctl start pop", 'pop3 is ours again');
my ($master) = Pillarbox::slurp("$run/pillarbox/mail-master.pid") =~ /^(\d+)/;
kill 'KILL', $master;
for (1 .. 200) { last unless -e "/proc/$master"; sleep 0.05 }
is_lsb("$script status", 1, 'status: killed, with its pid file left, is 1');
sh_ok("$script start", 'start after that: 0');
wait_ports(values %port);
subjects_by_imap();
sh_ok("$script stop", 'stop: 0');
is_lsb("$script status", 3, 'status: stopped is 3');
sh_ok("$script stop", 'stop of what is stopped: 0');
is_lsb("$script reload", 7, 'reload of what is stopped is 7');
my @left = grep { (readlink($_) // '') =~ m{^\Q$libexec\E/} } glob '/proc/[0-9]*/exe';
is("@left", '', 'no process is left');

# Installing again and uninstalling leave what is the machine's, and tell what changed (TOOL-20).
my %before = map { $_ => Pillarbox::slurp($_) } "$etc/pillarbox/mailconfig.xml", "$etc/pillarbox/domainList.xml", $script;
Pillarbox::spew($script, $before{$script} .= "# changed here\n");
Pillarbox::spew("$examples/inetd.conf", "# of an earlier version\n");
my $told = sh_ok($install, 'make install again');
like($told, qr{^the sample \Q$examples\E/inetd\.conf has changed: }m, 'a sample that changed since is told');
unlike($told, qr{the sample \S+/systemd/}, '... no other');
like($told, qr{^\Q$script\E differs from the sample and stays; the new one is \Q$script\E\.new$}m, 'and that the init script was changed here');
is(join(' ', grep { Pillarbox::slurp($_) ne $before{$_} } sort keys %before), '', 'changes no settings and no changed init script');
ok(-x "$script.new", 'the new init script lies beside the changed one');
unlink "$prefix/sbin/sendmail";
Pillarbox::spew("$prefix/sbin/sendmail", "another's\n");
sh_ok($install, 'make install beside another sendmail');
is(Pillarbox::slurp("$prefix/sbin/sendmail"), "another's\n", 'which stays');
sh_ok("make -s -C $build uninstall MAKEFLAGS=", 'make uninstall');
is(join(' ', grep { Pillarbox::slurp($_) ne $before{$_} } sort keys %before), '', 'uninstall leaves settings and init script');
is(mail(), $sent, 'and the mail');
is(sh_ok("find $prefix -type f -o -type l"), "$prefix/sbin/sendmail\n", 'and nothing of its own');
is_lsb("$script start", 5, 'start: not installed is 5');
sh_ok("$script stop", 'stop of what is not installed: 0');
done_testing();
