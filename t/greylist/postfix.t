#!/usr/bin/perl
# greylist-check as the milter of Postfix (GREY-02, GREY-03, GREY-17), and its records in mailctl.
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
$pb->start;

my $dir = "$pb->{top}/postfix";
my $port = Pillarbox::free_ports(1);
make_path("$dir/etc", "$dir/spool", "$dir/data", "$dir/log", "$dir/mail");
my ($uid, $gid) = (getpwnam 'postfix')[2, 3];
chown $uid, $gid, "$dir/data";
# Its smtpd runs as postfix, and the socket is for pbsmtp: a private link through a group is
# the administrator's business; here it is given by the mode.
chmod 0666, "$pb->{dir}/run/pub/greylist" or die;
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
local_recipient_maps =
local_transport = discard:
mynetworks = 192.0.2.0/24
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

sub recipient {
	my ($from, $to) = @_;
	my $c = Pillarbox::Client->new(port => $port, protocol => 'smtp');
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	my $r = $c->command("RCPT TO:<$to>");
	if ($r =~ /^250/) {
		$c->expect('DATA', qr/^354/);
		$r = $c->command("Subject: x\r\n\r\nx\r\n.");
	}
	$c->command('QUIT');
	$c->close;
	return $r;
}
my $first = recipient('far@far.example', 'alice@example.com');
like($first, qr/^451 4\.7\.1 .*Greylisted, try again later: not before/, 'Postfix passes our answer on');
like(recipient('far@far.example', 'alice@example.com'), qr/^451/, 'to a retry at once too');
like(recipient('far@far.example', 'alice@elsewhere.example'), qr/^[45]54 /, 'what it refuses itself stays refused');

# Records as the administrator sees them.
like($pb->ctl_ok('greylist', 'list', '--tsv'), qr/^waiting\t[^\t]+\t[^\t]+\t127\.0\.0\.0\t<far\@far\.example> <alice\@example\.com>$/m,
	'the record is listed');
like($pb->ctl_ok('greylist', 'stats', '--tsv'), qr/^2\t0\t\d+$/m, 'and counted');
is(($pb->ctl('greylist', 'delete', '127.0.0.1', 'nobody@far.example', 'alice@example.com'))[0], 3, 'what is not there cannot be deleted');

# The end of the block period, without waiting for it.
$pb->set('greylisting/blockPeriod' => 0);
$end = time + 15;
my $late;
do { sleep 0.2; $late = recipient('far@far.example', 'alice@example.com') } while $late !~ /^250/ && time < $end;
like($late, qr/^250 2\.0\.0 .*queued/i, 'a retry after the block period is taken');
like($pb->ctl_ok('greylist', 'list', '--tsv'), qr/^passed\t.*<far\@far\.example>/m, 'the record has passed');
$pb->set('greylisting/blockPeriod' => 60);
sleep 1;
like(recipient('far@far.example', 'alice@example.com'), qr/^250/, 'and stays so');
$pb->ctl_ok('greylist', 'delete', '127.0.0.77', 'Far@far.example', 'alice@example.com');
like(recipient('far@far.example', 'alice@example.com'), qr/^451/, 'a deleted record begins anew');
$pb->ctl_ok('greylist', 'delete', '--all');
is(scalar(my @rows = $pb->ctl_ok('greylist', 'list', '--tsv') =~ /far\.example/g), 0, 'all are deleted');

# Killed: Postfix does as it is told.
kill 'KILL', ($pb->pids_of('greylist-check'))[0];
like(recipient('other@far.example', 'alice@example.com'), qr/^250|^451/, 'killed: Postfix goes on');
done_testing;
