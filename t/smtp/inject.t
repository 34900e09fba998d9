#!/usr/bin/perl
# mail-inject, as local programs call sendmail(1).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->user('bob@example.com');
my $inject = $pb->program('mail-inject');
$ENV{PILLARBOX_ROOT} = $pb->dir;

my ($rc, undef, $err) = $pb->run_input("x\n", $inject, 'alice@example.com');
is($rc, 75, 'exit 75 when the server is down') or diag($err);
$pb->start;

sub inject { my ($text, @args) = @_; return $pb->run_input($text, $inject, @args) }

my $me = getpwuid($>);
my $n = 0;
($rc, undef, $err) = inject("Subject: one\n\n.\nnot read\n", 'alice@example.com');
is($rc, 0, 'a message from a program') or diag($err);
my ($mail) = $pb->wait_mail('alice@example.com', ++$n);
my $text = Pillarbox::slurp($mail);
like($text, qr/\AReturn-Path: <\Q$me\E\@mail\.test\.example>\r\nReceived: from localhost \(uid $>\)\r\n/, 'the server knows the caller');
like($text, qr/^From: \Q$me\E\@mail\.test\.example\r$/m, 'From is added');
like($text, qr/^Date: /m, 'Date is added');
unlike($text, qr/not read/, 'a lone dot ends the message');

($rc) = inject("Subject: dots\n\n.\n..\nend\n", '-i', 'alice@example.com');
is($rc, 0, '-i');
$pb->wait_mail('alice@example.com', ++$n);
ok((grep { Pillarbox::slurp($_) =~ /Subject: dots\r\n\r\n\.\r\n\.\.\r\nend\r\n\z/s } $pb->mail('alice@example.com')),
	'dots are text, line ends are CRLF');

($rc, undef, $err) = inject("To: Alice <alice\@example.com>,\n group: bob\@example.com;\nBcc: bob\@example.com\nFrom: x\@y.example\nSubject: t\n\nx\n",
	'-t', '-oi', '-f', 'sender@out.example');
is($rc, 0, '-t takes recipients from the header') or diag($err);
$pb->wait_mail('alice@example.com', ++$n);
my ($bob) = $pb->wait_mail('bob@example.com', 1);
$text = Pillarbox::slurp($bob);
unlike($text, qr/^Bcc/mi, 'Bcc is taken out');
like($text, qr/\AReturn-Path: <sender\@out\.example>\r\n/, '-f sets the sender');
is(scalar $pb->mail('bob@example.com'), 1, 'who is named twice gets one copy');

($rc) = inject("Subject: name\n\nx\n", '-F', 'The "Name"', '-f', 'x@y.example', 'alice@example.com');
is($rc, 0, '-F');
$pb->wait_mail('alice@example.com', ++$n);
ok((grep { Pillarbox::slurp($_) =~ /^From: "The \\"Name\\"" <x\@y\.example>\r$/m } $pb->mail('alice@example.com')), 'sets the name in From');

($rc, undef, $err) = inject("x\n", 'nobody@example.com', 'alice@example.com');
is($rc, 67, 'an unknown recipient is exit 67');
like($err, qr/5\.1\.1/, 'and said on stderr');
is(scalar $pb->mail('alice@example.com'), $n, 'then nobody gets the message');
($rc) = inject("x\n", 'no address at all <');
is($rc, 65, 'a bad address is exit 65');
($rc) = inject("x\n");
is($rc, 64, 'no recipient is exit 64');
($rc) = inject("x\n", '-t');
is($rc, 64, 'neither on the line nor in the header');
($rc) = inject('', '-bp');
is($rc, 64, 'modes of other programs are refused');

my ($smtp_rc, $out) = inject("EHLO x.example\r\nMAIL FROM:<a\@b.example>\r\nRCPT TO:<alice\@example.com>\r\nDATA\r\nSubject: bs\r\n\r\nx\r\n.\r\nQUIT\r\n", '-bs');
is($smtp_rc, 0, '-bs');
like($out, qr/^220 .*^354 .*^250 2\.0\.0 OK.*^221 /ms, 'speaks SMTP');
($rc) = inject("EHLO x.example\nQUIT\n", '-bs');
is($rc, 0, 'and ends when its caller does');

my $big = "Subject: big\n\n" . ('x' x 99 . "\n") x 50_000;
($rc, undef, $err) = inject($big, '-i', 'alice@example.com');
is($rc, 0, 'five megabytes') or diag($err);
$pb->wait_mail('alice@example.com', $n + 2);
ok((grep { -s $_ > 5_000_000 } $pb->mail('alice@example.com')), 'arrive');
SKIP: {
	skip 'needs root to become somebody without a name', 2 if $> != 0;
	my @unnamed = qw(setpriv --reuid=54321 --regid=54321 --clear-groups);
	($rc, undef, $err) = $pb->run_input("x\n", @unnamed, $inject, 'alice@example.com');
	like($err, qr/uid 54321 has no name; give the sender with -f/, 'a caller without a name is told what to do');
	($rc, undef, $err) = $pb->run_input("x\n", @unnamed, $inject, '-f', 'x@y.example', 'alice@example.com');
	is($rc, 0, 'and may do it') or diag($err);
}

done_testing();
