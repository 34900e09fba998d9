#!/usr/bin/perl
# A domain that is full (LIMIT-01): mail for it is refused at RCPT, by its declared size and at the end of the
# data; its administrator is told once a day; what is deleted makes room.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user($_) for map { "$_\@full.example" } qw(bob carol);
$pb->user('alice@roomy.example');
$pb->ctl_ok('domain', 'edit', 'full.example', 'diskSpaceMB=1');
$pb->ctl_ok('alias', 'add', 'both@full.example', 'bob@full.example', 'carol@full.example');
$pb->ctl_ok('alias', 'add', 'away@full.example', 'alice@roomy.example');
$pb->ctl_ok('alias', 'add', 'mixed@full.example', 'bob@full.example', 'alice@roomy.example');
$pb->start;

# The use that auth-check knows, in bytes; '' while it was not counted.
sub use_of {
	my ($domain) = @_;
	my ($rc, $out) = $pb->ctl('domain', 'show', $domain, 'diskSpaceUsed');
	return $out =~ /^(\d+)$/ ? $1 : '';
}
sub on_disk {
	my $sum = 0;
	$sum += -s $_ for map { $pb->mail("$_\@full.example") } qw(bob carol postmaster);
	return $sum;
}
sub wait_for {
	my ($code, $seconds) = @_;
	my $end = time + ($seconds || 30);
	sleep 0.1 while time < $end && !$code->();
	return $code->();
}
sub text { my ($subject, $size) = @_; return "From: x\@out.example\r\nSubject: $subject\r\n\r\n" . ("x" x 70 . "\r\n") x ($size / 72) }
# The reply to RCPT, or to the whole message when there is text.
sub say_to {
	my ($to, %o) = @_;
	my $x = $pb->connect('smtp');
	$x->expect('EHLO c.example', qr/^250/);
	$x->expect('MAIL FROM:<x@out.example>' . ($o{size} ? " SIZE=$o{size}" : ''), qr/^250/);
	my $reply;
	for my $rcpt (ref $to ? @$to : $to) {
		$reply = $x->command("RCPT TO:<$rcpt>");
	}
	if (defined $o{text} && $reply =~ /^250/) {
		$x->expect('DATA', qr/^354/);
		$reply = $x->command($o{text} . '.');
	}
	$x->close;
	return $reply;
}

ok(wait_for(sub { say_to('bob@full.example'); use_of('full.example') eq '0' }), 'an empty domain was counted');
like(say_to('bob@full.example', text => text('one', 400_000)), qr/^250/, 'a message for one user');
like(say_to('carol@full.example', text => text('two', 400_000)), qr/^250/, 'one for another');
ok(wait_for(sub { use_of('full.example') == on_disk() }), 'both are in the sum') or diag(use_of('full.example'), ' ', on_disk());
cmp_ok(on_disk(), '>', 790_000, 'which is that of both mailboxes');
my $NO_ROOM = qr/^552 5\.2\.2 The domain has no room for this message ticket \d{12}$/;

# Each way to be refused.
like(say_to('bob@full.example', size => 300_000), $NO_ROOM, 'a declared size that does not fit is refused at RCPT');
ok($pb->wait_log('smtpLog', qr/event=check about=recipient name=room-in-domain value=\d+ weight=-100 total=-100/, 30),
	'and the log says why');
like(say_to('bob@full.example', size => 100_000), qr/^250/, 'one that fits is not');
like(say_to('bob@full.example', text => text('three', 300_000)), $NO_ROOM, 'what was not declared is refused at the end of the data');
ok($pb->wait_log('smtpLog', qr/event=check about=room name=room-in-domain value=\d+ weight=-100 total=-100/, 30), 'that is in the log too');
ok($pb->wait_log('delivery', qr/event=warning domain=full\.example/, 30), 'he who administers it is warned');
like(say_to('both@full.example', size => 300_000), $NO_ROOM, 'an alias of users of the domain is as full, then too');
like(say_to('away@full.example', text => text('away', 300_000)), qr/^250/, 'one that leads elsewhere is not');
like(say_to('mixed@full.example', size => 300_000), qr/^250/, 'nor one of which a member has room');
my ($rc, $out) = $pb->ctl('try', '--from', 'x@out.example', '--to', 'bob@full.example', '--ip', '192.0.2.1', '--size', 300_000);
like($out, qr/^rcpt +room-in-domain +\d+ +-100 +-100/m, 'mailctl try says so');

# Who is refused by nobody at RCPT is refused by who delivers, and others get theirs.
like(say_to([ 'bob@full.example', 'alice@roomy.example' ], text => text('partly', 300_000)), qr/^250/, 'a message for two domains is taken');
ok(wait_for(sub { grep { Pillarbox::slurp($_) =~ /^Subject: partly/m } $pb->mail('alice@roomy.example') }), 'one gets it');
ok($pb->wait_log('delivery', qr/event=domain-full .*to=bob\@full\.example/, 30), 'the other does not, and the log says why');
is(scalar($pb->mail('bob@full.example')), 1, 'and has no more than before');

