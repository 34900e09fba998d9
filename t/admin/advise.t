#!/usr/bin/perl
# mailctl advise: who may send without a log-in, and how much came from there (AUTHB-05).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'smtpAuthBypass/entry', 'ip=127.0.0.0/30');
$pb->ctl_ok('set', '--add', 'smtpAuthBypass/entry', 'ipFrom=127.0.0.8', 'ipTo=127.0.0.9');
$pb->ctl_ok('set', '--add', 'smtpAuthBypass/entry', 'ip=192.0.2.1');
$pb->start;

sub advice {
	my %n;
	for my $line (split /\n/, $pb->ctl_ok('advise', '--tsv', @_)) {
		my @f = split /\t/, $line;
		$n{$f[1]} = $f[2];
	}
	return \%n;
}
my %none = ('entry' => 'messages', '127.0.0.0/30' => 0, '127.0.0.8-127.0.0.9' => 0, '192.0.2.1' => 0);
is_deeply(advice(), \%none, 'every entry, and nothing came');

sub deliver {
	my ($from, $n, @to) = @_;
	for (1 .. $n) {
		my $c = $pb->connect('smtp', local => $from);
		$c->expect('EHLO form.example', qr/^250/);
		$c->expect('MAIL FROM:<form@web.example>', qr/^250/);
		$c->expect("RCPT TO:<$_>", qr/^250/) for @to;
		$c->expect('DATA', qr/^354/);
		$c->expect("Subject: rcpts=9\r\n\r\nx\r\n.", qr/^250/);
		$c->command('QUIT');
	}
}
deliver('127.0.0.1', 3, 'alice@example.com');
deliver('127.0.0.9', 1, 'alice@example.com', 'postmaster@example.com', 'x@far.invalid');
deliver('127.0.0.10', 1, 'alice@example.com');
ok($pb->wait_log('delivery', qr/\[127\.0\.0\.10\].* rcpts=1 /), 'the last one is in the log');
is_deeply(advice(), { %none, '127.0.0.0/30' => 3, '127.0.0.8-127.0.0.9' => 1 },
	'messages are counted once, by the entry that they came through');

Pillarbox::spew("$pb->{dir}/log/2020.01.01-delivery.log",
	"10:00:00.000 [192.0.2.1][000000000001] event=queued id=7 from=a\@b.example size=1 rcpts=1 ms=1\n" x 4);
is(advice()->{'192.0.2.1'}, 0, 'older days are left out');
is(advice('--days', 3660)->{'192.0.2.1'}, 4, 'unless asked for');
like($pb->ctl_ok('advise'), qr/192\.0\.2\.1 .*nothing came from it: remove it/, 'words for people');
my ($rc, undef, $err) = $pb->ctl('advise', '--days', 0);
is($rc, 2, 'no days are a usage error');
like($err, qr/1 to 3660/, 'that says the range');
$pb->ctl_ok('set', '--remove', 'smtpAuthBypass/entry', 'ip=192.0.2.1');
ok(!exists advice()->{'192.0.2.1'}, 'what is removed is gone');
done_testing;
