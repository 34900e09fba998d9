#!/usr/bin/perl
# What a sender may ask of the transport: each extension is offered where it
# works, its parameters are checked with the exact reply, and stand in the
# envelope of the queue.  VRFY, EXPN and ETRN behind their settings.
# Features: SMTPIN-01, SMTPIN-20, SMTPIN-21, LIST-08.
use strict;
use warnings;
use utf8;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0, etrn => 'trusted',
	maxMessagesPerSession => 50 });
$pb->user('alice@example.com');
$pb->user('bob@example.com');
$pb->user('carol@few.example');
$pb->ctl_ok('domain', 'edit', 'few.example', 'maxRecipientsPerMessage=7');
$pb->ctl_ok('alias', 'add', 'team@example.com', 'alice@example.com', 'bob@example.com');
$pb->start;
$pb->ctl_ok('stop', 'spool');

my $ae = "\xc3\xa4";		# a umlaut
sub ehlo { my ($c) = @_; return $c->expect('EHLO c.example', qr/^250/) }

# -- who is offered what -------------------------------------------------------------
my $c = $pb->connect('smtp');
my $offer = ehlo($c);
like($offer, qr/^250-$_\r?$/m, "offered: $_") for 'DSN', 'CHUNKING', 'BINARYMIME', 'SMTPUTF8', 'MT-PRIORITY', 'DELIVERBY',
	'ETRN', 'LIMITS RCPTMAX=1000 MAILMAX=50';
unlike($offer, qr/REQUIRETLS|FUTURERELEASE/, 'not in clear, not to strangers: REQUIRETLS, FUTURERELEASE');
$c->expect('STARTTLS', qr/^220/);
$c->start_tls;
like(ehlo($c), qr/^250-REQUIRETLS\r?$/m, 'REQUIRETLS is offered inside TLS');
my $s = $pb->connect('smtps');
ehlo($s);
$s->login('alice@example.com', $Pillarbox::PASSWORD);
like(ehlo($s), qr/^250-LIMITS RCPTMAX=200 MAILMAX=50\r?$/m, 'RCPTMAX of who logged in is that of the account');
my $carol = $pb->connect('smtps');
like(ehlo($carol), qr/RCPTMAX=1000 /, 'before somebody logs in that of the server');
$carol->login('carol@few.example', $Pillarbox::PASSWORD);
like(ehlo($carol), qr/^250-LIMITS RCPTMAX=7 /m, 'then the own one');
$carol->expect('MAIL FROM:<carol@few.example>', qr/^250/);
$carol->expect("RCPT TO:<r$_\@far.example>", qr/^250/) for 1 .. 7;
like($carol->command('RCPT TO:<r8@far.example>'), qr/^[45]\d\d [45]\.5\.3/, 'which is the one that holds');
$carol->close;
my ($wrong, undef, $said) = $pb->ctl('set', 'maxMessagesPerSession', '1000000');
isnt($wrong, 0, 'MAILMAX has six digits at most (RFC 9422)');
like($said, qr/999999/, 'mailctl says so');
like(ehlo($s), qr/^250-FUTURERELEASE 2592000 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\r?$/m, 'FUTURERELEASE to submitters');

