#!/usr/bin/perl
# S25: a thousand exchanges that are given up, each followed by a log-in that is right:
# the outcome never changes, and nothing of them stays in auth-check.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64 qw(encode_base64);
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

# What a thousand may leave: less than the smallest state of one exchange, times a thousand.
my $growth_kb = 256;

my $pb = Pillarbox->new(settings => { authCacheSeconds => 3600, smtpMaxBadCommands => 0 });
my ($user, $pw) = ('alice@example.com', $Pillarbox::PASSWORD);
$pb->domain('example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerScramSha1=True', 'offerCramMd5=True');
$pb->user($user);
$pb->start;

sub resident { my ($pid) = @_; return Pillarbox::slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m ? $1 : die "no process $pid\n" }
my $plain = encode_base64("\0$user\0$pw", '');
my @given_up = map { [ $_ => $_ eq 'CRAM-MD5' ? '' : "\tresp=" . encode_base64("n,,n=$user,r=abcdefgh", '') ] } qw(SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5);
my $id = 0;

# Returns how many of them went as they should.
sub rounds {
	my ($s, $n) = @_;
	my $good = 0;
	for my $round (1 .. $n) {
		my ($mechanism, $initial) = @{ $given_up[ $round % @given_up ] };
		my ($first, $second) = (++$id, ++$id);
		syswrite $s, "AUTH\t$first\t$mechanism\tservice=smtp\tsecured$initial\n";
		last if (read_line($s) // '') !~ /^CONT\t$first\t\S/;
		syswrite $s, "CANCEL\t$first\nAUTH\t$second\tPLAIN\tservice=smtp\tsecured\tresp=$plain\n";
		last if (read_line($s) // '') ne "OK\t$second\tuser=$user";
		$good++;
	}
	return $good;
}
my $s = auth_connect($pb);
is(rounds($s, 300), 300, 'the first 300');
my $main = auth_main($pb);
my $before = resident($main);
is(rounds($s, 1000), 1000, 'a thousand more');
my $after = resident($main);
is(auth_main($pb), $main, 'in the same process');
SKIP: {
	skip 'what a sanitizer keeps is no leak', 1 if $ENV{PB_SANITIZED};
	cmp_ok($after - $before, '<=', $growth_kb, "its memory did not grow ($before kB before)");
}

# The same by SMTP, where the log-in ends what can be tried on a connection.
my $good = 0;
for (1 .. 50) {
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	$c->expect('AUTH SCRAM-SHA-256 ' . encode_base64("n,,n=$user,r=abcdefgh", ''), qr/^334/);
	$c->expect('*', qr/^501/);
	$good++ if $c->command("AUTH PLAIN $plain") =~ /^235 2\.7\.0/;
	$c->command('QUIT');
}
is($good, 50, 'given up, then right, over fifty connections of SMTP');
done_testing;
