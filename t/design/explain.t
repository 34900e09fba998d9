#!/usr/bin/perl
# mailctl explain has a sentence for each event that the log tells of a session or a message on its way.
use strict;
use warnings;
use File::Basename qw(basename);
use Test::More;

my $src = $ENV{PB_SRC} or BAIL_OUT('PB_SRC is not set');
sub slurp { open my $in, '<', $_[0] or die "$_[0]: $!"; local $/; return scalar <$in> }

my $say = slurp("$src/bin/mailctl/story_say.c");
my %said = map { $_ => 1 } $say =~ /^\t\{ "([a-z-]+)", "/mg;
$said{delivered} = 1 if $say =~ /strcmp\(event, "delivered"\)/;
cmp_ok(scalar keys %said, '>', 50, 'the sentences are read');

# What only `mailctl try` brings forth, or says nothing to people.
my %left_out = map { $_ => 1 } qw(not-asked not-told policy-field-left-out);

my @programs = map { glob "$src/bin/$_/*.c" } qw(smtp-listen spool-runner remote-send local-deliver);
my %from;
for my $file (@programs, "$src/lib/service/gate.c", "$src/lib/service/pool_refuse.c", "$src/lib/service/service_tls.c") {
	for my $statement (split /;/, slurp($file)) {
		next unless $statement =~ /\b(?:smtp_log|smtp_log_address|log_line|log_failure)\((.*?)"event=([a-z-]+)/s;
		my ($arguments, $event) = ($1, $2);
		next unless $statement =~ /\bsmtp_log/ || $arguments =~ /ticket|session/;
		push @{ $from{$event} }, basename($file);
	}
}
cmp_ok(scalar keys %from, '>', 35, 'the events are read');
for my $event (grep { !$left_out{$_} } sort keys %from) {
	ok($said{$event}, "$event has a sentence") or diag("from @{ $from{$event} }");
}
# The words in braces stand in some source of the programs, as key=value or as a named value.
my $sources = join "\n", map { slurp($_) } @programs, glob("$src/bin/{greylist-check,auth-check}/*.c"), glob("$src/lib/*/*.c");
my %field = map { $_ => 1 } map { /\{([a-z-]+)\}/g } grep { /^\t\{ "/ } split /\n/, $say;
for my $name (sort keys %field) {
	ok($sources =~ /[ "]\Q$name\E=|"\Q$name\E"/, "{$name} is a field of some line");
}
done_testing;
