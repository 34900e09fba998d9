#!/usr/bin/perl
# Addresses that were attacks elsewhere get the reply for what they are (cases
# S16 to S19), nothing is expanded, nobody is told of unknown recipients (R08), and a server that is told to end answers
# what it has promised and nothing else (S37).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0, maxBadRecipients => 0 });
$pb->user('alice@example.com');
$pb->start;
my $canary = "$pb->{top}/canary";

my $c = $pb->connect('smtp');
$c->expect('EHLO c.example', qr/^250/);
sub says { my ($command, $want, $name) = @_; like($c->command($command), $want, $name // $command =~ s/[^ -~]+/ /gr) }

says('MAIL FROM:<;for i in 0 1 2 3;do read r;done;sh;exit 0;>', qr/^501 5\.1\.7 /, 'S16: a shell script as sender');
my @bad = ('""@x', '"\"@x', 'a@[IPv6:::::]', 'a@[1.2.3.4', 'a@b>c', 'a@b.(c.d)', 'any@legit.com(.attacker.com',
	'"a@x', 'a"b@x', '"a"b"@x', 'a@-b', 'a@b..c', 'a b@x', "\xe4\@x", "\xe2\x82\@x");
says("MAIL FROM:<$_>", qr/^501 5\.1\.7 /, 'S19: sender ' . s/[^ -~]+/?/gr) for @bad;
says('MAIL FROM:<@a,@b:c@d>', qr/^553 5\.1\.3 /, 'S19: a source route');
says('MAIL FROM:<@>', qr/^553 5\.1\.3 /, 'S19: the beginning of one');
says('MAIL FROM:<' . 'a' x 65 . '@x>', qr/^501 5\.1\.7 /, 'S19: a local part of 65 bytes');
says('MAIL FROM:<' . 'a' x 65536 . '@x>', qr/^500 5\.5\.2 /, 'S19: one of 64 KB is no line');
says('MAIL FROM:<a@b.example>', qr/^250 /);
says("RCPT TO:<$_>", qr/^501 5\.1\.3 /, 'S19: recipient ' . s/[^ -~]+/?/gr) for @bad;
says('RCPT TO:<@a,@b:c@d>', qr/^553 5\.1\.3 /, 'S19: a source route');
says("RCPT TO:<\${run{\\x2fbin\\x2fsh\\t-c\\t\\x22touch $canary\\x22}}\@example.com>", qr/^501 5\.1\.3 /, 'S17: ${run}');
says("RCPT TO:<$_\@example.com>", qr/^550 5\.1\.1 /, "S17: $_") for '%{HOME}', "`touch=$canary`", '$HOME', '${HOME}';
says("RCPT TO:<$_\@example.com>", qr/^501 5\.1\.3 /, "S17: $_") for "\$(touch $canary)", '%(x)s';
says("RCPT TO:<$_\@example.com>", qr/^55[03] 5\.1\.[13] /, "S18: $_") for '|/bin/id', '/etc/passwd', '-froot';
says("RCPT TO:<$_\@example.com>", qr/^501 5\.1\.3 /, "S18: $_") for ':include:/etc/passwd', '../../x', '.', '..', 'a' x 256;
says("RCPT TO:<\"$_\"\@example.com>", qr/^55[03] 5\.1\.[13] /, "S18: quoted $_") for '../../x', '..', ':include:/etc/passwd', 'a/b';
says('RCPT TO:<alice@example.com>', qr/^250 2\.1\.5 /, 'and the session is well');
ok(!-e $canary, 'S17: nothing was run');
ok(!grep({ /canary|passwd/ } glob("$pb->{dir}/domains/example.com/users/*")), 'S18: nothing was made');
$c->close;

# R08: unknown recipients of a forged sender are refused while the client is there, so that nobody is
# told of them; a message that is delivered afterwards shows that none is still to come.
for my $from ('alice@example.com', 'victim@far.example', '') {
	my $spammer = $pb->connect('smtp');
	$spammer->expect($_, qr/^250/) for 'EHLO spam.example', "MAIL FROM:<$from>";
	is(scalar(grep { $spammer->command("RCPT TO:<user$_\@example.com>") =~ /^550 5\.1\.1 / } 1 .. 50), 50, "R08: each unknown recipient of <$from> is refused");
	like($spammer->command('DATA'), qr/^554 5\.5\.1 /, '... and there is no message');
	$spammer->close;
}
$c = $pb->connect('smtp');
$c->expect($_, qr/^[23]/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA';
$c->expect("Subject: marker\r\n\r\nx\r\n.", qr/^250/);
$c->close;
my ($marker) = $pb->wait_mail('alice@example.com', 1);
ok($pb->wait_log('delivery', qr/event=delivered /), 'a message behind them is delivered');
is(scalar(map { $pb->mail($_) } 'alice@example.com', 'postmaster@example.com'), 1, 'R08: and is the only one');
unlike($pb->log_text('delivery'), qr/event=(?:bounced|no-bounce)/, 'R08: zero notifications');
is($pb->ctl_ok('--tsv', 'spool', 'list') =~ tr/\n// <= 1 ? 0 : 1, 0, '... also in the queue');
unlink $marker;

# S37: told to end in the middle of a message, and with one just taken.
my $half = $pb->connect('smtp');
$half->expect($_, qr/^[23]/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA';
$half->send_raw("Subject: half\r\n\r\nnot the end\r\n");
my $idle = $pb->connect('smtp');
$idle->expect('EHLO c.example', qr/^250/);
my $taken = 0;
my $busy = $pb->connect('smtp');
$busy->expect('EHLO c.example', qr/^250/);
my $send = sub {
	my ($n) = @_;
	$busy->send_raw("MAIL FROM:<a\@b.example>\r\nRCPT TO:<alice\@example.com>\r\nDATA\r\n");
	$busy->reply for 1 .. 3;
	$busy->send_raw("Subject: n$n\r\n\r\nx\r\n.\r\n");
	return $busy->reply;
};
$taken++ while $taken < 5 && $send->($taken) =~ /^250/;
is($taken, 5, 'S37: messages are taken');
$busy->send_raw("MAIL FROM:<a\@b.example>\r\nRCPT TO:<alice\@example.com>\r\nDATA\r\n");
$busy->reply for 1 .. 3;
$busy->send_raw("Subject: n5\r\n\r\nx\r\n.\r\n");
my ($parent) = sort { $a <=> $b } $pb->pids_of('smtp-listen');
kill 'TERM', $parent;
my $last = $busy->reply;
like($last, qr/^(?:250 2\.0\.0 |421 4\.3\.2 )/, 'S37: the reply is whole, or 421');
$taken++ if $last =~ /^250/;
like($idle->line(30), qr/^421 4\.3\.2 .*ticket \d{12}$/, 'S37: who says nothing is told');
$half->send_raw(".\r\n");
my $end = $half->reply;
like($end, qr/^(?:250 2\.0\.0 |421 4\.3\.2 )/, 'S37: so is that of the half message');
$taken++ if $end =~ /^250/;
my @mail = $pb->wait_mail('alice@example.com', $taken);
cmp_ok(scalar @mail, '>=', $taken, 'S37: every message that was acknowledged is there');
ok(!(grep { Pillarbox::slurp($_) !~ /\r\n(?:x|not the end)\r\n\z/ } @mail), 'S37: and none is half');
$pb->wait_port('smtp');
$c = $pb->connect('smtp');
like($c->{greeting}, qr/^220 /, 'and the server is back');
done_testing;
