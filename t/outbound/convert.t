#!/usr/bin/perl
# A message that the next host cannot take as it is: eight-bit text is encoded for
# hosts without 8BITMIME, long lines for all, and what cannot be helped goes back.
# Features: SMTPOUT-11.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64 qw(decode_base64);
use Test::More;
use Pillarbox::Outbound;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';

my $port = Pillarbox::Outbound::free_port();
my ($old, $new) = map { my @offers = @$_; my $ip = shift @offers; Pillarbox::Outbound::Server->new($ip, $port, sub { $_[0]->serve(ehlo => \@offers) }) }
	[ '127.0.0.81', 'PIPELINING', 'SIZE 1000000' ], [ '127.0.0.82', '8BITMIME' ];
my $out = Pillarbox::Outbound->new(settings => { smtpOutPort => $port }, zone => <<'END');
old.example. A 127.0.0.81
new.example. A 127.0.0.82
both.example. MX 10 old.example.
both.example. MX 20 new.example.
END
my $text = "From: a\@sender.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
sub deliver { my ($to, $message, %job) = @_; my %r = $out->send($message, domain => "$to.example", from => 'a@sender.example', rcpt => ["b\@$to.example"], %job); return $r{1} }
# The last message that a server was given, dots and line ends as they came.
sub last_of { my ($server) = @_; my ($data) = (join '', $server->transcripts) =~ /.*^D: (.*?)\\n\.\\n$/ms; return $data =~ s/\\n/\r\n/gr =~ s/\\x([0-9a-f]{2})/chr hex $1/ger }

my $body = "Gr\xc3\xbc\xc3\x9fe\r\n..dot\r\n";
like(deliver('old', "$text$body"), qr/^250 /, 'eight-bit text for a host without 8BITMIME');
my ($head, $got) = split /\r\n\r\n/, last_of($old), 2;
like($head, qr/^Content-Transfer-Encoding: base64$/m, 'is encoded');
is(decode_base64($got), $body, 'and means the same');
unlike(join('', $old->transcripts), qr/BODY=/, 'no word of 8BITMIME');
like(deliver('new', "$text$body"), qr/^250 /, 'for one that has it');
like(last_of($new), qr/8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n\.\.\.dot/, 'it goes as it is');
my $long = ('word ' x 400) . "\r\n";
like(deliver('new', "$text$long"), qr/^250 /, 'a line over 998 bytes');
($head, $got) = split /\r\n\r\n/, last_of($new), 2;
is(decode_base64($got), $long, 'is encoded for all');
like(deliver('new', "X-List: " . ('<a@b> ' x 300) . "\r\n$text$body"), qr/^250 /, 'a header line over 998 bytes');
cmp_ok((sort { $b <=> $a } map { length } split /\r\n/, last_of($new))[0], '<=', 998, 'is folded');
like(deliver('new', 'X-Blob: ' . 'x' x 2000 . "\r\n$text$body"), qr/^554 5\.6\.3 new\.example\S+ takes no lines over 1000 bytes, and the message cannot be converted/, 'one that cannot be folded goes back');
like($out->log, qr/event=failed .*5\.6\.3 /, 'the log says why');
like(deliver('old', $text . $body x 60000), qr/^552 5\.3\.4 /, 'what grows beyond the SIZE of a host goes back');
like(deliver('old', "Subject: x\r\n\r\nplain\r\n", smtputf8 => 1), qr/^250 /, 'SMTPUTF8 that nothing makes use of is not demanded');
like(deliver('old', "Subject: \xc3\xa4\r\n\r\nplain\r\n", smtputf8 => 1), qr/^550 5\.6\.7 /, 'of a header that does it is');
like(deliver('old', "Subject: x\r\n\r\nplain\r\n", smtputf8 => 1, rcpt => ["\xc3\xa4\@old.example"]), qr/^550 5\.6\.7 /, 'or an address');
is($out->stop, 0, 'it ends in peace');
done_testing;
