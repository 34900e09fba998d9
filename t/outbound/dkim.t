#!/usr/bin/perl
# DKIM: what users of a domain send to others is signed at the moment of sending, by an RSA and an Ed25519
# key, of which remote-send holds neither.  A real Postfix with opendkim takes it and finds the signatures good.
# Features: FEAT-06, DKIM-03.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use JSON::PP;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Postfix;
use Pillarbox::Queue;

plan skip_all => $_ for grep { $_ } Pillarbox::Postfix::lacking(), -x '/usr/sbin/opendkim' ? '' : 'no opendkim';
my $pb = Pillarbox->new(settings => { allowLoopbackTargets => 'True', retryIntervals => '60,60,60,60,60', requireAuthMatch => 'none' });
$pb->user("$_\@example.com") for qw(alice bob);
$pb->user('carol@other.example');
$pb->ctl_ok('domain-alias', 'add', 'example.com', 'name.example');

# -- keys -----------------------------------------------------------------------------------
like(($pb->ctl('dkim', 'show', 'example.com'))[2], qr/has no key; make one: mailctl dkim add example\.com/, 'no key yet');
my $records = $pb->ctl_ok('dkim', 'add', 'example.com', '--selector', 'one');
like($records, qr/^one-rsa\._domainkey\.example\.com\. IN TXT \( "v=DKIM1; k=rsa; h=sha256; p=[^"]+" "[^"]+" \)$/m, 'mailctl makes an RSA key and prints its record');
like($records, qr/^one-ed25519\._domainkey\.example\.com\. IN TXT \( "v=DKIM1; k=ed25519; p=[A-Za-z0-9+\/]{43}=" \)$/m, 'and one of Ed25519');
like($records, qr/^one-rsa\._domainkey\.name\.example\. IN TXT/m, 'for each name of the domain');
like($records, qr/then: mailctl dkim use example\.com --selector one$/m, 'and says what to do next');
my $folder = "$pb->{dir}/domains/example.com/dkim";
is((stat "$folder/one-rsa.pem")[2] & 07777, 0640, 'only auth-check reads the key');
like(($pb->ctl('dkim', 'add', 'example.com', '--selector', 'one'))[2], qr/one-rsa\.pem is there already/, 'no key is written over');
like(($pb->ctl('dkim', 'add', 'example.com', '--selector', '../x'))[2], qr/is not a selector of letters/, 'a selector is no path');
like(($pb->ctl('dkim', 'add', 'example.com', '--bits', '512'))[2], qr/--bits 512: 1024 to 4096/, 'no weak key is made');
like(($pb->ctl('dkim', 'add', 'example.com', '--type', 'dsa'))[2], qr/--type dsa: rsa, ed25519 or both/, 'nor one of another kind');
like(($pb->ctl('dkim', 'use', 'example.com', '--selector', 'none'))[2], qr/no key of the selector none/, 'nothing signs with a key that is not there');
unlike(join('', $pb->ctl('check')), qr/dkim/, 'mailctl check finds the files as they must be');
my %txt = map { $_->{name} =~ s/\.$//r => $_->{text} } @{ decode_json($pb->ctl_ok('--json', 'dkim', 'show', 'example.com')) };
is(scalar keys %txt, 4, 'for programs: two keys at two names');

# -- the other side ----------------------------------------------------------------------------
Pillarbox::spew("$pb->{top}/keys", join '', map { "$_ $txt{$_}\n" } sort keys %txt);
my $milter = Pillarbox::free_ports(1);
Pillarbox::spew("$pb->{top}/opendkim.conf", "Mode v\nTestPublicKeys $pb->{top}/keys\nSocket inet:$milter\@127.0.0.1\nSyslog no\n"
	. "Background no\nRequireSafeKeys no\nAuthservID mx.away\nAlwaysAddARHeader yes\nUserID nobody\n");
chmod 0644, "$pb->{top}/keys", "$pb->{top}/opendkim.conf";
my $opendkim = fork() // die;
if ($opendkim == 0) {
	open STDERR, '>', "$pb->{top}/opendkim.log";
	exec '/usr/sbin/opendkim', '-x', "$pb->{top}/opendkim.conf", '-f' or POSIX::_exit(127);
}
END { local $?; if ($opendkim) { kill 'TERM', $opendkim; waitpid $opendkim, 0 } }
my $end = time + 20;
sleep 0.05 while time < $end && !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $milter);
my $px = Pillarbox::Postfix->new($pb, <<"END");
myhostname = mx.away.example
virtual_mailbox_domains = away.example
virtual_mailbox_maps = inline:{x\@away.example=box/}
mynetworks = 127.0.0.0/8
smtpd_milters = inet:127.0.0.1:$milter
milter_default_action = tempfail
END
$pb->ctl_ok('gateway', 'add', 'address=127.0.0.1', "port=$px->{port}", 'domains=away.example');
$pb->start;

