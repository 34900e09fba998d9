#!/usr/bin/perl
# Whoever spells an address in another way learns nothing by it: the salt of SCRAM is
# that of the account, and stays that of the name where there is none.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new;
$pb->domain('example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'domainAliases/domainAlias=other.example');
$pb->user('carol@example.com');	# SCRAM-SHA-1 is offered later: he has no secret of it
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerScramSha1=True');
$pb->user('dave@example.com');
$pb->start;

sub spellings {
	my ($name) = @_;
	my $escaped = substr($name, 0, 1) . '\\' . substr($name, 1);
	return map { my $local = $_; map { "$local\@$_" } 'example.com', 'EXAMPLE.com', 'other.example', 'Other.Example' }
		$name, uc $name, ucfirst $name, qq("$name"), qq("\U$escaped\E");
}

my $s = auth_connect($pb);
my $id = 0;
# Begin an exchange: its number, salt and iterations.
sub begin {
	my ($mechanism, $name) = @_;
	syswrite $s, 'AUTH' . "\t" . ++$id . "\t$mechanism\tservice=smtp\tresp=" . encode_base64("n,,n=$name,r=abcdefgh", '') . "\n";
	my ($challenge) = (read_line($s) // '') =~ /^CONT\t$id\t(\S+)$/;
	return decode_base64($challenge // '') =~ /^r=abcdefgh[^,]+,s=([^,]+),i=(\d+)$/ ? ($1, $2) : ('no challenge', 0);
}

my %salt_of;
for my $mechanism ('SCRAM-SHA-256', 'SCRAM-SHA-1') {
	for my $user (qw(carol dave nobody somebody)) {
		my %salts;
		for my $name (spellings($user)) {
			my ($salt, $iterations) = begin($mechanism, $name);
			syswrite $s, "CANCEL\t$id\n";
			push @{ $salts{"$salt $iterations"} }, $name;
		}
		is(scalar(keys %salts), 1, "$mechanism: one salt for 20 spellings of $user") or diag(explain(\%salts));
		my ($salt) = keys %salts;
		like($salt, qr|^[A-Za-z0-9+/]{22}== 4096$|, 'which looks like that of anybody');
		push @{ $salt_of{$salt} }, "$user $mechanism";
	}
}
is(scalar(keys %salt_of), 8, 'each user has his own, and another for each mechanism') or diag(explain(\%salt_of));

# What was cancelled after the challenge is counted for nobody, known or not.
syswrite $s, 'AUTH' . "\t" . ++$id . "\tPLAIN\tservice=smtp\tsecured\tresp=" . encode_base64("\0last\@example.com\0wrong", '') . "\n";
like(read_line($s) // '', qr/^FAIL\t$id\t/, 'a cancelled exchange has no answer: the next is that to another one');
ok($pb->wait_log('authLog', qr/user=last\@example\.com/), 'a failure is in the log');
is(scalar(() = $pb->log_text('authLog') =~ /event=login-failed/g), 1, 'and no exchange that was cancelled');
for my $user (qw(dave nobody)) {
	my $c = $pb->connect('smtps', local => '127.9.4.1');
	$c->expect('EHLO c.example', qr/^250/);
	for (1 .. 4) {
		$c->expect('AUTH SCRAM-SHA-256 ' . encode_base64("n,,n=$user\@example.com,r=abcdefgh", ''), qr/^334/);
		$c->expect('*', qr/^501/);
	}
	$c->expect('AUTH PLAIN ' . encode_base64("\0$user\@example.com\0wrong", ''), qr/^535/);
	ok($pb->wait_log('abuseLog', qr/event=login-failed service=smtp user=$user\@example\.com failures=\d+ account-failures=1 delay=0/),
		"$user: the failure after four that were cancelled is the first of the account");
}
my @failures = $pb->log_text('abuseLog') =~ / failures=(\d+)/g;
is("@failures", '1 2', 'and they did not count for the address either');
done_testing;
