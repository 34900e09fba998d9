#!/usr/bin/perl
# A session learns of changes in a mail folder from its parent's inotify; log
# lines of a session come out as one line each.
use strict;
use warnings;
use Pillarbox::Skeleton;
use Test::More;
use Time::HiRes qw(sleep time);

my $sk = Pillarbox::Skeleton->new;
system('chmod', '-R', 'a+rwX', "$sk->{dir}/domains/watched");
$sk->start;
*say_line = \&Pillarbox::Skeleton::say_line;
my @c = map { $sk->session } 1 .. 2;
is(say_line($_, 'WATCH'), '+OK 0', 'a session has a folder watched') for @c;
print { $_->{sock} } "IDLE\r\n" for @c;
sleep 0.3;
Pillarbox::spew("$sk->{dir}/domains/watched/new/1", 'x');
is(Pillarbox::Skeleton::read_line($_->{sock}), '+OK changed', 'a new file is told') for @c;
print { $c[0]{sock} } "IDLE\r\n";
sleep 0.3;
rename "$sk->{dir}/domains/watched/new/1", "$sk->{dir}/domains/watched/cur/1:2,S";
is(Pillarbox::Skeleton::read_line($c[0]{sock}), '+OK changed', 'so is a rename to cur');
say_line($c[1], 'QUIT');
print { $c[0]{sock} } "IDLE\r\n";
sleep 0.3;
unlink "$sk->{dir}/domains/watched/cur/1:2,S";
is(Pillarbox::Skeleton::read_line($c[0]{sock}), '+OK changed', 'the end of one session leaves the other\'s watch');

print { $c[0]{sock} } "LOG\r\nWHO\r\n";
Pillarbox::Skeleton::read_line($c[0]{sock});
print { $c[0]{sock} } "IDLE\r\n";
sleep 0.3;
my $from = time;
ok($sk->stop('TERM', 25), 'SIGTERM with a session in IDLE');
is(Pillarbox::Skeleton::read_line($c[0]{sock}), '+OK stop', 'which is told to say good-bye');
cmp_ok(time - $from, '<', 10, 'ends at once');
my @lines = grep { /event=test/ } split /\n/, $sk->log_text('popLog');
ok(@lines >= 1, 'its lines were sent at its end');
like($lines[0], qr/^\d\d:\d\d:\d\d\.\d{3} \[127\.0\.0\.1\]\[\d{12}\] event=test text="a\\x0ab\\x1b 250 queued"$/,
	'one line, with line ends and ESC escaped');
done_testing();
