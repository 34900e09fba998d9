#!/usr/bin/perl
# remote-send finds the hosts of a domain, sends by ESMTP, reuses connections,
# and gives each recipient its verdict.
# Features: SMTPOUT-11.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox::Outbound;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';

my $port = Pillarbox::Outbound::free_port();
my $out = Pillarbox::Outbound->new(settings => { smtpOutPort => $port }, zone => <<'END');
remote.example. MX 20 mx2.remote.example.
remote.example. MX 10 mx1.remote.example.
mx1.remote.example. A 127.0.0.5
mx2.remote.example. A 127.0.0.6
plain.example. A 127.0.0.5
null.example. MX 0 .
self.example. MX 10 sender.example.
selfaddr.example. MX 10 nowhere.example.
nowhere.example. A 0.0.0.0
backup.example. MX 10 mx2.remote.example.
backup.example. MX 20 sender.example.
backup.example. MX 30 mx1.remote.example.
sender.example. A 127.0.0.1
empty.example. TXT "nothing to see"
dangling.example. MX 10 missing.example.
END

my $server = Pillarbox::Outbound::Server->new('127.0.0.5', $port, sub {
	my ($c) = @_;
	$c->serve('RCPT TO:<no@remote.example>' => '550 5.1.1 nobody here',
		'RCPT TO:<later@remote.example>' => '451 4.2.0 not now');
});

my %r = $out->send("Return-Path: <a\@sender.example>\r\nSubject: x\r\n\r\n.dot\r\nbody\r\n",
	domain => 'remote.example', from => 'a@sender.example',
	rcpt => ['yes@remote.example', 'no@remote.example', 'later@remote.example']);
like($r{1}, qr/^250 2\.0\.0 mx1\.remote\.example\[127\.0\.0\.5\] said: taken/, 'an accepted recipient');
like($r{2}, qr/^550 5\.1\.1 .*nobody here/, 'a refused one');
like($r{3}, qr/^451 4\.2\.0 .*not now/, 'one to be tried again');

my %again = $out->send("Subject: y\r\n\r\ntwo\r\n", domain => 'remote.example', from => '',
	rcpt => ['yes@remote.example']);
like($again{1}, qr/^250/, 'a second message');
my ($first) = $server->transcripts;
like($first, qr/C: EHLO sender\.example\n/, 'EHLO names us');
like($first, qr/C: MAIL FROM:<a\@sender\.example> SIZE=\d+ BODY=8BITMIME\n.*C: RCPT TO:<yes.*C: DATA/s, 'the envelope');
like($first, qr/D: Subject: x\\n\\n\.\.dot\\nbody\\n\.\\n/, 'no Return-Path, dots stuffed, CRLF throughout');
like($first, qr/C: MAIL FROM:<> .*D: Subject: y/s, 'the connection was kept for the second message');
is(scalar(() = $server->transcripts), 1, 'one connection for both');

%r = $out->send("x\r\n", domain => 'plain.example', from => '', rcpt => ['a@plain.example']);
like($r{1}, qr/^250/, 'a domain without MX is its own host');

%r = $out->send("x\r\n", domain => 'null.example', from => '', rcpt => ['a@null.example']);
like($r{1}, qr/^556 5\.1\.10 /, 'a null MX takes no mail');
%r = $out->send("x\r\n", domain => 'self.example', from => '', rcpt => ['a@self.example']);
like($r{1}, qr/^554 5\.4\.6 /, 'an MX that is us by name is a loop');
%r = $out->send("x\r\n", domain => 'selfaddr.example', from => '', rcpt => ['a@selfaddr.example']);
like($r{1}, qr/^554 5\.4\.6 /, 'an MX at 0.0.0.0 is a loop');
%r = $out->send("x\r\n", domain => 'missing.example', from => '', rcpt => ['a@missing.example']);
like($r{1}, qr/^450 4\.1\.2 /, 'a domain that does not exist');
is($r{dns}, 1, '... counts as a failed look-up');
%r = $out->send("x\r\n", domain => 'empty.example', from => '', rcpt => ['a@empty.example']);
like($r{1}, qr/^450 4\.4\.4 /, 'a domain without host');
%r = $out->send("x\r\n", domain => 'dangling.example', from => '', rcpt => ['a@dangling.example']);
like($r{1}, qr/^450 4\.4\.4 /, 'an MX that does not exist');
is($r{dns}, 1, '... counts as a failed look-up');

%r = $out->send("x\r\n", domain => 'backup.example', from => '', rcpt => ['a@backup.example']);
like($r{1}, qr/^451 4\.4\.1 .*127\.0\.0\.6/, 'a backup MX sends to better hosts only, never to its equals');

my $second = Pillarbox::Outbound::Server->new('127.0.0.6', $port, sub { $_[0]->serve });
undef $server;
sleep 6;	# longer than a connection is kept
%r = $out->send("x\r\n", domain => 'remote.example', from => '', rcpt => ['a@remote.example']);
like($r{1}, qr/^250 .*mx2/, 'the next MX when the first is down');

%r = $out->send("x\r\n", domain => '[127.0.0.6]', from => '', rcpt => ['a@[127.0.0.6]']);
like($r{1}, qr/^250 /, 'an address literal');
%r = $out->send("x\r\n", domain => 'other.example', host => "127.0.0.6:$port", from => '',
	rcpt => ['a@other.example']);
like($r{1}, qr/^250 /, 'a fixed route');
%r = $out->send(undef, domain => 'remote.example', from => '', rcpt => ['a@remote.example']);
isnt($r{exit}, 0, 'a job without message is no job');
is($out->stop, 0, 'it ends in peace');
unlike($out->log, qr/event=(child-died|agent-nonsense)/, 'nothing died');
done_testing();
