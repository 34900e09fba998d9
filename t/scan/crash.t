#!/usr/bin/perl
# scan-check or its resolver dies or stands still: what is asked is unknown, mail flows, and the log tells.
use strict;
use warnings;
use Pillarbox;
use Pillarbox::Dns;
use Pillarbox::Scan;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'scan-ask is not built' unless Pillarbox::Scan::available();
my $dns = Pillarbox::Dns->new("good.test MX 10 good.test\ngood.test TXT v=spf1 +all\nlater.test MX 10 good.test\nmore.test MX 10 good.test\n",
	'silent.test' => sub { undef });
my $pb = Pillarbox->new(settings => { primaryDns => $dns->address });
$pb->user('alice@example.com');
$pb->start;
my $scan = Pillarbox::Scan->new($pb);

# The main process and the resolver that it forked.
sub processes {
	my @pids = $pb->pids_of('scan-check');
	my ($main) = grep { my ($ppid) = Pillarbox::slurp("/proc/$_/stat") =~ /\) \S (\d+)/; defined $ppid && !grep { $_ == $ppid } @pids } @pids;
	my ($resolver) = grep { $_ != ($main // 0) } @pids;
	return ($main, $resolver);
}

# Until a question gets that answer, or some seconds have passed.
sub comes_to {
	my ($question, $want) = @_;
	my ($end, $got) = (time + 20, '');
	until (time > $end || ($got = $scan->ask($question)) eq $want) { sleep 0.1 }
	return $got;
}

sub mail_flows {
	my ($name) = @_;
	my $start = time;
	like($pb->send_mail(from => 'bob@good.test', no_login => 1, service => 'smtp', to => 'alice@example.com'), qr/^250/, "$name: mail flows");
	cmp_ok(time - $start, '<', 15, '... without a long wait');
}

is($scan->ask('domain 9000 good.test'), 'resolves', 'all is well');

# The resolver, while a question is open.
my ($main, $resolver) = processes();
ok($resolver, 'the resolver has a process of its own');
$scan->send('domain 9000 silent.test');
sleep 0.3;
kill 'KILL', $resolver;
is($scan->answer, 'temperror', 'the resolver dies: what it was asked has failed');
is(comes_to('domain 9000 later.test', 'resolves'), 'resolves', '... and another answers');
ok($pb->wait_log('scanLog', qr/event=dns state=lost open=\d+/), '... which is logged');
my ($same, $new) = processes();
is($same, $main, '... by the same scan-check');
isnt($new, $resolver, '... with a new resolver');

# scan-check itself.
$scan->send('domain 9000 x.silent.test');
sleep 0.3;
kill 'KILL', $main;
is($scan->answer, 'unknown scan-check is away', 'scan-check dies: what it was asked is unknown');
mail_flows('killed');
is(comes_to('spf 5000 192.0.2.1 x.test a@good.test', 'pass good.test'), 'pass good.test', 'it comes back, and the caller finds it');
ok($pb->wait_log('administrative', qr/event=ended program=scan-check .*signal=9/), '... which is logged');

# It stands still.
($main) = processes();
kill 'STOP', $main;
my $start = time;
like($scan->ask('domain 500 more.test'), qr/^unknown /, 'stopped: unknown');
cmp_ok(time - $start, '<', 5, '... within the budget');
mail_flows('stopped');
kill 'CONT', $main;
is(comes_to('domain 5000 more.test', 'resolves'), 'resolves', 'it goes on where it stood');
done_testing();
