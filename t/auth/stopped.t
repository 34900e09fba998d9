#!/usr/bin/perl
# auth-check stopped (not dead): clients are told to try later, in time, and nobody gets in.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->start;
# Known to the cache of log-ins, which must not let anybody in either.
$pb->send_mail(from => 'alice@example.com', to => 'alice@example.com');

my %client = map { $_ => $pb->connect($_) } qw(smtps pop3s imaps);
$client{smtps}->expect('EHLO client.example', qr/^250/);
$client{pop3s}->expect('USER alice@example.com', qr/^\+OK/);
my $rcpt = $pb->connect('smtp');
$rcpt->expect('EHLO client.example', qr/^250/);
$rcpt->expect('MAIL FROM:<s@far.example>', qr/^250/);
my @pids = $pb->pids_of('auth-check');
kill 'STOP', @pids;
my $plain = encode_base64("\0alice\@example.com\0$Pillarbox::PASSWORD", '');
my %say = (smtps => "AUTH PLAIN $plain", pop3s => "PASS $Pillarbox::PASSWORD",
	imaps => "LOGIN alice\@example.com $Pillarbox::PASSWORD");
my %want = (smtps => qr/^454 4\.7\.0 .*\d{12}/, pop3s => qr/^-ERR \[SYS\/TEMP\] .*\d{12}/,
	imaps => qr/^a\d+ NO \[UNAVAILABLE\] .*\d{12}/m);

# All of them wait at once, each in a process of its own.
my %answer;
my %pipe;
my $start = time;
for my $name (sort(keys %say), 'rcpt') {
	pipe(my $r, my $w) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		my $c = $name eq 'rcpt' ? $rcpt : $client{$name};
		$c->{timeout} = 45;
		my $text = $c->command($name eq 'rcpt' ? 'RCPT TO:<bob@example.com>' : $say{$name});
		syswrite $w, sprintf("%.1f ", time - $start) . $text;
		POSIX::_exit(0);
	}
	close $w;
	$pipe{$name} = [ $r, $pid ];
}
for my $name (sort keys %pipe) {
	my ($r, $pid) = @{ $pipe{$name} };
	local $/;
	my $text = <$r> // '';
	waitpid $pid, 0;
	($answer{$name}) = [ $text =~ /^(\S+) (.*)/s ];
}
kill 'CONT', @pids;
for my $name (sort keys %say) {
	my ($seconds, $text) = @{ $answer{$name} };
	like($text, $want{$name}, "$name: try later");
	cmp_ok($seconds, '<=', 32, "$name: within 30 seconds");
}
like($answer{rcpt}[1], qr/^4[25]1 4\.3\.\d .*\d{12}/, 'a recipient is asked to come again');
cmp_ok($answer{rcpt}[0], '<=', 32, 'within 30 seconds');
my $end = time + 20;
my $reply;
do {
	my $c = $pb->connect('smtps');
	$c->command('EHLO client.example');
	$reply = $c->command($say{smtps});
	$c->close;
	sleep 0.2;
} while $reply !~ /^235/ && time < $end;
like($reply, qr/^235/, 'when it goes on, so do log-ins');
done_testing;
