#!/usr/bin/perl
# Manual pages and programs say the same, each way: options, exit codes,
# commands, settings, log events.
use strict;
use warnings;
use File::Basename qw(basename);
use Test::More;

my $src = $ENV{PB_SRC} or BAIL_OUT('PB_SRC is not set');
my $bin = $ENV{PB_BIN} or BAIL_OUT('PB_BIN is not set');

sub slurp { open my $in, '<', $_[0] or return ''; local $/; return <$in> // '' }
sub missing { my ($a, $b) = @_; return join ' ', grep { !$b->{$_} } sort keys %$a }

# What the page says, without markup: "-json" for ".Fl -json" becomes "--json".
sub plain {
	my ($text) = @_;
	$text =~ s/^\.\\".*\n//mg;
	$text =~ s/\\&//g;
	$text =~ s/\\-/-/g;
	$text =~ s/\\e/\\/g;
	return $text;
}

sub section {
	my ($page, $name) = @_;
	return $page =~ /^\.Sh (?:$name)\n(.*?)(?=^\.Sh|\z)/ms ? $1 : '';
}

# -- options ----------------------------------------------------------------

# Every word that follows Fl up to the next macro: ".Fl B , G Ar x" has -B and -G.
sub options_of_page {
	my ($page) = @_;
	my (%o, $is_flag);
	for my $line (grep { /^\./ } split /\n/, $page) {
		$is_flag = 0;
		for my $word (split ' ', substr $line, 1) {
			if ($word =~ /^[A-Z][a-z]$/) {
				$is_flag = $word eq 'Fl';
			} elsif ($is_flag && $word =~ /^-?[A-Za-z0-9][\w-]*$/) {
				$o{"-$word"}++;
			}
		}
	}
	return \%o;
}

# Options in a help text: -r, --json.
sub options_of_help {
	my %o;
	$o{$1}++ while $_[0] =~ /(?<![\w-])(--?[A-Za-z0-9][\w-]*)/g;
	return \%o;
}

# Those that sources compare with.
sub options_of_sources {
	my %o;
	for my $text (map { slurp($_) } @_) {
		$o{$1}++ while $text =~ /"(--?[A-Za-z0-9][\w-]*)=?"/g;
	}
	return \%o;
}

# mail-inject reads letters as sendmail does, some with their value in the same word.
sub letters_of_sources {
	return { map { ("-$_" => 1) } slurp($_[0]) =~ /case '(\w)':/g };
}

# -- log events -------------------------------------------------------------

# Names in "event=NAME"; with "event=%s" those of the words in the same statement,
# and any word of these sources may be one.  What a program says when it dies, and
# the spool's own words, are the text of another event: a page may tell of them.
sub events_of_sources {
	my (%must, %may);
	my @texts = map { slurp($_) } @_;
	my @words = map { /"([a-z][a-z0-9-]*)"/g } @texts;
	for my $statement (grep { /"event=/ } map { split /;/ } @texts) {
		my ($name, $rest) = $statement =~ /"event=([A-Za-z0-9%-]*)[^"]*"(.*)/s;
		my @names = $name;
		if ($name =~ /^(|.*-)%s(?:%s)?(.*)/) {
			my ($head, $tail) = ($1, $2);
			@names = map { "$head$_$tail" } $rest =~ /[?:]\s*"([a-z][a-z0-9-]*)"/g;
			$may{"$head$_$tail"}++ for @words;
		} else {
			s/%s$// for @names;	# more fields follow, not more of the name
		}
		$may{$_}++ for @names;
		next if $statement =~ /\b(?:die|spool_say)\(/;
		$must{$_}++ for @names;
	}
	return (\%must, \%may);
}

sub events_of_page {
	my ($page) = @_;
	my %e;
	for my $item (section($page, 'LOG|LOG EVENTS|DIAGNOSTICS') =~ /^\.It (.*)$/mg) {
		$e{ s/^event=//r }++ for grep { !/^(?:Sy|Li|Cm|No|,)$/ } split ' ', $item;
	}
	return \%e;
}

# -- exit codes -------------------------------------------------------------

my %code = slurp("$src/lib/base/die.h") =~ /^\s(EXIT_\w+) = (\d+)/mg;
is(join(' ', map { $code{$_} } sort keys %code), '0 3 77 1 75 2', 'the exit codes are read');

# Where a source file ends its process, or returns what main returns.
sub codes_of_sources {
	my %c;
	for my $text (map { slurp($_) } @_) {
		$c{ $code{$1} // $1 }++ while $text =~ /\b(?:die|_?exit|ctl_fail|usage)\((?:[^;"]*,\s*|[^;"]*\?\s*)?(EXIT_\w+)/g;
		$c{ $code{$1} // $1 }++ while $text =~ /\breturn (?:[^;]*[?:]\s*)?(EXIT_\w+)/g;
	}
	return \%c;
}

sub codes_of_page {
	return { map { $_ => 1 } section($_[0], 'EXIT STATUS') =~ /^\.It (\d+)/mg };
}

# Every server program stands on these.
my $skeleton = codes_of_sources(map { "$src/lib/$_" } qw(service/service.c service/events.c sys/user.c sys/sandbox.c));
my ($of_skeleton, $shared) = events_of_sources(glob("$src/lib/*/*.c"));

# -- settings ---------------------------------------------------------------

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

# -- each program -----------------------------------------------------------

my %told;	# every event that some page tells of
for my $program (sort map { basename($_) } glob("$bin/*")) {
	next unless -f "$bin/$program" && -x _ && $program =~ /^[a-z0-9-]+$/;
	my $section = $program eq 'mailctl' ? 1 : 8;
	my $file = "$src/man/$program.$section";
	ok(-f $file, "$program has a page") or next;
	my $page = plain(slurp($file));
	my @sources = glob("$src/bin/$program/*.c");
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
	is(missing($in_help, $in_page), '', "$program: every option of --help is in the page");
	my %known = (%$in_help, %{ options_of_sources(@sources, glob("$src/lib/service/*.c")) });
	if ($program eq 'mail-inject') {
		my $letters = letters_of_sources("$src/bin/$program/options.c");
		my %first = map { substr($_, 0, 2) => 1 } keys %$in_page;
		is(missing($letters, \%first), '', "$program: every letter it takes is in the page");
		$known{$_}++ for grep { $letters->{ substr $_, 0, 2 } } keys %$in_page;
	}
	is(missing($in_page, \%known), '', "$program: every option of the page is one");

	my ($codes, $told_codes) = (codes_of_sources(@sources), codes_of_page($page));
	if ($program eq 'mail-inject') {
		$codes = { map { $_ => 1 } 0, 64, 65, 67, 69, 75 };
	} elsif ($program !~ /^mail-master|^mailctl/) {
		$codes = { %$codes, %$skeleton };
	}
	is(missing($codes, $told_codes), '', "$program: every exit code is in the page");
	is(missing($told_codes, $codes), '', "$program: every exit code of the page can be");

	my %vars = map { $_ => 1 } $page =~ /^\.(?:It )?Va ([a-z]\w*(?:\/\w+)*)/mg;
	is(join(' ', grep { !$settings{$_} && !$scalars{$_} } sort keys %vars), '', "$program: every setting it names is one");
	next if $program eq 'mailctl';
	my ($must, $may) = events_of_sources(@sources);
	my $events = events_of_page($page);
	is(missing($must, $events), '', "$program: every log event is in the page");
	is(missing($events, { %$may, %$shared }), '', "$program: every log event of the page is one");
	$told{$_}++ for keys %$events;
}

is(missing($of_skeleton, \%told), '', 'every log event that programs have in common is in some page');

# -- commands of mailctl ----------------------------------------------------

my $page = plain(slurp("$src/man/mailctl.1"));
my $text = $page =~ s/\b(?:Ar|Fl|Cm|Oo|Oc|Op) //gr;
my @help = grep { s/^mailctl // } split /\n/, `'$bin/mailctl' help`;
cmp_ok(scalar @help, '>', 20, 'mailctl help lists the commands');
my @undocumented;
for (@help) {
	my ($name) = /^([a-z-]+(?: [a-z-]+)?)/;
	push @undocumented, $name unless $text =~ /\b\Q$name\E\b/;
}
is("@undocumented", '', 'mailctl(1) has every command');
# Short forms ("start" for "service start") are known to the program alone.
my $sources = join '', map { slurp($_) } glob("$src/bin/mailctl/*.c");
sub is_command {
	my ($name) = @_;
	my ($first, @others) = split / /, $name;
	for my $line (grep { /^\Q$first\E(?: |$)/ } @help) {
		return 1 if !grep { $line !~ /(?<![\w-])\Q$_\E(?![\w-])/ } @others;
	}
	return !@others && $sources =~ /\{ "\Q$name\E"/;
}
my @unknown;
for my $item ($page =~ /^\.It Cm (.*)$/mg) {
	$item =~ s/ (?:Ar|Fl|Oo|Oc|Op|Ns|\|).*//;
	push @unknown, grep { !is_command($_) } split / , /, $item;
}
is("@unknown", '', 'and no other');
done_testing();
