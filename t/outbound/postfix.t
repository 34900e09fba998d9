#!/usr/bin/perl
# remote-send delivers to a real Postfix found by MX: over TLS, bytes unchanged,
# also what was injected with odd line ends (case S03), dots everywhere (S04).
# Features: SMTPOUT-09.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(time sleep);
use Pillarbox::Outbound;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'needs root: Postfix changes its uid' if $> != 0;
plan skip_all => 'Postfix is not installed' unless -x '/usr/sbin/postfix' && -x '/usr/sbin/nsd';

my $port = Pillarbox::Outbound::free_port();
my $d = tempdir("pillarbox-postfix-XXXXXX", TMPDIR => 1, CLEANUP => 1);
chmod 0755, $d;
mkdir "$d/$_" for qw(etc spool data log mail);
my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
chown $uid, $gid, "$d/mail";
chown scalar getpwnam('postfix'), -1, "$d/data";
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.remote.example "
	. "-keyout $d/etc/key.pem -out $d/etc/cert.pem 2>/dev/null") == 0 or BAIL_OUT('no certificate');
Pillarbox::Outbound::write_file("$d/etc/main.cf", <<"END");
compatibility_level = 3.6
queue_directory = $d/spool
data_directory = $d/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.remote.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 192.0.2.1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = $d/etc/cert.pem
smtpd_tls_key_file = $d/etc/key.pem
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
virtual_mailbox_domains = remote.example
virtual_mailbox_base = $d/mail
virtual_mailbox_maps = texthash:$d/etc/maps
virtual_uid_maps = static:$uid
virtual_gid_maps = static:$gid
virtual_minimum_uid = 1
maillog_file = $d/log/mail.log
maillog_file_prefixes = $d
END
Pillarbox::Outbound::write_file("$d/etc/maps", "a\@remote.example a/Maildir/\nb\@remote.example b/Maildir/\n");
my $master = Pillarbox::Outbound::slurp('/usr/share/postfix/master.cf.dist');
$master = join "\n", map { my @f = split; (@f > 7 && $f[0] eq 'smtp' && $f[1] eq 'inet') ? () :
	(@f > 7 && !/^#/ && /^\S/) ? do { $f[4] = 'n'; join ' ', @f } : $_ } split /\n/, $master;
Pillarbox::Outbound::write_file("$d/etc/master.cf", "$master\n127.0.0.10:$port inet n - n - - smtpd\n"
	. ($master =~ /^postlog/m ? '' : "postlog unix-dgram n - n - 1 postlogd\n"));
system("postfix -c $d/etc start >$d/out 2>&1") == 0 or BAIL_OUT("Postfix does not start: "
	. Pillarbox::Outbound::slurp("$d/log/mail.log") . Pillarbox::Outbound::slurp("$d/out"));
END { local $?; system("postfix -c $d/etc stop >/dev/null 2>&1") if $d && -e "$d/spool/pid/master.pid" }

my $out = Pillarbox::Outbound->new(settings => { smtpOutPort => $port, smtpOutCommandTimeout => 10,
	smtpOutDataTimeout => 10 }, zone => <<'END');
remote.example. MX 10 mx.remote.example.
mx.remote.example. A 127.0.0.10
END

sub mails {
	my ($user, $count) = @_;
	my $end = time + 15;
	my @files;
	sleep 0.1 while (@files = glob "$d/mail/$user/Maildir/new/*") < $count && time < $end;
	return map { Pillarbox::Outbound::slurp($_) } @files;
}

my $dots = join '', map { ('.' x $_) . "\r\n" } 0 .. 5;
my $body = "From: x\@sender.example\r\nDate: Sun, 22 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1\@sender.example>\r\n"
	. "Subject: bytes\r\n\r\n$dots" . join('', map { chr($_) x 60 . "\r\n" } 0x80 .. 0xff);
my %r = $out->send("Return-Path: <x\@sender.example>\r\n$body", domain => 'remote.example',
	from => 'x@sender.example', rcpt => ['a@remote.example', 'b@remote.example', 'nobody@remote.example']);
like($r{1}, qr/^250 2\.0\.0 /, 'Postfix takes it');
like($r{2}, qr/^250 2\.0\.0 /, '... for two recipients');
like($r{3}, qr/^550 5\.1\.1 /, '... and refuses a third');
my ($mail) = mails('a', 1);
(my $want = $body) =~ s/\r\n/\n/g;
ok(defined $mail && substr($mail, -length $want) eq $want, 'the bytes that arrive are the bytes that were sent');
is(scalar(() = ($mail // '') =~ /^Return-Path:/mg), 1, 'with one Return-Path, the receiver\'s');
like($mail // '', qr/using TLSv1\.[23]/, 'over TLS');
is(scalar mails('b', 1), 1, 'the second recipient has it too');

%r = $out->send("Subject: odd\r\n\r\nbare\nlf and\rcr\n.\nMAIL FROM:<evil\@x>\n\r.\r\nlast", domain => 'remote.example',
	from => 'x@sender.example', rcpt => ['a@remote.example']);
like($r{1}, qr/^250 /, 'a message with bare CR and LF');
my ($odd) = grep { /Subject: odd/ } mails('a', 2);
like($odd // '', qr/\nbare\nlf and\ncr\n\.\nMAIL FROM:<evil\@x>\n\n\.\nlast\n\z/, '... is one message, lines cleaned');
is(scalar mails('a', 2), 2, '... and nothing was smuggled');
my $log = Pillarbox::Outbound::slurp("$d/log/mail.log");
is(scalar(() = $log =~ /smtpd\[\d+\]: connect from/g), 1, 'one connection for all');
is($out->stop, 0, 'it ends in peace');
done_testing();
