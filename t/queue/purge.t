#!/usr/bin/perl
# Messages are found by their text and deleted with ordinary tools while the runner receives
# and delivers: each is delivered whole or not at all, and nothing is left.
# Features: TOOL-10, SPOOL-24.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $COUNT = 40;
my $SIZE = 20_000;
my $pb = Pillarbox->new(settings => { retryIntervals => '60,60,60', subSpools => 3 });
$pb->user("u$_\@example.com") for 0 .. 1;
$pb->start;
my $dir = $pb->dir;
put($pb, from => 's@far.example', to => [ 'u0@example.com' ], size => $SIZE, tag => 'first');
my $new = $pb->maildir('u0@example.com') . '/new';

# While new/ is a file the mailbox takes nothing.
sub break_mailbox { rename $new, "$new.away" or die; Pillarbox::spew($new, '') }
sub mend_mailbox { unlink $new; rename "$new.away", $new or die }

# Who holds this text goes; how it ended.
sub purge {
	my ($text) = @_;
	system("grep -rlF --include='*.hdr' '$text' '$dir/spool' 2>/dev/null | " .
		$pb->program('mailctl') . " -r '$dir' spool delete - >> '$pb->{top}/purge.out' 2>&1");
	return $? >> 8;
}

break_mailbox();
my %from = (spam => 'worm@far.example', ham => 'friend@far.example', virus => 'ill@far.example');
my %id;
$id{$_} = [ map { /Queued as (\d+)/ ? $1 : die $_ } put($pb, count => $COUNT, from => $from{$_}, to => [ 'u0@example.com' ],
	size => $SIZE, tag => $_) ] for sort keys %from;
ok(wait_queue($pb, 3 * $COUNT), 'all wait');
my $end = time + 30;
sleep 0.1 while time < $end && (() = $pb->log_text('delivery') =~ /event=deferred/g) < 3 * $COUNT;
is(purge($from{virus}), 0, 'those of one sender are deleted');
ok(wait_queue($pb, 2 * $COUNT), '... all of them');

# More of it comes, and all of it is tried, while it is purged.
mend_mailbox();
my $more = put_start($pb, count => $COUNT, from => $from{spam}, to => [ 'u0@example.com', 'u1@example.com' ], size => $SIZE, tag => 'late');
$pb->ctl_ok('spool', 'force', '--all');
my %ended;
$ended{ purge($from{spam}) }++ for 1 .. 4;
put_answers($more);
$ended{ purge($from{spam}) }++;
is(join(' ', grep { $_ != 0 && $_ != 3 } keys %ended), '', 'each purge ends well, or says what left meanwhile');
unlike(Pillarbox::slurp("$pb->{top}/purge.out"), qr/^(?!mailctl: there is no message \d+$|\d+ done$).+/m, '... and no more than that');
ok(wait_queue($pb, 0, 30), 'the queue is empty');

my $got = numbers($pb);
is_deeply([ grep { !$got->{"u0 ham-$_"} } 0 .. $COUNT - 1 ], [], 'nothing else was deleted') or diag(join ' ', sort keys %$got);
is_deeply([ grep { /virus/ } keys %$got ], [], 'nor was anything delivered that was');
is_deeply([ grep { $got->{$_} > 1 } keys %$got ], [], 'nothing came twice');
my @torn = grep { Pillarbox::slurp($_) !~ /\nX-Number: .*\r\n\r\n.*\r\n\z/s || abs((-s $_) - $SIZE) > 1000 } $pb->mail('u0@example.com');
is_deeply(\@torn, [], 'what was delivered is whole');
unlike($pb->log_text('delivery'), qr/event=(?:bounced|message-lost|finish-failed|round-put-off)/, 'nobody is told, nothing is lost');
is_deeply([ glob "$dir/spool/corrupt/*" ], [], 'and nothing had to be set aside');
done_testing;
