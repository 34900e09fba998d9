#!/usr/bin/perl
# A log-in that failed is answered at set times, whoever exists and however his password is
# kept, so that no clock tells one failure from another.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Digest::SHA qw(hmac_sha1);
use IO::Select;
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Auth;

my ($hold) = Pillarbox::slurp("$ENV{PB_SRC}/bin/auth-check/auth_server.h") =~ /^#define AUTH_FAIL_EVERY_MS (\d+)$/m;
cmp_ok($hold, '>=', 500, 'failures have a time') or BAIL_OUT('auth_server.h has no AUTH_FAIL_EVERY_MS');

my $pb = Pillarbox->new(settings => { authCacheSeconds => 3600 });
$pb->domain('example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerCramMd5=True', 'offerScramSha1=True');
my @imported = qw(sha512 bcrypt pbkdf2);
$pb->user("$_\@example.com") for 'carol', @imported;
$pb->ctl_ok('user', 'add', 'gone@example.com', '--password', $Pillarbox::PASSWORD, 'disabled=True');
my $pw = $Pillarbox::PASSWORD;

# Accounts whose hashes came from other servers.
sub pbkdf2 {
	my ($password, $salt, $iterations) = @_;
	my $u = hmac_sha1($salt . pack('N', 1), $password);
	my $t = $u;
	for (2 .. $iterations) { $u = hmac_sha1($u, $password); $t ^= $u }
	return "$iterations:" . encode_base64($salt, '') . ':' . encode_base64($t, '');
}
my %hash = (sha512 => crypt($pw, '$6$saltsalt$'), bcrypt => crypt($pw, '$2b$04$abcdefghijklmnopqrstuu'), pbkdf2 => pbkdf2($pw, 'saltsalt', 1000));
for my $user (@imported) {
	my $file = "$pb->{dir}/domains/example.com/users/$user/userConfig.xml";
	my (undef, undef, $mode, undef, $uid, $gid) = stat $file;
	(my $xml = Pillarbox::slurp($file)) =~ s{<passwordHash>[^<]*}{<passwordHash>$hash{$user}} or die "$file: no hash";
	Pillarbox::spew($file, $xml);
	chown $uid, $gid, $file;
	chmod $mode & 07777, $file;
}
start_directory($pb);
is((login($pb, 'smtp', 'PLAIN', "$_\@example.com", $pw))[0], 'OK', "$_: the hash is understood") for @imported;

# Send all of an exchange but the last answer; returns that.
sub prepare {
	my ($s, $mechanism, $name, $password) = @_;
	return "AUTH\t1\tPLAIN\tservice=smtp\tsecured\tresp=" . encode_base64("\0$name\0$password", '') . "\n" if $mechanism eq 'PLAIN';
	my $initial = $mechanism eq 'LOGIN' ? "\tresp=" . encode_base64($name, '')
		: $mechanism =~ /^SCRAM/ ? "\tresp=" . encode_base64("n,,n=$name,r=abcdefgh", '') : '';
	syswrite $s, "AUTH\t1\t$mechanism\tservice=smtp\tsecured$initial\n";
	my ($challenge) = (read_line($s) // '') =~ /^CONT\t1\t(\S+)$/ or die "$mechanism: no challenge\n";
	my ($nonce) = decode_base64($challenge) =~ /^r=([^,]+)/;
	my $size = $mechanism eq 'SCRAM-SHA-1' ? 20 : 32;
	return "CONT\t1\t" . encode_base64($mechanism eq 'LOGIN' ? $password : $mechanism eq 'CRAM-MD5' ? "$name " . '0' x 32
		: "c=biws,r=$nonce,p=" . encode_base64('x' x $size, ''), '') . "\n";
}

my (%began, %took, %said);
my @mechanisms = qw(PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 SCRAM-SHA-1);
for my $mechanism (@mechanisms) {
	my $select = IO::Select->new;
	my (%of, %last);
	for my $user ('carol', 'nobody', 'gone', @imported) {
		my $s = auth_connect($pb) or die "no auth-check\n";
		$of{$s} = "$mechanism $user";
		$last{$s} = prepare($s, $mechanism, "$user\@example.com", 'wrong');
		$select->add($s);
	}
	for my $s ($select->handles) {
		$began{ $of{$s} } = time;
		syswrite $s, $last{$s};
	}
	while ($select->count && (my @ready = $select->can_read(20))) {
		for my $s (@ready) {
			$took{ $of{$s} } = time - $began{ $of{$s} };
			$said{ $of{$s} } = read_line($s) // 'closed';
			$select->remove($s);
		}
	}
}
# Half a hundredth for clocks that count milliseconds.
for my $mechanism (@mechanisms) {
	for my $user ('carol', 'nobody', 'gone', @imported) {
		my $what = "$mechanism $user";
		is($said{$what}, "FAIL\t1\tuser=$user\@example.com", "$what: fails");
		cmp_ok($took{$what} // 0, '>=', $hold / 1000 - 0.005, '... not before its time');
	}
}

# A good one does not wait, nor for those that failed before it.
is((login($pb, 'smtp', 'PLAIN', 'carol@example.com', $pw))[0], 'OK', 'a log-in that needs no hash from now on');
sub plain { my ($id, $password) = @_; return "AUTH\t$id\tPLAIN\tservice=smtp\tsecured\tresp=" . encode_base64("\0carol\@example.com\0$password", '') . "\n" }
my $s = auth_connect($pb);
syswrite $s, plain(1, 'x' x 513) . plain(2, $pw);
is(read_line($s), "OK\t2\tuser=carol\@example.com", 'is answered before one that failed ahead of it');
is(read_line($s), "FAIL\t1\tuser=carol\@example.com", 'which comes in its time');

# While the answer is held.
syswrite $s, plain(3, 'x' x 513) . "CANCEL\t3\n" . plain(4, 'x' x 513);
is(read_line($s), "FAIL\t4\tuser=carol\@example.com", 'one that was cancelled meanwhile has none');
syswrite $s, plain(5, 'x' x 513) . "CONT\t5\t\n";
is(read_line($s), undef, 'there is nothing to continue');
for (1 .. 20) {
	my $gone = auth_connect($pb);
	syswrite $gone, join '', map { plain($_, 'x' x 513) } 1 .. 30;
	close $gone;
}
sleep $hold / 1000 + 0.2;
is((login($pb, 'smtp', 'PLAIN', 'carol@example.com', $pw))[0], 'OK', 'clients that are gone meanwhile do no harm');
unlike($pb->log_text('administrative'), qr/ended program=auth-check/, 'auth-check lives');
done_testing;
