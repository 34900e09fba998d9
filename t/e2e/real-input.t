#!/usr/bin/perl
# Every real message of the test data, sent with log-in over TLS by two real
# clients: by swaks to a mailbox here, and by msmtp to one on a second server
# that is found by MX.  All arrive byte for byte after the trace header.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::Messages qw(real_messages wire without_trace is_legal);
use Pillarbox::Zone;

my %messages = real_messages();
plan skip_all => 'the shared test data is not here' unless %messages;
my $zone = Pillarbox::Zone->new('remote.test' => "@ MX 10 mx\nmx A 127.0.0.1\n");
my $far = Pillarbox->new(host => 'mx.remote.test');
$far->user('carol@remote.test');
$far->start;
my $near = Pillarbox->new(host => 'mail.test.example', settings => {
	primaryDns => $zone->address, smtpOutPort => $far->port('smtp'), allowLoopbackTargets => 'True', requireAuthMatch => 'none',
});
$near->user($_) for 'alice@example.com', 'bob@example.com';
$near->start;

my @login = ('bob@example.com', $Pillarbox::PASSWORD);

sub by_swaks {
	my ($sent) = @_;
	my $data = wire($sent);
	$data =~ s/^\./../mg;
	Pillarbox::spew("$near->{top}/data", $data . ".\r\n");
	# -ndf: swaks sends exactly these bytes.
	return $near->run('swaks', '--server', '127.0.0.1:' . $near->port('submission'), '--tls', '--auth', 'PLAIN', '--auth-user', $login[0],
		'--auth-password', $login[1], '--from', $login[0], '--to', 'alice@example.com', '--data', '@' . "$near->{top}/data", '-ndf', '--timeout', 30);
}

sub by_msmtp {
	my ($sent) = @_;
	return $near->run_input($sent, 'msmtp', '--host=127.0.0.1', '--port=' . $near->port('smtps'), '--tls=on', '--tls-starttls=off',
		'--tls-certcheck=off', '--auth=plain', "--user=$login[0]", "--passwordeval=echo $login[1]", "--from=$login[0]", '--timeout=30',
		'--add-missing-from-header=off', '--add-missing-date-header=off', '--', 'carol@remote.test');
}

my (%local, %remote);
for my $name (sort keys %messages) {
	my $sent = $messages{$name};
	my ($rc, $out, $err) = by_swaks($sent);
	if (!is_legal($sent)) {
		isnt($rc, 0, "$name has a NUL or a bare CR, which SMTP cannot carry: refused");
		like($out . $err, qr/^<[*~-]+ +5(?:21|54) .*\(\d{12}\)|5\d\d .*\d{12}/m, '... with a reason and a ticket');
		next;
	}
	is($rc, 0, "$name is taken from swaks") or diag($out, $err);
	$local{$name} = wire($sent);
	($rc, $out, $err) = by_msmtp($sent);
	is($rc, 0, "$name is taken from msmtp") or diag($out, $err);
	$remote{$name} = wire($sent);
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
compare($near, 'alice@example.com', \%local, 'local');
compare($far, 'carol@remote.test', \%remote, 'remote');
done_testing;
