#!/usr/bin/perl
# The local address of outgoing connections is a setting (SMTPOUT-01, SMTPOUT-04), the
# name said there belongs to it (BIND-05), and agents are as many as allowed.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(time sleep);
use Pillarbox::Outbound;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';

my $zone = "x.example. MX 10 mx.x.example.\nmx.x.example. A 127.0.0.5\n";
my $port = Pillarbox::Outbound::free_port();
my $server = Pillarbox::Outbound::Server->new('127.0.0.5', $port, sub {
	my ($c) = @_;
	$c->serve(END => sub { sleep 1; '250 2.0.0 from ' . $c->{sock}->peerhost });
});

my $out = Pillarbox::Outbound->new(zone => $zone, settings => { smtpOutPort => $port,
	outboundIPv4 => '127.0.0.33', maxDeliveryThreads => 3,
	hostNames => '<hostName><ip>127.0.0.33</ip><name>other.sender.example</name></hostName>' });
my %r = $out->send("x\r\n", domain => 'x.example', from => '', rcpt => ['a@x.example']);
like($r{1}, qr/^250 .*from 127\.0\.0\.33$/, 'connections come from the address that was set');
like(($server->transcripts)[0], qr/C: EHLO other\.sender\.example\n/, 'and say its name');

my $begin = time;
my @children;
for my $i (1 .. 6) {
	my $pid = fork() // die;
	if ($pid == 0) {
		$out->{jobs} = 100 + $i;
		my %mine = $out->send("x\r\n", domain => 'x.example', from => '', rcpt => ['a@x.example']);
		POSIX::_exit(($mine{1} // '') =~ /^250/ ? 0 : 1);
	}
	push @children, $pid;
}
sleep 0.5;
my $agents = grep { my @f = split ' ', Pillarbox::Outbound::slurp("$_/stat");
	@f && $f[1] eq '(remote-send)' && $f[3] == $out->{sender} } glob '/proc/[0-9]*';
is($agents, 1 + 3, 'three agents and the resolver');
my $failed = 0;
for (@children) { waitpid $_, 0; $failed++ if $? }
is($failed, 0, 'six messages at once are all sent');
cmp_ok(time - $begin, '>=', 2, '... three at a time');
cmp_ok(time - $begin, '<', 5, '... and not one by one');

# An agent that is killed in the middle of a message: its job is unanswered.
my $pid = fork() // die;
if ($pid == 0) {
	$out->{jobs} = 200;
	my %mine = $out->send("x\r\n", domain => 'x.example', from => '', rcpt => ['a@x.example']);
	POSIX::_exit(!defined $mine{1} && defined $mine{job} ? 0 : 1);
}
sleep 0.5;
for my $p (glob '/proc/[0-9]*') {
	my @f = split ' ', Pillarbox::Outbound::slurp("$p/stat");
	next unless @f && $f[1] eq '(remote-send)' && $f[3] == $out->{sender};
	my ($victim) = $p =~ /(\d+)$/;
	my $busy = grep { (readlink($_) // '') =~ /message\.201/ } glob "$p/fd/*";
	kill 'KILL', $victim if $busy;
}
waitpid $pid, 0;
is($?, 0, 'the job of a killed agent is answered without a result, so it will be repeated');
like($out->log, qr/event=child-died .*status=9/, 'its death is logged');
%r = $out->send("x\r\n", domain => 'x.example', from => '', rcpt => ['a@x.example']);
like($r{1}, qr/^250/, 'and work goes on');
$out->stop;

$out = Pillarbox::Outbound->new(zone => $zone, settings => { smtpOutPort => $port, outboundIPv4 => '192.0.2.99' });
%r = $out->send("x\r\n", domain => 'x.example', from => '', rcpt => ['a@x.example']);
like($r{1}, qr/^451 4\.4\.1 .*[Aa]ssign/, 'an address that is not ours is not replaced by itself');
$out->stop;
$out = Pillarbox::Outbound->new(zone => $zone, settings => { smtpOutPort => $port, outboundIPv4 => '192.0.2.99',
	outboundFallbackPrimary => 'True' });
%r = $out->send("x\r\n", domain => 'x.example', from => '', rcpt => ['a@x.example']);
like($r{1}, qr/^250 .*from 127\./, '... unless outboundFallbackPrimary says so');
is($out->stop, 0, 'it ends in peace');
done_testing();
