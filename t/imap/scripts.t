#!/usr/bin/perl
# The scripted IMAP tests of imaptest, from the shared test data.  Those that
# need a capability we do not offer are skipped with its name.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Basename qw(basename);
use Test::More;
use Pillarbox;
use Pillarbox::Script;

my ($data) = grep { -d } "$ENV{PB_SRC}/../shared/data/imaptest", "$ENV{PB_SRC}/../../shared/data/imaptest";
plan skip_all => 'the shared test data is not here' unless $data;

my $pb = Pillarbox->new(settings => { imapMaxBadCommands => 0 });
$pb->user('alice@example.com');
$pb->start;
my @scripts = @ARGV ? map { "$data/$_" } @ARGV :
	grep { -f && !/\.mbox$/ && basename($_) !~ /COPYING/ } sort glob("$data/*");
for my $path (@scripts) {
	my $name = basename($path);
	my @failures = Pillarbox::Script->new($pb, $path, user => 'alice@example.com', password => $Pillarbox::PASSWORD)->run;
	if (@failures == 1 && $failures[0] =~ /^skip: (.*)/) {
		SKIP: { skip("$name $1", 1) }
		next;
	}
	ok(!@failures, $name) or diag(map { "$_\n" } @failures);
}
done_testing;
