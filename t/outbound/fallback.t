#!/usr/bin/perl
# A host with addresses of both families: when one leads nowhere the other is tried.
# Features: SMTPOUT-11.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Socket qw(AF_INET6 SOCK_STREAM);
use Test::More;
use Pillarbox::Outbound;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';
plan skip_all => 'there is no IPv6 here' unless socket(my $s, AF_INET6, SOCK_STREAM, 0) && IO::Socket::IP->new(LocalAddr => '::1', Listen => 1);

my $port = Pillarbox::Outbound::free_port();
my $six = Pillarbox::Outbound::Server->new('::1', $port, sub { $_[0]->serve });
my $four = Pillarbox::Outbound::Server->new('127.0.0.52', $port, sub { $_[0]->serve });
# Nobody takes connections here: its queue is full.
my $full = IO::Socket::IP->new(LocalAddr => '127.0.0.53', LocalPort => $port, Proto => 'tcp', Listen => 1) or die "$@";
my @crowd = map { IO::Socket::IP->new(PeerHost => '127.0.0.53', PeerPort => $port, Timeout => 1) } 1 .. 4;

my $many = join '', map { "mx.many.example. A 127.0.0.$_\n" } 60 .. 67;
my $out = Pillarbox::Outbound->new(settings => { smtpOutPort => $port, smtpOutCommandTimeout => 60 }, zone => <<"END");
refused.example. MX 10 mx.refused.example.
mx.refused.example. A 127.0.0.51
mx.refused.example. AAAA ::1
silent.example. MX 10 mx.silent.example.
mx.silent.example. A 127.0.0.53
mx.silent.example. AAAA ::1
many.example. MX 10 mx.many.example.
${many}mx.many.example. AAAA ::1
six.example. AAAA ::1
four.example. A 127.0.0.52
four.example. AAAA 2001:db8::1
END
sub deliver { my ($d) = @_; my %r = $out->send("x\r\n", domain => $d, from => '', rcpt => ["a\@$d"]); return $r{1} }
like(deliver('refused.example'), qr/^250 .*\[::1\]/, 'IPv4 refused: IPv6');
like(deliver('six.example'), qr/^250 .*\[::1\]/, 'IPv6 alone');
like(deliver('four.example'), qr/^250 .*\[127\.0\.0\.52\]/, 'IPv6 leads nowhere: IPv4');
like(deliver('many.example'), qr/^250 .*\[::1\]/, 'many addresses of one family leave room for the other');
my ($tries) = $out->log =~ /(event=sent id=3 .*)\z/s;
is(scalar(() = $tries =~ /connect failed: /g), 1, '... which comes second');
like(deliver('silent.example'), qr/^250 .*\[::1\]/, 'IPv4 silent: IPv6');
is($out->stop, 0, 'it ends in peace');
done_testing;
