#!/usr/bin/perl
# The order of tests: those of t/LONGEST first, as it has them, then the others; each once, and none
# that was not asked for.  Every name in t/LONGEST is a test.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

my $src = $ENV{PB_SRC};
my @listed = grep { !/^#/ } split /\n/, slurp("$src/t/LONGEST");
my %seen;
is_deeply([ grep { $seen{$_}++ } @listed ], [], 'none is listed twice');
is_deeply([ grep { !(/\.t$/ ? -e "$src/$_" : -e "$src/$_.c") } @listed ], [], 'each is there');

my $dir = tempdir(CLEANUP => 1);
spew("$dir/longest", "# a comment\nt/b.t\nt/gone.t\nt/a\n");
spew("$dir/asked", "t/a\nt/c\nt/b.t\nt/d.t\nt/c\n");
my $order = qx(awk -f '$src/t/longest-first.awk' '$dir/longest' '$dir/asked');
is($order, "t/b.t\nt/a\nt/c\nt/d.t\n", 'listed tests come first, each asked for comes once');
spew("$dir/longest", "# nothing\n");
is(qx(awk -f '$src/t/longest-first.awk' '$dir/longest' '$dir/asked'), "t/a\nt/c\nt/b.t\nt/d.t\n", 'without a list the order stays');
done_testing;

sub slurp { my ($path) = @_; open my $f, '<', $path or die "$path: $!"; local $/; return scalar <$f> }
sub spew { my ($path, $text) = @_; open my $f, '>', $path or die "$path: $!"; print $f $text; close $f or die "$path: $!" }
