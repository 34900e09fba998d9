#!/usr/bin/perl
# TOOL-12: as many idle processes as the settings say wait for clients of SMTP, POP and IMAP:
# smtpSpareMin, smtpSpareMax, popSpareMin, popSpareMax, imapSpareMin, imapSpareMax.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my %program = (smtp => 'smtp-listen', pop3 => 'pop3-serve', imap => 'imap-serve');
my %name = (smtp => 'smtp', pop3 => 'pop', imap => 'imap');
my %min = (smtp => 3, pop3 => 4, imap => 5);
my $pb = Pillarbox->new(settings => { map { ("$name{$_}SpareMin" => $min{$_}, "$name{$_}SpareMax" => $min{$_} + 1) } keys %min });
$pb->start;

# Children of the listener that serves now.
sub workers {
	my ($service) = @_;
	my ($row) = grep { $_->{program} eq $program{$service} } @{ decode_json($pb->ctl_ok('status', '--json')) };
	my @w = split ' ', Pillarbox::slurp("/proc/$row->{pid}/task/$row->{pid}/children");
	return scalar @w;
}

sub until_true {
	my ($test) = @_;
	my $end = time + 20;
	sleep 0.1 while !$test->() && time < $end;
	return $test->();
}

for my $service (sort keys %min) {
	my $least = $min{$service};
	ok(until_true(sub { my $n = workers($service); $n >= $least && $n <= $least + 1 }),
		"$name{$service}SpareMin=$least idle processes wait") or diag(workers($service));
	my @busy = map { $pb->connect($service) } 1 .. 6;
	ok(until_true(sub { workers($service) >= 6 + $least }), "$service: as many more beside six that are busy")
		or diag(workers($service));
	$_->close for @busy;
	ok(until_true(sub { workers($service) <= $least + 1 }), "$name{$service}SpareMax: not more than one above are kept")
		or diag(workers($service));
}
my %more = (smtp => 7, pop3 => 8, imap => 9);
$pb->set(map { ("$name{$_}SpareMax" => 12) } keys %more);
$pb->set(map { ("$name{$_}SpareMin" => $more{$_}) } keys %more);
ok(until_true(sub { workers($_) >= $more{$_} }), "$name{$_}SpareMin=$more{$_} after a reload") for sort keys %more;
done_testing;
