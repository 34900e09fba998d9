#!/usr/bin/perl
# Two whole instances: mail submitted to one reaches a mailbox of the other, which
# is found by MX and reached over TLS; what cannot be delivered comes back in one
# report that names each recipient.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::Zone;

plan skip_all => 'swaks or nsd is not installed' unless -x '/usr/bin/swaks' && -x '/usr/sbin/nsd';
my $zone = Pillarbox::Zone->new('remote.test' => "@ MX 10 mx\nmx A 127.0.0.1\n", 'closed.test' => "@ MX 0 .\n");
my $far = Pillarbox->new(host => 'mx.remote.test');
$far->user('carol@remote.test');
$far->start;
my $near = Pillarbox->new(host => 'mail.test.example', settings => { primaryDns => $zone->address,
	smtpOutPort => $far->port('smtp'), allowLoopbackTargets => 'True', dnsErrorAttempts => 1 });
$near->user('bob@example.com');
$near->start;

sub submit {
	my (@to) = @_;
	my ($rc, $out, $err) = $near->run('swaks', '--server', '127.0.0.1:' . $near->port('submission'), '--tls',
		'--auth', 'PLAIN', '--auth-user', 'bob@example.com', '--auth-password', $Pillarbox::PASSWORD,
		'--from', 'bob@example.com', '--to', join(',', @to), '--timeout', 30);
	is($rc, 0, "submitted to @to") or diag($out, $err);
}

submit('carol@remote.test', 'nobody@remote.test', 'x@closed.test');
my ($mail) = map { Pillarbox::slurp($_) } $far->wait_mail('carol@remote.test', 1, 20);
like($mail // '', qr/\AReturn-Path: <bob\@example\.com>\r\nReceived: from mail\.test\.example .*ESMTPS/s,
	'it arrives over TLS, with one Return-Path');
my @reports = map { Pillarbox::slurp($_) } $near->wait_mail('bob@example.com', 1, 20);
my ($unknown) = grep { /Final-Recipient: rfc822; ?nobody\@remote\.test/ } @reports;
like($unknown // '', qr/Status: 5\.1\.1/, 'the unknown user is reported');
my ($closed) = grep { /Final-Recipient: rfc822; ?x\@closed\.test/ } @reports;
like($closed // '', qr/Status: 5\.1\.10/, 'so is the domain with a null MX');
ok(!(grep { /Final-Recipient: rfc822; ?carol/ } @reports), 'who got it is not reported as failed');

submit('y@no-such-domain.remote.test');
@reports = map { Pillarbox::slurp($_) } $near->wait_mail('bob@example.com', 2, 20);
my ($missing) = grep { /Final-Recipient: rfc822; ?y\@no-such-domain/ } @reports;
like($missing // '', qr/Status: 5\.1\.2/, 'a domain that does not exist is reported once dnsErrorAttempts is reached');
done_testing;
