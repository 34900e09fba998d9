#!/usr/bin/perl
# A03: who guesses at an account waits for it however he spells its address, whichever
# protocol and mechanism he takes and from wherever he comes.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new;
$pb->domain('example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerCramMd5=True', 'domainAliases/domainAlias=other.example');
$pb->user("$_\@example.com") for qw(carol dave);
$pb->start;

# What auth-check says about whom a failure was.
sub who {
	my ($mechanism, $name) = @_;
	my $s = auth_connect($pb);
	my $initial = $mechanism eq 'PLAIN' ? "resp=" . encode_base64("\0$name\0wrong", '') : $mechanism eq 'LOGIN' ? 'resp=' . encode_base64($name, '')
		: $mechanism eq 'CRAM-MD5' ? '' : 'resp=' . encode_base64("n,,n=$name,r=abcdefgh", '');
	syswrite $s, "AUTH\t1\t$mechanism\tservice=smtp\tsecured\t$initial\n";
	if ($mechanism ne 'PLAIN') {
		my $challenge = decode_base64((read_line($s) // '') =~ /^CONT\t1\t(\S*)/ ? $1 : '');
		my ($nonce) = $challenge =~ /^r=([^,]+)/;
		syswrite $s, "CONT\t1\t" . encode_base64($mechanism eq 'LOGIN' ? 'wrong' : $mechanism eq 'CRAM-MD5' ? "$name " . '0' x 32
			: "c=biws,r=$nonce,p=" . encode_base64('x' x 32, ''), '') . "\n";
	}
	return read_line($s) // 'closed';
}
my @spellings = ('NAME@example.com', 'NAME@EXAMPLE.com', '"NAME"@example.com', 'NAME@other.example', '"N\AME"@Other.Example');
for my $user (qw(dave nobody)) {
	for my $mechanism (qw(PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256)) {
		my %said = map { (who($mechanism, $_) =~ s/^FAIL\t1\t//r) => 1 }
			map { my $form = $_; map { (my $t = $form) =~ s/N(\\?)AME/substr($_, 0, 1) . $1 . substr($_, 1)/e; $t } $user, uc $user } @spellings;
		is_deeply([ keys %said ], ["user=$user\@example.com"], "$mechanism: every spelling of $user is the same user");
	}
}
like(who('PLAIN', "no address \xff"), qr/^FAIL\t1\tuser=no address \xff$/, 'what is no address stays what it is');

# All at once, each from an address of its own, by another protocol, with another spelling.
sub imap_quoted { my ($text) = @_; return '"' . ($text =~ s/(["\\])/\\$1/gr) . '"' }
for my $user (qw(carol nobody)) {
	my ($escaped) = map { '"' . substr($_, 0, 1) . '\\' . substr($_, 1) . '"@Other.Example' } $user;
	my @tries = (
		[ smtps => sub { 'AUTH PLAIN ' . encode_base64("\0$escaped\0wrong", '') } ],
		[ pop3s => sub { ("USER \"$user\"\@EXAMPLE.com", 'PASS wrong') } ],
		[ imaps => sub { 'LOGIN ' . imap_quoted($escaped) . ' wrong' } ],
		[ imaps => sub { 'AUTHENTICATE PLAIN ' . encode_base64("\0\U$user\E\@other.example\0wrong", '') } ],
		[ pop3s => sub { 'AUTH PLAIN ' . encode_base64("\0\u$user\@example.com\0wrong", '') } ],
	);
	my ($n, @open) = (0);
	for my $try (@tries) {
		my ($service, $lines) = @$try;
		my $c = $pb->connect($service, local => '127.9.5.' . (++$n + ($user eq 'carol' ? 0 : 50)));
		$c->expect('EHLO c.example', qr/^250/) if $service eq 'smtps';
		my @lines = $lines->();
		my $last = pop @lines;
		$c->expect($_, qr/^\+OK/) for @lines;
		$c->send_raw(($service eq 'imaps' ? 'a1 ' : '') . "$last\r\n");
		push @open, $c;
	}
	ok($pb->wait_log('abuseLog', qr/user=$user\@example\.com failures=1 account-failures=5 delay=8000/, 20),
		"$user: the fifth failure of the account waits for eight seconds");
	my @delays = sort { $a <=> $b } $pb->log_text('abuseLog') =~ /user=$user\@example\.com failures=1 account-failures=\d delay=(\d+)/g;
	is("@delays", '0 0 2000 4000 8000', 'each from an address that had not failed before');
	is(scalar(() = $pb->log_text('abuseLog') =~ /event=login-failed/g), $user eq 'carol' ? 5 : 10, 'and no other failure was counted');
}
done_testing;