my $number = 0;
sub submit {
	my ($user, $header, $body, %o) = @_;
	$number++;
	my $c = $pb->connect('smtps');
	$c->expect('EHLO c.example', qr/^250/);
	$c->login($user, $Pillarbox::PASSWORD);
	$c->expect($_, qr/^[23]/) for "MAIL FROM:<$user>", 'RCPT TO:<x@away.example>', 'DATA';
	(my $dotted = "X-Number: $number\r\n$header\r\n\r\n$body") =~ s/^\./../mg;
	$c->expect("$dotted.", qr/^250/);
	return $number;
}
# The message with that number as Postfix has it, with CRLF.
sub got {
	my ($n) = @_;
	my $end = time + 30;
	while (time < $end) {
		for (map { Pillarbox::slurp($_) } glob "$px->{mail}/new/*") {
			return s/\r?\n/\r\n/gr if /^X-Number: $n\r?$/m;
		}
		sleep 0.05;
	}
	fail("message $n did not come");
	return '';
}
sub signatures { my ($text) = @_; return map { s/\r\n[ \t]+/ /gr } $text =~ /^(DKIM-Signature:[^\r]*(?:\r\n[ \t][^\r]*)*)/mg }
# What opendkim says, without its own folding.
sub results { my ($text) = @_; my ($r) = $text =~ /^Authentication-Results: mx\.away;((?:[^\r]|\r\n[ \t])*)/m; return ($r // '') =~ s/\s+/ /gr }
sub good { my ($text, $what) = @_; my $r = results($text);
	return like($r, qr/dkim=pass[^;]*header\.d=(\S+) [^;]*header\.s=one-rsa|dkim=pass \(2048-bit key/, "$what: opendkim finds the RSA signature good") || diag($text, Pillarbox::slurp("$pb->{top}/opendkim.log")) }

my $from = "From: Alice <alice\@example.com>\r\nTo: x\@away.example\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000";
my $text = got(submit('alice@example.com', "$from\r\nSubject: not yet", "body\r\n"));
is(scalar(signatures($text)), 0, 'a domain that does not sign yet');
$pb->ctl_ok('dkim', 'use', 'example.com', '--selector', 'one');
like($pb->ctl_ok('--tsv', 'dkim', 'list'), qr/^example\.com\ttrue\tone-rsa\tone-ed25519$/m, 'now it signs');

my $settings = $pb->ctl_ok('domain', 'show', 'example.com');
like($settings, qr/^$_->[0]\s+$_->[1]\b/m, "$_->[0] says so") for [ enableDomainKeySigning => 'True' ], [ dkimSelector => 'one-rsa' ],
	[ dkimKeyPath => 'dkim/one-rsa\.pem' ], [ dkimEd25519Selector => 'one-ed25519' ], [ dkimEd25519KeyPath => 'dkim/one-ed25519\.pem' ];

$text = got(submit('alice@example.com', "$from\r\nSubject: one\r\n\tfolded  \r\nReferences: <a> <b>", "Hello  world \r\n\r\n.dot\r\n..\r\n \r\n\r\n\r\n"));
my @s = signatures($text);
is(scalar @s, 2, 'two signatures');
like($s[0], qr/v=1; a=rsa-sha256; c=relaxed\/relaxed; d=example\.com; s=one-rsa; t=\d{10}; h=/, 'one by RSA');
like($s[1], qr/v=1; a=ed25519-sha256; c=relaxed\/relaxed; d=example\.com; s=one-ed25519; /, 'one by Ed25519');
like($s[0] =~ s/ //gr, qr/h=From:From:To:To:Cc:Subject:Subject:Date:Date:Message-ID:Message-ID:Reply-To:/, 'which seal the fields');
is(scalar(() = results($text) =~ /dkim=pass/g), 2, 'opendkim finds both good') or diag(results($text));
my $signed = $text;
for ([ 'an empty body', '' ], [ 'a body of empty lines', "\r\n\r\n" ], [ 'a large one', ("x" x 70 . " \r\n") x 20000 ], [ '8-bit text', "\xc3\xa4 \xe4\r\n" ]) {
	$text = got(submit('alice@example.com', "$from\r\nSubject: $_->[0]", $_->[1]));
	is(scalar(() = results($text) =~ /dkim=pass/g), 2, "$_->[0]") or diag(results($text));
}

# Who is signed for.
$text = got(submit('alice@example.com', "From: alice\@name.example\r\nSubject: x", "body\r\n"));
like((signatures($text))[0] // '', qr/ d=name\.example;/, 'another name of the domain signs for itself');
is(scalar(() = results($text) =~ /dkim=pass/g), 2, 'and is found good');
is(scalar(signatures(got(submit('carol@other.example', "From: alice\@example.com\r\nSubject: x", "body\r\n")))), 0,
	'a user of another domain is not signed for, whatever From says');
is(scalar(signatures(got(submit('alice@example.com', "From: x\@foreign.example\r\nSubject: x", "body\r\n")))), 0, 'nor is mail in the name of others');

is(scalar(signatures(got(submit('alice@example.com', "From: alice\@example.com\r\nFrom: bob\@example.com\r\nSubject: x", "body\r\n")))), 0, 'nor is what has two authors');
$pb->ctl_ok('stop', 'spool');
$number++;
drop($pb, { from => 'alice@example.com', to => 'x@away.example', keys => [ 'auth: alice@example.com', 'from: alice@example.com' ],
	text => "X-Number: $number\r\nFrom: alice\@example.com\r\nFrom: bob\@example.com\r\n\r\nbody\r\n" });
$pb->ctl_ok('start', 'spool');
is(scalar(signatures(got($number))), 0, 'however it came');
ok($pb->wait_log('delivery', qr/event=not-signed id=\d+ domain=example\.com why=/), 'which the log tells');

# What was signed cannot be changed: as a next host, bring it again with something more.
sub replay {
	my ($what, $change) = @_;
	my ($message) = $signed =~ /^(DKIM-Signature:.*)\z/ms;
	$number++;
	$message =~ s/^X-Number: \d+/X-Number: $number/m;
	$message = $change->($message) =~ s/^\./../mgr;
	my $c = $px->connect;
	$c->expect($_, qr/^[23]/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<x@away.example>', 'DATA';
	$c->expect("$message.", qr/^250/);
	my $n = () = results(got($number)) =~ /dkim=pass/g;
	return $n;
}
is(replay('as it was', sub { $_[0] }), 2, 'brought again as it was it is good');
is(replay('more From', sub { "From: evil\@example.com\r\n$_[0]" }), 0, 'with another From it is not');
is(replay("more $_", sub { "$_[0]" =~ s/^(X-Number)/$_: evil\r\n$1/mr }), 0, "nor with another $_") for 'Subject', 'Reply-To', 'Cc';
is(replay('a word more', sub { $_[0] =~ s/Hello/Hello evil/r }), 0, 'nor with another body');
is(replay('blanks', sub { $_[0] =~ s/Hello  world \r/Hello world\r/r }), 2, 'blanks may change on the way');

# A key that cannot be used: mail waits, and is not sent unsigned.
chmod 0, "$folder/one-rsa.pem";
rename "$folder/one-rsa.pem", "$folder/away";
like(join('', $pb->ctl('check')), qr{^key\s+domains/example\.com/dkim/one-rsa\.pem\s+No such file or directory: mail of the domain waits}m, 'mailctl check finds a key that is gone');
submit('alice@example.com', "$from\r\nSubject: x", "body\r\n");
ok($pb->wait_log('delivery', qr/event=deferred [^\n]*text="451 4\.3\.0 the message cannot be signed now"/), 'without its key a message waits');
ok($pb->wait_log('authLog', qr/event=dkim-failed domain=example\.com selector=one-rsa why="example\.com\/dkim\/one-rsa\.pem: ENOENT"/), 'and the log says why');
Pillarbox::spew("$folder/one-rsa.pem", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
chmod 0644, "$folder/one-rsa.pem";
$pb->ctl_ok('spool', 'force', '--all');
ok($pb->wait_log('authLog', qr/event=dkim-failed [^\n]*why="it is no private key in PEM without a password"/), 'so does one that is no key');
Pillarbox::spew("$folder/one-rsa.pem", Pillarbox::slurp("$folder/one-ed25519.pem"));
$pb->ctl_ok('spool', 'force', '--all');
ok($pb->wait_log('authLog', qr/event=dkim-failed [^\n]*why="the key is of the other kind"/), 'or of the other kind');
rename "$folder/away", "$folder/one-rsa.pem";
chmod 0640, "$folder/one-rsa.pem";
$pb->ctl_ok('spool', 'force', '--all');
is(scalar(() = results(got($number)) =~ /dkim=pass/g), 2, 'when the key is back it goes, signed');

# Keys are changed while the domain signs: the new ones wait until they are in DNS.
like($pb->ctl_ok('dkim', 'add', 'example.com', '--type', 'rsa', '--selector', 'two'), qr/^two-rsa\._domainkey/, 'a second key');
like((signatures(got(submit('alice@example.com', "$from\r\nSubject: x", "body\r\n"))))[0], qr/ s=one-rsa;/, 'signs nothing yet');
like(($pb->ctl('dkim', 'delete', 'example.com', 'one-rsa'))[2], qr/signs with one-rsa: use another key first/, 'one that is in use is not deleted');
$pb->ctl_ok('dkim', 'use', 'example.com', '--selector', 'two');
like((signatures(got(submit('alice@example.com', "$from\r\nSubject: x", "body\r\n"))))[0], qr/ s=two-rsa;/, 'now it does');
$pb->ctl_ok('dkim', 'delete', 'example.com', 'one-rsa');
ok(!-e "$folder/one-rsa.pem", 'the old one can go');
$pb->ctl_ok('domain', 'edit', 'example.com', 'enableDomainKeySigning=False');
is(scalar(signatures(got(submit('alice@example.com', "$from\r\nSubject: x", "body\r\n")))), 0, 'switched off');
done_testing;
