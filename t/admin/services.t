#!/usr/bin/perl
# Services by mailctl on a running server: start, stop, status, reload, and the
# views that ask the programs.
# Features: TOOL-06, TOOL-10, ADMIN-05, USER-09, SVC-02, SVC-03, SVC-05, SVC-07,
# SPOOL-01, SPOOL-15, SPOOL-18, SPOOL-19, SPOOL-21, LOG-01, LOG-02, LOG-03, BANNER-03.
use strict;
use warnings;
use JSON::PP;
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user($_) for qw(alice@example.com bob@example.com);
$pb->start;

sub states { return { map { $_->{program} => $_->{state} } @{ decode_json($pb->ctl_ok(qw(status --json))) } } }

my $s = states();
is_deeply([ grep { $s->{$_} !~ /^(?:running|off)$/ } sort keys %$s ], [], 'everything runs');
is(($pb->ctl('status'))[0], 0, 'status: exit 0');
is(($pb->ctl('start'))[0], 0, 'start of a running server is no error');

$pb->ctl_ok('stop', 'pop');
is(states()->{'pop3-serve'}, 'stopped', 'one service is stopped');
is(($pb->ctl('status', 'pop'))[0], 3, 'its status: exit 3');
is(($pb->ctl('status', 'imap'))[0], 0, 'that of another: exit 0');
$pb->ctl_ok('start', 'pop');
is(states()->{'pop3-serve'}, 'running', 'and started');
is(($pb->ctl('stop', 'nonsense'))[0], 3, 'an unknown service: exit 3');

# reload: all use the settings; the programs of a named service begin anew in any case.
sub pid_of { my ($name) = @_; return (grep { $_->{program} eq $name } @{ decode_json($pb->ctl_ok(qw(status --json))) })[0]{pid} }
my %before = map { $_ => pid_of($_) } qw(spool-schedule auth-check);
my $open = $pb->connect('imap');
$pb->ctl_ok('reload');
is(pid_of('spool-schedule'), $before{'spool-schedule'}, 'reload leaves alone for whom nothing changed');
$pb->ctl_ok('reload', 'spool');
isnt(pid_of('spool-schedule'), $before{'spool-schedule'}, 'reload spool begins anew with it');
is(pid_of('auth-check'), $before{'auth-check'}, 'and with no other');
$pb->ctl_ok('reload', 'imap', 'pop');
like($open->command('NOOP'), qr/^a\d+ OK/, 'a session goes on over a reload of its service');
is(($pb->ctl('reload', 'nonsense'))[0], 3, 'an unknown service: exit 3');
$pb->ctl_ok('stop', 'pop');
$pb->ctl_ok('reload', 'pop');
is(states()->{'pop3-serve'}, 'stopped', 'reload starts nothing that is stopped');
$pb->ctl_ok('start', 'pop');

# Mail in, and the views on it.
like($pb->send_mail(from => 'alice@example.com', to => 'bob@example.com', subject => 'seen'), qr/^250 /, 'mail is taken');
$pb->wait_mail('bob@example.com', 1);
my $imap = $pb->connect('imaps');
$imap->login('bob@example.com', $Pillarbox::PASSWORD);
$imap->expect('SELECT INBOX', qr/ OK /);
my ($mine) = grep { $_->{user} eq 'bob@example.com' } @{ decode_json($pb->ctl_ok(qw(connections imap --json))) };
ok($mine, 'connections shows a session with its user');
is($mine->{ip}, '127.0.0.1', 'and address');
like($pb->ctl_ok('online'), qr/bob\@example\.com/, 'online too');

# Settings reach running programs, and sessions go on.
my $smtp = $pb->connect('smtp');
$pb->ctl_ok('set', 'smtpBanner', '#HostName# changed');
like($pb->connect('smtp')->{greeting}, qr/^220 \S+ changed/, 'a changed setting is used at once');
like($smtp->command('NOOP'), qr/^250/, 'a session from before goes on');
$imap->expect('NOOP', qr/ OK /);

# A file that is not allowed changes nothing.
my $file = $pb->dir . '/etc/mailconfig.xml';
my $good = Pillarbox::slurp($file);
(my $bad = $good) =~ s{(<smtpBanner>).*?</smtpBanner>}{$1other</smtpBanner>\n  <smtpMaxBadCommands>99999</smtpMaxBadCommands>}s;
Pillarbox::spew($file, $bad);
my ($code, $out, $err) = $pb->ctl('reload');
is($code, 1, 'reload with a value out of range is refused');
like($err, qr{etc/mailconfig\.xml:\d+: smtpMaxBadCommands: must be 0 to 1000 commands}, 'with file, line and range');
like($pb->connect('smtp')->{greeting}, qr/^220 \S+ changed/, 'and the server keeps the settings it has');
for my $evil ('<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/shadow">]><m><smtpBanner>&e;</smtpBanner></m>', '<m>', "\x1f\x8b") {
	Pillarbox::spew($file, $evil);
	is(($pb->ctl('reload'))[0], 1, 'so it is with a dangerous or broken file');
}
like($pb->connect('smtp')->{greeting}, qr/^220 \S+ changed/, 'the server goes on as it was');
Pillarbox::spew($file, $good);
chmod 0640, $file;
is(($pb->ctl('reload'))[0], 0, 'the good file is taken again');

