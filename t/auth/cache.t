#!/usr/bin/perl
# ADMIN-05: authCacheSeconds: for how long a verified log-in costs no hash.  While the
# hashing helpers are stopped only what needs none is answered.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep);
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new(settings => { authCacheSeconds => 3600 });
$pb->user($_) for 'alice@example.com', 'bob@example.com';
start_directory($pb);

my ($s, $id);
sub begin { $s = auth_connect($pb) or die "no auth-check\n"; $id = 0 }
sub ask {
	my ($user, $password) = @_;
	syswrite $s, 'AUTH' . "\t" . ++$id . "\tPLAIN\tservice=smtp\tsecured\tresp="
		. encode_base64("\0$user\0$password", '') . "\n";
	return $id;
}
sub answer { return (read_line($s) // 'nothing') =~ /^(\S+\t\d+)/ ? $1 : 'nothing' }

# Does this log-in wait for a hash?  The answer to one that cannot be right comes before it then.
sub waits {
	my ($user) = @_;
	my @helpers = hash_helpers($pb);
	cmp_ok(scalar @helpers, '>=', 2, 'helpers are stopped');
	kill 'STOP', @helpers;
	my ($first, $second) = (ask($user, $Pillarbox::PASSWORD), ask($user, 'x' x 513));
	my @came = (answer());
	kill 'CONT', @helpers;
	push @came, answer();
	return "@came" eq "FAIL\t$second OK\t$first" ? 'waits' : "@came" eq "OK\t$first FAIL\t$second" ? 'is known' : "@came";
}

sub log_in { my $n = ask(@_, $Pillarbox::PASSWORD); return answer() eq "OK\t$n" }

begin();
ok(log_in('alice@example.com'), 'authCacheSeconds=3600: a log-in');
is(waits('alice@example.com'), 'is known', 'it is known when it comes again');
is(waits('bob@example.com'), 'waits', 'that of somebody else is not');
$pb->set(authCacheSeconds => 1);
begin();
ok(log_in('alice@example.com'), 'authCacheSeconds=1: a log-in');
sleep 1.1;
is(waits('alice@example.com'), 'waits', 'after a second it is forgotten');
$pb->set(authCacheSeconds => 0);
begin();
ok(log_in('alice@example.com'), 'authCacheSeconds=0: a log-in');
is(waits('alice@example.com'), 'waits', 'is never known');
done_testing;
