#!/usr/bin/perl
# The openspf test suite for RFC 7208, as far as results go: explanations are
# never fetched.  (SPAM-16)
use strict;
use warnings;
use IPC::Open2;
use Test::More;

(my $program = $ENV{PB_BIN}) =~ s{/prog/*$}{/t/scan/spf-zone};
my ($file) = grep { -r } map { "$ENV{PB_SRC}/$_/shared/data/spf/rfc7208-tests.yml" } "..", "../..";
plan skip_all => 'no spf-zone: it is built by make check' unless -x $program;
plan skip_all => '../shared/data/spf is not here' unless defined $file;
plan skip_all => 'YAML::XS is not installed' unless eval { require YAML::XS; 1 };

sub quoted { my ($s) = @_; utf8::encode($s) if utf8::is_utf8($s); $s =~ s/([^\x21-\x24\x26-\x7e])/sprintf '%%%02x', ord $1/ge; return $s }

my $pid = open2(my $out, my $in, $program);
sub ask { my ($line) = @_; print $in "$line\n"; $in->flush; }

# Records of type SPF stand for TXT where there is no TXT; "NONE" hinders that.
sub add_records {
	my ($name, @records) = @_;
	my $has_txt = grep { ref eq 'HASH' && exists $_->{TXT} } @records;
	for my $r (@records) {
		if (!ref $r) { ask('rr ' . quoted($name) . " $r"); next }
		my ($type, $data) = %$r;
		next if ($type eq 'SPF' && $has_txt) || (!ref $data && $data eq 'NONE');
		my @data = ref $data ? @$data : $data;
		ask(join ' ', 'rr', quoted($name), $type eq 'SPF' ? 'TXT' : $type, map { quoted($_) } @data);
	}
}

my $count = 0;
for my $scenario (YAML::XS::LoadFile($file)) {
	ask('clear');
	add_records($_, @{ $scenario->{zonedata}{$_} }) for sort keys %{ $scenario->{zonedata} };
	for my $name (sort keys %{ $scenario->{tests} }) {
		my $t = $scenario->{tests}{$name};
		my @allowed = ref $t->{result} ? @{ $t->{result} } : $t->{result};
		ask(join ' ', 'check', $t->{host}, map { $_ eq '' ? '-' : quoted($_) } $t->{helo}, $t->{mailfrom});
		my $answer = <$out>;
		my ($got, $queries, $problem) = split / /, $answer, 3;
		ok((grep { $_ eq $got } @allowed), "$scenario->{description}: $name is @allowed") or diag($answer);
		$count++;
	}
}
cmp_ok($count, '>', 200, 'the suite was read whole');
close $in;
waitpid $pid, 0;
is($?, 0, 'and the evaluator ended well');
done_testing();
