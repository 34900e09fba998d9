#!/usr/bin/perl
# What cannot be delivered is told to the sender once, and never a bounce of a bounce (R08).
# Features: QUEUE-11, GEN-02.
use strict;
use warnings;
use Test::More;
use Pillarbox;
use Pillarbox::Auth;
use Pillarbox::Queue;

my $pb = Pillarbox->new;
$pb->user("u$_\@example.com") for 0 .. 1;
$pb->start;

my ($answer) = put($pb, from => 'u1@example.com', to => [ 'u0@example.com', 'nobody@example.com' ]);
like($answer, qr/^250 2\.0\.0 Queued/, 'a message with an unknown recipient takes the queue');
$pb->wait_mail('u0@example.com', 1);
my ($bounce) = $pb->wait_mail('u1@example.com', 1);
my $text = Pillarbox::slurp($bounce);
like($text, qr/^Return-Path: <>\r\n/, 'the notification has the null sender');
like($text, qr/\r\nContent-Type: multipart\/report; report-type=delivery-status;/, 'it is a report');
like($text, qr/\r\nFinal-Recipient: rfc822; nobody\@example\.com\r\nAction: failed\r\nStatus: 5\.1\.1\r\n/,
	'which names the recipient that failed');
unlike($text, qr/rfc822; u0\@/, 'and not the one that was delivered');
ok(wait_queue($pb, 0), 'the queue is empty again');

put($pb, from => '', to => [ 'nobody@example.com' ]);
my ($told) = $pb->wait_mail('postmaster@example.com', 1);
like(Pillarbox::slurp($told), qr/^Return-Path: <>\r\n.*\r\nFinal-Recipient: rfc822; nobody\@example\.com\r\nAction: failed\r\n/s,
	'a message without sender that fails is told to postmaster (GEN-02)');
ok(wait_queue($pb, 0), 'and leaves the queue');
is(scalar($pb->mail('u1@example.com')), 1, 'the sender of the other heard of it once');

put($pb, from => 'nobody@example.com', to => [ 'nobody@example.com' ]);
$pb->wait_mail('postmaster@example.com', 2);
ok($pb->wait_log('delivery', qr/event=bounced id=1\d{15} group=1 bounce=1001\d{15}\b/), 'so is a bounce that fails');
is(scalar(grep { Pillarbox::slurp($_) =~ /\r\nFinal-Recipient: rfc822; nobody\@example\.com\r\n/ } $pb->mail('postmaster@example.com')), 2,
	'which names who could not be told');
ok(wait_queue($pb, 0), 'the queue is empty');

