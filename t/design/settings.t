#!/usr/bin/perl
# Every setting of settings.def is obeyed by a program and named by a test.
#
# A test names a setting by its whole path, or, for the field of a record, by the record (or what
# mailctl calls it) and the field in one file.  Comments count: they say what a test that sets
# nothing shows.
use strict;
use warnings;
use File::Find;
use Test::More;

my $src = $ENV{PB_SRC} or BAIL_OUT('PB_SRC is not set');

# What mailctl calls records that it has commands for.
my %command = ('sslRules/rule' => 'rule', 'abuseDetection/rule' => 'abuse', 'bindings/port' => 'bindings',
	'bindings/ipAddress' => 'bindings', 'incomingGateways/gateway' => 'gateway', 'ipBypasses/entry' => 'ip-bypass',
	'smtpAuthBypass/entry' => 'auth-bypass', 'blacklist/entry' => 'blacklist', 'whitelist/entry' => 'whitelist');

# Settings without a test that names them, each with its reason.
my %excepted = (
);

sub slurp { open my $in, '<', $_[0] or return ''; local $/; return <$in> // '' }

sub files {
	my ($pattern, @dirs) = @_;
	my @files;
	find(sub { push @files, $File::Find::name if /$pattern/ }, map { "$src/$_" } @dirs);
	return @files;
}

(my $table = slurp("$src/lib/config/settings.def")) =~ s{/\*.*?\*/}{}gs;
my (@settings, %is_record);
while ($table =~ /^(NUM|BOOL|ENUM|TEXT|NUMS|LIST|RECORDS)\("([^"]+)",\s*([A-Z]+)/mg) {
	push @settings, $2;
	$is_record{$2} = 1 if $1 eq 'RECORDS';
}
cmp_ok(scalar @settings, '>', 150, 'the table is read');

# "list/record/field" without the list, for files that name record and field apart.
sub parts {
	my ($path) = @_;
	my ($record, $field) = $path =~ m{^(.+)/([^/]+)$} or return ($path);
	return $is_record{$record} ? ($record, $field) : ($path);
}

sub is_named {
	my ($text, @words) = @_;
	return !grep { $text !~ m{(?<![\w/])\Q$_\E(?!\w)} } @words;
}

sub is_tested {
	my ($text, $path) = @_;
	my ($record, @field) = parts($path);
	return is_named($text, $path) || is_named($text, $record, @field)
		|| (exists $command{$record} && is_named($text, $command{$record}, @field));
}

my @tests = map { slurp($_) =~ s{\\/}{/}gr } grep { !m{/t/design/settings\.t$} } files(qr/\.(?:t|c|pm|sh)$/, 't');
my @unnamed = grep { my $path = $_; !grep { is_tested($_, $path) } @tests } @settings;
is(join(' ', grep { !$excepted{$_} } @unnamed), '', 'every setting is named by a test');
my %unnamed = map { $_ => 1 } @unnamed;
is(join(' ', grep { !$unnamed{$_} } sort keys %excepted), '', 'no exception stands for a setting that a test names');

# Programs name settings as texts, and fields apart from their record.
my $code = '';
$code .= slurp($_) for files(qr/\.[ch]$/, 'lib', 'bin');
$code =~ s{/\*.*?\*/}{}gs;
my $texts = join "\n", $code =~ /"((?:[^"\\\n]|\\.)*)"/g;
is(join(' ', grep { !is_named($texts, (parts($_))[-1]) } @settings), '',
	'every setting is read by a program');
done_testing;
