#!/usr/bin/perl
# What the lists of addresses and the rules about sessions mean to a client, and the lines of the log that tell of it.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Rows;

my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Detailed', popLogLevel => 'Detailed', imapLogLevel => 'Detailed', smtpMaxConnectionsPerIp => 0 });
$pb->user('alice@example.com');
my @all = ('smtp=True', 'pop=True', 'imap=True');
$pb->ctl_ok('blacklist', 'add', '127.41.1.1', @all);
$pb->ctl_ok('blacklist', 'add', '127.41.2.10-127.41.2.20', @all);
$pb->ctl_ok('blacklist', 'add', '127.41.3.0/24', @all);
$pb->ctl_ok('blacklist', 'add', '127.41.4.1', 'smtp=False', 'pop=True', 'imap=False');
$pb->ctl_ok('whitelist', 'add', '127.41.3.7', @all);
$pb->ctl_ok('whitelist', 'add', '127.41.5.10-127.41.5.20', 'smtp=True');
$pb->ctl_ok('whitelist', 'add', '127.41.6.1', 'smtp=False', 'pop=True');
$pb->ctl_ok('auth-bypass', 'add', '127.41.7.1');
$pb->ctl_ok('auth-bypass', 'add', '127.41.7.10-127.41.7.200');
$pb->ctl_ok('abuse', 'add', 'kind=badSessions', 'badSessions=3', 'blockMinutes=9', 'timeFrame=60');
$pb->ctl_ok('abuse', 'add', 'kind=dos', 'service=smtp', 'connections=6', 'blockMinutes=7', 'timeFrame=60');
$pb->start;

my $rows = Pillarbox::Rows->new($pb);
sub greeting { my ($service) = @_; return sub { my $c = $pb->connect($service, local => $rows->{ip}); $c->close; return $c->{greeting} } }
sub says { my @what = @_; return sub { $rows->say(@what) } }
sub listed { my ($ids, $name, $ip, @rest) = @_; my %o = @rest % 2 ? %{ pop @rest } : (); return $rows->row($ids, "$name ($ip)", @rest, { ip => $ip, %o }) }
my $ticket = qr/ ticket \d{12}$/;
my $black = qr/^554 5\.7\.1 Your address is not served here$ticket/;
my @black = (smtpLog => qr/event=check about=connect name=blacklist value=yes weight=-100 total=-100/, smtpLog => qr/event=refused reason=blacklist code=554/);
my $hello = qr/^220 mail\.test\.example .*$/;
my @white = (smtpLog => qr/event=check about=connect name=whitelist value=yes weight=0 total=0/);
my @plain = (smtpLog => qr/event=check about=connect name=address value=ok weight=0 total=0/);
my %unlisted = (silent => { smtpLog => qr/event=(?:refused|check about=connect name=(?:whitelist|blacklist))/ });

# -- blacklist and whitelist ----------------------------------------------------------------
listed('IPBW-01, IPBW-02, IPBW-05', 'a single address', '127.41.1.1', greeting('smtp'), $black, @black);
listed('IPBW-02', 'the next one', '127.41.1.2', greeting('smtp'), $hello, @plain, { %unlisted });
listed('IPBW-03', 'in a range', "127.41.2.$_", greeting('smtp'), $black, @black) for 10, 15, 20;
listed('IPBW-03', 'beside a range', "127.41.2.$_", greeting('smtp'), $hello, @plain, { %unlisted }) for 9, 21;
listed('IPBW-04, IPBW-05', 'for POP alone: POP', '127.41.4.1', greeting('pop3'), qr/^-ERR Your address is not served here .*\d{12}\)$/,
	popLog => qr/event=refused reason=blacklist/);
listed('IPBW-04', '... SMTP', '127.41.4.1', greeting('smtp'), $hello, @plain, { %unlisted });
listed('IPBW-04', '... IMAP', '127.41.4.1', greeting('imap'), qr/^\* OK /, imapLog => qr/rsp: \* OK .*/, { silent => { imapLog => qr/event=refused/ } });
listed('IPBW-01, IPBW-08', 'on both lists', '127.41.3.7', greeting('smtp'), $hello, @white, { silent => { smtpLog => qr/event=refused/ } });
listed('IPBW-08', 'its neighbour', '127.41.3.8', greeting('smtp'), $black, @black);
my $out = 'RCPT TO:<y@far.example>';
my $relay = qr/event=relay to=y\@far\.example name=trusted-client value=yes/;
my $from = 'MAIL FROM:<x@primary.example>';
my $denied = qr/^550 5\.7\.1 Relaying denied$ticket/;
my @denied = (smtpLog => qr/event=check about=recipient name=allow-relay value=no weight=0 total=-100/,
	smtpLog => qr/event=recipient-refused to=y\@far\.example code=550 status=5\.7\.1/);
my %no_relay = (silent => { smtpLog => qr/event=relay/ });
for (10, 20) {
	listed('IPBW-03, IPBW-06, IPBW-09', 'the whitelist relays', "127.41.5.$_", says('smtp', $from, $out), qr/^250 2\.1\.5 Recipient OK$/, @white, smtpLog => $relay);
}
listed('IPBW-03', 'beside it', "127.41.5.$_", says('smtp', $from, $out), $denied, @denied, { %no_relay }) for 9, 21;
listed('IPBW-04', 'whitelisted for POP alone', '127.41.6.1', says('smtp', $from, $out), $denied, @denied, { %no_relay });

