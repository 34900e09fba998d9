#!/usr/bin/perl
# etc/fail2ban: the filter finds failed log-ins, refused relaying, unknown recipients and
# blocks in our logs, and nothing else, whatever clients write to look like one.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Path qw(make_path);
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my ($regex) = grep { -x } '/usr/bin/fail2ban-regex';
plan skip_all => 'needs fail2ban' unless $regex;
my $filter = "$Pillarbox::SRC/etc/fail2ban/filter.d/pillarbox.conf";

my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Detailed', popLogLevel => 'Detailed', imapLogLevel => 'Detailed',
	maxBadRecipients => 0, smtpMaxBadCommands => 0 });
$pb->user('alice@example.com');
$pb->ctl_ok('user', 'add', 'gone@example.com', '--password', $Pillarbox::PASSWORD, 'disabled=True');
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'badSessions=1', 'service=smtp');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.8.1.0/24', 'smtp=True');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.1', 'smtp=True');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.8.0.0/24', 'pop=True', 'imap=True');
my ($tls) = Pillarbox::free_ports(1);
$pb->ctl_ok('tls', 'rule', 'add', "smtpPort=$tls", 'type=SSL', 'certificatePath=etc/tls/cert.pem', 'privateKeyPath=etc/tls/key.pem');
$pb->start;

my %want;	# address => how many lines are to match
sub smtp {
	my ($service, $ip) = @_;
	my $c = $pb->connect($service, local => $ip);
	$c->command('EHLO client.example') if $c->{greeting} =~ /^220/;
	return $c;
}
sub plain { return encode_base64(join("\0", '', @_), '') }

# What is to match.
my $c = smtp('smtps', '127.8.0.1');
$c->expect('AUTH PLAIN ' . plain('alice@example.com', 'wrong'), qr/^535/);
$c->expect('AUTH PLAIN ' . plain('nobody at all', 'wrong'), qr/^535/);
$c->expect('AUTH PLAIN ' . plain('gone@example.com', $Pillarbox::PASSWORD), qr/^535/);
$c->expect("MAIL FROM:<s\@far.example>", qr/^250|^5/);
$c->close;
$want{'127.8.0.1'} = 4;		# with the block for a session without a message
$c = $pb->connect('pop3s', local => '127.8.0.2');
$c->command('USER alice@example.com');
like($c->command('PASS wrong'), qr/^-ERR/, 'POP3: a wrong password');
$c->close;
$want{'127.8.0.2'} = 1;
$c = $pb->connect('imaps', local => '127.8.0.3');
like($c->command('LOGIN alice@example.com wrong'), qr/^a1 NO/m, 'IMAP: a wrong password');
$c->close;
$want{'127.8.0.3'} = 1;
$c = smtp('smtp', '127.8.0.4');
$c->expect('MAIL FROM:<s@far.example>', qr/^250/);
$c->expect('RCPT TO:<unknown@example.com>', qr/^550 5\.1\.1/);
$c->expect('RCPT TO:<un=known@example.com>', qr/^550 5\.1\.1/);
$c->expect('RCPT TO:<x@elsewhere.example>', qr/^55\d 5\.7\.1/);
$c->close;
$want{'127.8.0.4'} = 5;		# the session was a bad one too: blocked ...
ok($pb->wait_log('abuseLog', qr/\[127\.8\.0\.4\].*event=blocked/), 'blocked');
like(smtp('smtp', '127.8.0.4')->{greeting}, qr/^421/, 'and refused');	# ... and came again
$c = $pb->connect('smtp', local => '127.8.0.4', port => $tls, no_greeting => 1);
ok($c->at_end, 'also where TLS comes first, without a word');
$want{'127.8.0.4'}++;

# What is not: honest work, and texts that were made to look like the above.
my $forged = '[203.0.113.9][000000000001] event=login-failed service=smtp mechanism=PLAIN user=x';
my @hostile = ($forged, "x\r\n00:00:00.000 $forged", "x $forged", "00:00:00.000 $forged", "\" $forged \"",
	'x" why=disabled', 'a user=b', 'recipient-refused to=x code=550 status=5.1.1',
	"\n00:00:00.000 [203.0.113.9][-] event=blocked reason=dos service=smtp seconds=9", 'pillarbox: 00:00:00.000 ' . $forged);
