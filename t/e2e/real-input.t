#!/usr/bin/perl
# Every real message of the test data, sent with log-in over TLS by two real
# clients, swaks and msmtp, to mailboxes here and on a second server that is
# found by MX.  All arrive byte for byte after the trace header.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::Messages qw(real_messages wire without_trace is_legal by_swaks by_msmtp);
use Pillarbox::Zone;

my %messages = real_messages();
plan skip_all => 'the shared test data is not here' unless %messages;
my $zone = Pillarbox::Zone->new('remote.test' => "@ MX 10 mx\nmx A 127.0.0.1\n");
my $far = Pillarbox->new(host => 'mx.remote.test');
$far->user($_) for 'carol@remote.test', 'emil@remote.test';
$far->start;
my $near = Pillarbox->new(host => 'mail.test.example', settings => {
	primaryDns => $zone->address, smtpOutPort => $far->port('smtp'), allowLoopbackTargets => 'True', requireAuthMatch => 'none',
});
$near->user($_) for 'alice@example.com', 'bob@example.com', 'dora@example.com';
$near->start;

my %taken;
for my $name (sort keys %messages) {
	my $sent = $messages{$name};
	my ($rc, $out, $err) = by_swaks($near, $sent, 'alice@example.com', 'carol@remote.test');
	if (!is_legal($sent)) {
		isnt($rc, 0, "$name has a NUL or a bare CR, which SMTP cannot carry: refused");
		like($out . $err, qr/^<[*~-]+ +5(?:21|54) .*\(\d{12}\)|5\d\d .*\d{12}/m, '... with a reason and a ticket');
		next;
	}
	is($rc, 0, "$name is taken from swaks") or diag($out, $err);
	($rc, $out, $err) = by_msmtp($near, $sent, 'dora@example.com', 'emil@remote.test');
	is($rc, 0, "$name is taken from msmtp") or diag($out, $err);
	$taken{$name} = wire($sent);
}

# Compare what lies in a mailbox with what was sent; each message has one place.
sub compare {
	my ($pb, $address, $sent, $where) = @_;
	my @files = $pb->wait_mail($address, scalar keys %$sent, 60);
	is(scalar @files, scalar keys %$sent, "$where: as many messages as were sent");
	my @got = map { Pillarbox::slurp($_) } @files;
	for my $name (sort keys %$sent) {
		my $same = 0;
		for my $got (@got) {
			$same ||= without_trace($got, $sent->{$name}) eq $sent->{$name};
		}
		ok($same, "$where: $name arrived byte for byte");
	}
	like($got[0], qr/\AReturn-Path: <bob\@example\.com>\r\nReceived: /, "$where: Return-Path, then Received");
}
compare($near, 'alice@example.com', \%taken, 'by swaks, here');
compare($near, 'dora@example.com', \%taken, 'by msmtp, here');
compare($far, 'carol@remote.test', \%taken, 'by swaks, far');
compare($far, 'emil@remote.test', \%taken, 'by msmtp, far');
done_testing;
