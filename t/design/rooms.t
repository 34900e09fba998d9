#!/usr/bin/perl
# The rooms of lib/ROOMS: a file includes only what its room may include, its
# own header comes second, behind base/base.h, and rooms follow in layer order.
use strict;
use warnings;
use File::Find;
use Test::More;

my $src = $ENV{PB_SRC} or BAIL_OUT('PB_SRC is not set');
my (%may, %layer);

open my $rooms, '<', "$src/lib/ROOMS" or BAIL_OUT("lib/ROOMS: $!");
while (<$rooms>) {
	next if /^#|^\s*$/;
	my ($room, $list) = /^(\w+):\s*(.*)$/ or BAIL_OUT("lib/ROOMS:$.: not understood");
	$layer{$room} = $.;
	$may{$room} = { map { $_ => 1 } split(' ', $list), $room, 'base' };
}

my @above = grep { my $r = $_; grep { $layer{$_} && $layer{$_} > $layer{$r} } keys %{ $may{$r} } } sort keys %may;
is("@above", '', 'no room may include one that stands below it in the list');
my @unknown = grep { my $r = $_; grep { !$layer{$_} } keys %{ $may{$r} } } sort keys %may;
is("@unknown", '', 'every room that is named exists');

my @dirs = grep { -d } glob("$src/lib/*");
is(join(' ', grep { !$layer{$_} } map { m{([^/]+)$} } @dirs), '', 'every folder of lib/ is a room');

my (@breaches, @first, @system);
find({ no_chdir => 1, wanted => sub {
	return unless /\.[ch]$/;
	my $file = substr($_, length($src) + 1);
	my $room = $file =~ m{^lib/([^/]+)/} ? $1 : 'bin';
	open my $in, '<', $_ or die "$file: $!";
	my @includes;
	while (my $line = <$in>) {
		push @includes, [ $1, $. ] if $line =~ /^\s*#\s*include\s+"([^"]+)"/;
	}
	push @first, "$file begins with $includes[0][0]"
		if $file =~ /\.c$/ && @includes && $includes[0][0] ne 'base/base.h';
	for my $i (@includes) {
		my ($to) = $i->[0] =~ m{^(\w+)/} or next;
		push @breaches, "$file:$i->[1] includes $i->[0]" unless $may{$room}{$to};
	}
} }, "$src/lib", "$src/bin");

is(join("\n", @breaches), '', 'no file includes a room that its own may not');
is(join("\n", @first), '', 'every .c begins with base/base.h');
done_testing();
