#!/usr/bin/perl
# Mail that an alias passes on to another host: with the setting srs it has a sender of ours, and what a real
# Postfix sends back to it goes to the sender it was made from.  Off by default.
# Features: USER-04.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Outbound;
use Pillarbox::Postfix;
use Pillarbox::Queue;

plan skip_all => $_ for grep { $_ } Pillarbox::Postfix::lacking();
my ($port, $next) = map { Pillarbox::Outbound::free_port() } 1 .. 2;
my $pb = Pillarbox->new(settings => { allowLoopbackTargets => 'True', retryIntervals => '60' });
$pb->user('alice@example.com');
$pb->ctl_ok('domain-alias', 'add', 'example.com', 'name.example');
$pb->ctl_ok('alias', 'add', 'fwd@example.com', 'x@away.example');
$pb->ctl_ok('alias', 'add', 'gone@example.com', 'nobody@px.test');
my $px = Pillarbox::Postfix->new($pb, <<"END");
myhostname = mx.px.test
virtual_mailbox_domains = px.test
virtual_mailbox_maps = inline:{bob\@px.test=box/}
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:@{[ $pb->port('smtp') ]}
local_recipient_maps =
smtpd_reject_unlisted_recipient = no
END
$pb->ctl_ok('gateway', 'add', "address=$_->[1]", "port=$_->[2]", "domains=$_->[0]")
	for [ 'away.example', '127.0.0.5', $next ], [ 'far.example', '127.0.0.6', $port ], [ 'px.test', '127.0.0.1', $px->{port} ];
my $away = Pillarbox::Outbound::Server->new('127.0.0.5', $next, sub { $_[0]->serve(ehlo => [ 'PIPELINING', 'DSN' ]) });
my $far = Pillarbox::Outbound::Server->new('127.0.0.6', $port, sub { $_[0]->serve });
$pb->start;

sub envelopes {		# "SENDER -> RECIPIENT ..." of each transaction
	my ($server) = @_;
	return map { my ($from) = /^C: MAIL FROM:<([^>]*)>/m; my @to = /^C: RCPT TO:<([^>]*)>/mg; "$from -> @to" }
		map { split /^(?=C: MAIL)/m } grep { /^C: MAIL/m } map { s/\A.*?(?=^C: MAIL)//msr } $server->transcripts;
}
# Those of $away that are new since the last call, sorted.
my %known;
sub fresh {
	my %n;
	$n{$_}++ for envelopes($away);
	my @new = map { my $e = $_; ($e) x ($n{$e} - ($known{$e} // 0)) } sort keys %n;
	%known = %n;
	return join '; ', @new;
}
my $passed;
sub bring { my ($from, @to) = @_; put($pb, from => $from, to => \@to); ok(wait_queue($pb, 0, 30), "$from: gone"); $passed = fresh() }
sub rcpt {
	my ($address) = @_;
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^250/) for 'EHLO c.example', 'MAIL FROM:<>';
	return $c->command("RCPT TO:<$address>");
}

bring('a@far.example', 'fwd@example.com');
is($passed, 'a@far.example -> x@away.example', 'off: the sender stays');
like(join('', $away->transcripts), qr/RCPT TO:<x\@away\.example> ORCPT=rfc822;fwd\@example\.com\n/, 'the next host hears what it was sent to');
$pb->ctl_ok('set', 'srs', 'True');
bring('A.b+c@far.example', 'fwd@example.com');
like($passed, qr/^(SRS0=[a-z2-7]{6}=[a-z2-7]{2}=far\.example=A\.b\+c\@example\.com) -> x\@away\.example$/, 'on: it is one of ours');
my ($address) = $passed =~ /^(\S+)/;
ok($pb->wait_log('delivery', qr/event=sender-rewritten id=\d+ as=\Q$address\E/), 'which the log tells');
bring('a@far.example', 'fwd@name.example');
like($passed, qr/^SRS0=\S+=a\@name\.example ->/, 'at the name that the alias was called by');
bring('a@far.example', 'fwd@example.com', 'y@away.example');
is($passed =~ s/=[a-z2-7]{6}=[a-z2-7]{2}=/=H=/r, 'SRS0=H=far.example=a@example.com -> x@away.example; a@far.example -> y@away.example',
	'but not for a recipient that no alias was for');
bring('alice@example.com', 'fwd@example.com');
is($passed, 'alice@example.com -> x@away.example', 'a sender of ours stays');
bring('', 'fwd@example.com');
is($passed, ' -> x@away.example', 'so does the null sender');
bring(('l' x 60) . '@far.example', 'fwd@example.com');
is($passed, ('l' x 60) . '@far.example -> x@away.example', 'and one that would become too long');
bring('SRS0=abcd=ef=x.example=b@hop.example', 'fwd@example.com');
like($passed, qr/^SRS1=[a-z2-7]{6}=hop\.example==abcd=ef=x\.example=b\@example\.com ->/, 'the sender of another forwarder');

# Back.
like(rcpt($address), qr/^250 2\.1\.5/, 'what comes back is taken');
like(rcpt(lc $address), qr/^250 2\.1\.5/, 'in small letters too');
like(rcpt($address =~ s/far\.example/evil.example/r), qr/^550 5\.1\.1/, 'a changed address is none');
like(rcpt('SRS0=aaaaaa=aa=far.example=a@example.com'), qr/^550 5\.1\.1/, 'nor one that was made up');
bring('a@far.example', 'gone@example.com');
my $end = time + 30;
my $undelivered = qr/^C: MAIL FROM:<>.*^C: RCPT TO:<a\@far\.example>.*Undelivered Mail Returned to Sender.*nobody\@px\.test/ms;
sleep 0.05 while time < $end && !grep { /$undelivered/ } $far->transcripts;
ok((grep { /$undelivered/ } $far->transcripts),
	'the bounce of Postfix comes to the sender') or diag($px->log_text);
$pb->ctl_ok('set', 'srs', 'False');
bring('a@far.example', 'fwd@example.com');
is($passed, 'a@far.example -> x@away.example', 'off again');
like(rcpt($address), qr/^250 2\.1\.5/, 'what is still to come back is taken');

# Servers with one secret know each other's.
$pb->ctl_ok('set', 'srsSecret', 'the same everywhere');
$end = time + 20;
sleep 0.1 while time < $end && rcpt($address) !~ /^550/;
like(rcpt($address), qr/^550 5\.1\.1/, 'another key makes others');
done_testing;
