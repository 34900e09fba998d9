#!/usr/bin/perl
# DNS servers that are hostile, silent or broken (CASES F1, D01, D02, D03, D04, D07,
# D08): scan-check answers within its caller's budget and lives on.
use strict;
use warnings;
use File::Temp qw(tempfile);
use Pillarbox;
use Pillarbox::Dns;
use Pillarbox::Scan;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'scan-ask is not built' unless Pillarbox::Scan::available();

sub header { my ($id, $flags, $answers) = @_; return $id . pack('n5', $flags, 1, $answers, 0, 0) }
my %broken = (
	'loop.test' => sub { header($_[0], 0x8180, 1) . $_[1] . pack('n n n N n', 0xc000 + 12 + length $_[1], 16, 1, 60, 4)
		. pack('n n', 10, 0xc000 + 12 + length $_[1]) },
	'short.test' => sub { header($_[0], 0x8180, 1) . $_[1] . pack('n n n N n', 0xc00c, 16, 1, 60, 200) . 'x' },
	'rubbish.test' => sub { $_[0] . "\xff" x 300 },
);
# Of the type that is asked for, wrong within, and no data of other types.
sub of_type {
	my ($wanted, $data) = @_;
	return sub {
		my ($id, $question) = @_;
		my $type = unpack 'n', substr $question, -4, 2;
		return header($id, 0x8180, $type == $wanted) . $question . ($type == $wanted ? pack('n n n N n/a*', 0xc00c, $type, 1, 60, $data) : '');
	};
}
$broken{'string.test'} = of_type(16, "\xffv=spf1 +");
$broken{'mxshort.test'} = of_type(15, "\0\x0a");
$broken{'mxname.test'} = of_type(15, "\0\x0a\x3fmail");
$broken{'mxbehind.test'} = of_type(15, "\0\x0a\x04mail\x04test\0rest");
$broken{'address.test'} = of_type(1, "\x7f\0\0");
my %special = map { my $name = $_; $name => sub { { raw => $broken{$name} } } } keys %broken;
$special{'silent.test'} = sub { undef };
# Aliases without end.
$special{'chain.test'} = sub {
	my ($type, $name) = @_;
	my ($n) = $name =~ /^c(\d+)\./ or return { records => ["$name CNAME c1.chain.test"] };
	return { records => [ map { 'c' . ($n + $_) . '.chain.test CNAME c' . ($n + $_ + 1) . '.chain.test' } 0 .. 9 ] };
};
# Every question for an MX costs ten more.
$special{'wide.test'} = sub {
	my ($type, $name) = @_;
	return { records => ["$name TXT v=spf1 " . join(' ', map { "mx:m$_.wide.test" } 1 .. 9) . ' -all'] } if $type eq 'TXT';
	return { records => [ map { "$name MX 1 h$_.$name" } 1 .. 10 ] } if $type eq 'MX';
	return { rcode => 3 };
};
my $exp = '%{i}' x 127 . 'A' x 10;
my $dns = Pillarbox::Dns->new(<<"END", %special);
good.test MX 10 good.test
good.test TXT v=spf1 +all
evil.test TXT v=spf1 exp=e.evil.test -all
e.evil.test TXT $exp
long.test TXT v=spf1 exists:@{[ '%{i}' x 127 . 'a' x 6000 ]} -all
large.test TXT v=spf1 @{[ 'ip4:192.0.2.1 ' x 4200 ]} +all
strings.test TXT v=spf1 @{[ 'x' x (255 * 200) ]}
two.test TXT v=spf1 +all
two.test TXT v=spf1 -all
self.test TXT v=spf1 include:self.test -all
void.test TXT v=spf1 a:a.void.test a:b.void.test a:c.void.test -all
ptr.test TXT v=spf1 ptr -all
many.test TXT v=spf1 mx -all
@{[ join "\n", map { "many.test MX 1 h$_.many.test" } 1 .. 11 ]}
macro.test TXT v=spf1 exists:%{d2147483648}.test -all
fail.test SERVFAIL
bogus.test TXT v=spf1 +all
bogus.test MX 10 good.test
END

# The keys of bogus.test would have to be these, and it has none.
my ($fh, $anchor) = tempfile(UNLINK => 1);
print $fh "bogus.test. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
close $fh;
chmod 0644, $anchor;
my $pb = Pillarbox->new(settings => { primaryDns => $dns->address, dnsTrustAnchor => $anchor });
$pb->start;
my $scan = Pillarbox::Scan->new($pb);
my @pids = sort $pb->pids_of('scan-check');
is(scalar @pids, 2, 'scan-check and its resolver run');

