#!/usr/bin/perl
# S29 and S30 by SMTP (SMTPIN-10): neither a lack of descriptors (RLIMIT_NOFILE=32, EMFILE) nor a
# fork that fails stops smtp-listen or makes it spin; clients hear 421 4.3.2, and it recovers.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

plan skip_all => 'limits of another user can be changed by root alone' if $> != 0;

# The programs, with an smtp-listen that has 32 descriptors from its first instruction on.
sub programs_with_few_descriptors {
	my ($dir) = @_;
	mkdir $dir or die "$dir: $!";
	system('cp', grep({ !/smtp-listen$/ } glob "$Pillarbox::BIN/*"), $dir) == 0 or die 'cp';
	Pillarbox::spew("$dir/smtp-listen", "#!/bin/sh\nexec /usr/bin/prlimit --nofile=32: $Pillarbox::BIN/smtp-listen \"\$@\"\n");
	chmod 0755, "$dir/smtp-listen";
	return $dir;
}

my $pb = Pillarbox->new(settings => { smtpMaxConnections => 300, smtpMaxConnectionsPerIp => 0 });
$pb->user('alice@example.com');
{
	local $Pillarbox::BIN = programs_with_few_descriptors("$pb->{top}/prog");
	$pb->start;
}
my ($parent) = sort { $a <=> $b } $pb->pids_of('smtp-listen');

sub limit {
	my ($pid, @what) = @_;
	my ($uid, $gid) = (stat "/proc/$pid")[4, 5];
	return system('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', 'prlimit', '--pid', $pid, @what);
}
sub children { my ($pid) = @_; return split ' ', Pillarbox::slurp("/proc/$pid/task/$pid/children") }
# Processor time of the parent alone, in seconds.
sub cpu {
	my @f = split ' ', (Pillarbox::slurp("/proc/$parent/stat") =~ s/.*\) //sr);
	return ($f[11] + $f[12]) / 100;
}
# Greetings of n clients at once; they stay connected.
sub crowd {
	my ($n) = @_;
	my @c = map { $pb->connect('smtp', no_greeting => 1) } 1 .. $n;
	$_->{greeting} = $_->line(30) for @c;
	return @c;
}
sub served { my $c = eval { $pb->connect('smtp') } or return 0; my $good = $c->{greeting} =~ /^220/; $c->close; return $good }
sub until_true {
	my ($seconds, $test) = @_;
	my $end = time + $seconds;
	while (time < $end) {
		return 1 if $test->();
		sleep 0.1;
	}
	return 0;
}
# 200 clients at once; those who are served send a message each.
sub is_harmless {
	my ($error) = @_;
	my $begin = cpu();
	my @c = crowd(200);
	my @served = grep { $_->{greeting} =~ /^220 / } @c;
	my $refused = grep { $_->{greeting} =~ /^421 4\.3\.2 .*\d{12}$/ } @c;
	cmp_ok(scalar @served, '>=', 1, 'some are served: ' . @served);
	cmp_ok($refused, '>=', 100, "the others hear 421 4.3.2: $refused");
	is(@served + $refused, 200, 'and nobody anything else');
	cmp_ok(cpu() - $begin, '<', 1, 'the parent turns 200 clients away at little cost');
	$begin = cpu();
	my $end = time + 3;
	sleep 0.2 while time < $end;
	cmp_ok(cpu() - $begin, '<=', 0.15, 'and does not spin while it can take nobody: under 5 % of a core');
	my $sent = 0;
	for my $c (@served) {
		$c->command($_) for 'EHLO c.example', 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>', 'DATA';
		$sent++ if $c->command("Subject: $error\r\n\r\ntext\r\n.") =~ /^250 /;
	}
	is($sent, scalar @served, 'who is served is served in full');
	ok($pb->wait_log('smtpLog', qr/\[-\]\[-\] event=cannot-fork error=$error/, 70), "the log tells why: $error");
	$_->close for @c;
}

ok(until_true(20, sub { children($parent) >= 2 }), 'workers wait');
like(Pillarbox::slurp("/proc/$parent/limits"), qr/^Max open files\s+32\s/m, 'S29: 32 descriptors');
is_harmless('EMFILE');
ok(until_true(70, \&served), 'it recovers when the clients have gone');
limit($parent, '--nofile=1024:');

ok(until_true(70, sub { children($parent) >= 2 }), 'workers wait');
is(limit($parent, '--nproc=0:'), 0, 'S30: no processes');
is_harmless('EAGAIN');
limit($parent, '--nproc=1000:');
ok(until_true(70, \&served), 'it recovers');
ok(until_true(70, sub { children($parent) >= 2 }), 'with workers that wait');

ok(-d "/proc/$parent", 'the same process all the time');
ok($pb->wait_log('smtpLog', qr/\[127\.0\.0\.1\]\[\d{12}\] event=connection-refused listener=smtp reason=busy/), 'and tells of each refusal, with the client');
done_testing();