# Nobody is set any more, or somebody who is gone: another takes his place.
sub told { return scalar(grep { Pillarbox::slurp($_) =~ /\r\nFinal-Recipient: rfc822; nobody\@example\.com\r\n/ } $pb->mail('postmaster@example.com')) }
sub change_settings {
	my ($from, $to) = @_;
	my $file = "$pb->{dir}/etc/mailconfig.xml";
	my ($mode, $uid, $gid) = (stat $file)[ 2, 4, 5 ];
	(my $text = Pillarbox::slurp($file)) =~ s/$from/$to/ or die "no $from in $text";
	Pillarbox::spew("$file.new", $text);
	chown $uid, $gid, "$file.new";
	chmod $mode & 07777, "$file.new";
	rename "$file.new", $file or die;
	$pb->ctl_ok('reload');
}
# A setting is in force when auth-check answers by it.
sub wait_postmaster {
	my ($want) = @_;
	my ($end, $got) = time + 30;
	while (time < $end && ($got // '') ne "OK mailbox:$want") {
		($got) = eval { lookup($pb, 'expand postmaster') };
		select undef, undef, undef, 0.1;
	}
	is($got, "OK mailbox:$want", "mail for postmaster goes to $want");
}
$pb->ctl_ok('set', 'postmasterMailbox', 'u0@example.com');
wait_postmaster('u0@example.com');
my $u0 = $pb->mail('u0@example.com');
put($pb, from => '', to => [ 'nobody@example.com' ]);
$pb->wait_mail('u0@example.com', $u0 + 1);
is(told(), 2, 'who is set is told');
change_settings(qr{<postmasterMailbox>[^<]*</postmasterMailbox>}, '<postmasterMailbox>nowhere@example.com</postmasterMailbox>');
wait_postmaster('postmaster@example.com');
my ($rc, $out) = $pb->ctl('check');
like($out, qr/^warning .*postmasterMailbox: nowhere\@example\.com is no mailbox and no alias here/m, 'mailctl check warns of one who is gone');
put($pb, from => '', to => [ 'nobody@example.com' ]);
$pb->wait_mail('postmaster@example.com', 3);
is(told(), 3, 'what cannot be told to him is told to the first account');
$pb->ctl_ok('set', 'postmasterMailbox', 'u0@example.com');
wait_postmaster('u0@example.com');
change_settings(qr{<postmasterMailbox>[^<]*</postmasterMailbox>}, '');
wait_postmaster('postmaster@example.com');
($rc, $out) = $pb->ctl('check');
like($out, qr/^warning .*postmasterMailbox: nobody is set/m, 'mailctl check warns when nobody is set');
put($pb, from => '', to => [ 'nobody@example.com' ]);
$pb->wait_mail('postmaster@example.com', 4);
is(told(), 4, 'nor does a bounce vanish then');
my ($last) = grep { Pillarbox::slurp($_) =~ /^To: <postmaster\@mail\.test\.example>\r$/m } $pb->mail('postmaster@example.com');
ok(defined $last, 'its header names postmaster at this host');
like(($pb->ctl('set', 'postmasterMailbox', $_->[0]))[2], $_->[1], "postmasterMailbox '$_->[0]' is refused")
	for [ '', qr/give the address of a mailbox or an alias/ ], [ 'nowhere@example.com', qr/no mailbox and no alias/ ],
	[ 'x@elsewhere.example', qr/elsewhere\.example is no domain of this server/ ];
$pb->ctl_ok('user', 'edit', 'u1@example.com', 'disabled=True');
like(($pb->ctl('set', 'postmasterMailbox', 'u1@example.com'))[2], qr/u1\@example\.com is disabled; enable it first, or name another/, 'nor one who gets no mail');
$pb->ctl_ok('user', 'edit', 'u1@example.com', 'disabled=False');
$pb->ctl_ok('set', 'postmasterMailbox', 'u1@example.com');
like(($pb->ctl('user', 'edit', 'u1@example.com', 'disabled=True'))[2], qr/warning: postmasterMailbox: u1\@example\.com is disabled/, 'who shuts him is warned');
like(($pb->ctl('user', 'delete', 'u1@example.com', '--yes'))[2], qr/warning: postmasterMailbox: u1\@example\.com is no mailbox and no alias/, 'and who deletes him');
is(($pb->ctl('user', 'edit', 'u0@example.com', 'fullName=Zero'))[2], '', 'but not who changes another');
$pb->ctl_ok('alias', 'add', 'office@example.com', 'postmaster@example.com');
$pb->ctl_ok('set', 'postmasterMailbox', $_) for 'office@example.com', 'postmaster@example.com';

# postmaster's own mailbox fails: what is told about that is told to nobody.
$pb->ctl_ok('stop', 'spool');
put($pb, from => '', to => [ 'nobody@example.com' ]);
$pb->set(retryIntervals => '0');
my $new = $pb->maildir('postmaster@example.com') . '/new';
rename $new, "$new.away" or die;
Pillarbox::spew($new, '');
$pb->ctl_ok('start', 'spool');
ok($pb->wait_log('delivery', qr/event=no-bounce id=1001\d{15} group=1 reason=null-sender/, 30), 'there is an end to it');
ok(wait_queue($pb, 0, 30), 'and to the queue');
# R08: counted when a later message has gone its way, so that nothing is still to come.
put($pb, from => 'u0@example.com', to => [ 'u0@example.com' ]);
ok($pb->wait_log('delivery', qr/event=no-bounce .*event=delivered id=\d+[^\n]*u0\@example\.com/s, 30), 'a later message is delivered');
ok(wait_queue($pb, 0, 30), 'and the queue is empty');
my $log = $pb->log_text('delivery');
# A line may come twice: a step that a look at the queue repeats makes the same notification, under the same id.
sub ids { my ($re) = @_; my %id = map { $_ => 1 } $log =~ /$re/g; my @ids = sort keys %id; return @ids }
my @none = ids(qr/event=no-bounce id=(\d+) /);
is(scalar @none, 1, 'R08: of one notification it is told that there is none about it');
is(scalar(ids(qr/event=bounced id=(\d+) [^\n]*\bbounce=$none[0]\b/)), 1, 'R08: it was the one about the message');
is(scalar(ids(qr/event=bounced id=$none[0] [^\n]*\bbounce=(\d+)/)), 0, 'R08: and there is exactly no further one');
done_testing;
