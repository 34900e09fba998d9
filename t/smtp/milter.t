#!/usr/bin/perl
# Milters: everything a milter may do to a message, small or larger than what
# is kept in memory; a milter that fails; and two foreign ones, libmilter's
# own engine and opendkim.
# Features: TOOL-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use IO::Socket::UNIX;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=unix:test-milter', 'failMode=tempfail', 'timeout=2');
$pb->start;

my $socket = $pb->dir . '/run/pub/test-milter';
my $program = "$Pillarbox::BIN/../t/smtp/test-milter";
my @children;

# Start a milter program; returns when its socket answers.
sub start_milter {
	my ($path, @cmd) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>>', "$pb->{top}/milter.log";
		exec { $cmd[0] } @cmd or POSIX::_exit(127);
	}
	push @children, $pid;
	my $end = time + 10;
	sleep 0.05 while time < $end && !(-S $path && chmod(0666, $path) && IO::Socket::UNIX->new(Peer => $path));
	return $pid;
}

sub stop_milter {
	my ($pid) = @_;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	@children = grep { $_ != $pid } @children;
}
END { kill 'KILL', @children if @children }

sub begin {
	my ($from, $to) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	return $c;
}

# The reply to the end of a message with that Subject.
sub send_one {
	my ($subject, $body, %o) = @_;
	my $c = $o{client} || begin();
	for my $command ('MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA') {
		my $reply = $c->command($command);
		return $reply if $reply !~ /^[23]/;
	}
	$c->send_raw("Received: by earlier\r\nX-Old: old\r\n value\r\nX-Gone: one\r\nX-Gone: two\r\nSubject: $subject\r\n\r\n$body.\r\n");
	return $c->reply;
}

# The delivered message with that Subject.
sub delivered { return $pb->wait_subject('alice@example.com', $_[0]) }

like(send_one('no milter there', "x\r\n"), qr/^451 4\.7\.1 .* ticket \d{12}$/, 'failMode=tempfail while the milter is down');
my $milter = start_milter($socket, $program, "local:$socket");

like(send_one('plain', "x\r\n"), qr/^250/, 'a message that the milter leaves alone');
like(delivered('plain'), qr/^X-Old: old\r\n value\r\nX-Gone: one\r\nX-Gone: two\r\nSubject: plain\r\n\r\nx\r\n\z/m,
	'arrives as it was sent');

my $all = "add insert change delete count";
for my $case ([ 'small', "x\r\n" ], [ 'large', join('', ('y' x 98 . "\r\n") x 30_000) ]) {
	my ($size, $body) = @$case;
	like(send_one("$all $size", $body), qr/^250/, "every change to the header of a $size message");
	my $text = delivered("$all $size");
	like($text, qr/\AReturn-Path: [^\r]*\r\nX-Top: first\r\nReceived: from c\.example [^;]*;\r\n\t[^\r]*\r\nReceived: by earlier\r\n/,
		'inserted at the top, as place 0 says');
	like($text, qr/^X-Old: new\r\nX-Gone: one\r\nSubject: /m, 'changed in its place, the second one deleted');
	like($text, qr/^X-Added: one\r\n\ttwo\r\n\r\n/m, 'added at the end, folded');
	like($text, qr/^X-Count: ${\ length $body}\r$/m, 'the milter saw the whole body');
	is(length(($text =~ /\r\n\r\n(.*)\z/s)[0]), length $body, 'which is as long as it was');
	ok(($text =~ /\r\n\r\n(.*)\z/s)[0] eq $body, 'and the same');
	like(send_one("body $size", $body), qr/^250/, "the body of a $size message replaced");
	like(delivered("body $size"), qr/^Subject: body $size\r\n\r\nanother body\r\n\z/m, 'arrives replaced');
}

# A message that is all header: what the milter makes its body is none of it.
my $bare = begin();
$bare->expect($_, qr/^[23]/) for 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA';
$bare->send_raw("X-One: 1\r\nSubject: body alone\r\n.\r\n");
like($bare->reply, qr/^250/, 'a body for a message without one');
like(delivered('body alone'), qr/^Subject: body alone\r\n(?:[\w-]+: [^\r]*\r\n)*\r\nanother body\r\n\z/m, 'stands behind an empty line');

