#!/usr/bin/perl
# remote-send against servers that lie, stall and flood (cases R01, R03, R04, D04):
# every recipient gets a verdict in bounded time and memory, and nothing dies.
# Features: SMTPOUT-05.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(time sleep);
use IO::Socket::INET;
use Pillarbox::Outbound;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';

my $port = Pillarbox::Outbound::free_port();
my $many = join '', map { "many.example. MX 10 m$_.many.example.\nm$_.many.example. A 127.0.0.8\n" } 1 .. 300;
my $out = Pillarbox::Outbound->new(settings => { smtpOutPort => $port, smtpOutCommandTimeout => 1,
	smtpOutDataTimeout => 2,
	maxMessagesPerConnection => 1 }, zone => <<"END");
x.example. MX 10 mx.x.example.
mx.x.example. A 127.0.0.7
y.example. MX 10 mx.x.example.
y.example. MX 20 good.y.example.
good.y.example. A 127.0.0.9
$many
END

# What the server at 127.0.0.7 does is read from a file.
my $mode_file = "$out->{dir}/mode";
my %script = (
	'continued without end' => sub { my $c = shift; $c->raw("250-\r\n5\r\n"); $c->hear },
	'a single digit' => sub { my $c = shift; $c->raw("2\r\n"); $c->hear },
	'an empty line' => sub { my $c = shift; $c->raw("\r\n"); $c->hear },
	'code 999' => sub { my $c = shift; $c->raw("999 hello\r\n"); $c->hear },
	'continued for ever' => sub { my $c = shift; $c->raw("220-again\r\n" x 100) for 1 .. 200; $c->hear },
	'ten megabytes in a line' => sub { my $c = shift; $c->raw('220 ' . 'x' x 10_000_000); $c->hear },
	'a line at LIMIT_SMTP_REPLY_LINE' => sub { $_[0]->serve(greeting => '220 ' . 'x' x 2044) },
	'a line over LIMIT_SMTP_REPLY_LINE' => sub { $_[0]->serve(greeting => '220 ' . 'x' x 2045) },
	'bytes without end' => sub { my $c = shift; $c->raw("220 mx"); sleep 20 },
	'NUL and escapes' => sub { my $c = shift; $c->raw("554 no\0\e[2J\xff thing\r\n"); $c->hear },
	'silence' => sub { sleep 20 },
	'a byte a second' => sub { my $c = shift; for (split //, "220 mx.x.example ESMTP\r\n") { $c->raw($_); sleep 1 } },
	'a close' => sub { },
	'ten thousand lines of EHLO' => sub { my $c = shift; $c->say('220 mx'); $c->hear;
		$c->raw("250-SIZE\r\n" x 10000); $c->hear },
	'421 at once' => sub { my $c = shift; $c->say('421 4.3.2 busy'); },
	'554 at once' => sub { my $c = shift; $c->say('554 5.7.1 not you'); $c->hear },
	'no answer to the final dot' => sub { $_[0]->serve(END => sub { sleep 20; '250 too late' }) },
	'a close after the final dot' => sub { $_[0]->serve(END => sub { POSIX::_exit(0) }) },
	'354 to RCPT' => sub { $_[0]->serve(RCPT => '354 what') },
	'250 to DATA' => sub { $_[0]->serve(DATA => '250 done already') },
	'a huge SIZE' => sub { $_[0]->serve(ehlo => ['SIZE 99999999999999999999999']) },
	'a small SIZE' => sub { $_[0]->serve(ehlo => ['SIZE 3']) },
	'STARTTLS, then 454' => sub { $_[0]->serve(ehlo => ['STARTTLS'], STARTTLS => '454 4.7.0 not now') },
	'STARTTLS, then rubbish' => sub { my $c = shift;
		$c->serve(ehlo => $c->{number} % 2 ? ['STARTTLS'] : [], STARTTLS => '220 go') },
	'text ahead of TLS' => sub { my $c = shift;
		$c->serve(ehlo => $c->{number} % 2 ? ['STARTTLS'] : [], STARTTLS => "220 go\r\n250 injected") },
	'452 after two recipients' => sub { my ($c, $n) = (shift, 0);
		$c->serve(RCPT => sub { ++$n > 2 ? '452 4.5.3 too many' : '250 ok' }, DATA => sub { $n = 0; undef }) },
	'never more than one' => sub { my ($c, $n) = (shift, 0);
		$c->serve(RCPT => sub { $n++ ? '452 4.5.3 enough' : '250 ok' }) },
	'HELO only' => sub { $_[0]->serve(EHLO => '502 5.5.1 what is that') },
	'not reading' => sub { my $c = shift; $c->serve(ehlo => [], DATA => sub { $c->say('354 go'); sleep 3; POSIX::_exit(0) }) },
	'our own name' => sub { $_[0]->serve(greeting => '220 sender.example ESMTP') },
	'421 to RCPT' => sub { $_[0]->serve(RCPT => '421 4.3.2 going down') },
);
my $server = Pillarbox::Outbound::Server->new('127.0.0.7', $port, sub {
	my $mode = Pillarbox::Outbound::slurp($mode_file);
	$script{$mode}->($_[0]);
});
my $good = Pillarbox::Outbound::Server->new('127.0.0.9', $port, sub { $_[0]->serve });

my $mode_set = 0;
sub play {
	my ($mode, %job) = @_;
	Pillarbox::Outbound::write_file($mode_file, $mode);
	my $begin = time;
	my %r = $out->send("Subject: x\r\n\r\n" . 'y' x ($job{bytes} // 10) . "\r\n", domain => $job{domain} // 'x.example',
		from => 'a@sender.example', rcpt => [map { "r$_\@x.example" } 1 .. ($job{rcpts} // 1)]);
	$r{seconds} = time - $begin;
	return %r;
}

sub verdict {
	my ($mode, $like, %job) = @_;
	my %r = play($mode, %job);
	my $max = $job{seconds} // 3;
	like($r{1}, $like, "$mode: verdict");
	cmp_ok($r{seconds}, '<', $max, "$mode: in time");
	ok($r{1} !~ /[^\x20-\x7e]/ && length $r{1} < 600, "$mode: one printable line");
	return %r;
}

verdict($_, qr/^451 4\.5\.0 /) for 'continued without end', 'a single digit', 'an empty line', 'code 999',
	'continued for ever', 'ten thousand lines of EHLO', '250 to DATA', '354 to RCPT';
verdict($_, qr/^451 4\.(5\.0|4\.2) /) for 'ten megabytes in a line';
verdict('a line at LIMIT_SMTP_REPLY_LINE', qr/^250 /);
verdict('a line over LIMIT_SMTP_REPLY_LINE', qr/^451 4\.5\.0 .*does not speak SMTP/);
verdict($_, qr/^451 4\.4\.2 /) for 'bytes without end', 'silence', 'a byte a second', 'a close';
verdict('NUL and escapes', qr/^(554|451) /);
verdict('421 at once', qr/^421 4\.3\.2 /);
verdict('554 at once', qr/^554 5\.7\.1 /);
verdict('no answer to the final dot', qr/^451 4\.4\.2 /, seconds => 5);
verdict('a close after the final dot', qr/^451 4\.4\.2 /);
verdict('a huge SIZE', qr/^250 /);
verdict('a small SIZE', qr/^552 5\.3\.4 /);
verdict('STARTTLS, then 454', qr/^250 /);
verdict('STARTTLS, then rubbish', qr/^250 /, seconds => 5);
verdict('text ahead of TLS', qr/^250 /, seconds => 5);
like($out->log, qr/clear text was sent ahead of the handshake/, 'text ahead of TLS: is seen, and no handshake is tried');
verdict('HELO only', qr/^250 /);
verdict('our own name', qr/^554 5\.4\.6 /);
verdict('421 to RCPT', qr/^421 /);
verdict('not reading', qr/^451 4\.4\.2 /, bytes => 20_000_000, seconds => 30);

my %r = verdict('452 after two recipients', qr/^250 /, rcpts => 5);
is(scalar(grep { ($r{$_} // '') =~ /^250/ } 1 .. 5), 5, 'recipients that were too many go in further transactions');
%r = verdict('never more than one', qr/^250 /, rcpts => 3);
like($r{3}, qr/^452 4\.5\.3 /, 'a server that takes no more is left in peace');

for my $mode ('421 at once', 'silence', 'a close', 'code 999', '421 to RCPT', '554 at once') {
	%r = play($mode, domain => 'y.example');
	like($r{1}, qr/^250 .*good\.y/, "$mode: the next MX gets it");
}
%r = play('a close after the final dot', domain => 'y.example');
like($r{1}, qr/^451 4\.4\.2/, 'after the final dot no other host gets the message too');

my $begin = time;
%r = $out->send("x\r\n", domain => 'many.example', from => '', rcpt => ['a@many.example']);
like($r{1}, qr/^451 4\.4\.1 /, 'three hundred hosts that are down');
cmp_ok(time - $begin, '<', 5, '... are not all tried');

my $rss = 0;
for my $stat (glob '/proc/[0-9]*/stat') {
	my @f = split ' ', Pillarbox::Outbound::slurp($stat);
	next unless @f && $f[1] eq '(remote-send)' && $f[3] == $out->{sender};
	my ($kb) = Pillarbox::Outbound::slurp($stat =~ s/stat$/status/r) =~ /VmHWM:\s+(\d+)/;
	$rss = $kb if $kb && $kb > $rss;
}
cmp_ok($rss, '>', 0, 'agents are alive');
cmp_ok($rss, '<', $ENV{PB_SANITIZE} || `nm "$Pillarbox::Outbound::BIN/remote-send"` =~ /__asan_init/ ? 400_000 : 30_000,
	"memory stays small ($rss KB)");
is($out->stop, 0, 'it ends in peace');
unlike($out->log, qr/event=(child-died|agent-nonsense)/, 'nothing died');
done_testing();