sub spf { my ($domain) = @_; return $scan->ask("spf 25000 192.0.2.1 helo.test a\@$domain") }

is(spf('evil.test'), 'fail evil.test', 'D01: an explanation that overran a library');
is(spf('long.test'), 'permerror long.test the policy is too long', 'F1: a record that did');
is(spf($_), "permerror $_ the policy is too long", "D02: $_") for qw(large.test strings.test);
is(spf('two.test'), 'permerror two.test more than one policy', 'D02: two policies');
is(spf('self.test'), 'permerror self.test too many terms that need DNS', 'D03: an include of itself');
is(spf('void.test'), 'permerror void.test too many look-ups without answer', 'D03: three look-ups without answer');
is(spf('many.test'), 'permerror many.test more MX hosts than are looked at', 'D03: 11 MX hosts');
is(spf('macro.test'), 'permerror macro.test syntax error in the policy', 'D03: a macro with a large number');
is(spf('ptr.test'), 'fail ptr.test', 'D03: ptr');
$dns->queries;
my $begin = time;
is(spf('wide.test'), 'permerror wide.test too many questions to DNS', 'D03: mx that ask for ever more');
cmp_ok(time - $begin, '<', 22, '... within 20 seconds');
cmp_ok(scalar(grep { / (?:TXT|MX|A)$/ } $dns->queries), '<=', 40, '... and 40 questions');

is(spf('fail.test'), 'temperror fail.test no answer from DNS', 'D07: SERVFAIL');
is($scan->ask('domain 9000 fail.test'), 'temperror', 'D07: ... of a sender domain');
is($scan->ask('domain 9000 no.good.test'), 'nxdomain', 'D07: NXDOMAIN');
is(spf('bogus.test'), 'temperror bogus.test DNSSEC validation failed', 'D07: a forged answer');
is($scan->ask('domain 9000 bogus.test'), 'temperror', 'D07: ... of a sender domain');

# name => what SPF and the look-up of a sender's domain make of it: nothing that refuses for good.  A record
# of text that cannot be read is no policy; its domain answers well that it has neither MX nor address.
my $no_answer = 'no answer from DNS';
my %outcome = (
	'loop.test' => [ "temperror loop.test $no_answer", 'temperror' ], 'short.test' => [ "temperror short.test $no_answer", 'temperror' ],
	'rubbish.test' => [ "temperror rubbish.test $no_answer", 'temperror' ], 'string.test' => [ 'none string.test', 'no-host' ],
	'mxshort.test' => [ 'none mxshort.test', 'temperror' ], 'mxname.test' => [ 'none mxname.test', 'temperror' ],
	'mxbehind.test' => [ 'none mxbehind.test', 'temperror' ], 'address.test' => [ 'none address.test', 'resolves' ],
);
is_deeply([ sort keys %outcome ], [ sort keys %broken ], 'D08: each malformed answer has its outcome');
for my $name (sort keys %broken) {
	is(spf($name), $outcome{$name}[0], "D08: $name");
	is($scan->ask("domain 9000 $name"), $outcome{$name}[1], "D08: $name as a sender domain");
}
is($scan->ask("mx 9000 $_ 127.0.0.1"), 'temperror', "D08: $_ asked for its MX") for 'mxshort.test', 'mxname.test', 'mxbehind.test';
like(spf('chain.test'), qr/^temperror chain\.test/, 'D08: aliases without end');
is($scan->ask('domain 9000 chain.test'), 'temperror', 'D08: ... of a sender domain');
is(join(' ', sort $pb->pids_of('scan-check')), "@pids", 'the processes are the same as at the beginning');

# D04: the budget is the caller's.
for my $question ('spf 1000 192.0.2.1 helo.test a@silent.test', 'domain 1000 silent.test',
		'helo 1000 a.silent.test 192.0.2.1', 'mx 1000 silent.test 192.0.2.1') {
	$begin = time;
	is($scan->ask($question), 'unknown timeout', "D04: $question");
	cmp_ok(time - $begin, '<', 5, '... in time');
}
is($scan->ask('domain 9000 good.test'), 'resolves', 'others are answered');
done_testing();
