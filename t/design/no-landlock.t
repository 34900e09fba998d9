#!/usr/bin/perl
# On a kernel without Landlock everything works, confined by uid, chroot and
# seccomp, and each program that would have used it says so once.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

(my $tree = $ENV{PB_BIN}) =~ s{/prog/*$}{};
my $wrapper = "$tree/t/tool/without-landlock";
plan skip_all => 'without-landlock is not built' unless -x $wrapper && -x "$tree/t/unit/sys-sandbox";

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
my ($rc, $out, $err) = $pb->run($wrapper, "$tree/t/unit/sys-sandbox");
is($rc, 0, 'confinement goes on without it') or diag($out, $err);

$pb->start(through => [$wrapper]);
my $c = $pb->connect('smtp');
$c->expect('EHLO client.example', qr/^250/);
$c->expect('MAIL FROM:<x@sender.example>', qr/^250/);
$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
$c->expect('DATA', qr/^354/);
$c->expect("Subject: x\r\n\r\nbody\r\n.", qr/^250/);
my @mail = $pb->wait_mail('alice@example.com', 1);
is(scalar @mail, 1, 'mail is delivered');
my $imap = $pb->connect('imap');
$imap->login('alice@example.com', $Pillarbox::PASSWORD);
$imap->expect('SELECT INBOX', qr/ OK /);
like($imap->command('FETCH 1 BODY[]'), qr/Subject: x/, 'and read');
$_->close for $c, $imap;
$pb->stop;
my %warned;
for my $file (glob $pb->dir . '/log/*') {
	$warned{$file} = () = Pillarbox::slurp($file) =~ /landlock=none/g;
}
cmp_ok(scalar(grep { $_ > 0 } values %warned), '>=', 1, 'what is missing is logged');
done_testing;
