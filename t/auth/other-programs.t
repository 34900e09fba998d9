#!/usr/bin/perl
# auth-check as a part of other software: Postfix's socketmap client, checkpassword.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Temp qw(tempdir);
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
start_directory($pb);
my $pw = $Pillarbox::PASSWORD;

SKIP: {
	skip 'Postfix is not installed', 4 unless -x '/usr/sbin/postmap';
	my $d = tempdir('pillarbox-postmap-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	Pillarbox::spew("$d/main.cf", "compatibility_level = 3.6\n");
	my $socket = "socketmap:unix:$pb->{dir}/run/pub/lookup";
	my ($rc, $out) = $pb->run('/usr/sbin/postmap', '-c', $d, '-q', 'alice@example.com', "$socket:rcpt");
	is("$rc $out", "0 mailbox alice\@example.com\n", 'Postfix finds a mailbox');
	($rc, $out) = $pb->run('/usr/sbin/postmap', '-c', $d, '-q', 'example.com', "$socket:domain");
	like("$rc $out", qr/^0 example\.com/, 'and a domain');
	($rc, $out) = $pb->run('/usr/sbin/postmap', '-c', $d, '-q', 'x@elsewhere.example', "$socket:rcpt");
	is("$rc $out", '1 ', 'and not what is not ours');
	($rc, $out) = $pb->run('/usr/sbin/postmap', '-c', $d, '-q', 'elsewhere.example', "$socket:domain");
	is("$rc $out", '1 ', 'nor a foreign domain');
}

sub checkpassword {
	my ($input) = @_;
	Pillarbox::spew("$pb->{top}/fd3", $input);
	my ($rc, $out) = $pb->run('/bin/sh', '-c', "exec 3<'$pb->{top}/fd3'; exec \"\$@\"", 'sh',
		"$Pillarbox::BIN/auth-check", '-r', $pb->{dir}, '--checkpassword', '/bin/sh', '-c', 'echo $USER');
	chomp $out;
	return "$rc $out";
}
is(checkpassword("Alice\@example.com\0$pw\0x\0"), '0 alice@example.com', 'checkpassword: right');
is(checkpassword("alice\@example.com\0wrong\0x\0"), '1 ', 'wrong');
is(checkpassword("alice\@example.com\0$pw"), '2 ', 'cut input is misuse');
is(checkpassword("alice\@example.com\0" . 'x' x 600 . "\0x\0"), '1 ', 'a password over the limit is wrong');
is(checkpassword('x' x 2000), '2 ', 'too much input is misuse');
$pb->stop;
is(checkpassword("alice\@example.com\0$pw\0x\0"), '111 ', 'no server: try later');
done_testing;
