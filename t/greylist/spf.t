#!/usr/bin/perl
# What stands for the client: the sender's domain where SPF passes, else its network, or its address.
# Features: GREY-02.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Pillarbox;
use Pillarbox::Dns;
use Test::More;
use Time::HiRes qw(sleep time);

my $dns = Pillarbox::Dns->new("farm.test MX 10 farm.test\nfarm.test TXT v=spf1 ip4:127.0.0.0/8 -all\n"
	. "other.test MX 10 other.test\nother.test TXT v=spf1 ip4:192.0.2.0/24 -all\nplain.test MX 10 plain.test\n",
	'silent.test' => sub { undef });
my $pb = Pillarbox->new(settings => { primaryDns => $dns->address, 'greylisting/enabled' => 'True', 'greylisting/blockPeriod' => 10 });
$pb->user('alice@example.com');
$pb->start;

sub recipient {
	my ($local, $from) = @_;
	my $c = $pb->connect('smtp', local => $local);
	$c->expect('EHLO client.example', qr/^250/);
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	my $r = $c->command('RCPT TO:<alice@example.com>');
	$c->command('QUIT');
	return $r;
}
my $later = qr/^451 4\.7\.1 .*not before/;

# First contacts, each from one network.
like(recipient('127.0.20.1', 'news-1@farm.test'), $later, 'a domain for which SPF passes');
ok($pb->wait_log('greylistLog', qr/name=first-contact value=farm\.test .*from=news-1\@farm\.test/), '... stands for itself');
like(recipient('127.0.20.1', 'x@other.test'), $later, 'one for which SPF fails');
ok($pb->wait_log('greylistLog', qr/value=127\.0\.20\.0\/24 .*from=x\@other\.test/), '... is known by its network');
like(recipient('127.0.20.1', 'x@plain.test'), $later, 'one without SPF');
like(recipient('127.0.20.1', 'x@silent.test'), $later, 'one whose name servers are silent');
ok($pb->wait_log('greylistLog', qr/event=spf-unknown why="/), '... is not waited for, and logged');
like(recipient('127.0.20.1', ''), $later, 'the null reverse-path');
ok($pb->wait_log('greylistLog', qr/value=127\.0\.20\.0\/24 .*from=(?:"")? to=/), '... is known by its network');
like($pb->ctl_ok('greylist', 'list', '--sender', 'farm.test', '--tsv'), qr/^waiting\t.*\tfarm\.test\t<\@> <alice\@example\.com>$/m, 'a domain is listed as all of its senders');

# They come back from another network, and the mailing list with another sender.
$pb->set('greylisting/blockPeriod' => 0);
like(recipient('127.0.21.1', 'news-2@farm.test'), qr/^250/, 'a server farm passes');
like(recipient('127.0.21.1', 'x@other.test'), qr/^451/, 'a network that is new does not');
like(recipient('127.0.21.1', 'x@plain.test'), qr/^451/, '... for any other domain');
like(recipient('127.0.20.77', 'x@plain.test'), qr/^250/, 'the network that was seen does');
like($pb->ctl_ok('greylist', 'why', '127.0.22.1', 'news-3@farm.test', 'alice@example.com', '--tsv'), qr/^passed-before\tfarm\.test\t100\t0$/m, 'which mailctl explains');

# Without scan-check the networks are still known.
$pb->set('greylisting/blockPeriod' => 10);
kill 'STOP', $_ for my @stopped = $pb->pids_of('scan-check');
like(recipient('127.0.21.1', 'news-2@farm.test'), qr/^250/, 'scan-check stands still: who passed passes');
like(recipient('127.0.23.1', 'news-2@farm.test'), $later, '... and who is new is judged by the network');
kill 'CONT', $_ for @stopped;

# The other ways to know a client.
$pb->set('greylisting/keyBy' => 'network');
like(recipient('127.0.24.1', 'news-2@farm.test'), $later, 'keyBy=network asks nobody');
$pb->set('greylisting/keyBy' => 'address');
like(recipient('127.0.25.1', 'x@plain.test'), $later, 'keyBy=address');
$pb->set('greylisting/blockPeriod' => 0);
like(recipient('127.0.25.2', 'x@plain.test'), qr/^451/, '... tells neighbours apart');
like(recipient('127.0.25.1', 'x@plain.test'), qr/^250/, '... and knows itself again');
done_testing;
