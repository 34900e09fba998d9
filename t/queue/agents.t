#!/usr/bin/perl
# local-deliver: hostile jobs end their connection only; more callers than agents wait.
use strict;
use warnings;
use Test::More;
use Pillarbox;
use Pillarbox::Queue;

my $AGENTS = 16;
my $pb = Pillarbox->new;
$pb->user('u0@example.com');
$pb->start;
put($pb, from => 's@far.example', to => [ 'u0@example.com' ]);	# intake has its connections now

my $job = "deliver\njob=1\nid=5\nfile=SubSpool0/5.eml\nrcpt=1 u0\@example.com\n";
my $s = packet_socket($pb, 'deliver');
like(ask($s, $job), qr/^done\njob=1\nresult=1 451 4\.3\.0 /, 'a file that is not there is "try later"');
like(ask($s, $job =~ s/job=1/job=2/r), qr/^done\njob=2\n/, 'the next job on the same connection');
close $s;
for my $bad ("deliver\n", $job =~ s{SubSpool0/5}{../../etc/5}r, $job =~ s/rcpt=1/rcpt=x/r, 'no record',
	"deliver\njob=1\nid=5\nfile=SubSpool0/5.eml\n" . "rcpt=1 u0\@example.com\n" x 101) {
	$s = packet_socket($pb, 'deliver');
	is(ask($s, $bad), undef, 'a bad job ends its connection');
	close $s;
}

my @s = map { packet_socket($pb, 'deliver') } 1 .. $AGENTS + 1;
my $answered = grep { defined ask($_, $job, 1) } @s;
# Each agent is a process beside the one that takes calls and the one that counts mailboxes; some
# serve intake and schedule.
is($pb->pids_of('local-deliver') - 2, $AGENTS, 'agents at LIMIT_DELIVER_AGENTS');
cmp_ok($answered, '>=', 1, 'some of them are ours');
cmp_ok($answered, '<=', $AGENTS, 'who came over LIMIT_DELIVER_AGENTS waits');
close shift @s for 1 .. $AGENTS;
like(ask($s[0], undef, 10), qr/^done/, 'who waited is served when a place is free');
my ($answer) = put($pb, from => 's@far.example', to => [ 'u0@example.com' ]);
like($answer, qr/^250/, 'mail goes on');
done_testing;