# A user that is added, changed and deleted while the server runs.
$pb->user('carol@example.com');
my $pop = $pb->connect('pop3s');
$pop->login('carol@example.com', $Pillarbox::PASSWORD);
$pop->close;
$pb->ctl_ok(qw(user passwd carol@example.com --password Another-word-2));
$pop = $pb->connect('pop3s');
$pop->expect('USER carol@example.com', qr/^\+OK/);
like($pop->command("PASS $Pillarbox::PASSWORD"), qr/^-ERR/, 'an old password is refused at once');
$pop = $pb->connect('pop3s');
$pop->login('carol@example.com', 'Another-word-2');
$pop->close;
$pb->ctl_ok(qw(alias add sales@example.com bob));
like($pb->send_mail(from => 'alice@example.com', to => 'sales@example.com'), qr/^250 /, 'a new alias takes mail');
$pb->wait_mail('bob@example.com', 2);
$pb->ctl_ok(qw(user delete carol@example.com --yes));
my $c = $pb->connect('smtp');
$c->expect('EHLO x.example', qr/^250/);
$c->expect('MAIL FROM:<>', qr/^250/);
like($c->command('RCPT TO:<carol@example.com>'), qr/^550 5\.1\.1/, 'a deleted user gets no mail');

# The queue while the Spool service is stopped, and after.
is($pb->ctl_ok('get', 'services/spool'), "True\n", 'Spool runs');
$pb->ctl_ok('stop', 'spool');
is($pb->ctl_ok('get', 'services/spool'), "False\n", 'and is stopped, which is kept as a setting');
like($pb->send_mail(from => 'alice@example.com', to => 'far@remote.invalid'), qr/^250 /, 'mail is taken while Spool is stopped');
like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com'), qr/^250 /, 'also that for a local user');
is(scalar $pb->mail('alice@example.com'), 0, 'who gets it later');
my ($waiting) = @{ decode_json($pb->ctl_ok(qw(spool list --recipient far@ --json))) };
is($waiting->{sender}, 'alice@example.com', 'and waits in the queue');
my $id = $waiting->{id};
like($pb->ctl_ok('spool', 'view', $id), qr/^Subject: test\r$/m, 'it can be read');
like($pb->ctl_ok('spool', 'recipients', $id), qr/far\@remote\.invalid\s+pending/, 'with its recipients');
like($pb->ctl_ok('spool', 'show', $id, '--tsv'), qr/\tauth\talice\@example\.com\n/, 'and envelope');
is(($pb->ctl('spool', 'show', 12345))[0], 3, 'an unknown id: exit 3');
is(($pb->ctl('spool', 'force', 'x'))[0], 2, 'no id at all: exit 2');
$pb->ctl_ok('start', 'spool');
$pb->wait_mail('alice@example.com', 1);
is(scalar $pb->mail('alice@example.com'), 1, 'namely when Spool runs again');
my $end = time + 20;
select undef, undef, undef, 0.1 while @{ decode_json($pb->ctl_ok(qw(spool list --json))) } > 1 && time < $end;	# the one that was delivered leaves
($code, $out, $err) = $pb->run_input($pb->ctl_ok(qw(spool list --tsv)) =~ s/^id.*\n//r, $pb->program('mailctl'), '-r', $pb->dir, qw(spool delete -));
is($code, 0, 'ids on standard input') or diag("$out$err");
$end = time + 20;
select undef, undef, undef, 0.1 while @{ decode_json($pb->ctl_ok(qw(spool list --json))) } && time < $end;
is_deeply(decode_json($pb->ctl_ok(qw(spool list --json))), [], 'the queue is empty');

like($pb->ctl_ok(qw(log show smtp --search user=alice --related)), qr/event=connect at=\S+ listener=smtps\n.*event=login user=alice/s, 'log show finds whole sessions');
my $lines = decode_json($pb->ctl_ok(qw(log show auth --search user=alice --json)));
like($lines->[0]{text}, qr/^event=login service=smtp .*user=alice/, 'as JSON too');
like($lines->[0]{session}, qr/^\d{12}$/, 'with the session apart');
like($pb->ctl_ok('log', 'show', '--related', '--search', 'event=login service=smtp'), qr/event=connect at=\S+ listener=smtps\n/,
	'a session is found in all files of the day');
($code, $out) = $pb->ctl('check');
is($code, 0, 'check finds no problem while all runs') or diag($out);
$pb->ctl_ok('stop');
is_deeply([ $pb->pids ], [], 'stop ends every process');
is(($pb->ctl('status'))[0], 3, 'and status says so');
done_testing();