# -- what MAIL says ------------------------------------------------------------------
sub mail_says {
	my ($conn, $args, $want, $name) = @_;
	like($conn->command("MAIL FROM:<$args"), $want, $name // "MAIL $args");
	$conn->expect('RSET', qr/^250/);
}
my $plain = $pb->connect('smtp');
ehlo($plain);
mail_says($plain, 'a@b.example> REQUIRETLS', qr/^555 5\.5\.4 .*REQUIRETLS/);
mail_says($plain, 'a@b.example> HOLDFOR=10', qr/^555 5\.5\.4 .*FUTURERELEASE/);
mail_says($plain, 'a@b.example> MT-PRIORITY=5', qr/^250 2\.3\.6 0 is the new priority$/, 'a stranger does not overtake, and is told the new priority first (RFC 6710)');
mail_says($plain, 'a@b.example> MT-PRIORITY=-5', qr/^250 2\.1\.0 /);
mail_says($plain, 'a@b.example> BY=0;R', qr/^501 5\.5\.4/);
mail_says($plain, 'a@b.example> BY=60;R BY=60;R', qr/^501 5\.5\.4/);
mail_says($plain, "$ae\@b.example>", qr/^553 5\.6\.7/, 'a non-ASCII sender needs SMTPUTF8');
mail_says($plain, "$ae\@b.example> SMTPUTF8", qr/^250/, 'and is taken with it');
mail_says($plain, "\xc3\@b.example> SMTPUTF8", qr/^501 5\.1\.7/, 'half a character is none (S19)');
mail_says($s, 'alice@example.com> HOLDFOR=0', qr/^501 5\.5\.4/, 'HOLDFOR=0 is none (RFC 4865)');
mail_says($s, 'alice@example.com> HOLDFOR=2592001', qr/^501 5\.5\.4 .*2592000/);
mail_says($s, 'alice@example.com> HOLDFOR=10 HOLDUNTIL=2030-01-01T00:00:00Z', qr/^501 5\.5\.4/);
mail_says($s, 'alice@example.com> HOLDUNTIL=2001-01-01T00:00:00Z', qr/^250/, 'a time that is over is now');

# -- what stands in the envelope ------------------------------------------------------
# One message with these parameters: its .hdr.
sub envelope {
	my ($conn, $mail, $rcpt, $text) = @_;
	my %before = map { $_ => 1 } grep { /\.hdr$/ } queue_files($pb);
	$conn->expect($_, qr/^[23]/) for "MAIL FROM:<$mail", (ref $rcpt ? map { "RCPT TO:<$_" } @$rcpt : "RCPT TO:<$rcpt"), 'DATA';
	$conn->expect(($text // "From: alice\@example.com\r\nSubject: x\r\n\r\nx") . "\r\n.", qr/^250/);
	my ($new) = grep { /\.hdr$/ && !$before{$_} } queue_files($pb);
	return Pillarbox::slurp($new // '');
}
my $alice = 'alice@example.com';
my $e = envelope($s, "$alice> RET=HDRS ENVID=a+2Bb", "bob\@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2B\@x");
like($e, qr/^envid: a\+b\r$/m, 'ENVID');
like($e, qr/^ret: HDRS\r$/m, 'RET');
like($e, qr/^notify: bob\@example\.com=SUCCESS,DELAY\r$/m, 'NOTIFY');
like($e, qr/^orcpt: 1 rfc822;b\+\@x\r$/m, 'ORCPT');
unlike($e, qr/^(?:require|hold|by|mtPriority|priority):/m, 'and nothing that was not asked');
$e = envelope($s, "$alice> REQUIRETLS MT-PRIORITY=9 BY=3600;RT HOLDFOR=60", 'bob@example.com>');
like($e, qr/^require: REQUIRETLS\r$/m, 'REQUIRETLS');
like($e, qr/^priority: 10\r$/m, 'MT-PRIORITY 9 is our 10');
like($e, qr/^mtPriority: 9\r$/m, 'and stays what it was for others');
like($e, qr{^by: \d\d/\d\d/\d{4} \d\d:\d\d:\d\d;RT\r$}m, 'BY');
like($e, qr{^hold: \d\d/\d\d/\d{4} \d\d:\d\d:\d\d\r$}m, 'HOLDFOR');
like(envelope($s, "$alice> MT-PRIORITY=-1", 'bob@example.com>'), qr/^priority: 4\r$/m, 'MT-PRIORITY -1 is our 4');
like(envelope($s, "$alice> HOLDUNTIL=2001-01-01T00:00:00Z", 'bob@example.com>'), qr{^hold: 01/01/2001 00:00:00\r$}m, 'HOLDUNTIL');
like(envelope($s, "$alice> SMTPUTF8", "j$ae\@far.example>"), qr/^require: SMTPUTF8\r$/m, 'SMTPUTF8 for a non-ASCII recipient');
like(envelope($s, "$alice> SMTPUTF8", 'bob@example.com>', "From: $alice\r\nSubject: $ae\r\n\r\nx"),
	qr/^require: SMTPUTF8\r$/m, 'and for a non-ASCII header');
unlike(envelope($s, "$alice> SMTPUTF8", 'bob@example.com>'), qr/^require:/m, 'but not for a message that can do without');
$e = envelope($s, "$alice> SMTPUTF8", "x\@b\xc3\xbccher.example>");
like($e, qr/^rcpt: 1 x\@xn--bcher-kva\.example\r$/m, 'a domain in U-labels is the same in A-labels');
my ($eml) = map { s/hdr$/eml/r } (reverse sort grep { /\.hdr$/ } queue_files($pb))[0];
like(Pillarbox::slurp($eml), qr/ with UTF8SMTPSA\r\n/, 'Received says UTF8SMTPSA');

$e = envelope($s, "$alice> SMTPUTF8", "bob\@example.com> ORCPT=utf-8;b$ae\@far.example");
like($e, qr/^orcpt: 1 utf-8;b$ae\@far\.example\r$/m, 'ORCPT of type utf-8 (RFC 6533)');
unlike($e, qr/^require:/m, 'which every host can be told of');
like(envelope($s, "$alice>", 'bob@example.com> ORCPT=utf-8;b\x{E4}\x{2B}@far.example'), qr/^orcpt: 1 utf-8;b$ae\+\@far\.example\r$/m,
	'and in ASCII, without SMTPUTF8');

$c = $pb->connect('smtp');
ehlo($c);
$c->expect("MAIL FROM:<a\@b.example>", qr/^250/);
like($c->command("RCPT TO:<alice\@example.com> ORCPT=utf-8;b$ae\@far.example"), qr/^553 5\.6\.7/, 'an ORCPT in UTF-8 needs SMTPUTF8 at MAIL');
like($c->command("RCPT TO:<alice\@example.com> ORCPT=utf-8;$_\@far.example"), qr/^501 5\.5\.4/, "ORCPT=utf-8;$_") for 'b+2B', 'b\x{62}', 'b\x{D800}';
like($c->command("RCPT TO:<alice\@example.com> ORCPT=rfc822;b$ae\@far.example"), qr/^501 5\.5\.4/, 'and of type rfc822 is always ASCII');
like($c->command("RCPT TO:<j$ae\@example.com>"), qr/^553 5\.6\.7/, 'a non-ASCII recipient needs SMTPUTF8 at MAIL');
like($c->command('RCPT TO:<alice@example.com> NOTIFY=NEVER,DELAY'), qr/^501 5\.5\.4/, 'NEVER stands alone (S20)');
like($c->command('RCPT TO:<alice@example.com> ' . join ' ', map { "X$_=1" } 1 .. 500), qr/^501 5\.5\.4 Too many parameters/, '500 parameters (S20)');

# -- ETRN -----------------------------------------------------------------------------
my $x = $pb->connect('smtp');
ehlo($x);
like($x->command('ETRN example.com'), qr/^459 4\.7\.1 /, 'etrn=trusted: strangers are refused');
like($s->command('ETRN'), qr/^501 5\.5\.4/, 'ETRN wants a domain');
like($s->command('ETRN @example.com'), qr/^501 5\.5\.4/, 'and takes no options');
like($s->command('ETRN example.com'), qr/^458 4\.3\.0 /, 'with the queue stopped it cannot be started');

# -- VRFY, EXPN -------------------------------------------------------------------------
like($x->command('VRFY alice@example.com'), qr/^252 2\.5\.0 /, 'VRFY confirms nothing unless enabled');
like($x->command('VRFY nobody@example.com'), qr/^252 2\.5\.0 /, 'whoever is asked for');
like($x->command('EXPN team@example.com'), qr/^502 5\.5\.1 /, 'EXPN of a list is not offered unless enabled (LIST-08)');
my ($rc, $out, $err) = $pb->ctl('set', 'enableVrfy', 'True');
is($rc, 0, 'enableVrfy');
like($out . $err, qr/anyone can find out/i, 'mailctl notes the risk');
($rc, $out, $err) = $pb->ctl('set', 'enableExpn', 'True');
like($out . $err, qr/anyone can find out/i, 'of enableExpn too');
$pb->ctl_ok('restart', 'smtp');
$pb->wait_port($_) for qw(smtp smtps);
$x = $pb->connect('smtp');
ehlo($x);
like($x->command('VRFY alice@example.com'), qr/^250 2\.1\.5 <alice\@example\.com>/, 'VRFY of a user');
like($x->command('VRFY <team@example.com>'), qr/^250 2\.1\.5 <team\@example\.com>/, 'of a list');
like($x->command('VRFY nobody@example.com'), qr/^550 5\.1\.1 /, 'of nobody');
like($x->command('VRFY a@elsewhere.example'), qr/^252 2\.5\.0 /, 'of another domain');
like($x->command('VRFY'), qr/^501 5\.5\.4 /, 'of nothing');
like($x->command("VRFY $ae\@example.com"), qr/^553 5\.6\.7 /, 'of a non-ASCII address without SMTPUTF8');
like($x->command("VRFY $ae\@example.com SMTPUTF8"), qr/^550 5\.1\.\d /, 'and with it');
is($x->command('EXPN team@example.com') =~ s/\r//gr, "250-2.1.5 <alice\@example.com>\n250 2.1.5 <bob\@example.com>",
	'EXPN gives the members');
like($x->command('EXPN alice@example.com'), qr/^250 2\.1\.5 <alice\@example\.com>/, 'of a user himself');
like($x->command('EXPN nobody@example.com'), qr/^550 5\.1\.1 /, 'of nobody');

$pb->set(etrn => 'nobody', maxFutureRelease => 0);
$pb->ctl_ok('restart', 'smtp');
$pb->wait_port($_) for qw(smtp smtps);
$s = $pb->connect('smtps');
ehlo($s);
$s->login('alice@example.com', $Pillarbox::PASSWORD);
unlike(ehlo($s), qr/ETRN|FUTURERELEASE/, 'what is turned off is not offered');
like($s->command('ETRN example.com'), qr/^502 5\.5\.1 /, 'nor taken');
mail_says($s, 'alice@example.com> HOLDFOR=10', qr/^555 5\.5\.4/);
done_testing();
