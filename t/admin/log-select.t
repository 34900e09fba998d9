#!/usr/bin/perl
# mailctl log show -w: lines that a selector means, alone or with their sessions.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { dnsErrorAttempts => 9 });
$pb->user('alice@example.com');
$pb->start;

sub talk {
	my ($from, @to) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	$c->expect("MAIL FROM:<$from>", qr/^250/);
	$c->command("RCPT TO:<$_>") for @to;
	$c->command('QUIT');
	return;
}
talk('a@far.example', 'nobody@example.com', 'alice@example.com');
talk('b@web.example', 'x y@example.com', 'no"body@example.com', 'else@example.com');
ok($pb->wait_log('smtpLog', qr/event=recipient-refused to=else\@example\.com/), 'something happened');

sub texts { return map { $_->{text} } @{ decode_json($pb->ctl_ok('log', 'show', '--json', @_)) } }
my @all = texts('smtp');
cmp_ok(scalar @all, '>', 6, 'there are lines');
my %expected = (
	'event=recipient-refused' => [ grep { /^event=recipient-refused / } @all ],
	'event=recipient-refused & to=nobody@*' => [ grep { /^event=recipient-refused to=nobody\@example\.com / } @all ],
	'to~NOBODY | to~else' => [ grep { / to="?(?:nobody|else)@/ } @all ],
	'code=550 & status!=5.1.1' => [ grep { / code=550 / && !/ status=5\.1\.1/ } @all ],
	'ip=127.0.0.1 & age<1h' => \@all,
	'age>=1h' => [],
	'session=""' => [ ],
	'text~"event=connect "' => [ grep { /event=connect / } @all ],
	'!(event=*)' => [ grep { !/^event=/ } @all ],
);
for my $selector (sort keys %expected) {
	is_deeply([ texts('smtp', '-w', $selector) ], $expected{$selector}, $selector);
}
is_deeply([ texts('smtp', '-w', 'event=recipient-refused', '--search', 'else@') ], [ grep { /recipient-refused to=else/ } @all ], 'with --search both must fit');
my @related = texts('smtp', '--related', '-w', 'to=else@example.com');
is(scalar(grep { /^event=connect / } @related), 1, '--related shows whole sessions');
ok(!(grep { /nobody/ } @related), '... and no other');
my ($rc, undef, $err) = $pb->ctl('log', 'show', '-w', 'colour=red');
is($rc, 2, 'a name that lines have not');
like($err, qr/there are age ip session text event user/, '... is told with those that they have');
is(($pb->ctl('log', 'show', '-w', 'age>many'))[0], 2, 'a value of the wrong kind');
done_testing;