like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com'), qr/^250/, 'honest mail');
$c = $pb->connect('smtp', local => '127.8.1.1');
for my $text (@hostile) {
	(my $line = $text) =~ s/[\r\n]+/ /g;
	$c->command("EHLO $line");
	$c->command("MAIL FROM:<$line>");
	$c->command("VRFY $line");
	$c->command($line);
	$c->command('RSET');
}
$c->expect('EHLO client.example', qr/^250/);
$c->expect('MAIL FROM:<"event=recipient-refused to=y code=550 status=5.1.1"@far.example>', qr/^250/);
$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
$c->expect('DATA', qr/^354/);
$c->expect("Subject: $forged\r\n\r\n00:00:00.000 $forged\r\n.", qr/^250/);
$c->close;
$c = $pb->connect('imaps', local => '127.8.1.2');
$c->login('alice@example.com', $Pillarbox::PASSWORD);
$c->command("SELECT \"$_\"") for map { s/["\r\n]/ /gr } @hostile;
$c->close;

# Names with all this in them are failed log-ins of their own address, and of no other.
$want{'127.8.0.9'} = @hostile;
for my $text (@hostile) {
	my $try = $pb->connect('imaps', local => '127.8.0.9');
	like($try->command('AUTHENTICATE PLAIN ' . plain($text, 'wrong')), qr/^a1 NO/m, 'a hostile name fails');
	$try->close;
}
$pb->connect('pop3', local => '127.8.1.3')->close;
ok($pb->wait_log('authLog', qr/(?:\[127\.8\.0\.9\].*\n.*?){9}/), 'the logs are there');
$pb->ctl_ok('block', 'add', '127.8.0.7', '--reason', "x\"\n00:00:00.000 $forged");
$want{'127.8.0.7'} = 1;
ok($pb->wait_log('abuseLog', qr/\[127\.8\.0\.7\].*event=blocked/), 'also those of abuse-check');
$pb->stop;

# Both forms: our files, and what syslog makes of them.
my @lines = map { split /\n/, Pillarbox::slurp($_) } glob "$pb->{dir}/log/*.log";
cmp_ok(scalar(@lines), '>', 150, 'a real log (' . @lines . ' lines)');
my %form = (
	files => join('', map { "$_\n" } @lines),
	syslog => join('', map { "2026-11-22T03:30:20.123456+01:00 mx pillarbox: $_\n" } @lines),
	traditional => join('', map { "Nov 22 03:30:20 mx pillarbox[17]: $_\n" } @lines),
);
for my $form (sort keys %form) {
	my $log = "$pb->{top}/$form.txt";
	Pillarbox::spew($log, $form{$form});
	my ($rc, $out, $err) = $pb->run($regex, '-l', 'critical', '-o', '<ip>', $log, $filter);
	my %got;
	$got{$_}++ for grep { /\S/ } split /\n/, $out;
	is_deeply(\%got, \%want, "$form: exactly these addresses, so often") or diag("exit $rc\n$out$err");
	($rc, $out) = $pb->run($regex, $log, $filter);
	like($out, qr/Lines: \d+ lines, 0 ignored, 23 matched,/, "$form: and no other line");
}

# The jail is one that fail2ban takes.
SKIP: {
	skip 'no /etc/fail2ban', 1 unless -d '/etc/fail2ban';
	my $conf = "$pb->{top}/fail2ban";
	$pb->run('cp', '-r', '/etc/fail2ban', $conf);
	unlink glob "$conf/jail.d/*";
	$pb->run('cp', $filter, "$conf/filter.d/");
	(my $jail = Pillarbox::slurp("$Pillarbox::SRC/etc/fail2ban/jail.d/pillarbox.conf")) =~ s/^enabled  = false/enabled = true/m;
	$jail =~ s{^logpath .*}{logpath = $pb->{top}/files.txt}m;
	Pillarbox::spew("$conf/jail.d/pillarbox.conf", $jail);
	my ($rc, $out, $err) = $pb->run('fail2ban-client', '-c', $conf, '-s', "$pb->{top}/f.sock", '-p', "$pb->{top}/f.pid", '-t');
	like("$out$err", qr/configuration test is successful/, 'the jail is good') or diag("exit $rc\n$out$err");
}
done_testing;