# -- who needs no log-in ------------------------------------------------------------------------
my @taken = (smtpLog => $relay, smtpLog => qr/event=check about=recipient name=trusted-client value=yes weight=100 total=0/);
listed('AUTHB-01, AUTHB-02, AUTHB-04', 'a single address relays for a sender of ours', '127.41.7.1', says('smtp', 'MAIL FROM:<alice@example.com>', $out),
	qr/^250 2\.1\.5 Recipient OK$/, @taken);
listed('AUTHB-03, AUTHB-04', 'in a range', "127.41.7.$_", says('smtp', 'MAIL FROM:<alice@example.com>', $out), qr/^250 2\.1\.5 Recipient OK$/, @taken) for 10, 200;
my @login = (smtpLog => qr/event=check about=recipient name=sender-needs-log-in value=yes weight=-100 total=-100/,
	smtpLog => qr/event=recipient-refused to=y\@far\.example code=530 status=5\.7\.0/);
listed('AUTHB-02, AUTHB-03', 'beside it', "127.41.7.$_", says('smtp', 'MAIL FROM:<alice@example.com>', $out),
	qr/^530 5\.7\.0 Authentication required for this sender$ticket/, @login, { %no_relay }) for 2, 9, 201;
listed('AUTHB-04', 'on the port for submission', '127.41.7.1', says('submission', 'MAIL FROM:<alice@example.com>', $out), qr/^250 2\.1\.5 Recipient OK$/,
	smtpLog => $relay, smtpLog => qr/event=check about=sender name=trusted-client value=yes weight=100 total=0/);
$pb->ctl_ok('auth-bypass', 'delete', '127.41.7.10-127.41.7.200');
my $next = 20;
$rows->row('AUTHB-01', 'a range that was taken off the list', sub {
		$rows->{ip} = '127.41.7.' . $next++;	# each once: sessions without a message are counted below
		return $rows->say('smtp', 'MAIL FROM:<alice@example.com>', $out);
	}, qr/^530 5\.7\.0 Authentication required for this sender$ticket/, @login, { until => 1 });

# -- rules: harvesting and connections ------------------------------------------------------------
sub until_blocked {
	my ($ip, @commands) = @_;
	return sub {
		my ($end, $reply) = (time + 20, '');
		do { $reply = $rows->say('smtp', @commands) } while $reply !~ /^421/ && time < $end;
		return $reply;
	};
}
my $blocked = qr/^421 4\.7\.0 Your address is blocked.*$ticket/;
listed('ABUSE-06, ABUSE-07, ABUSE-08, ABUSE-09', 'sessions without a message', '127.42.0.1', until_blocked('127.42.0.1', 'NOOP'), $blocked,
	smtpLog => qr/event=refused reason=(?:blocked listener=smtp earlier=\d+|abuse code=421 why=".*blocked.*")/,
	smtpLog => qr/event=check about=connect name=(?:blocked|address-refused) value=\S+ weight=-100 total=-100/,
	abuseLog => qr/event=check about=rule-1 name=badSessions value=1 weight=-33 total=-33/,
	abuseLog => qr/event=check about=rule-1 name=badSessions value=2 weight=-33 total=-66/,
	abuseLog => qr/event=check about=rule-1 name=badSessions value=3 weight=-34 total=-100/,
	abuseLog => qr/event=rule-crossed rule=1 kind=badSessions count=3 .*/, abuseLog => qr/event=blocked .*seconds=540.*/);
my @message = ('MAIL FROM:<x@far.example>', 'RCPT TO:<alice@example.com>', 'DATA', "Subject: x\r\n\r\nx\r\n.");
$rows->row('ABUSE-06', 'a session with one is no bad session', says('smtp', @message), qr/^250 2\.0\.0 OK id=\d+$/, smtpLog => qr/event=message .*/);
listed('ABUSE-02, ABUSE-03, ABUSE-04, ABUSE-05', 'too many connections', '127.42.0.2', until_blocked('127.42.0.2', @message), $blocked,
	smtpLog => qr/event=refused reason=(?:blocked listener=smtp earlier=\d+|abuse code=421 why=".*blocked.*")/,
	abuseLog => qr/event=check about=rule-2 name=dos value=6 weight=-100 total=-100/,
	abuseLog => qr/event=rule-crossed rule=2 kind=dos count=6 .*/, abuseLog => qr/event=blocked .*seconds=420.*/);
# Nobody counts those who are on the whitelist, for either rule.
for (1 .. 9) {
	my $c = $pb->connect('smtp', local => '127.41.5.11');
	$c->close;
}
listed('IPBW-06, ABUSE-15', 'the tenth session of a whitelisted address', '127.41.5.11', says('smtp', 'NOOP'), qr/^250 2\.0\.0 OK$/, @white,
	{ silent => { smtpLog => qr/event=refused/, abuseLog => qr/event=/ } });
$rows->logged;
done_testing;
