#!/usr/bin/perl
# Log-ins by every mechanism, and what is refused.
# Features: ADMIN-05, USER-01.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->user('bob@example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerCramMd5=True');
$pb->ctl_ok('domain', 'edit', 'example.com', 'domainAliases/domainAlias=other.example');
$pb->user('carol@example.com');
$pb->user('dave@example.com');
start_directory($pb);
my $pw = $Pillarbox::PASSWORD;

for my $mech (qw(PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256)) {
	is(join(' ', (login($pb, 'smtp', $mech, 'carol@example.com', $pw))[0, 1]), 'OK carol@example.com', "$mech");
	is((login($pb, 'smtp', $mech, 'carol@example.com', "${pw}x"))[0], 'FAILED', "$mech with a wrong password");
	is((login($pb, 'smtp', $mech, 'nobody@example.com', $pw))[0], 'FAILED', "$mech of an unknown user");
}
is((login($pb, 'smtp', 'CRAM-MD5', 'alice@example.com', $pw))[0], 'FAILED',
	'CRAM-MD5 of a user whose state was never made fails');
is((login($pb, 'smtp', 'PLAIN', 'CAROL@Example.COM', $pw))[1], 'carol@example.com', 'one spelling comes out of any');
is((login($pb, 'smtp', 'PLAIN', 'carol@other.example', $pw))[1], 'carol@example.com', 'by another name of the domain');
is((login($pb, 'smtp', 'PLAIN', $_, $pw))[0], 'FAILED', "log-in name \"$_\"")
	for 'carol', 'carol@', '@example.com', '%u', '*', q('), '../carol@example.com', 'carol@example.com.',
	    'carol@example.com ', ' carol@example.com', "carol\@example.com\t", "caro\xc3\xa4\@example.com",
	    'x' x 300 . '@example.com', 'carol/../bob@example.com', 'carol@example.com/../..';

sub raw {
	my ($text) = @_;
	my $s = auth_connect($pb);
	syswrite $s, "AUTH\t1\tPLAIN\tservice=smtp\tsecured\tresp=" . encode_base64($text, '') . "\n";
	return read_line($s) // 'closed';
}
like(raw("\0carol\@example.com\0$pw"), qr/^OK\t1\tuser=carol\@example.com$/, 'the raw protocol');
like(raw("carol\@example.com\0carol\@example.com\0$pw"), qr/^OK/, 'authzid that is the same');
like(raw("CAROL\@other.example\0carol\@example.com\0$pw"), qr/^OK/, 'authzid that is another spelling');
like(raw("bob\@example.com\0carol\@example.com\0$pw"), qr/^FAIL\t1/, 'authzid of somebody else');
like(raw("\0carol\@example.com\0$pw\0"), qr/^FAIL/, 'a NUL behind the password');
like(raw("\0carol\@example.com\0"), qr/^FAIL/, 'an empty password');
like(raw("\0carol\@example.com"), qr/^FAIL/, 'no password');
like(raw(''), qr/^FAIL/, 'nothing');
like(raw("\0carol\@example.com\0" . 'x' x 512), qr/^FAIL/, 'a password over the limit');

is((login($pb, 'smtp', 'PLAIN', 'carol@example.com', $pw, ip => '192.0.2.1'))[0], 'FAILED',
	'a password in clear from elsewhere without TLS is refused');
is((login($pb, 'smtp', 'SCRAM-SHA-256', 'carol@example.com', $pw, ip => '192.0.2.1'))[0], 'OK', 'SCRAM is not');

$pb->ctl_ok('user', 'edit', 'dave@example.com', 'disabled=True');
is((login($pb, 'smtp', $_, 'dave@example.com', $pw))[0], 'DISABLED', "$_: a disabled account") for 'PLAIN', 'SCRAM-SHA-256';
is((login($pb, 'smtp', 'PLAIN', 'dave@example.com', 'x'))[0], 'FAILED', 'which only its owner learns');
$pb->ctl_ok('user', 'passwd', 'carol@example.com', '--password', 'Another-word-2');
is((login($pb, 'smtp', 'PLAIN', 'carol@example.com', $pw))[0], 'FAILED', 'an old password is forgotten at once');
is((login($pb, 'smtp', 'PLAIN', 'carol@example.com', 'Another-word-2'))[0], 'OK', 'and the new one works');
like($pb->log_text('authLog'), qr/event=login-failed service=smtp mechanism=PLAIN user=/, 'failures are logged')
	if $pb->wait_log('authLog', qr/event=login-failed/);
unlike($pb->log_text, qr/\Q$pw\E|Another-word-2/, 'passwords never are');
done_testing;