# The administrator is told, once.
my @told = $pb->wait_mail('postmaster@full.example', 1, 30);
my $warning = Pillarbox::slurp($told[0] // '');
like($warning, qr/^Subject: The domain full\.example on \S+ is full\r?$/m, 'the administrator of the domain is told');
like($warning, qr/^Auto-Submitted: auto-generated\r?$/m, 'by a program');
like($warning, qr/takes 1 MB, of 1 MB/, 'of the use and the limit');
ok($pb->wait_log('delivery', qr/event=warning domain=full\.example/, 30), 'and the log says that he was');

# Filled to the last byte: no size has to be declared any more.
ok(wait_for(sub { use_of('full.example') == on_disk() }), 'the warning is counted too');
my ($one) = grep { Pillarbox::slurp($_) =~ /^Subject: one/m } $pb->mail('bob@full.example');
my $on_disk = -s $one;
my $overhead = $on_disk - length(text('one', 400_000));
my $left = 1048576 - on_disk();
my $fill = text('fill', 0);
$fill .= ("x" x 70 . "\r\n") x int(($left - 1023 - $overhead - length($fill)) / 72 + 1);
like(say_to('carol@full.example', text => $fill), qr/^250/, 'a message that fills the domain');
ok(wait_for(sub { say_to('bob@full.example') =~ $NO_ROOM }), 'full: RCPT is refused') or diag(use_of('full.example'), ' ', on_disk());
like(say_to('alice@roomy.example'), qr/^250/, 'another domain is not');
like(say_to('postmaster@full.example', text => text('help', 500)), qr/^250/, 'postmaster is reached still (RFC 5321 4.5.1)');
ok(wait_for(sub { grep { Pillarbox::slurp($_) =~ /^Subject: help/m } $pb->mail('postmaster@full.example') }), 'and gets it');
# A message whose file will have n bytes, as that of the one before tells.
sub sized {
	my ($subject, $n) = @_;
	my ($help) = grep { Pillarbox::slurp($_) =~ /^Subject: help/m } $pb->mail('postmaster@full.example');
	my $file = -s $help;
	my $body = text($subject, 0);
	my $left = $n - ($file - length(text('help', 500))) - length $body;
	return $body . ("y" x 70 . "\r\n") x int($left / 72 - 1) . 'z' x ($left % 72 + 70) . "\r\n";
}
like(say_to('postmaster@full.example', text => sized('just right', 65_536)), qr/^250/, 'a message for him is taken');
ok(wait_for(sub { grep { Pillarbox::slurp($_) =~ /^Subject: just right/m } $pb->mail('postmaster@full.example') }), 'at LIMIT_POSTMASTER he gets it');
is(scalar(grep { -s $_ == 65_536 } $pb->mail('postmaster@full.example')), 1, 'which is that many bytes');
like(say_to('postmaster@full.example', text => sized('too large', 65_537)), qr/^250/, 'a larger one is taken too, but ...');
ok($pb->wait_log('delivery', qr/event=domain-full .*to=postmaster\@full\.example/, 30), 'over LIMIT_POSTMASTER it is not delivered');
is(scalar(grep { Pillarbox::slurp($_) =~ /^Subject: too large/m } $pb->mail('postmaster@full.example')), 0, 'and is not there');
my $used_mb = int((on_disk() + 1048575) / 1048576);
like($pb->ctl_ok('domain', 'list'), qr/^full\.example +enabled +\d+ +\d+ +1 +$used_mb *$/m, 'mailctl domain list shows the use');

# It stays so over a restart, and a crash of the owner of the sum.
$pb->stop;
$pb->start;
like(say_to('bob@full.example'), $NO_ROOM, 'after a restart it is as full');
kill 'KILL', $pb->pids_of('auth-check');
ok(wait_for(sub { use_of('full.example') ne '' }), 'auth-check is there again after a crash');
ok(wait_for(sub { say_to('bob@full.example') =~ $NO_ROOM }), 'and knows how full the domain is');
is(scalar(grep { Pillarbox::slurp($_) =~ /^Subject: The domain/m } $pb->mail('postmaster@full.example')), 1, 'nobody was told again');

# What is deleted makes room: by POP, by IMAP, with its user, by a larger limit.
my $c = $pb->connect('pop3s');
$c->login('bob@full.example', $Pillarbox::PASSWORD);
$c->expect('DELE 1', qr/^\+OK/);
$c->expect('QUIT', qr/^\+OK/);
$c->close;
like(say_to('bob@full.example', size => 300_000), qr/^250/, 'after a message was deleted by POP there is room');
ok(wait_for(sub { use_of('full.example') == on_disk() }), 'as much as the sum says');
$c = $pb->connect('imaps');
$c->login('carol@full.example', $Pillarbox::PASSWORD);
$c->command('SELECT INBOX');
$c->command('COPY 1 INBOX');
ok(wait_for(sub { use_of('full.example') == on_disk() }), 'a copy by IMAP is counted');
$c->command('STORE 1 +FLAGS (\Deleted)');
$c->command('EXPUNGE');
$c->close;
ok(wait_for(sub { use_of('full.example') == on_disk() }), 'and so is what IMAP removed');
$pb->ctl_ok('user', 'delete', 'carol@full.example', '--yes');
ok(wait_for(sub { use_of('full.example') == on_disk() }), 'mail of a deleted user counts no more') or diag(use_of('full.example'), ' ', on_disk());
cmp_ok(on_disk(), '<', 100_000, 'which was nearly all of it');
like(say_to('bob@full.example', size => 900_000), qr/^250/, 'and makes room');

# What another program did in a Maildir is found by counting.
Pillarbox::spew($pb->maildir('bob@full.example') . '/cur/1.foreign:2,S', 'x' x 700_000);
$pb->ctl_ok('reindex');
ok(wait_for(sub { use_of('full.example') == on_disk() }), 'after reindex the sum has what another program put there') or diag(use_of('full.example'), ' ', on_disk());
like(say_to('bob@full.example', size => 900_000), $NO_ROOM, 'and it fills the domain');
$pb->ctl_ok('domain', 'edit', 'full.example', 'diskSpaceMB=0');
like(say_to('bob@full.example', size => 900_000), qr/^250/, 'a domain without a limit takes all');
ok(wait_for(sub { use_of('full.example') == on_disk() }), 'and its use is known all the same');
done_testing;
