#!/usr/bin/perl
# An account by which a stranger sends gets a new password; his sessions end, and what he
# brought leaves the queue without bounces.  The mail of others stays.
# Features: SEC-12.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new(settings => { dnsErrorAttempts => 9, passwordMinLength => 12 });
$pb->user($_) for 'anna@example.com', 'bob@example.com';
$pb->start;

sub session { my ($user, $password) = @_; my $c = $pb->connect('smtps'); $c->expect('EHLO c.example', qr/^250/); $c->login($user, $password // $Pillarbox::PASSWORD); return $c }
sub submit {
	my ($c, $from, $to) = @_;
	my $answer = $c->command("MAIL FROM:<$from>");
	return $answer if $answer !~ /^250/;
	$c->expect("RCPT TO:<$to>", qr/^250/);
	$c->expect('DATA', qr/^354/);
	return $c->command("From: $from\r\nSubject: x\r\n\r\nx\r\n.");
}
sub waiting { return map { $_->{sender} } @{ decode_json($pb->ctl_ok('spool', 'list', '--json')) } }

my %c = map { $_ => session("$_\@example.com") } qw(anna bob);
my $idle = session('anna@example.com');
like(submit($c{anna}, 'anna@example.com', "x$_\@far.invalid"), qr/^250/, 'a stranger sends by the account') for 1 .. 3;
like(submit($c{bob}, 'bob@example.com', 'y@far.invalid'), qr/^250/, 'so does another user');
put($pb, from => 'anna@example.com', to => [ 'z@far.invalid' ]);
put($pb, from => 's@far.example', to => [ 'z@far.invalid' ]);
is(join(' ', sort(waiting())), join(' ', ('anna@example.com') x 4, 'bob@example.com', 's@far.example'), 'all of it waits');

is(scalar(split /\n/, $pb->ctl_ok('lockdown', 'Anna@Example.com', '--dry-run', '--tsv')), 5, '--dry-run names what would go');
is(scalar(waiting()), 6, '... and does nothing');
my ($row) = @{ decode_json($pb->ctl_ok('lockdown', 'anna@example.com', '--json')) };
is($row->{user}, 'anna@example.com', 'locked down');
is($row->{deleted}, 4, '... with all that it submitted');
like($row->{password}, qr/^(?=.*[A-Z])(?=.*[a-z])(?=.*[2-9])[A-Za-z2-9]{5}(?:-[A-Za-z2-9]{5}){4}$/, '... and a strong new password');
my $end = time + 20;
sleep 0.1 while time < $end && waiting() != 2;
is(join(' ', sort(waiting())), 'bob@example.com s@far.example', 'the mail of others stays');

for my $open (\$c{anna}, \$idle) {
	like(my $gone = submit($$open, 'anna@example.com', 'x@far.invalid'), qr/^421 4\.7\.0 .* ticket \d{12}$/, 'an open session sends no more');
	my ($ticket) = $gone =~ /(\d{12})$/;
	ok($pb->wait_log('smtpLog', qr/\[$ticket\] event=account-gone user=anna/), '... as the log tells');
	like($pb->ctl_ok('explain', $ticket), qr/the session ended, for anna\@example\.com was .*given a new password/, '... and explain');
}
like(submit($c{bob}, 'bob@example.com', 'y@far.invalid'), qr/^250/, 'another user goes on');
my $c = $pb->connect('smtps');
$c->expect('EHLO c.example', qr/^250/);
ok(!eval { $c->login('anna@example.com', $Pillarbox::PASSWORD); 1 }, 'the old password is refused');
like(submit(session('anna@example.com', $row->{password}), 'anna@example.com', 'bob@example.com'), qr/^250/, 'the new one is taken');
unlike($pb->log_text('delivery'), qr/event=bounced/, 'nobody gets a bounce');

my ($rc, $out) = $pb->run_input("My-own-Word-77\n", $pb->program('mailctl'), '-r', $pb->dir, 'lockdown', 'anna@example.com', '--password-stdin');
is($rc, 0, 'with a password of the administrator');
unlike($out, qr/My-own/, '... which is not shown');
like(submit(session('anna@example.com', 'My-own-Word-77'), 'anna@example.com', 'bob@example.com'), qr/^250/, '... and is taken');
is(($pb->ctl('lockdown', 'nobody@example.com'))[0], 3, 'an account that is not there');
is(($pb->ctl('lockdown', 'no address'))[0], 2, 'no account at all');
unlike(join('', map { Pillarbox::slurp($_) } glob("$pb->{dir}/etc/history/*")), qr/\Q$row->{password}\E/, 'the password stands in no history');
$pb->ctl_ok('stop', 'spool');
like(submit(session('anna@example.com', 'My-own-Word-77'), 'anna@example.com', 'w@far.invalid'), qr/^250/, 'mail is taken while Spool is stopped');
my $err;
($rc, undef, $err) = $pb->ctl('lockdown', 'anna@example.com');
is($rc, 75, 'while the queue is stopped nothing is deleted from it');
like($err, qr/the password is another one, but the queue was not cleared/, '... which is told');
done_testing;
