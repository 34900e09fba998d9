#!/usr/bin/perl
# Every limit of base/limits.h is kept by code and crossed by a test, from both sides.
#
# A test says so in the words that it prints, and nowhere else:
#
#	at LIMIT_X	as much as the limit allows passes
#	over LIMIT_X	one more is refused, for no other reason than this limit
#
# One test may print both, or each one of its own.  A comment or the size of a
# buffer proves nothing.  No limit is left out: a length of time has two sides as
# well, where the clock is the test's.
use strict;
use warnings;
use File::Find;
use Test::More;

my $src = $ENV{PB_SRC} or BAIL_OUT('PB_SRC is not set');

sub slurp { open my $in, '<', $_[0] or return ''; local $/; return <$in> // '' }

sub files {
	my ($pattern, @dirs) = @_;
	my @files;
	find(sub { push @files, $File::Find::name if /$pattern/ }, map { "$src/$_" } @dirs);
	return @files;
}

sub names { my %n; $n{$_}++ for $_[0] =~ /\b(LIMIT_[A-Z0-9_]+)\b/g; return keys %n }

# The texts of a C file, and a Perl file without its comments.
sub words_of_c {
	my ($text) = @_;
	my @words;
	while ($text =~ m{'(?:\\.|[^'\\])+'|("(?:[^"\\]|\\.)*")|/\*.*?\*/}gs) {
		push @words, grep { defined } $1;
	}
	return "@words";
}

sub words_of_perl { return $_[0] =~ s/^\s*#.*$//mgr =~ s/\s#\s.*$//mgr }

my $table = slurp("$src/lib/base/limits.h");
my @limits = $table =~ /^#define (LIMIT_\w+) /mg;
cmp_ok(scalar @limits, '>', 100, 'the table is read');
my (%used, %crossed, %at, %over);
for my $file (grep { !m{/base/limits\.h$} } files(qr/\.[ch]$/, 'lib', 'bin')) {
	(my $code = slurp($file)) =~ s{/\*.*?\*/}{}gs;
	$used{$_} = 1 for names($code);
}
for my $file (files(qr/\.(?:c|h|t)$/, 't')) {
	next if $file =~ m{/t/design/limits\.t$};
	my $text = slurp($file);
	my $words = $file =~ /\.t$/ ? words_of_perl($text) : words_of_c($text);
	$crossed{$_} = 1 for names($words);
	$at{$_} = 1 for $words =~ /\bat (LIMIT_[A-Z0-9_]+)\b/g;
	$over{$_} = 1 for $words =~ /\bover (LIMIT_[A-Z0-9_]+)\b/g;
}
is(join(' ', grep { !$used{$_} } @limits), '', 'every limit is kept somewhere');
is(join(' ', grep { !$crossed{$_} } @limits), '', 'every limit is named by a test');
is(join(' ', grep { !$at{$_} } @limits), '', 'what is at the limit passes: a test for each');
is(join(' ', grep { !$over{$_} } @limits), '', 'what is over the limit is refused: a test for each');
my %there = map { $_ => 1 } @limits;
is(join(' ', grep { !$there{$_} } sort keys %crossed), '', 'tests name no limit that is gone');
my @unexplained;
for my $block (split /\n\s*\n|(?<=\n)(?=\/\*)/, $table) {
	push @unexplained, $block =~ /^#define (LIMIT_\w+) /mg if $block !~ m{/\*};
}
is("@unexplained", '', 'every limit has its reason beside it');
done_testing();
