#!/usr/bin/perl
# Every limit of base/limits.h is kept by code and crossed by a test.
#
# A test says so by the limit's name in the words that it prints; a comment or the
# size of a buffer proves nothing.
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
my (%used, %crossed);
for my $file (grep { !m{/base/limits\.h$} } files(qr/\.[ch]$/, 'lib', 'bin')) {
	(my $code = slurp($file)) =~ s{/\*.*?\*/}{}gs;
	$used{$_} = 1 for names($code);
}
for my $file (files(qr/\.(?:c|h|t)$/, 't')) {
	next if $file =~ m{/t/design/limits\.t$};
	my $text = slurp($file);
	$crossed{$_} = 1 for names($file =~ /\.t$/ ? words_of_perl($text) : words_of_c($text));
}
is(join(' ', grep { !$used{$_} } @limits), '', 'every limit is kept somewhere');
is(join(' ', grep { !$crossed{$_} } @limits), '', 'every limit is crossed by a test');
my %there = map { $_ => 1 } @limits;
is(join(' ', grep { !$there{$_} } sort keys %crossed), '', 'tests name no limit that is gone');
my @unexplained;
for my $block (split /\n\s*\n|(?<=\n)(?=\/\*)/, $table) {
	push @unexplained, $block =~ /^#define (LIMIT_\w+) /mg if $block !~ m{/\*};
}
is("@unexplained", '', 'every limit has its reason beside it');
done_testing();
