#!/usr/bin/perl
# t/FEATURES: well formed, every test it names exists and names the feature, and every feature that
# settings.def names stands in it.
use strict;
use warnings;
use Test::More;

my $src = $ENV{PB_SRC} or BAIL_OUT('PB_SRC is not set');
my (%tests, @bad, @twice, @gone, @silent, $shown);

sub mentions {
	my ($file, $id) = @_;
	open my $test, '<', $file or return 0;
	return scalar grep { /\b\Q$id\E\b/ } <$test>;
}

open my $in, '<', "$src/t/FEATURES" or BAIL_OUT("t/FEATURES: $!");
while (<$in>) {
	next if /^#|^\s*$/;
	my ($id, $list) = /^([A-Z0-9]+-\d\d)\t(\S.*)$/ or push(@bad, "line $."), next;
	push @twice, $id if exists $tests{$id};
	$tests{$id} = $list;
	next if $list eq '-';
	$shown++;
	push @gone, map { "$id: $_" } grep { !-e "$src/$_" } split ' ', $list;
	push @silent, map { "$id: $_" } grep { -f "$src/$_" && !mentions("$src/$_", $id) } split ' ', $list;
}
is("@bad", '', 'every line is a number and its tests');
is("@twice", '', 'no feature stands there twice');
is(join("\n", @gone), '', 'every test exists');
is(join("\n", @silent), '', 'and names the feature');

open my $def, '<', "$src/lib/config/settings.def" or BAIL_OUT("settings.def: $!");
my $text = do { local $/; <$def> };
$text =~ s{/\*.*?\*/}{}gs;
my %named = map { $_ => 1 } $text =~ /"([A-Z0-9]+-\d\d)"/g;
is(join(' ', grep { !exists $tests{$_} } sort keys %named), '', 'every feature with a setting is listed');
note(sprintf '%d features listed, %d shown by tests', scalar keys %tests, $shown);
done_testing();
