#!/usr/bin/perl
# Setting delayWarning: who is told that his message waits, and when.  The age of the message counts, not
# the next attempt; who neither asked nor logged in is not told (backscatter).
# Features: QUEUE-05, QUEUE-11.
use strict;
use warnings;
use Test::More;
use POSIX qw(strftime);
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Outbound;
use Pillarbox::Queue;

my $port = Pillarbox::Outbound::free_port();
my $pb = Pillarbox->new(settings => { retryIntervals => '60,120', delayWarning => 1, allowLoopbackTargets => 'True' });
$pb->user("s$_\@example.com") for 0 .. 5;
$pb->ctl_ok('gateway', 'add', 'address=127.0.0.5', "port=$port", 'domains=away.example');
my $server = Pillarbox::Outbound::Server->new('127.0.0.5', $port, sub {
	$_[0]->serve(RCPT => sub { $_[1] =~ /nobody/ ? '550 5.1.1 no' : '451 4.7.1 not now' }) });

# Messages that came some seconds ago: [ sender, recipient, age, keys ].
sub drop_all { drop($pb, map { my ($from, $to, $age, @keys) = @$_; { from => $from, to => $to, age => $age, keys => \@keys } } @_) }
sub text { my ($user) = @_; return join '', map { Pillarbox::slurp($_) } $pb->mail("$user\@example.com") }
sub hdr { my ($to) = @_; return (grep { /^\Q$to\E\r$/m } map { Pillarbox::slurp($_) } grep { /\.hdr$/ } queue_files($pb), glob "$pb->{dir}/spool/*.hdr")[0] // '' }
sub attempts { my ($to) = @_; return scalar(() = join('', $server->transcripts) =~ /RCPT TO:<\Q$to\E>/g) }

my @auth = map { "auth: s$_\@example.com" } 0 .. 5;
drop_all([ 's0@example.com', 'a@away.example', 50, $auth[0] ],
	[ 's1@example.com', 'b@away.example', 300 ],
	[ 's2@example.com', 'c@away.example', 300, 'notify: c@away.example=DELAY' ],
	[ 's3@example.com', 'd@away.example', 300, $auth[3], 'notify: d@away.example=FAILURE' ],
	[ 's4@example.com', 'e@away.example', 300, $auth[4], 'notify: e@away.example=NEVER' ]);
$pb->start;
$pb->wait_mail('s2@example.com', 1);
like(text('s2'), qr/^Final-Recipient: rfc822; c\@away\.example\r\nAction: delayed\r\nStatus: 4\.7\.1\r\nRemote-MTA: dns; 127\.0\.0\.5\r\nDiagnostic-Code: smtp; 451 4\.7\.1 not now\r\nWill-Retry-Until: /m,
	'who asked for it is told at the first attempt, since the message is old');
my ($until) = text('s2') =~ /^Will-Retry-Until: \w+, (\d+) (\w+ \d+ [\d:]+) \+0000\r$/m;
my ($next) = hdr('c@away.example') =~ m{^retry: 1;(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d) }m;
ok(defined $until && defined $next, 'and until when it will be tried');
is(strftime('%d %b %Y %H:%M:%S', gmtime(7200 + epoch($next))), sprintf('%02d ', $until) . ($2 // (text('s2') =~ /Until: \w+, \d+ (\w+ \d+ [\d:]+)/)[0]),
	'which is the last of its attempts');
sub epoch {
	my ($mon, $day, $year, $h, $m, $s) = $_[0] =~ /(\d+)/g;
	local $ENV{TZ} = 'UTC';
	POSIX::tzset();
	return POSIX::mktime($s, $m, $h, $day, $mon - 1, $year - 1900);
}
$pb->wait_mail('s0@example.com', 1);
like(text('s0'), qr/^Subject: Your message is delayed\r$/m, 'a user who logged in and said nothing is told when it is a minute old');
is(attempts('a@away.example'), 1, 'without another attempt');
like(hdr('a@away.example'), qr/^retry: 1;.*^bounced: 1 \d+ /ms, 'which costs none');
is(text($_), '', "$_ is not told: " . { s1 => 'nobody logged in', s3 => 'NOTIFY=FAILURE', s4 => 'NOTIFY=NEVER' }->{$_}) for qw(s1 s3 s4);

# Each once, also after another start; then the setting is off.
$pb->ctl_ok('stop', 'spool');
$pb->ctl_ok('set', '--disable', 'delayWarning');
drop_all([ 's4@example.com', 'f@away.example', 300, $auth[4] ], [ 's5@example.com', 'g@away.example', 300, $auth[5], 'notify: g@away.example=DELAY,FAILURE' ]);
$pb->ctl_ok('start', 'spool');
$pb->wait_mail('s5@example.com', 1);
like(text('s5'), qr/^Action: delayed\r$/m, 'switched off: who asked is told');
ok($pb->wait_log('delivery', qr/event=deferred [^\n]*to=f\@away\.example/), 'the other was tried');
is(text('s4'), '', 'who did not is not');
is(scalar($pb->mail('s2@example.com')), 1, 'and nobody twice');
done_testing;
