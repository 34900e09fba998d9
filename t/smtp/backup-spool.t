#!/usr/bin/perl
# Mail that is taken for a server behind waits in the spool: while that is down it is retried by the schedule and never
# given to this host, which has the worse MX record (ROUTE-10); all of it is sent at once when the server is back and
# the administrator says so (ROUTE-11); and before its first attempt it waits for outside checkers as other mail
# does (the delay of ROUTE-06).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Dns;
use Pillarbox::Rows;

my $dns = Pillarbox::Dns->new(<<'END');
backed.test MX 10 mx.backed.test
backed.test MX 20 mail.test.example
mx.backed.test A 127.0.0.6
mail.test.example A 127.0.0.3
END

# The primary listens on 127.0.0.6, the backup on 127.0.0.3 and at the same port, to which mail is sent.
my $primary = Pillarbox->new(host => 'mx.backed.test');
$primary->user("$_\@backed.test") for qw(ann bob);
my $port = $primary->port('smtp');
$primary->ctl_ok('bindings', 'add', '127.0.0.6', "ports=$port");
my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Detailed', primaryDns => $dns->address, smtpOutPort => $port, allowLoopbackTargets => 'True',
	outsideChecker => 'True', deliveryDelay => 2 });
$pb->user('alice@example.com');
$pb->ctl_ok('gateway', 'add', 'mode=backupMx', 'address=127.0.0.6', "port=$port");
$pb->ctl_ok('bindings', 'add', $port, 'service=smtp');
$pb->ctl_ok('bindings', 'edit', '127.0.0.1', 'ports=' . join(',', map { $pb->port($_) } sort keys %Pillarbox::OFFSET));
$pb->ctl_ok('bindings', 'add', '127.0.0.3', "ports=$port");
$pb->start;

my $rows = Pillarbox::Rows->new($pb);
my @ids;
for my $user (qw(ann bob)) {
	my $reply = $rows->row('ROUTE-10', "mail for $user while the primary is down", sub {
			$rows->say({ service => 'smtp', helo => 'EHLO mx.far.test', connect => { host => '127.0.0.3', port => $port } },
				$rows->message("Subject: for $user\r\n\r\nx", 'MAIL FROM:<x@far.example>', "RCPT TO:<$user\@backed.test>"));
		}, qr/^250 2\.0\.0 OK id=\d+$/, smtpLog => qr/event=connect at=127\.0\.0\.3:$port listener=smtp/,
		smtpLog => qr/event=check about=recipient name=recipient-ours value=backup-mx weight=0 total=0/,
		smtpLog => qr/event=message from=x\@far\.example id=\d+ recipients=1 .*/);
	push @ids, $reply =~ /id=(\d+)/;
}
is(scalar @ids, 2, 'both are in the queue');
ok($pb->wait_log('delivery', qr/event=deferred id=$_ .*attempts=1 next="/, 30), "ROUTE-10: the first attempt of $_ fails, and the next is on the schedule") for @ids;
my %waits = map { $_->{id} => $_ } @{ decode_json($pb->ctl_ok('spool', 'list', '--json')) };
is(join(' ', sort keys %waits), join(' ', sort @ids), 'ROUTE-10: both wait');
# Who takes mail of this very host would be it.
unlike($pb->log_text('smtpLog'), qr/cmd: EHLO mail\.test\.example/, 'ROUTE-10: nothing was delivered back to this host');

# The delay: the time from "250" to the first attempt, as the log has it.
sub at { my ($kind, $re) = @_; return $pb->log_text($kind) =~ /^(\d\d):(\d\d):(\d\d\.\d+) \S+ $re/m ? $1 * 3600 + $2 * 60 + $3 : undef }
for my $id (@ids) {
	my ($taken, $tried) = (at('smtpLog', qr/event=message .*id=$id /), at('delivery', qr/event=deferred id=$id /));
	cmp_ok(($tried - $taken + 86400) % 86400, '>=', 1, "ROUTE-06: $id waits for deliveryDelay before its first attempt");
}

# The primary is back.
$primary->start;
$pb->ctl_ok('spool', 'reset-retries', '--all');
for my $user (qw(ann bob)) {
	my ($mail) = $primary->wait_mail("$user\@backed.test", 1, 30);
	like(Pillarbox::slurp($mail // ''), qr/^Subject: for $user\r?$/m, "ROUTE-11: $user has it after reset-retries --all");
}
ok($pb->wait_log('delivery', qr/event=sent id=$_ /), "ROUTE-11: and the log says that $_ was sent") for @ids;
my $end = time + 20;
sleep 0.2 while time < $end && @{ decode_json($pb->ctl_ok('spool', 'list', '--json')) };
is_deeply(decode_json($pb->ctl_ok('spool', 'list', '--json')), [], 'nothing is left in the queue');
$rows->logged;
done_testing;
