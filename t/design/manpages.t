#!/usr/bin/perl
# Manual pages and programs say the same: options, exit codes, commands,
# settings, log events.
use strict;
use warnings;
use File::Basename qw(basename);
use Test::More;

my $src = $ENV{PB_SRC} or BAIL_OUT('PB_SRC is not set');
my $bin = $ENV{PB_BIN} or BAIL_OUT('PB_BIN is not set');

sub slurp { open my $in, '<', $_[0] or return ''; local $/; return <$in> // '' }

# What the page says, without markup: "-json" for ".Fl -json" becomes "--json".
sub plain {
	my ($text) = @_;
	$text =~ s/^\.\\".*\n//mg;
	$text =~ s/\\&//g;
	$text =~ s/\\-/-/g;
	$text =~ s/\\e/\\/g;
	return $text;
}

sub options_of_page {
	my ($page) = @_;
	my %o;
	$o{"-$1"}++ while $page =~ /\bFl +(-?[A-Za-z0-9][\w-]*)/g;
	return \%o;
}

# Options in a help text: -r, --json.
sub options_of_help {
	my %o;
	$o{$1}++ while $_[0] =~ /(?<![\w-])(--?[A-Za-z0-9][\w-]*)/g;
	return \%o;
}

sub events_of_sources {
	my ($dir) = @_;
	my %e;
	for my $file (glob("$dir/*.c")) {
		my $text = slurp($file);
		$e{$1}++ while $text =~ /event=([a-z][a-z0-9-]*)(?![a-z0-9-]*%)/g;
	}
	return \%e;
}

sub missing { my ($a, $b) = @_; return join ' ', grep { !$b->{$_} } sort keys %$a }

my $config = slurp("$bin/../man/mailconfig.5");
my $table = slurp("$src/lib/config/settings.def");
$table =~ s{/\*.*?\*/}{}gs;
my %settings = map { $_ => 1 } $table =~ /^(?:NUM|BOOL|ENUM|TEXT|NUMS|LIST|RECORDS)\("([^"]+)"/mg;
my %described = map { $_ => 1 } $config =~ /^\.It Va (\S+)/mg;
cmp_ok(scalar keys %settings, '>', 100, 'the table of settings is read');
is(missing(\%settings, \%described), '', 'mailconfig(5) has every setting');
is(missing(\%described, \%settings), '', 'and no other');
# A page may also name a field alone, or what lists and settings have in common.
my %scalars = map { my @part = split m{/}; map { $_ => 1 } @part, map { join '/', @part[0 .. $_] } 0 .. $#part } keys %settings;

for my $program (sort map { basename($_) } glob("$bin/*")) {
	next unless -f "$bin/$program" && -x _ && $program =~ /^[a-z0-9-]+$/;
	my $section = $program eq 'mailctl' ? 1 : 8;
	my $file = "$src/man/$program.$section";
	ok(-f $file, "$program has a page") or next;
	my $page = plain(slurp($file));
	my $help = `'$bin/$program' --help 2>&1 </dev/null`;
	is($? >> 8, 0, "$program --help: exit 0");
	my $version = `'$bin/$program' --version 2>&1 </dev/null`;
	is($? >> 8, 0, "$program --version: exit 0");
	like($version, qr/\b\d+\.\d+/, "$program tells its version");
	my $wrong = `'$bin/$program' --no-such-option 2>&1 >/dev/null </dev/null`;
	# mail-inject has the exit codes of sysexits.h, as sendmail's callers expect.
	is($? >> 8, $program eq 'mail-inject' ? 64 : 2, "$program: a wrong option is a usage error");
	isnt($wrong, '', "$program says what is wrong");
	$help .= `'$bin/$program' help` if $program eq 'mailctl';
	my ($in_page, $in_help) = (options_of_page($page), options_of_help($help));
	# Options of mail-inject are sendmail's; its help names the page for them.
	is(missing($in_help, $in_page), '', "$program: every option of --help is in the page");
	like($page, qr/^\.Sh EXIT STATUS/m, "$program: the page tells the exit codes");
	my %vars = map { $_ => 1 } $page =~ /^\.(?:It )?Va ([a-z]\w*(?:\/\w+)*)/mg;
	is(join(' ', grep { !$settings{$_} && !$scalars{$_} } sort keys %vars), '', "$program: every setting it names is one");
	next if $program eq 'mailctl';
	my $events = events_of_sources("$src/bin/$program");
	my %told = map { $_ => 1 } $page =~ /(?:event=|^\.It (?:Li|Cm|Sy) (?:event=)?)([a-z][a-z0-9-]*)/mg;
	my %words = map { $_ => 1 } $page =~ /([a-z][a-z0-9-]*)/g;
	is(missing($events, \%words), '', "$program: every log event is in the page");
}

my $page = plain(slurp("$src/man/mailctl.1"));
$page =~ s/\b(?:Ar|Fl|Cm|Oo|Oc|Op) //g;
my (%commands, @undocumented);
for my $line (grep { /^mailctl / } split /\n/, `'$bin/mailctl' help`) {
	my ($name) = $line =~ /^mailctl ([a-z-]+(?: [a-z-]+)?)/;
	$commands{$name} = 1;
	push @undocumented, $name unless $page =~ /\b\Q$name\E\b/;
}
cmp_ok(scalar keys %commands, '>', 20, 'mailctl help lists the commands');
is("@undocumented", '', 'mailctl(1) has every command');
done_testing();
