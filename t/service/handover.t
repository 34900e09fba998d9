#!/usr/bin/perl
# When mailctl has changed a setting, the next client is served by it: no worker of
# before takes it, however busy the machine is.
use strict;
use warnings;
use Test::More;
use Pillarbox;

my %client = (smtp => 'smtp', pop => 'pop3', imap => 'imap');
my $pb = Pillarbox->new(settings => { map { ("${_}MaxConnectionsPerIp" => 0) } keys %client });
$pb->start;
my @stale;
for my $round (1 .. 8) {
	for my $service (sort keys %client) {
		$pb->set("${service}Banner" => "round $round");
		for my $n (1 .. 5) {
			my $c = $pb->connect($client{$service});
			push @stale, "$service $round.$n: $c->{greeting}" if $c->{greeting} !~ /round $round\b/;
			$c->close;
		}
	}
}
is_deeply(\@stale, [], 'each client is greeted with the banner that was just set');
done_testing();
