#!/usr/bin/perl
# greylist-check as the milter of Postfix, which knows nothing of Pillarbox.
# Features: GREY-02, GREY-03, GREY-09, GREY-11, GREY-14, GREY-15, GREY-17, BYP-04, BYP-05.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Path qw(make_path);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

plan skip_all => 'only root can start a private Postfix' if $> != 0;
plan skip_all => 'no Postfix' unless -x '/usr/sbin/postfix' && -x '/usr/lib/postfix/sbin/master';

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True', 'greylisting/blockPeriod' => 1 });
$pb->user('alice@example.com');
$pb->user('bob@example.com');
$pb->ctl_ok('set', '--add', 'ipBypasses/entry', 'ip=127.0.0.66');
$pb->start;

my $dir = "$pb->{top}/postfix";
my $port = Pillarbox::free_ports(1);
make_path("$dir/etc", "$dir/spool", "$dir/data", "$dir/log", "$dir/mail");
my ($uid, $gid) = (getpwnam 'postfix')[2, 3];
chown $uid, $gid, "$dir/data";
# Its smtpd runs as postfix, and the socket is for pbsmtp: a private link through a group is
# the administrator's business; here it is given by the mode.
chmod 0666, "$pb->{dir}/run/pub/greylist" or die;
Pillarbox::spew("$dir/etc/recipients", "alice\@example.com x\nbob\@example.com x\ncarol\@example.com x\n");
Pillarbox::spew("$dir/etc/main.cf", <<"END");
compatibility_level = 3.6
queue_directory = $dir/spool
data_directory = $dir/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.postfix.test
mydestination = example.com
local_recipient_maps = texthash:$dir/etc/recipients
local_transport = discard:
mynetworks = 127.0.0.99/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_milters = unix:$pb->{dir}/run/pub/greylist
milter_default_action = accept
maillog_file = $dir/log/mail.log
maillog_file_prefixes = $dir
END
my $master = Pillarbox::slurp('/usr/share/postfix/master.cf.dist');
my @lines;
for (split /\n/, $master) {
	my @f = split ' ';
	next if !/^[#\s]/ && @f > 4 && $f[0] eq 'smtp' && $f[1] eq 'inet';
	s/^(\S+\s+\S+\s+\S+\s+\S+\s+)[y-](\s)/$1n$2/ if !/^[#\s]/;
	push @lines, $_;
}
push @lines, "127.0.0.1:$port inet n - n - - smtpd";
push @lines, 'postlog unix-dgram n - n - 1 postlogd' unless grep { /^postlog/ } @lines;
Pillarbox::spew("$dir/etc/master.cf", join("\n", @lines) . "\n");

my ($rc, $out, $err) = $pb->run('/usr/sbin/postfix', '-c', "$dir/etc", 'start');
END { my $code = $?; $pb->run('/usr/sbin/postfix', '-c', "$dir/etc", 'stop') if $pb && $dir && $pb->{pid} == $$; $? = $code }
is($rc, 0, 'Postfix starts') or diag("$out$err" . Pillarbox::slurp("$dir/log/mail.log"));
my $end = time + 20;
sleep 0.1 while time < $end && !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1);

# The replies to RCPT; with data, the last is that to the message.
sub deliver {
	my ($from, $to, %o) = @_;
	my $c = Pillarbox::Client->new(port => $port, protocol => 'smtp', local => $o{local});
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	my @r = map { $c->command("RCPT TO:<$_>") } ref $to ? @$to : $to;
	if ($o{data} && grep { /^250/ } @r) {
		$c->expect('DATA', qr/^354/);
		push @r, $c->command(($o{header} // '') . "Subject: x\r\n\r\nx\r\n.");
	}
	$c->command('QUIT');
	$c->close;
	return wantarray ? @r : $r[-1];
}
my $first = deliver('far@far.example', 'alice@example.com');
like($first, qr/^451 4\.7\.1 .*Greylisted, try again later: not before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/, 'Postfix passes our answer on');
like(deliver('far@far.example', 'alice@example.com'), qr/^451/, 'to a retry at once too');
like(deliver('far@far.example', 'nobody@example.com'), qr/^550 5\.1\.1/, 'unknown users keep 550 (GREY-14)');
like(deliver('far@far.example', 'alice@elsewhere.example'), qr/^[45]54 /, 'what it refuses itself stays refused');
like(deliver('own@example.com', 'far@far.example', local => '127.0.0.99'), qr/^250/, 'mail of its own networks that leaves is not delayed (GREY-09)');
like(deliver('far@far.example', 'carol@example.com'), qr/^451/, 'a user only Postfix knows is judged too');

# Records as the administrator sees them.
like($pb->ctl_ok('greylist', 'list', '--tsv'), qr/^waiting\t[^\t]+\t[^\t]+\t[^\t]+\t127\.0\.0\.0\/24\t<far\@far\.example> <alice\@example\.com>$/m,
	'the record is listed');
my @n = split /\t/, (split /\n/, $pb->ctl_ok('greylist', 'stats', '--tsv'))[-1];
is($n[0], 3, 'refusals are counted (GREY-17)') or diag("@n");
is($n[6], 2, 'and those who wait');

# Each recipient alone.
$pb->ctl_ok('user', 'edit', 'bob@example.com', 'disableGreylisting=True');
my @two = deliver('two@far.example', [ 'alice@example.com', 'bob@example.com' ], data => 1);
like($two[0], qr/^451/, 'of two recipients one waits');
like($two[1], qr/^250/, 'one does not (GREY-15)');
like($two[2], qr/^250/, 'and gets the message');

# The end of the block period, without waiting for it.
$pb->set('greylisting/blockPeriod' => 0);
like(deliver('far@far.example', 'alice@example.com', data => 1), qr/^250 2\.0\.0 .*queued/i, 'a retry after the block period is taken');
like($pb->ctl_ok('greylist', 'list', '--state', 'passed', '--tsv'), qr/^passed\t.*<far\@far\.example>/m, 'the record has passed');
$pb->set('greylisting/blockPeriod' => 60);
like(deliver('far@far.example', 'alice@example.com'), qr/^250/, 'and stays so');
like($pb->ctl_ok('greylist', 'why', '198.51.100.1', 'far@far.example', 'alice@example.com', '--tsv'),
	qr/^known-sender\treceived-from\t100\t0$/m, 'who had mail from a sender need not wait for it again, from wherever (GREY-11)');
$pb->ctl_ok('greylist', 'delete', '127.0.0.77', 'Far@far.example', 'alice@example.com');
like(deliver('far@far.example', 'alice@example.com'), qr/^451/, 'a deleted record begins anew');
is(($pb->ctl('greylist', 'delete', '127.0.0.1', 'nobody@far.example', 'alice@example.com'))[0], 3, 'what is not there cannot be deleted');

# Mail of an own gateway is judged by where it came from, at the end of the headers.
my $hops = "Received: from mx.far.example (mx.far.example [203.0.113.9])\r\n\tby gw.example.com (Postfix) with ESMTP id 1; Sun, 22 Nov 2026 02:00:00 +0000\r\n";
my @late = deliver('gate@far.example', [ 'alice@example.com', 'bob@example.com' ], local => '127.0.0.66', data => 1, header => $hops);
like($late[0], qr/^250/, 'a gateway is not refused at RCPT');
like($late[2], qr/^451 4\.7\.1 .*Greylisted/, 'but at the end of the headers (BYP-05)');
like($pb->ctl_ok('greylist', 'list', '--network', '203.0.113.1', '--tsv'), qr/^waiting\t.*\t203\.0\.113\.0\/24\t<gate\@far\.example> <alice\@example\.com>$/m,
	'the originating server has the record (BYP-04)');
$pb->ctl_ok('greylist', 'delete', '--all');
is($pb->ctl_ok('greylist', 'list', '--tsv') =~ /far\.example/, '', 'all are deleted');

# Killed: Postfix does as it is told.
kill 'KILL', ($pb->pids_of('greylist-check'))[0];
like(deliver('other@far.example', 'alice@example.com'), qr/^250|^451/, 'killed: Postfix goes on');
done_testing;
