#!/usr/bin/perl
# Addresses that look like files, programs or options never reach the file system: every call with a
# path that the processes of the instance make meanwhile is seen, and none has such a name (case S18).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

plan skip_all => 'only root can trace programs that are confined' if $> != 0;
my ($strace) = grep { -x } map { "$_/strace" } split /:/, "$ENV{PATH}:/usr/bin";
plan skip_all => 'strace is not installed' unless $strace;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0, maxBadRecipients => 0 });
$pb->user('alice@example.com');
$pb->start;

sub begin {
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^250/) for 'EHLO c.example', 'MAIL FROM:<a@far.example>';
	return $c;
}
begin()->close;

# All processes are followed; strace says so for each, or that it may not.
my $trace = "$pb->{top}/trace";
my @pids = $pb->pids;
my $tracer = fork() // die "fork: $!";
if ($tracer == 0) {
	open STDERR, '>', "$trace.said" or POSIX::_exit(126);
	exec $strace, '-f', '-s', '400', '-e', 'trace=%file', '-o', $trace, map { ('-p', $_) } @pids or POSIX::_exit(127);
}
END { my $code = $?; if ($tracer) { kill 'INT', $tracer; waitpid $tracer, 0 } $? = $code }
my $end = time + 20;
my $said = '';
sub untraced { my %seen = map { $_ => 1 } $said =~ /Process (\d+) attached/g; return grep { !$seen{$_} && kill 0, $_ } @pids }
sleep 0.1 while time < $end && ($said = Pillarbox::slurp("$trace.said")) !~ /not permitted/ && untraced();
plan skip_all => 'nothing may be traced here' if $said =~ /not permitted/;
is(join(' ', untraced()), '', 'every process that has not ended is traced');

my $c = begin();
my @names = ('|/bin/id', '/etc/passwd', ':include:/etc/passwd', '../../x', '../../../../../../etc/shadow', '-froot', '.', '..', 'a' x 256,
	'a/b', '~root', '/dev/null', 'alice/../../canary', 'users', 'new', 'cur', 'tmp');
for my $name (@names) {
	like($c->command("RCPT TO:<$name\@example.com>"), qr/^(?:550 5\.1\.1|501 5\.1\.3) .* ticket \d{12}$/, "S18: $name");
	like($c->command("RCPT TO:<\"$name\"\@example.com>"), qr/^55[03] 5\.1\.[13] |^501 5\.1\.3 /, "S18: $name, quoted");
	like($c->command("RCPT TO:<x\@$name>"), qr/^5(?:50|01|30) /, "S18: $name as a domain");
	like($c->command("VRFY <$name\@example.com>"), qr/^252 /, "S18: $name in VRFY");
}
# What is well shows that the tracer sees files.
like($c->command('RCPT TO:<alice@example.com>'), qr/^250/, 'a recipient that there is');
$c->expect('DATA', qr/^354/);
$c->expect("Subject: seen\r\n\r\nx\r\n.", qr/^250/);
$c->close;
is(scalar $pb->wait_mail('alice@example.com', 1), 1, 'gets the message');
kill 'INT', $tracer;
waitpid $tracer, 0;
$tracer = 0;

my $text = Pillarbox::slurp($trace);
$text =~ s/(readlink\w*\([^"]*"[^"]*", )"[^"]*"/$1/g;	# where a link of the kernel points to is no path of ours
like($text, qr/^\d+\s+\w+\(.*"/m, 'calls with paths were seen');
like($text, qr/alice|Maildir|msg/, 'among them those of the delivery');
my @paths = $text =~ /"((?:[^"\\]|\\.)*)"/g;
my @bad = grep { m{passwd|shadow|/bin/id|:include|froot|\.\.|a{50}|~root|canary|/dev/null|\|} } @paths;
is_deeply(\@bad, [], 'S18: none has the name of a recipient that was refused');
my @outside = grep { m{^/} && index($_, $pb->dir) != 0 && !m{^/(?:proc|sys|dev/u?random|etc/(?:localtime|resolv\.conf|hosts))|^/usr/share/zoneinfo} } @paths;
is_deeply(\@outside, [], 'S18: nor lies one outside the instance');
done_testing();
