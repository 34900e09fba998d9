#!/usr/bin/perl
# Milters as Debian has them do their work under us: rspamd (its proxy),
# spamass-milter with spamd, opendmarc, and our own greylist-check before all of
# them.  opendkim stands in milter.t.
# Features: TOOL-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Path qw(make_path);
use Pillarbox;
use Pillarbox::Child;
use Pillarbox::Milter;
use Test::More;

plan skip_all => 'the milters drop rights of root' if $> != 0;
my $GTUBE = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X';
(my $GTUBE_MARKED = $GTUBE) =~ s/^X/Y/;		# rspamd: "add header" in place of "reject"
my $pb = Pillarbox->new(host => 'mail.test.example');
$pb->user('alice@example.com');
my $port = Pillarbox::free_ports(4);

sub start_program { my ($at, @cmd) = @_; return Pillarbox::Child->program("$pb->{top}/milter.log", @cmd)->answers($at) }

# Only this milter, asked from the next session on.
sub use_milter { my ($at) = @_; Pillarbox::Milter::ask($pb, "inet:$at\@127.0.0.1") }

sub send_one {
	my ($subject, %o) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	for my $command ('MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA') {
		my $reply = $c->command($command);
		return $reply if $reply !~ /^[23]/;
	}
	my $from = $o{from} // "From: a\@b.example\r\n";
	my $reply = $c->command("${from}To: alice\@example.com\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
		. "Message-ID: <$subject\@b.example>\r\nSubject: $subject\r\n\r\n" . ($o{body} // 'x') . "\r\n.");
	$c->command('QUIT');
	return $reply;
}

# With a mark before its Subject, perhaps.
sub delivered { return $pb->wait_subject('alice@example.com', qr/.*\Q$_[0]\E/) }

$pb->start;

SKIP: {
	skip 'rspamd is not installed', 6 unless -x '/usr/bin/rspamd';
	my $dir = "$pb->{top}/rspamd";
	make_path($dir);
	my ($uid, $gid) = (getpwnam '_rspamd')[2, 3];
	chown $uid, $gid, $dir;
	Pillarbox::spew("$dir/tld", "com\nexample\n");	# the whole list takes it half a minute to compile
	Pillarbox::spew("$dir/conf", <<"END");
options { pidfile = "$dir/pid"; tempdir = "$dir"; hs_cache_dir = "$dir"; control_socket = "$dir/control mode=0600";
	filters = ""; url_tld = "$dir/tld"; enable_test_patterns = true;
	dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; } }
logging { type = "file"; filename = "$dir/log"; level = "info"; }
actions { reject = 15; add_header = 6; greylist = 1000; }
lang_detection { languages_enable = ["en"]; prefer_fasttext = false; }
worker "rspamd_proxy" { bind_socket = "127.0.0.1:$port"; milter = yes; timeout = 20s; count = 1;
	upstream "local" { default = yes; self_scan = yes; } }
END
	ok(start_program($port, '/usr/bin/rspamd', '-f', '-u', '_rspamd', '-g', '_rspamd', '-c', "$dir/conf"), 'rspamd')
		or diag(Pillarbox::slurp("$dir/log"));
	use_milter($port);
	like(send_one('ham-rspamd'), qr/^250/, 'it lets a good message pass');
	unlike(delivered('ham-rspamd'), qr/^X-Spam:/m, 'unmarked');
	like(send_one('spam-rspamd', body => $GTUBE), qr/^554 5\.7\.1 .* ticket \d{12}$/, 'refuses what it calls spam, in its words');
	like(send_one('mark-rspamd', body => $GTUBE_MARKED), qr/^250/, 'and marks what is half so bad');
	like(delivered('mark-rspamd'), qr/^X-Spam: Yes\r$/m, 'with its field');
}

SKIP: {
	skip 'spamass-milter and spamd are not installed', 6 unless -x '/usr/sbin/spamass-milter' && -x '/usr/sbin/spamd';
	my $dir = "$pb->{top}/sa";
	make_path("$dir/home");
	my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
	chown $uid, $gid, "$dir/home";
	ok(start_program($port + 1, '/usr/sbin/spamd', '-L', '-x', '-m', '1', '--min-children=1', '--max-spare=1', '-i', '127.0.0.1',
		'-p', $port + 1, '-u', 'nobody', '-g', 'nogroup', '-H', "$dir/home", '--cf=use_bayes 0', '--cf=rewrite_header Subject [SPAM]', '--cf=report_safe 0', '-s', "$dir/log"), 'spamd');
	ok(start_program($port + 2, '/usr/sbin/spamass-milter', '-p', 'inet:' . ($port + 2) . '@127.0.0.1', '--',
		'-d', '127.0.0.1', '-p', $port + 1), 'spamass-milter');
	use_milter($port + 2);
	like(send_one('ham-sa'), qr/^250/, 'it lets a good message pass');
	like(delivered('ham-sa'), qr/^X-Spam-Checker-Version: /m, 'and says that it looked');
	like(send_one('spam-sa', body => $GTUBE), qr/^(?:250|5)/, 'a bad one');
	like(delivered('spam-sa'), qr/^Subject: \[SPAM\] ?spam-sa\r\n.*^X-Spam-Flag: YES\r\n/ms, 'is marked, its Subject changed in place');
}

SKIP: {
	skip 'opendmarc is not installed', 5 unless -x '/usr/sbin/opendmarc';
	my $dir = "$pb->{top}/dmarc";
	make_path($dir);
	Pillarbox::spew("$dir/conf", 'Socket inet:' . ($port + 3) . "\@127.0.0.1\nAuthservID mail.test.example\n"
		. "IgnoreHosts $dir/ignored\nBackground false\nSyslog false\nRejectFailures false\nRequiredHeaders true\nSoftwareHeader true\nHistoryFile $dir/history\n"
		. "PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat\n");
	Pillarbox::spew("$dir/ignored", "192.0.2.1\n");	# else it lets loopback pass unseen
	ok(start_program($port + 3, '/usr/sbin/opendmarc', '-f', '-c', "$dir/conf"), 'opendmarc');
	use_milter($port + 3);
	like(send_one('ham-dmarc', from => "From: a\@localhost.localdomain\r\n"), qr/^250/, 'it lets a message pass');
	like(delivered('ham-dmarc'), qr/^DMARC-Filter: OpenDMARC/m, 'and says that it looked');
	like(send_one('no-from', from => ''), qr/^550 5\.7\.1 .* ticket \d{12}$/, 'a message without From is refused');
	$pb->ctl_ok('set', 'greylisting/enabled', 'True');
	$pb->ctl_ok('reload');
	like(send_one('grey'), qr/^451 4\.7\.1 .*[Gg]reylisted/, 'greylist-check comes before it');
}
ok($pb->log_text('smtpLog') !~ /event=milter-failed/, 'no milter failed');
done_testing();
