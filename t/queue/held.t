#!/usr/bin/perl
# Mail of blocked senders, disabled users and disabled domains stays in the queue, without
# attempts and without a bounce, and goes on by itself afterwards.
# Features: BLKS-01, DOM-12, USER-08.
use strict;
use warnings;
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new;
$pb->user("u$_\@example.com") for 0 .. 1;
$pb->domain('second.example');
$pb->user('carl@second.example');
$pb->ctl_ok('alias', 'add', 'list@example.com', 'u1@example.com', 'carl@second.example');
$pb->start;

sub queued { my ($answer) = put($pb, @_); return $answer =~ /Queued as (\d+)/ ? $1 : die $answer }

# [attempts, status] of a message, as the list shows it.
sub row {
	my ($id) = @_;
	my ($line) = grep { /^$id\t/ } split /\n/, $pb->ctl_ok('spool', 'list', '--max', 0, '--tsv');
	return [ (split /\t/, $line // '')[ 3, 6 ] ];
}

sub is_held {
	my ($id, $attempts, $name) = @_;
	my $end = time + 30;
	sleep 0.1 while time < $end && (row($id)->[1] // '') ne 'held';
	is_deeply(row($id), [ $attempts, 'held' ], $name);
}

# The last answer to a log-in.
sub log_in {
	my ($service, $user) = @_;
	my $c = $pb->connect($service);
	return $c->command(qq(LOGIN "$user" "$Pillarbox::PASSWORD")) if $service eq 'imaps';
	if ($service eq 'pop3s') {
		$c->command("USER $user");
		return $c->command("PASS $Pillarbox::PASSWORD");
	}
	$c->command('EHLO client.test.example');
	return $c->command('AUTH PLAIN ' . encode_base64("\0$user\0$Pillarbox::PASSWORD", ''));
}

# The scheduler's own end, and its successor at work.
sub restart_runner {
	my ($old) = grep { Pillarbox::cmdline($_) =~ /--schedule/ } $pb->pids_of('spool-runner');
	$pb->ctl_ok('service', 'restart', 'spool-schedule');
	my $end = time + 30;
	sleep 0.1 while time < $end && -e "/proc/$old";
	ok(!-e "/proc/$old", 'another scheduler serves the queue');
}

subtest 'blocked senders (BLKS-01)' => sub {
	my $new = $pb->maildir('u0@example.com') . '/new';
	put($pb, from => '', to => [ 'u0@example.com' ]);
	rename $new, "$new.away" or die;
	Pillarbox::spew($new, '');
	my $id = queued(from => 'u1@example.com', to => [ 'u0@example.com' ]);
	ok($pb->wait_log('delivery', qr/event=deferred id=$id .*attempts=1 /), 'a message waits for its second attempt');
	$pb->ctl_ok('set', '--add', 'blockedSenders/sender', 'U1@*');
	is_held($id, 1, 'it is held as soon as its sender is blocked');
	unlink $new;
	rename "$new.away", $new or die;
	$pb->ctl_ok('spool', 'force', $id);
	my $fresh = queued(from => 'u1@example.com', to => [ 'u0@example.com' ]);
	is_held($fresh, 0, 'a new one does not go straight through');
	ok($pb->wait_log('delivery', qr/event=held id=$fresh from=u1\@example\.com reason=blocked-sender/), 'the log says why');
	is_held($id, 1, 'one that is forced stays held, and no attempt is counted');
	restart_runner();
	is_held($_, $_ == $id ? 1 : 0, 'so it is after a restart') for $id, $fresh;
	like($pb->ctl_ok('spool', 'list', '--status', 'held', '--tsv'), qr/^$id\t.*^$fresh\t/ms, 'they are found by their status');
	my ($answer) = put($pb, from => 'u0@example.com', to => [ 'u1@example.com' ]);
	like($answer, qr/Delivered/, 'receiving is not affected');
	is(scalar($pb->mail('u0@example.com')), 1, 'nothing of them was delivered');
	is(scalar($pb->mail('u1@example.com')), 1, 'nor bounced');
	$pb->ctl_ok('set', '--remove', 'blockedSenders/sender', 'U1@*');
	ok($pb->wait_log('delivery', qr/event=delivered id=$fresh /), 'off the list the new one is delivered by itself');
	# One that waits for its second attempt is not hurried; when it is gone already there is none to force.
	$pb->ctl('spool', 'force', $id);
	$pb->wait_mail('u0@example.com', 3);
	ok(wait_queue($pb, 0), 'and the older one at its time');
};

subtest 'disabled domains (DOM-12)' => sub {
	$pb->ctl_ok('domain', 'edit', 'second.example', 'disabled=True');
	my $to = queued(from => 's@far.example', to => [ 'carl@second.example', 'u0@example.com' ]);
	my $from = queued(from => 'carl@second.example', to => [ 'u0@example.com' ]);
	my $both = queued(from => 's@far.example', to => [ 'list@example.com' ]);
	$pb->wait_mail('u0@example.com', 4);
	$pb->wait_mail('u1@example.com', 2);
	is_held($to, 0, 'mail to it is held');
	is_held($from, 0, 'mail from it is held');
	is_held($both, 0, 'and the part of an alias that is at it');
	ok($pb->wait_log('delivery', qr/event=held id=$from from=carl\@second\.example reason=disabled-domain/), 'the log says why');
	ok($pb->wait_log('delivery', qr/event=held id=$to from=s\@far\.example reason=disabled-domain to=carl\@second\.example/),
		'and whose');
	like($pb->ctl_ok('spool', 'recipients', $to, '--tsv'), qr/\tcarl\@second\.example\tpending\t0\t/, 'no attempt is counted');
	$pb->ctl_ok('spool', 'force', $to, $from, $both);
	restart_runner();
	like(log_in('smtps', 'carl@second.example'), qr/^535/, 'nobody of it logs in to SMTP');
	like(log_in('pop3s', 'carl@second.example'), qr/^-ERR/, 'nor to POP3');
	like(log_in('imaps', 'carl@second.example'), qr/^a\d+ NO/m, 'nor to IMAP');
	is_held($_, 0, 'held after force and a restart') for $to, $from, $both;
	is(scalar($pb->mail('u0@example.com')), 4, 'other recipients had theirs, once');
	is(scalar($pb->mail('carl@second.example')), 0, 'those of the domain nothing');
	$pb->ctl_ok('domain', 'edit', 'second.example', 'disabled=False');
	ok($pb->wait_log('delivery', qr/event=released id=$from .*event=delivered id=$from /s, 60), 'enabled again it goes on by itself');
	ok(wait_queue($pb, 0, 60), 'and all of it is delivered');
	like(log_in('pop3s', 'carl@second.example'), qr/^\+OK/, 'he logs in as before');
	is(scalar($pb->mail('carl@second.example')), 2, 'to the mailbox of the domain');
	is(scalar($pb->mail('u0@example.com')), 5, 'and from it');
	unlike($pb->log_text('delivery'), qr/event=(?:bounced|failed)/, 'nobody was told of a failure');
};

subtest 'disabled users (USER-08)' => sub {
	my $new = $pb->maildir('u0@example.com') . '/new';
	my $before = $pb->mail('u0@example.com');
	$pb->user('eve@example.com');
	rename $new, "$new.away" or die;
	Pillarbox::spew($new, '');
	my $id = queued(auth => 'eve@example.com', from => 'alias-of-eve@far.example', to => [ 'u0@example.com' ]);
	my $other = queued(from => 'eve@example.com', to => [ 'u0@example.com' ]);
	ok($pb->wait_log('delivery', qr/event=deferred id=$other /), 'messages wait for their second attempt');
	$pb->ctl_ok('user', 'edit', 'eve@example.com', 'disabled=True');
	$pb->ctl_ok('spool', 'force', $id, $other);
	ok($pb->wait_log('delivery', qr/event=held id=$id from=alias-of-eve\@far\.example reason=disabled-user/), 'what a disabled user submitted is held');
	is(row($id)->[1], 'held', 'as the list shows');
	unlink $new;
	rename "$new.away", $new or die;
	my $fresh = queued(auth => 'eve@example.com', from => 'eve@example.com', to => [ 'u0@example.com' ]);
	is_held($fresh, 0, 'what was on its way when the account was shut does not go straight through');
	restart_runner();
	# What is not due is not asked about before its time.
	$pb->ctl_ok('spool', 'force', $id);
	is_held($id, 1, 'held after a restart');
	is_held($fresh, 0, 'both of them');
	$pb->ctl_ok('spool', 'force', $other);
	ok($pb->wait_log('delivery', qr/event=delivered id=$other /), 'who only has that sender is not held: anybody can write one');
	is(scalar($pb->mail('u0@example.com')), $before + 1, 'nothing else was delivered');
	$pb->ctl_ok('user', 'edit', 'eve@example.com', 'disabled=False');
	ok($pb->wait_log('delivery', qr/event=released id=$fresh .*event=delivered id=$fresh /s, 60), 'enabled again it goes on by itself');
	# One that waits for its second attempt is not hurried.
	$pb->ctl('spool', 'force', $id);
	ok($pb->wait_log('delivery', qr/event=delivered id=$id /, 60), 'and so does the older one');
	ok(wait_queue($pb, 0, 60), 'and the queue is empty');
	unlike($pb->log_text('delivery'), qr/event=(?:bounced|failed) id=(?:$id|$fresh)/, 'nobody was told of a failure');
};

subtest 'held mail can be deleted' => sub {
	$pb->ctl_ok('domain', 'edit', 'second.example', 'disabled=True');
	my $id = queued(from => '', to => [ 'carl@second.example' ]);
	is_held($id, 0, 'it is held');
	$pb->ctl_ok('--yes', 'spool', 'delete', $id);
	ok(wait_queue($pb, 0), 'and gone');
};
done_testing;
