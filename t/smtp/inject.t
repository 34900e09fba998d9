#!/usr/bin/perl
# mail-inject, as local programs call sendmail(1).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->user('bob@example.com');
my $inject = $pb->program('mail-inject');
$ENV{PILLARBOX_ROOT} = $pb->dir;

my $out;
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
for my $mode ('-bd', '-bt', '-q30m', '-qX', '-xyz') {
	($rc) = inject('', $mode);
	is($rc, 64, "$mode is refused");
}
($rc) = inject("To: alice\@example.com\nSubject: together\n\n.\nx\n", '-ti', '-em', '-Ac');
is($rc, 0, 'letters together, and what other servers know');
$pb->wait_mail('alice@example.com', ++$n);

# What is asked of delivery reports reaches the server.
for my $bad ([ '-N', 'often' ], [ '-N', "never\r\nRSET" ], [ '-R', 'HALF' ]) {
	($rc, undef, $err) = inject("x\n", @$bad, 'alice@example.com');
	is($rc, 64, join ' ', @$bad, 'is refused');
	like($err, qr/: $bad->[0] takes /, '... with what it takes');
}
($rc, undef, $err) = inject("Subject: dsn\n\nx\n", '-N', 'success,delay', '-R', 'hdrs', '-V', 'my id=1+', '-f', 'bob@example.com', 'alice@example.com');
is($rc, 0, '-N -R -V') or diag($err);
$pb->wait_mail('alice@example.com', ++$n);
my ($report) = grep { /^Original-Envelope-Id: my id=1\+\r$/m } map { Pillarbox::slurp($_) } $pb->wait_mail('bob@example.com', 2);
like($report // '', qr/^Action: delivered\r$/m, 'the sender is told of success, with his id');

# The queue: shown and run by mailctl.
my @links = map { "$pb->{top}/$_" } qw(mailq newaliases sendmail);
symlink $inject, $_ or die for @links;
($rc, $out) = $pb->run_input('', $links[0]);
is($rc, 0, 'mailq');
like($out, qr/^0 of 0$/m, 'shows an empty queue');
is(($pb->run_input('', $links[1]))[0], 0, 'newaliases has nothing to do');
is((inject('', '-bi'))[0], 0, 'nor has -bi');
my $new = $pb->maildir('bob@example.com') . '/new';
rename $new, "$new.away" or die;
Pillarbox::spew($new, '');
inject("Subject: waits\n\nx\n", '-f', $_, 'bob@example.com') for '"a\"b c"@out.example', 'plain@out.example';
sub queued { return map { [ split /\t/ ] } grep { /^\d/ } split /\n/, $pb->ctl_ok('spool', 'list', '--tsv') }
sub attempts { my ($count) = @_; my $end = time + 20; sleep 0.1 while time < $end && join(' ', map { $_->[3] } queued()) ne $count; return join ' ', map { $_->[3] } queued() }
is(attempts('1 1'), '1 1', 'two messages wait');
for my $show ([ $inject, '-bp' ], [ $links[2], '-bp' ], [ $links[0] ]) {
	($rc, $out) = $pb->run_input('', @$show);
	like($out, qr/plain\@out\.example .*^2 of 2$/ms, "@{[ map { m{([^/]+)$} } @$show ]} shows them");
}
my @waiting = queued();
is((inject('', '-q'))[0], 0, '-q');
is(attempts('2 2'), '2 2', '... tries all');
is((inject('', "-qI$waiting[1][0]"))[0], 0, '-qI');
is(attempts('2 3'), '2 3', '... tries one');
is((inject('', '-qR', 'bob@'))[0], 0, '-qR');
is(attempts('3 4'), '3 4', '... tries those for a recipient');
is((inject('', '-qS', '\"b c"@'))[0], 0, '-qS');
is(attempts('4 4'), '4 4', '... tries those of a sender, whatever is in the text');
is((inject('', '-qI', '--all'))[0], 2, 'a text is no option of mailctl');
is(attempts('4 4'), '4 4', '... and does nothing else');
unlink $new;
rename "$new.away", $new or die;
inject('', '-q');
$pb->wait_mail('bob@example.com', 4);
SKIP: {
	skip 'needs root to become somebody else', 2 if $> != 0;
	($rc, $out, $err) = $pb->run_input('', qw(setpriv --reuid=54321 --regid=54321 --clear-groups), $inject, '-bp');
	isnt($rc, 0, 'a stranger may not see the queue');
	unlike($out, qr/example/, '... nothing of it');
}

(my $smtp_rc, $out) = inject("EHLO x.example\r\nMAIL FROM:<a\@b.example>\r\nRCPT TO:<alice\@example.com>\r\nDATA\r\nSubject: bs\r\n\r\nx\r\n.\r\nQUIT\r\n", '-bs');
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
