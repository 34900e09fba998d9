#!/usr/bin/perl
# mailctl as a program: exit codes, help, instances, the shell, check.
# Features: TOOL-05, TOOL-08, ADMIN-01, ADMIN-08, BIND-01, BIND-02, TLS-05.
use strict;
use warnings;
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
my $ctl = $pb->program('mailctl');
my $pw = $Pillarbox::PASSWORD;

is(($pb->run($ctl, '--help'))[0], 0, '--help');
like(($pb->run($ctl, '--version'))[1], qr/^mailctl \d/, '--version');
is(($pb->run($ctl, 'nonsense'))[0], 2, 'an unknown command: exit 2');
is(($pb->run($ctl, 'help', 'nonsense'))[0], 3, 'help for an unknown command: exit 3');
like(($pb->run($ctl, 'help', 'nonsense'))[2], qr/no such command: nonsense/, 'which is named');
like(($pb->run($ctl, 'help', 'reload'))[1], qr/^mailctl service reload/, 'help for a short form');
is(($pb->run($ctl, '--nonsense'))[0], 2, 'an unknown option: exit 2');
is(($pb->ctl('get', '--nonsense'))[0], 2, 'of a command too');
is(($pb->run($ctl, '-r', '/nonexistent/place', 'get'))[0], 3, 'no instance: exit 3');
is(($pb->ctl('status'))[0], 3, 'status of a stopped server: exit 3 (LSB)');
is(($pb->ctl('connections'))[0], 75, 'what needs the server: exit 75');
is(($pb->run($ctl, 'init', $pb->dir))[0], 1, 'an instance is not made over another');
is(($pb->run($ctl, 'init', "$pb->{top}/x", '--base-port', 0))[0], 2, 'a port out of range');
is(($pb->run($ctl, 'init', "$pb->{top}/x", '--admin', 'a'))[0], 2, 'an administrator without password');

my %env = Pillarbox::slurp($pb->dir . '/run/instance.env') =~ /^(\w+)=(\d+)$/mg;
is_deeply(\%env, { SMTP_PORT => $pb->port('smtp'), SMTPS_PORT => $pb->port('smtps'),
	SUBMISSION_PORT => $pb->port('submission'), POP3_PORT => $pb->port('pop3'), POP3S_PORT => $pb->port('pop3s'),
	IMAP_PORT => $pb->port('imap'), IMAPS_PORT => $pb->port('imaps') }, 'run/instance.env names all ports');
like(Pillarbox::slurp($pb->dir . '/etc/mailconfig.xml'), qr{<!-- System administrator\..*sysAdminPasswordHash.*-->.*<sysAdminUserName>root-admin}s,
	'the settings explain how a lost password is reset');
like(Pillarbox::slurp($pb->dir . '/etc/tls/cert.pem'), qr/BEGIN CERTIFICATE/, 'there is a certificate');
is((stat $pb->dir . '/etc/tls/key.pem')[2] & 07777, 0600, 'whose key only its owner reads');

my ($code, $out) = $pb->ctl('check');
is($code, 0, 'a new instance passes check') or diag($out);
chmod 0644, $pb->dir . '/etc/tls/key.pem';
($code, $out) = $pb->ctl('check');
is($code, 1, 'a wrong mode does not');
like($out, qr{mode\s+etc/tls/key\.pem\s+has mode 0644, not 0600}, 'and is named');
chmod 0600, $pb->dir . '/etc/tls/key.pem';
Pillarbox::spew($pb->dir . '/etc/stray', '');
like(($pb->ctl('check'))[1], qr{warning\s+etc/stray}, 'a stray file is a warning');
unlink $pb->dir . '/etc/stray';

# The shell keeps edits until commit.
sub shell { my ($text) = @_; return $pb->run_input($text, $ctl, '-r', $pb->dir, 'shell') }
$pb->domain('example.com');
shell("user add eve\@example.com --password $pw\n");
is(($pb->ctl('user', 'show', 'eve@example.com'))[0], 3, 'leaving the shell without commit changes nothing');
($code, $out) = shell("user add eve\@example.com --password '$pw' --full-name \"Eve E\"\nset popMaxBadCommands 4\nstaged\nrevert\ncommit\n");
like($out, qr/--password \*\*\*/, 'staged commands are shown without passwords');
(undef, my $staged) = shell("user add eve\@example.com --password='$pw'\nstaged\nrevert\n");
like($staged, qr/--password=\*\*\*/, 'however the option is written');
unlike("$out$staged", qr/\Q$pw\E/, 'and nowhere else');
is(($pb->ctl('user', 'show', 'eve@example.com'))[0], 3, 'revert forgets them');
my $err;
($code, $out, $err) = shell("user add eve\@example.com --password '$pw' --full-name \"Eve E\"\nget popMaxBadCommands\nset popMaxBadCommands 4\ncommit\nget popMaxBadCommands\nquit\n");
is($code, 0, 'commit') or diag($err);
like($out, qr/^8\n.*^4\n/ms, 'writes them in order');
is($pb->ctl_ok('user', 'show', 'eve@example.com', 'fullName'), "Eve E\n", 'with quoted words');
($code, $out, $err) = shell("set popMaxBadCommands 5\nset popMaxBadCommands 99999\nset imapMaxBadCommands 5\ncommit\n");
is($code, 1, 'commit stops at the first that is refused');
like($err, qr/1 done, 2 still staged/, 'and says so');

SKIP: {
	skip 'needs root', 2 if $> != 0;
	my $nobody = (getpwnam 'nobody')[2];
	my ($rc) = $pb->run('setpriv', "--reuid=$nobody", "--regid=$nobody", '--clear-groups', $ctl, '-r', $pb->dir, 'get');
	is($rc, 77, 'no right: exit 77');
	($rc) = $pb->run('setpriv', "--reuid=$nobody", "--regid=$nobody", '--clear-groups', $ctl, '-r', $pb->dir, 'user', 'list');
	is($rc, 77, 'for every command');
}
done_testing();
