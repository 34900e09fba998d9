#!/usr/bin/perl
# mailctl dest tells how it stands with the mail for a domain: way, queue, last success and last words.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Outbound;
use Pillarbox::Queue;
use Pillarbox::Zone;

plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';
my $zone = Pillarbox::Zone->new('remote.test' => "@ MX 10 mx\nmx A 127.0.0.5\ndead MX 10 gone-mx\ngone-mx A 127.0.0.7\n");
my $port = Pillarbox::Outbound::free_port();
my $server = Pillarbox::Outbound::Server->new('127.0.0.5', $port, sub {
	my ($c) = @_;
	$c->serve(RCPT => sub { $_[1] =~ /later/ ? '451 4.7.1 come back later' : '' });
});
my $pb = Pillarbox->new(settings => { primaryDns => $zone->address, smtpOutPort => $port,
	allowLoopbackTargets => 'True', dnsErrorAttempts => 9, retryIntervals => '60,60' });
$pb->user('u0@example.com');
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'address=inner.example', 'port=2525', 'domains=passed.test');
$pb->start;

sub told { return map { $_->{field} => $_->{value} } @{ decode_json($pb->ctl_ok('dest', '--json', @_)) } }
sub queued { my ($answer) = put($pb, from => '', @_); return $answer =~ /Queued as (\d+)/ ? $1 : die $answer }

my %d = told('remote.test');
is_deeply([ @d{qw(domain messages recipients state)} ], [ 'remote.test', 0, 0, 'the logs know of no attempt' ], 'a domain that nobody wrote to');
like($d{route}, qr/MX/, 'its mail goes by MX');
is($d{tls}, 'as published (DANE, MTA-STS), else when it is offered', 'over TLS if it can');
$pb->ctl_ok('set', '--add', 'tlsPolicies/policy', 'domain=*.secure.test', 'level=verify');
is({ told('a.secure.test') }->{tls}, 'only with a certificate of a CA, as the settings want it', '... or as the settings want it');

my $sent = queued(to => [ 'a@remote.test' ]);
ok($pb->wait_log('delivery', qr/event=sent id=$sent /), 'a message gets there');
%d = told('REMOTE.test.');
like($d{lastSuccess}, qr/^\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d$/, 'the last success');
is($d{lastSuccessHost}, 'mx.remote.test [127.0.0.5]', '... at that host');
is($d{state}, 'the last attempt succeeded', 'all is well');
ok(!exists $d{lastFailure} && !exists $d{lastWords}, 'nothing failed');

my $waits = queued(to => [ 'later1@remote.test', 'later2@remote.test', 'x@gone.remote.test' ]);
ok($pb->wait_log('delivery', qr/event=deferred id=$waits rcpt=3 .*by=remote-send/), 'another has to wait');
sleep 1.1;	# the log tells seconds
my $held = queued(to => [ 'later3@remote.test' ]);
ok($pb->wait_log('delivery', qr/event=deferred id=$held rcpt=1 .*by=remote-send/), 'and a third');
$pb->ctl_ok('spool', 'hold', $held);
ok($pb->wait_log('delivery', qr/event=held id=$held /), '... which is held');
%d = told('remote.test');
is_deeply([ @d{qw(messages recipients held attempts)} ], [ 2, 3, 1, 1 ], 'what waits');
like($d{$_}, qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/, "$_ is a time") for qw(oldest next);
like($d{lastWords}, qr/^451 4\.7\.1 .*come back later/, 'the last words of the other side');
is($d{lastFailureHost}, 'mx.remote.test [127.0.0.5]', '... and who said them');
is($d{meaning}, 'it is refused by a rule: relaying, a block or a filter', '... in plain words');
is($d{state}, 'the last attempt failed', 'the last attempt is what counts');
like($d{lastSuccess}, qr/^\d{4}/, 'the last success is told all the same');

cmp_ok($d{deliveriesMax}, '>=', 1, 'how many deliveries may go on');
is($d{deliveries}, 0, '... and do');

# Nobody listens there: after some failures it is left alone for a while.
for my $try (1 .. 5) {
	my $id = queued(to => [ "x$try\@dead.remote.test" ]);
	$pb->wait_log('delivery', qr/event=deferred id=$id .*by=remote-send/);
	%d = told('dead.remote.test');
	last if defined $d{restsUntil};
}
like($d{restsUntil}, qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/, 'a host that cannot be reached rests') or diag explain \%d;
is($d{deliveriesMax}, 1, '... and gets one delivery at a time');
like($d{meaning}, qr/\w/, '... with the reason in plain words');

%d = told('gone.remote.test');
is_deeply([ @d{qw(messages recipients attempts)} ], [ 1, 1, 1 ], 'a domain that does not exist: who waits');
like($d{lastWords}, qr/^450 4\.1\.2 /, '... why');
is($d{meaning}, 'the domain does not exist or takes no mail', '... in plain words');
ok(!exists $d{lastFailureHost}, '... and that no host said it');

is({ told('passed.test') }->{route}, 'passed on to inner.example:2525', 'a domain that goes to a server of its own');
is({ told('example.com') }->{route}, 'a domain of this server: its mailboxes', 'a domain of ours');
$pb->ctl_ok('set', '--add', 'gatewayServers/server', 'address=gate.example', 'port=2526', 'enabled=True');
is({ told('remote.test') }->{route}, 'the outgoing gateway gate.example port 2526', 'mail that goes through a gateway');
like($pb->ctl_ok('dest', 'remote.test'), qr/^lastWords +451 4\.7\.1/m, 'as text');
is(($pb->ctl('dest'))[0], 2, 'a domain must be named');
is(($pb->ctl('dest', 'a b'))[0], 2, '... that is one');
is(($pb->ctl('dest', '--days', 0, 'remote.test'))[0], 2, '... and days are 1 or more');
$pb->stop;
%d = told('remote.test');
is_deeply([ @d{qw(messages recipients)} ], [ 2, 3 ], 'it is told while the server is stopped too');
done_testing;
