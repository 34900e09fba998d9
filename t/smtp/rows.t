#!/usr/bin/perl
# What users and domains may send and receive: limits of their own messages, log-in for their
# names, aliases, catch-alls, blind copies.
# Features: LIMIT-02, LIMIT-07, LIMIT-08, SMTPIN-14, SMTPIN-15, SMTPIN-23, SMTPIN-27, SMTPIN-28, DOM-12, DOM-18, GEN-02,
# USER-04, USER-05, USER-06, USER-07, USER-08, BLKS-01, BLKS-02.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user($_) for 'alice@example.com', 'bob@example.com', 'carol@other.example';
$pb->ctl_ok('domain', 'edit', 'example.com', 'maxMessageSizeKB=10', 'maxRecipientsPerMessage=2',
	'domainAliases/domainAlias=example.net');
$pb->ctl_ok('alias', 'add', 'sales@example.com', 'alice@example.com', 'carol@other.example');
$pb->start;

sub session {
	my ($service, $user) = @_;
	my $c = $pb->connect($service);
	$c->expect('EHLO client.example', qr/^250/);
	$c->login($user, $Pillarbox::PASSWORD) if $user;
	return $c;
}
sub mail { my ($c, $from, $more) = @_; $c->command('RSET'); return $c->command("MAIL FROM:<$from>" . ($more // '')) }
sub rcpt { my ($to, $from) = @_; my $c = session('smtp'); $c->expect('MAIL FROM:<' . ($from // 'x@out.example') . '>', qr/^250/); return $c->command("RCPT TO:<$to>") }
sub wait_for { my ($call, $re) = @_; my $end = time + 20; sleep 0.2 while time < $end && $call->() !~ $re; return $call->() }

# A user's own limits.
my $c = session('submission', 'alice@example.com');
like(mail($c, 'alice@example.com', ' SIZE=10240'), qr/^250/, 'a message as large as the domain allows');
like(mail($c, 'alice@example.com', ' SIZE=10241'), qr/^552 5\.3\.4 .* ticket \d{12}$/, 'one byte more (LIMIT-07)');
like(mail($c, 'alice@example.com'), qr/^250/, 'without a declared size');
like($c->command("RCPT TO:<$_>"), qr/^250/, "a recipient") for 'bob@example.com', 'carol@other.example';
like($c->command('RCPT TO:<bob@example.com>'), qr/^452 4\.5\.3/, 'one over the limit (LIMIT-08), though it was named before');
like($c->command('RCPT TO:<y@out.example>'), qr/^452 4\.5\.3 .* ticket \d{12}$/, 'and all later ones');
$c->expect('DATA', qr/^354/);
like($c->command("From: alice\@example.com\r\n\r\n" . "x" x 70 . "\r\n.") , qr/^250/, 'those before stay accepted');
$pb->wait_mail($_, 1) for 'bob@example.com', 'carol@other.example';
mail($c, 'alice@example.com');
$c->expect('RCPT TO:<bob@example.com>', qr/^250/);
$c->expect('DATA', qr/^354/);
like($c->command("From: alice\@example.com\r\n\r\n" . ("x" x 70 . "\r\n") x 200 . '.'), qr/^552 5\.3\.4/, 'a large one is refused after DATA');
my $x = session('smtp');
like(mail($x, 'x@out.example', ' SIZE=1000000'), qr/^250/, 'mail from others has the limits of the server');
like(mail($c, 'carol@other.example'), qr/^553 5\.7\.1/, 'the sender must be the user (SMTPIN-15)');
like(mail($c, 'sales@example.com'), qr/^250/, 'or an alias of the user');
like(mail($c, 'alice@example.net'), qr/^250/, 'or the user at another name of the domain');
$pb->ctl_ok('set', 'requireAuthMatch', 'domain');
sub as_alice { my ($from) = @_; my $s = session('submission', 'alice@example.com'); return mail($s, $from) . ($s->command('RCPT TO:<bob@example.com>') =~ /^250/
	&& $s->command('DATA') =~ /^354/ ? $s->command("From: carol\@other.example\r\n\r\nx\r\n.") : '') }
like(wait_for(sub { as_alice('bob@example.com') }, qr/^250/), qr/^250 .*\n?550 5\.7\.1 From address/, 'requireAuthMatch=domain: anybody of the domain, and From of no other');
like(as_alice('carol@other.example'), qr/^553 5\.7\.1 .* ticket \d{12}$/, 'but nobody of another');
$pb->ctl_ok('set', 'requireAuthMatch', 'none');
like(wait_for(sub { as_alice('carol@other.example') }, qr/^250/), qr/^250 .*250 2\.0\.0/s, 'requireAuthMatch=none: anybody');
$pb->ctl_ok('set', 'requireAuthMatch', 'emailAddress');
like(wait_for(sub { as_alice('bob@example.com') }, qr/^553/), qr/^553 5\.7\.1/, 'and the user alone again');

# Blind copies are nobody's business.
mail($c, 'alice@example.com');
$c->expect('RCPT TO:<bob@example.com>', qr/^250/);
$c->expect('DATA', qr/^354/);
$c->expect("From: alice\@example.com\r\nBcc: secret\@out.example,\r\n\tmore\@out.example\r\nSubject: blind\r\nbcc: again\@out.example\r\nResent-Bcc: z\@out.example\r\n\r\nBcc: stays\r\n.", qr/^250/);
my ($blind) = grep { /Subject: blind/ } map { Pillarbox::slurp($_) } $pb->wait_mail('bob@example.com', 2);
unlike($blind, qr/(?:secret|more|again|z)\@out\.example/, 'Bcc is taken out of a submission');
like($blind, qr/\r\n\r\nBcc: stays\r\n/, 'but not out of its text');

$c->command('QUIT');
ok($pb->wait_log('smtpLog', qr/event=check about=size name=user-size-limit value=10240 weight=-100 total=-100/), 'the log says why');

# Addresses.
like(rcpt('ALICE@example.NET'), qr/^250/, 'another name of the domain (USER-05)');
like(rcpt('sales@example.net'), qr/^250/, 'an alias at it (USER-04)');
like(rcpt('alice+box@example.com'), qr/^250/, 'user+detail');
like($pb->ctl_ok('--tsv', 'domain-alias', 'list'), qr/^example\.net\texample\.com$/m, 'mailctl lists other names (USER-05)');
like(rcpt('alice@example.org'), qr/^550 5\.7\.1/, 'a name that is none of ours');
$pb->ctl_ok('domain-alias', 'add', 'example.com', 'Example.ORG');
like(rcpt('alice@example.org'), qr/^250/, 'added, its addresses are those of the domain');
like(rcpt('nobody@example.org'), qr/^550 5\.1\.1/, 'and no others');
my ($code, undef, $said) = $pb->ctl('domain-alias', 'add', 'example.com', 'third.example.net');
is($code, 1, 'not more than maxDomainAliases (LIMIT-02)');
like($said, qr/may have 2 aliases \(maxDomainAliases\)/, 'which is named');
for ([ 'domain-alias', 'add', 'other.example', 'example.org' ], [ 'domain', 'edit', 'other.example', 'domainAliases/domainAlias=example.org' ],
	[ 'domain', 'add', 'example.org', '--admin', 'postmaster', '--password', $Pillarbox::PASSWORD ]) {
	($code, undef, $said) = $pb->ctl(@$_);
	is($code, 1, "a name has one domain: @$_[0 .. 2]");
	like($said, qr/example\.org is another name of the domain example\.com/, 'which is named');
}
is(($pb->ctl('domain-alias', 'add', 'other.example', 'example.com'))[0], 1, 'nor is a domain another name');
like(rcpt('alice@example.org'), qr/^250/, 'it goes where it went');
my $to_org = 'From: x@out.example' . "\r\nSubject: to the other name\r\n\r\nx\r\n.";
my $s = session('smtp');
$s->expect($_, qr/^[23]/) for 'MAIL FROM:<x@out.example>', 'RCPT TO:<Alice@EXAMPLE.org>', 'DATA';
like($s->command($to_org), qr/^250/, 'mail for it');
ok(wait_for(sub { grep({ Pillarbox::slurp($_) =~ /^Subject: to the other name/m } $pb->mail('alice@example.com')) ? 'there' : '' }, qr/there/), 'comes to the same mailbox');
$pb->ctl_ok('domain-alias', 'delete', 'example.com', 'example.org');
like(rcpt('alice@example.org'), qr/^550 5\.7\.1/, 'deleted, it is not ours any more');
like(rcpt('alice@example.net'), qr/^250/, 'the other one stays');
is(($pb->ctl('domain-alias', 'delete', 'example.com', 'example.org'))[0], 3, 'it is deleted once');
$pb->ctl_ok('domain-alias', 'add', 'other.example', 'example.org');
like(rcpt('carol@example.org'), qr/^250/, 'and free for another domain');
like(rcpt('alice@example.org'), qr/^550 5\.1\.1/, 'with its addresses');
$pb->ctl_ok('domain-alias', 'delete', 'other.example', 'example.org');
# Two files that were edited by hand: who had the name first keeps it.
sub name_by_hand {
	my ($domain, $name) = @_;
	my $file = "$pb->{dir}/domains/$domain/domainConfig.xml";
	my ($mode, $uid, $gid) = (stat $file)[ 2, 4, 5 ];
	(my $text = Pillarbox::slurp($file)) =~ s{<domainAliases>\s*</domainAliases>|<domainAliases/>}{};
	$text =~ s{(</\w+>\s*)$}{<domainAliases><domainAlias>$name</domainAlias></domainAliases>$1};
	Pillarbox::spew("$file.new", $text);
	chown $uid, $gid, "$file.new";
	chmod $mode & 07777, "$file.new";
	rename "$file.new", $file or die;
}
name_by_hand('other.example', 'example.net');
$pb->ctl_ok('reindex');
ok($pb->wait_log('authLog', qr/event=domain-alias-taken alias=example\.net domain=other\.example owner=example\.com/), 'a name that two files have is told');
like(rcpt('alice@example.net'), qr/^250/, 'and stays with the first');
like(($pb->ctl('check'))[1], qr{^domain +domains/other\.example/domainConfig\.xml +domainAliases: example\.net is another name of example\.com too}m,
	'mailctl check finds both');
$pb->ctl_ok('domain', 'edit', 'other.example', 'domainAliases/domainAlias=');
name_by_hand('other.example', 'example.com');
like(($pb->ctl('check'))[1], qr{domainAliases: example\.com is a domain of its own, which gets the mail}, 'and one that is a domain');
$pb->ctl_ok('domain-alias', 'delete', 'other.example', 'example.com');
unlike(($pb->ctl('check'))[1], qr/domainAliases/, 'until it is taken out');
like(rcpt('postmaster@example.net'), qr/^250/, 'postmaster everywhere (GEN-02)');
like(rcpt('nobody@example.com'), qr/^550 5\.1\.1 .* ticket \d{12}$/, 'an unknown name (SMTPIN-28)');
$pb->ctl_ok('alias', 'add', 'rest@example.com', 'bob@example.com');
$pb->ctl_ok('domain', 'edit', 'example.com', 'enableCatchAlls=True', 'catchAllAlias=rest');
like(wait_for(sub { rcpt('nobody@example.com') }, qr/^250/), qr/^250/, 'a catch-all takes it (USER-06)');
$pb->ctl_ok('set', 'catchAlls', 'disabled');
like(wait_for(sub { rcpt('nobody@example.com') }, qr/^550/), qr/^550 5\.1\.1/, 'until all are switched off (USER-07)');
$pb->ctl_ok('set', 'catchAlls', 'enabled');
like(wait_for(sub { rcpt('nobody@example.com') }, qr/^250/), qr/^250/, 'on again');
$pb->ctl_ok('domain', 'edit', 'example.com', 'catchAllAlias=');
like(wait_for(sub { rcpt('nobody@example.com') }, qr/^550/), qr/^550 5\.1\.1/, 'or that of the domain is taken away');

# Shut accounts and domains: also for who is logged in already.
my %open = map { my $s = session('submission', $_); mail($s, $_) =~ /^250/ or die "$_ cannot send"; ($_ => $s) } 'bob@example.com', 'carol@other.example';
$pb->ctl_ok('user', 'edit', 'bob@example.com', 'disabled=True');
like(wait_for(sub { rcpt('bob@example.com') }, qr/^550/), qr/^550 5\.2\.1 .* ticket/, 'a disabled user (USER-08)');
$open{'bob@example.com'}->expect('RSET', qr/^250/);
like(my $gone = $open{'bob@example.com'}->command('MAIL FROM:<bob@example.com>'), qr/^421 4\.7\.0 .* ticket \d{12}$/, 'who is logged in sends no more');
ok($open{'bob@example.com'}->at_end, 'and the session is over');
ok($pb->wait_log('smtpLog', qr/event=account-gone user=bob\@example\.com$/m), 'as the log tells');
like($pb->ctl_ok('explain', $gone =~ /(\d{12})$/), qr/the session ended, for bob\@example\.com was disabled, deleted or given a new password/, 'and mailctl explain');
$pb->ctl_ok('user', 'edit', 'bob@example.com', 'disabled=False');
$pb->ctl_ok('domain', 'edit', 'other.example', 'disabled=True');
like(wait_for(sub { rcpt('carol@other.example') }, qr/^550/), qr/^550 5\.2\.1/, 'a disabled domain (DOM-12)');
like(rcpt('postmaster@other.example'), qr/^250/, 'but for its postmaster');
like(mail($open{'carol@other.example'}, 'carol@other.example'), qr/^421 4\.7\.0 .* ticket \d{12}$/, 'nor does anybody of it who is logged in send');
ok($open{'carol@other.example'}->at_end, 'and the session is over');
ok($pb->wait_log('smtpLog', qr/event=account-gone user=carol\@other\.example$/m), 'as the log tells');
my $d = session('submission');
unlike(eval { $d->login('carol@other.example', $Pillarbox::PASSWORD); 'in' } // "no: $@", qr/^in$/, 'nobody of it can log in');
$pb->ctl_ok('domain', 'edit', 'other.example', 'disabled=False');
like(wait_for(sub { rcpt('carol@other.example') }, qr/^250/), qr/^250/, 'all is back when it is enabled');

# Senders who say they are ours.
$pb->ctl_ok('set', 'authForLocalDelivery', 'True');
like(wait_for(sub { mail(session('smtp'), 'alice@example.com') }, qr/^530/), qr/^530 5\.7\.0 .* ticket/, 'must log in for mail to us too (SMTPIN-23)');
like(mail(session('smtp', 'alice@example.com'), 'alice@example.com'), qr/^250/, 'and then may');
like(mail(session('smtp'), 'x@out.example'), qr/^250/, 'others need not');
$pb->ctl_ok('domain', 'edit', 'example.com', 'requireSmtpAuth=False');
like(wait_for(sub { mail(session('smtp'), 'alice@example.com') }, qr/^250/), qr/^250/, 'nor those of a domain that does not ask for it (DOM-18)');

# Blocked senders: until they are taken off the list.
$pb->ctl_ok('set', '--add', 'blockedSenders/sender', 'alice@example.com', );
like(wait_for(sub { mail(session('smtp', 'alice@example.com'), 'alice@example.com') }, qr/^550/), qr/^550 5\.7\.1 .* ticket/, 'a blocked user cannot send (BLKS-01)');
like(mail(session('smtp', 'alice@example.com'), $_), qr/^550 5\.7\.1/, "nor as <$_>") for '', 'sales@example.com', 'alice@example.net';
like(mail(session('smtp', 'bob@example.com'), 'bob@example.com'), qr/^250/, 'others can');
like(rcpt('alice@example.com'), qr/^250/, 'but receives');
$pb->ctl_ok('set', '--remove', 'blockedSenders/sender', 'alice@example.com');
like(wait_for(sub { mail(session('smtp', 'alice@example.com'), 'alice@example.com') }, qr/^250/), qr/^250/, 'until the block is lifted (BLKS-02)');

# Received lines: for all, for those who logged in, for none (SMTPIN-14).
my $n = 0;
sub received {
	my ($user) = @_;
	my $s = session('smtp', $user);
	my $from = $user // 'x@out.example';
	$s->expect("MAIL FROM:<$from>", qr/^250/);
	$s->expect('RCPT TO:<carol@other.example>', qr/^250/);
	$s->expect('DATA', qr/^354/);
	$s->expect("From: $from\r\nSubject: trace" . ++$n . "\r\n\r\nx\r\n.", qr/^250/);
	my $end = time + 20;
	while (time < $end) {
		my ($m) = grep { /^Subject: trace$n\r$/m } map { Pillarbox::slurp($_) } $pb->mail('carol@other.example');
		return $m =~ /^Received: /m ? 'yes' : 'no' if defined $m;
		sleep 0.1;
	}
	return 'lost';
}
is(received() . received('alice@example.com'), 'yesyes', 'a Received line for everybody');
$pb->ctl_ok('set', 'appendReceivedLine', 'authenticated');
is(wait_for(sub { received() }, qr/^no/), 'no', 'only for those who logged in');
is(received('alice@example.com'), 'yes', 'as this one');
like(($pb->ctl('set', 'appendReceivedLine', 'none'))[2], qr/warning: appendReceivedLine none: loops/, 'for none, with a warning');
is(wait_for(sub { received('alice@example.com') }, qr/^no/), 'no', 'for nobody');
$pb->ctl_ok('set', 'appendReceivedLine', 'all');

# Warnings before what locks people out.
like(($pb->ctl('set', 'requireAuthMatch', 'none'))[2], qr/warning: requireAuthMatch none:/, 'mailctl set warns (SMTPIN-27)');
like(($pb->ctl('domain', 'edit', 'example.com', 'requireSmtpAuth=True'))[2], qr/warning: requireSmtpAuth True: users/, 'mailctl domain edit too');
is(($pb->ctl('set', 'maxHopCount', '21'))[2], '', 'but not without a reason');
like(($pb->ctl('domain', 'edit', 'example.com', 'offerScramSha256=no'))[2], qr/warning: offerScramSha256 no: programs/, 'in any spelling of the value');
my $warned = ($pb->ctl('set', 'disableAuthLogin', 'True'))[2];
like($warned, qr/warning: disableAuthLogin True: programs that know only/, 'before PLAIN and LOGIN go');
like($warned, qr/warning: disableAuthLogin: 1 of 2 domains \(example\.com\) offer no other mechanism, so that nobody of them can log in/,
	'and who is left without a mechanism (DOM-19)');
like(($pb->ctl('domain', 'edit', 'other.example', 'offerScramSha256=False'))[2], qr/warning: other\.example offers PLAIN and LOGIN alone/,
	'a domain that gives its last other one up later');
unlike(($pb->ctl('domain', 'edit', 'other.example', 'offerCramMd5=True'))[2], qr/PLAIN and LOGIN alone/, 'not one that takes another');
$pb->ctl_ok('domain', 'edit', 'example.com', 'offerScramSha256=True');
unlike(($pb->ctl('set', 'disableAuthLogin', 'True'))[2], qr/offer no other mechanism/, 'nor when all have one');
$pb->ctl_ok('set', 'disableAuthLogin', 'False');
$warned = ($pb->ctl('domain', 'edit', 'other.example', 'offerPlain=0', 'offerCramMd5=False'))[2];
like($warned, qr/warning: offerPlain 0: users of the domain can log in only/, 'a domain without readable passwords');
like($warned, qr/warning: other\.example offers no mechanism any more: nobody of it can log in/, 'and one that has no mechanism left');
$pb->ctl_ok('auth-bypass', 'add', '192.0.2.7');
like(($pb->ctl('auth-bypass', 'delete', '192.0.2.7'))[2], qr/warning: auth-bypass 192\.0\.2\.7: programs .* that do not log in/, 'an address that loses its exemption');
like(($pb->ctl('domain', 'edit', 'other.example', 'disabled=True'))[2], qr/warning: disabled True: nobody of it can log in/, 'or is shut');
done_testing;