like(send_one('reject', "x\r\n"), qr/^550 5\.7\.1 .* ticket \d{12}$/, 'rejected');
like(send_one('tempfail', "x\r\n"), qr/^451 4\.7\.1 .* ticket \d{12}$/, 'temporarily failed');
is(send_one('custom', "x\r\n") =~ s{ticket \d{12}}{ticket T}r, "554-5.7.9 first line\n554 5.7.9 second line ticket T", 'the milter\'s own words, with our ticket');
like(send_one('quoted', "x\r\n"), qr/^554 5\.7\.9 no " id=99/, 'words with a quote in them');
ok($pb->wait_log('smtpLog', qr/event=message-refused code=554 status=5\.7\.9 text="no \\x22 id=99 to=evil\@b\.example \\x22"/),
	'are no fields of the log');
my $closed = begin();
like(send_one('closing', "x\r\n", client => $closed), qr/^421 4\.7\.0 come back later ticket \d{12}$/, '421 in its own words');
ok($closed->at_end, 'ends the session');
like(send_one("reject\r\nMessage-ID: <$_\@far.example>", "x\r\n" x $_), qr/^550/, "refused with $_ lines") for 1, 500_000;
ok($pb->wait_log('smtpLog', qr/event=message-refused .* message-id=<$_\@far\.example>/), "the log of $_ lines has its Message-ID") for 1, 500_000;
like(send_one('discard', "x\r\n"), qr/^250/, 'discarded with a smile');
like(send_one('quarantine', "x\r\n"), qr/^250/, 'quarantined');
like(send_one('slow', "x\r\n"), qr/^250/, '"in progress" beyond the timeout');
my $c = $pb->connect('smtp');
like($c->command('EHLO refuse.example'), qr/^550 5\.7\.1/, 'refused at HELO');
like($c->command('MAIL FROM:<a@b.example>'), qr/^503/, 'and whoever goes on all the same has said no name');
$c->close;
$c = begin();
like($c->command('MAIL FROM:<refuse@b.example>'), qr/^550 5\.7\.1/, 'refused at MAIL');
like($c->command('RCPT TO:<alice@example.com>'), qr/^503/, 'so there is no transaction');
$c->expect('MAIL FROM:<a@b.example>', qr/^250/);
like($c->command('RCPT TO:<refuse@example.com>'), qr/^550 5\.1\.1/, 'our own no comes first');
$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
like($c->command('RSET'), qr/^250/, 'a message given up');
like(send_one('after rset', "x\r\n", client => $c), qr/^250/, 'and the next one in the same session');
ok(delivered('after rset'), 'arrives');
is(delivered('slow') ne '', 1, 'the slow one too');

# Refused at DATA: one reply, and what a client of BDAT sends all the same is read and no command.
sub refused_at_data {
	my $s = begin();
	$s->expect($_, qr/^250/) for 'MAIL FROM:<reject.data@b.example>', 'RCPT TO:<alice@example.com>';
	return $s;
}
$c = refused_at_data();
like($c->command('DATA'), qr/^550 5\.7\.1 .* ticket \d{12}$/, 'refused at DATA');
like($c->command('RCPT TO:<alice@example.com>'), qr/^503/, 'which ends the transaction');
$c->close;
my $half = ('RSET' . 'x' x 94 . "\r\n") x 1000;
$c = refused_at_data();
$c->send_raw("BDAT 200000 LAST\r\n$half");
like($c->reply, qr/^550 5\.7\.1/, 'refused at BDAT, before its content is there');
sleep 1;
$c->send_raw($half);
like($c->command('NOOP'), qr/^250 2\.0\.0/, 'the rest of which is read, and nothing more is said of it');
like($c->command('MAIL FROM:<a@b.example>'), qr/^250/, 'the last chunk ended the transaction');
$c->close;
$c = refused_at_data();
$c->send_raw("BDAT 100000\r\n$half" x 2 . "BDAT 0 LAST\r\nNOOP\r\n");
is(join(' ', map { $c->reply =~ /^(\d{3} [\d.]+)/ } 1 .. 4), '550 5.7.1 503 5.5.1 503 5.5.1 250 2.0.0', 'each chunk of several gets one reply');
like(send_one('after refused chunks', "x\r\n", client => $c), qr/^250/, 'and the next message of the session is taken');

my @subjects = map { Pillarbox::slurp($_) =~ /^Subject: (discard|quarantine|reject)/m ? $1 : () } $pb->mail('alice@example.com');
is("@subjects", '', 'nothing that was refused, discarded or quarantined was delivered');
my @held = grep { Pillarbox::slurp($_) =~ /\AQuarantined\r\n/ } glob($pb->dir . '/spool/SubSpool*/*.hdr');
is(scalar @held, 1, 'the quarantined message is kept in the queue');

my $before = time;
like(send_one('silent', "x\r\n"), qr/^451 4\.7\.1/, 'a milter that hangs costs its timeout');
cmp_ok(time - $before, '<', 6, 'and no more');
like(send_one('next', "x\r\n"), qr/^250/, 'the next session has a new connection to it');
stop_milter($milter);
ok($pb->wait_log('smtpLog', qr/event=milter-failed socket=unix:test-milter why=/), 'failures are in the log');

# failMode=reject while it is down.
my $file = $pb->dir . '/etc/mailconfig.xml';
Pillarbox::spew($file, Pillarbox::slurp($file) =~ s/tempfail/reject/r);
$pb->ctl_ok('reload');
my $patience = time + 20;
my $down;
do { $down = send_one('rejected', "x\r\n") } while $down !~ /^550/ && time < $patience;
like($down, qr/^550 5\.7\.1 A content filter is not available ticket \d{12}$/, 'failMode=reject while the milter is down');
is(scalar(grep { Pillarbox::slurp($_) =~ /^Subject: rejected/m } $pb->mail('alice@example.com')), 0, '... and nothing is taken');

SKIP: {
	my ($opendkim) = grep { -x } '/usr/sbin/opendkim', '/usr/bin/opendkim';
	skip 'opendkim is not installed', 4 unless $opendkim;
	my $dir = "$pb->{top}/dkim";
	mkdir $dir, 0700;
	my ($rc, $out, $err) = $pb->run('openssl', 'genrsa', '-out', "$dir/key", '2048');
	is($rc, 0, 'a key') or diag($err);
	chmod 0600, "$dir/key";
	unlink $socket;
	Pillarbox::spew("$dir/conf", "Domain example.com\nSelector sel\nKeyFile $dir/key\nSocket local:$socket\n"
		. "Mode s\nSyslog no\nCanonicalization relaxed/simple\nUMask 000\nInternalHosts 127.0.0.1\nRequireSafeKeys no\n"
		. "Background no\n");
	my $dkim = start_milter($socket, $opendkim, '-x', "$dir/conf", '-f');
	my $text = "From: alice\@example.com\nDate: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-ID: <x\@y>\n"
		. "Subject: signed\n folded\n\nbody  with trailing  \n\n\n";
	like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com', text => $text), qr/^250/, 'through opendkim');
	my $signed = '';
	my $end = time + 20;
	until ($signed || time > $end) {
		($signed) = grep { /^Subject: signed/m } map { Pillarbox::slurp($_) } $pb->mail('alice@example.com');
		sleep 0.05 unless $signed;
	}
	like($signed, qr/^DKIM-Signature: v=1; a=rsa-sha256;[^\0]*? d=example\.com; s=sel;/m, 'signed');
	# The body hash proves that opendkim and the recipient saw the same bytes.
	my ($bh) = $signed =~ /\bbh=([^;]+);/;
	$bh =~ s/\s//g;
	require Digest::SHA;
	my ($body) = $signed =~ /\r\n\r\n(.*)\z/s;
	$body =~ s/(?:\r\n)*\z/\r\n/;
	is($bh, Digest::SHA::sha256_base64($body) . '=', 'and the body hash is right for what was delivered');
	stop_milter($dkim);
}
done_testing();
