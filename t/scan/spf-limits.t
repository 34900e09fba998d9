#!/usr/bin/perl
# SPF policies made to crash or to occupy an evaluator (CASES F1, D01, D02, D03).
use strict;
use warnings;
use IPC::Open2;
use Test::More;

(my $program = $ENV{PB_BIN}) =~ s{/prog/*$}{/t/scan/spf-zone};
plan skip_all => 'no spf-zone: it is built by make check' unless -x $program;
my $pid = open2(my $out, my $in, $program);

# The answer to a check of a@evil.example from 192.0.2.1: result, questions asked, problem.
sub check_policy {
	my ($text, @more) = @_;
	print $in "clear\n";
	for ("evil.example TXT $text", @more) {
		my ($name, $type, $data) = split / /, $_, 3;
		$data =~ s/([% ])/sprintf '%%%02x', ord $1/ge if $type eq 'TXT';
		print $in "rr $name $type $data\n";
	}
	print $in "check 192.0.2.1 helo.example a\@evil.example\n";
	$in->flush;
	my $line = <$out> // 'died';
	chomp $line;
	return $line;
}

my $exp = '%{i}' x 127 . 'A' x 10;
is(check_policy('v=spf1 exp=e.evil.example -all', "e.evil.example TXT $exp"), 'fail 1 ', 'D01: an explanation is never fetched');
like(check_policy('v=spf1 exists:' . '%{i}' x 127 . 'a' x 6000 . ' -all'), qr/^permerror 1 the policy is too long/,
	'F1: the record that overran a library is too long');
for my $mechanism ('exists:', 'include:', 'redirect=', 'a:', 'mx:', 'ptr:', 'other=') {
	like(check_policy("v=spf1 $mechanism" . '%{i}' x 480 . '.evil.example -all'), qr/^(?:fail|permerror) /,
		"F1: macros without end in $mechanism");
}

my $full = 'v=spf1 ip4:192.0.2.1 ';
my $longest = $full . 'x=' . 'a' x (2048 - length($full) - 2);
is(check_policy($longest), 'pass 1 ', 'a policy at LIMIT_SPF_RECORD');
like(check_policy($longest . 'a'), qr/^permerror 1 the policy is too long/, 'over LIMIT_SPF_RECORD');
like(check_policy('v=spf1 ' . 'a ' x 3250), qr/^permerror 1 the policy is too long/, 'D02: a policy of 6.5 KB');
like(check_policy('v=spf1 ' . 'a ' x 30000), qr/^permerror 1 the policy is too long/, 'D02: a policy of 60 KB');
is(check_policy('x' x 60000, 'evil.example TXT v=spf1 +all'), 'pass 1 ', 'D02: a long text that is no policy is passed over');
like(check_policy('v=spf1 +all', 'evil.example TXT v=spf1 -all'), qr/^permerror 1 more than one policy/, 'D02: two policies');

like(check_policy('v=spf1 include:evil.example -all'), qr/^permerror 11 too many terms/, 'D03: an include of itself');
my @chain = map { "i$_.example TXT v=spf1 include:i" . ($_ + 1) . '.example -all' } 1 .. 11;
like(check_policy('v=spf1 include:i1.example -all', @chain), qr/^permerror 11 too many terms/, 'D03: terms over LIMIT_SPF_LOOKUPS');
$chain[9] = 'i10.example TXT v=spf1 +all';
is(check_policy('v=spf1 include:i1.example -all', @chain[0 .. 9]), 'pass 11 ', 'terms at LIMIT_SPF_LOOKUPS');
my @void = map { "a:void$_.evil.example" } 1 .. 3;
is(check_policy("v=spf1 @void[0, 1] +all"), 'pass 3 ', 'look-ups without answer at LIMIT_SPF_VOID');
like(check_policy("v=spf1 @void +all"), qr/^permerror 4 too many look-ups without answer/, 'D03: one over LIMIT_SPF_VOID');
my @mx = map { ("evil.example MX 1 m$_.example", "m$_.example A 192.0.2." . ($_ + 100)) } 1 .. 11;
like(check_policy('v=spf1 mx +all', @mx), qr/^permerror 2 more MX hosts/, 'D03: MX hosts over LIMIT_SPF_HOSTS');
is(check_policy('v=spf1 mx -all', @mx[0 .. 19]), 'fail 12 ', 'MX hosts at LIMIT_SPF_HOSTS');
my @names = map { ("1.2.0.192.in-addr.arpa PTR p$_.evil.example", "p$_.evil.example A 192.0.2." . ($_ == 11 ? 1 : 99)) } 1 .. 11;
is(check_policy('v=spf1 ptr -all', @names), 'fail 12 ', 'D03: of 11 names of a client ten are tried');
like(check_policy('v=spf1 ' . 'mx ' x 4 . '-all', @mx[0 .. 19]), qr/^permerror 40 too many questions/,
	'D03: questions over LIMIT_SPF_QUERIES');
is(check_policy('v=spf1 ' . 'mx ' x 3 . 'mx:m.example -all', @mx[0 .. 19], map { "m.example MX 1 m$_.example" } 1 .. 5), 'fail 40 ',
	'questions at LIMIT_SPF_QUERIES are asked');

like(check_policy('v=spf1 exists:%{d2147483648}.example -all'), qr/^permerror 1 syntax/, 'D03: a macro with a large number');
like(check_policy('v=spf1 exists:%{d0}.example -all'), qr/^permerror 1 syntax/, 'a macro with zero');
is(check_policy('v=spf1 exists:%{d127}.example -all', 'evil.example.example A 127.0.0.2'), 'pass 2 ', 'a macro with 127');
my $macros = sub { 'v=spf1 exists:' . '%{s}' x $_[0] . '.evil.example -all' };
is(check_policy($macros->(200)), 'fail 2 ', 'an expansion is cut from the left to a name');
$macros = sub { "v=spf1 $_[0]" . '%{s}.' x 272 . "$_[1].example -all" };
is(check_policy($macros->('exists:', 'a' x 8)), 'fail 2 ', 'a domain-spec at LIMIT_SPF_EXPANSION is asked for');
is(check_policy($macros->('exists:', 'a' x 9)), 'fail 1 ', 'one over LIMIT_SPF_EXPANSION is no name');
is(check_policy($macros->('include:', 'a' x 9)), 'permerror 1 include or redirect to a domain without policy', 'nor one to include');

close $in;
waitpid $pid, 0;
is($?, 0, 'the evaluator ended well');
done_testing();
