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

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True' });
$pb->user('alice@example.com');
my ($rc, $out, $err) = $pb->run($wrapper, "$tree/t/unit/sys-sandbox");
is($rc, 0, 'confinement goes on without it') or diag($out, $err);

$pb->start(through => [$wrapper]);
like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com', subject => 'x'), qr/^250/, 'mail is taken');
my @mail = $pb->wait_mail('alice@example.com', 1);
is(scalar @mail, 1, 'mail is delivered');
my $imap;
for my $service (qw(pop3 pop3 imap imap)) {	# sessions must not say it again
	$imap->close if $imap;
	$imap = $pb->connect($service);
	$imap->login('alice@example.com', $Pillarbox::PASSWORD);
}
$imap->expect('SELECT INBOX', qr/ OK /);
like($imap->command('FETCH 1 BODY[]'), qr/Subject: x/, 'and read');
$imap->close;
$pb->stop;
my $log = $pb->log_text;
unlike($log, qr/event=log-refused/, 'every first line is taken');
like($log, qr/event=shutdown/, 'and so are the last ones');
my (%started, %told);
$started{$1}++ while $log =~ /event=start program=(\S+)/g;
$told{$1}++ while $log =~ /event=sandbox program=(\S+) landlock=none/g;
cmp_ok(scalar keys %started, '>=', 12, 'every program was started');
# spool-runner is two processes.
is_deeply(\%told, { (map { $_ => 1 } 'mail-master', grep { !/^spool-/ } keys %started), 'spool-runner' => 2 },
	'each program says once what is missing') or diag(explain(\%told, \%started));
is(scalar(() = $log =~ /landlock=none/g), scalar(keys %started) + 1, 'and nobody else does');
done_testing;
