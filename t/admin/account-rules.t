#!/usr/bin/perl
# Rules for accounts: maxDomains, what a password must have (passwordMinLength,
# passwordRequireNumber, passwordRequireCapital, passwordRequireLower, passwordRequireSymbol,
# passwordNotUserName), accountType, and which secrets a new password leaves.
# Features: TOOL-18, PASS-01, PASS-02, ROLE-01, DOM-19.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
my $pw = $Pillarbox::PASSWORD;
sub add_domain { my ($name) = @_; return $pb->ctl('domain', 'add', $name, '--admin', 'postmaster', '--password', $pw) }

$pb->set(maxDomains => 2);
is((add_domain($_))[0], 0, "maxDomains=2: $_") for 'one.example', 'two.example';
my ($rc, undef, $err) = add_domain('three.example');
is($rc, 1, 'a third is refused');
like($err, qr/may have 2 domains \(maxDomains\)/, 'with the limit');
is(($pb->ctl('domain', 'show', 'three.example'))[0], 3, 'and not there');
$pb->ctl_ok('domain', 'delete', 'one.example', '--yes');
is((add_domain('three.example'))[0], 0, 'when one is gone there is room');
$pb->set(maxDomains => 0);
is((add_domain($_))[0], 0, "maxDomains=0: $_") for 'four.example', 'five.example';

# Each rule with a password that only it forbids, both ways.
my %rule = (
	passwordRequireNumber => [ 'True', 'Secret-word' ],
	passwordRequireCapital => [ 'True', 'secret-word-1' ],
	passwordRequireLower => [ 'True', 'SECRET-WORD-1' ],
	passwordRequireSymbol => [ 'False', 'Secretword1' ],
	passwordNotUserName => [ 'True', 'Xmallory-word-1' ],
);
my $user = 'mallory@two.example';
$pb->{domains}{'two.example'} = 1;
$pb->user($user);
for my $name (sort keys %rule) {
	my ($default, $weak) = @{ $rule{$name} };
	is($pb->ctl_ok('get', $name), "$default\n", "$name is $default when nobody sets it");
	$pb->set($name => 'True');
	is(($pb->ctl('user', 'passwd', $user, '--password', $weak))[0], 1, "$name=True refuses $weak");
	$pb->set($name => 'False');
	is(($pb->ctl('user', 'passwd', $user, '--password', $weak))[0], 0, "$name=False takes it");
	$pb->set($name => $default);
}
is(($pb->ctl('user', 'passwd', $user, '--password', 'Aa-4567'))[0], 1, 'passwordMinLength is 8');
is(($pb->ctl('user', 'passwd', $user, '--password', 'Aa-45678'))[0], 0, 'which is enough');
$pb->set(passwordMinLength => 12);
is(($pb->ctl('user', 'passwd', $user, '--password', 'Aa-45678901'))[0], 1, 'passwordMinLength=12 wants one more than 11');
is(($pb->ctl('user', 'passwd', $user, '--password', 'Aa-456789012'))[0], 0, 'and 12 are enough');
$pb->set(passwordMinLength => 8);

# Roles.
is($pb->ctl_ok('user', 'show', $user, 'accountType'), "user\n", 'accountType of a user');
is($pb->ctl_ok('user', 'show', 'postmaster@two.example', 'accountType'), "domainAdmin\n", 'and of the administrator of a domain');
$pb->ctl_ok('user', 'edit', $user, 'accountType=domainAdmin');
is(($pb->ctl('user', 'delete', 'postmaster@two.example', '--yes'))[0], 0, 'who is one of two may be deleted');
is(($pb->ctl('user', 'delete', $user, '--yes'))[0], 1, 'the last administrator may not');

# Secrets beside the hash are those that the domain offers when the password is set.
sub secrets {
	my ($name) = @_;
	return join ' ', map { my $v = $pb->ctl_ok('user', 'show', $name, $_); chomp $v; "$_=" . ($v eq '' ? 'no' : $v) }
		qw(passwordHash scramSha256 scramSha1 cramMd5State);
}
$pb->user('plain@two.example');
is(secrets('plain@two.example'), 'passwordHash=*** scramSha256=*** scramSha1=no cramMd5State=no', 'as domains are made');
$pb->ctl_ok('domain', 'edit', 'two.example', 'offerScramSha1=True', 'offerCramMd5=True', 'offerScramSha256=False');
is(secrets('plain@two.example'), 'passwordHash=*** scramSha256=*** scramSha1=no cramMd5State=no', 'what is offered later changes no account');
$pb->ctl_ok('user', 'passwd', 'plain@two.example', '--password', $pw);
is(secrets('plain@two.example'), 'passwordHash=*** scramSha256=no scramSha1=*** cramMd5State=***', 'the next password does');
done_testing;
