#!/usr/bin/perl
# What a client of SMTP hears, and the line of the log by which an administrator finds it: settings of the server,
# accounts and their domains.  Grants are in the log with smtpLogLevel Detailed.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Rows;

my $banner = '#HostName# greets #ConnectedIP# at #Time# = #TimeUTC# = #UnixTime#';
my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Detailed', popLogLevel => 'Detailed', imapLogLevel => 'Detailed',
	smtpBanner => $banner, popBanner => "pop $banner", imapBanner => "imap $banner", maxBadRecipients => 2, maxMessagesPerSession => 1,
	maxHopCount => 3, maxMessageSizeMB => 1, smtpMaxConnectionsPerIp => 0 });
$pb->user($_) for qw(alice@example.com bob@example.com shut@example.com carol@shut.example dave@free.example erin@small.example);
$pb->ctl_ok('user', 'edit', 'shut@example.com', 'disabled=True');
$pb->ctl_ok('domain', 'edit', 'shut.example', 'disabled=True');
$pb->ctl_ok('domain', 'edit', 'free.example', 'requireSmtpAuth=False');
$pb->ctl_ok('domain', 'edit', 'small.example', 'maxMessageSizeKB=10', 'maxRecipientsPerMessage=1');
$pb->ctl_ok('domain', 'edit', 'example.com', 'domainAliases/domainAlias=example.net');
$pb->ctl_ok('alias', 'add', 'sales@example.com', 'alice@example.com', 'bob@example.com');
$pb->ctl_ok('alias', 'add', 'rest@free.example', 'dave@free.example');
$pb->ctl_ok('domain', 'edit', 'free.example', 'enableCatchAlls=True', 'catchAllAlias=rest');
$pb->ctl_ok('set', '--add', 'blockedSenders/sender', '*@blocked.example');
$pb->start;

my $rows = Pillarbox::Rows->new($pb);
sub row { return $rows->row(@_) }
sub says { my @what = @_; return sub { $rows->say(@what) } }
my $ticket = qr/ ticket \d{12}$/;
my ($from, $to) = ('MAIL FROM:<x@far.example>', 'RCPT TO:<alice@example.com>');
sub check { my ($about, $name, $value, $weight, $total) = @_;
	return qr/event=check about=$about name=$name value=\Q$value\E weight=$weight total=$total/ }
sub refused { my ($address, $code, $status) = @_; return qr/event=recipient-refused to=\Q$address\E code=$code status=\Q$status\E/ }

# -- greetings ------------------------------------------------------------------------
# The greeting as it was sent is in the log.
my $date = qr/\w{3}, +\d+ \w{3} \d{4} \d\d:\d\d:\d\d/;
my $words = qr/mail\.test\.example greets 127\.40\.\d+\.\d+ at $date [+-]\d{4} = $date \+0000 = \d+/;
my $as_sent = sub { my ($reply) = @_; return qr/rsp: \Q$reply\E/ };
row('BANNER-03, BANNER-04, BANNER-05, BANNER-06, BANNER-07, BANNER-08', 'the SMTP banner', says('smtp'), qr/^220 $words$/,
	smtpLog => $as_sent, smtpLog => qr/event=connect at=127\.0\.0\.1:@{[ $pb->port('smtp') ]} listener=smtp/);
sub greeting { my ($service) = @_; return sub { my $c = $pb->connect($service, local => $rows->{ip}); my $g = $c->{greeting}; $c->close; return $g } }
row('BANNER-01', 'the POP banner', greeting('pop3'), qr/^\+OK pop $words$/, popLog => $as_sent);
row('BANNER-02', 'the IMAP banner', greeting('imap'), qr/^\* OK \[CAPABILITY [^]]*\] imap $words$/, imapLog => $as_sent);

# -- what a session may do ------------------------------------------------------------
row('SMTPIN-11', 'more Received lines than maxHopCount', says('smtp', $rows->message("Received: by a\r\n" x 4 . "\r\nx", $from, $to)),
	qr/^554 5\.4\.6 Too many hops, routing loop$ticket/, smtpLog => check('trace', 'received-lines', 4, -100, -100),
	smtpLog => qr/event=message-refused code=554 status=5\.4\.6 text="Too many hops, routing loop"/);
row('SMTPIN-12', 'a declared size over maxMessageSizeMB', says('smtp', "$from SIZE=1048577"), qr/^552 5\.3\.4 Message larger than 1048576 bytes$ticket/,
	smtpLog => check('size', 'server-size-limit', 1048576, -100, -100));
row('SMTPIN-12', 'a true one', says('smtp', $rows->message("Subject: x\r\n\r\n" . ('x' x 998 . "\r\n") x 1060, $from, $to)),
	qr/^552 5\.3\.4 Message larger than 1048576 bytes$ticket/, smtpLog => check('size', 'server-size-limit', 1048576, -100, -100),
	smtpLog => qr/event=message-refused code=552 status=5\.3\.4 text="Message larger than 1048576 bytes"/);
row('SMTPIN-13', 'one unknown recipient more than maxBadRecipients', sub {
		my $c = $pb->connect('smtp', local => $rows->{ip});
		$c->expect($_, qr/^250/) for 'EHLO c.example', $from;
		$c->expect("RCPT TO:<no$_\@example.com>", qr/^550 5\.1\.1 There is no such user here$ticket/) for 1, 2;
		return $c->command('RCPT TO:<no3@example.com>');
	}, qr/^421 4\.7\.0 Too many unknown recipients$ticket/, smtpLog => refused('no3@example.com', 550, '5.1.1'),
	smtpLog => check('recipients', 'unknown-recipients-limit', 2, -100, -100), smtpLog => qr/event=too-many-bad-recipients/);
row('SMTPIN-09', 'one bad command more than smtpMaxBadCommands', sub {
		my $c = $pb->connect('smtp', local => $rows->{ip});
		$c->expect("BAD$_", qr/^500 5\.5\.1 Unknown command$ticket/) for 1 .. 8;
		return $c->command('BAD9');
	}, qr/^421 4\.7\.0 Too many bad commands$ticket/, smtpLog => qr/cmd: BAD9/, smtpLog => qr/event=too-many-bad-commands/);
row('SMTPIN-16', 'one message more than maxMessagesPerSession', says('smtp', $rows->message("Subject: one\r\n\r\nx", $from, $to), $from),
	qr/^421 4\.7\.0 Too many messages in this session$ticket/, smtpLog => qr/event=message from=x\@far\.example id=\d+ recipients=1 size=\d+ .*/,
	smtpLog => check('messages', 'messages-limit', 1, -100, -100), smtpLog => qr/event=too-many-messages/);
row('SMTPIN-14', 'a message gets a Received line', says('smtp', $rows->message("Subject: traced\r\n\r\nx", $from, $to)), qr/^250 2\.0\.0 OK id=\d+$/,
	smtpLog => sub { my ($id) = $_[0] =~ /id=(\d+)/; return qr/event=message from=x\@far\.example id=$id recipients=1 size=\d+ text=.*/ });
for (0, 1) {
	my $on = $_;
	row('SMTPIN-20', $on ? 'VRFY of a user' : 'VRFY while it is off', says('smtp', 'VRFY alice@example.com'),
		$on ? qr/^250 2\.1\.5 <alice\@example\.com>$/ : qr/^252 2\.5\.0 Cannot verify, but will take mail and try$/,
		smtpLog => qr/event=vrfy asked=alice\@example\.com code=@{[ $on ? 250 : 252 ]}/, { until => 1 });
	row('SMTPIN-20', $on ? 'of nobody' : 'of nobody while it is off', says('smtp', 'VRFY <no body@example.com>'),
		$on ? qr/^501 5\.1\.3 Give one address$ticket/ : qr/^252 2\.5\.0 /,
		smtpLog => qr/event=vrfy asked="<no body\@example\.com>" code=@{[ $on ? 501 : 252 ]}/);
	row('SMTPIN-21', $on ? 'EXPN of an alias' : 'EXPN while it is off', says('smtp', 'EXPN sales@example.com'),
		$on ? qr/\A250-2\.1\.5 <alice\@example\.com>\n250 2\.1\.5 <bob\@example\.com>\z/ : qr/^502 5\.5\.1 EXPN is not offered$ticket/,
		smtpLog => qr/event=expn asked=sales\@example\.com code=@{[ $on ? 250 : 502 ]}/, { until => 1 });
	$pb->set(enableVrfy => 'True', enableExpn => 'True');
}
row('SMTPIN-20', 'VRFY of an unknown user', says('smtp', 'VRFY nobody@example.com'), qr/^550 5\.1\.1 There is no such user here$ticket/,
	smtpLog => qr/event=vrfy asked=nobody\@example\.com code=550/);

# -- recipients of ours -----------------------------------------------------------------
sub local_rcpt {
	my ($ids, $name, $address, $kind, $canonical) = @_;
	row($ids, $name, says('smtp', $from, "RCPT TO:<$address>"), qr/^250 2\.1\.5 Recipient OK$/,
		smtpLog => check('recipient', $kind, $canonical, 0, 0), smtpLog => check('recipient', 'recipient-ours', 'local', 0, 0));
}
local_rcpt('USER-04', 'an alias', 'sales@example.com', 'alias', 'sales@example.com');
local_rcpt('USER-05', 'another name of the domain', 'Alice@example.NET', 'mailbox', 'alice@example.com');
local_rcpt('USER-06', 'a catch-all', 'who.ever@free.example', 'alias', 'rest@free.example');
row('USER-06, SMTPIN-28', 'a domain without one', says('smtp', $from, 'RCPT TO:<who.ever@example.com>'), qr/^550 5\.1\.1 There is no such user here$ticket/,
	smtpLog => check('recipient', 'directory', '5.1.1', -100, -100), smtpLog => refused('who.ever@example.com', 550, '5.1.1'));
row('GEN-02', 'postmaster of a domain', says('smtp', $from, 'RCPT TO:<PostMaster@example.com>'), qr/^250 2\.1\.5 Recipient OK$/,
	smtpLog => check('recipient', 'postmaster', 'yes', 0, 0));
row('GEN-02', 'postmaster without a domain', says('smtp', $from, 'RCPT TO:<postmaster>'), qr/^250 2\.1\.5 Recipient OK$/,
	smtpLog => check('recipient', 'postmaster', 'yes', 0, 0));
row('USER-08, SMTPIN-28', 'a disabled user', says('smtp', $from, 'RCPT TO:<shut@example.com>'), qr/^550 5\.2\.1 .*$ticket/,
	smtpLog => check('recipient', 'directory', '5.2.1', -100, -100), smtpLog => refused('shut@example.com', 550, '5.2.1'));
row('DOM-12', 'a disabled domain', says('smtp', $from, 'RCPT TO:<carol@shut.example>'), qr/^550 5\.2\.1 .*$ticket/,
	smtpLog => check('recipient', 'directory', '5.2.1', -100, -100), smtpLog => refused('carol@shut.example', 550, '5.2.1'));

# -- log-ins ------------------------------------------------------------------------------
row('DOM-12', 'a log-in of a disabled domain', says('smtps', 'LOGIN carol@shut.example'), qr/^535 5\.7\.8 Authentication failed$ticket/,
	smtpLog => qr/event=login-failed mechanism=PLAIN tls=1 delay=\d+/,
	authLog => qr/event=login-failed service=smtp mechanism=PLAIN user=carol\@shut\.example why=\S+/);
row('SMTPIN-26', 'a complete address', says('smtps', 'LOGIN alice@example.com'), qr/^235 2\.7\.0 Authentication succeeded$/,
	smtpLog => qr/event=login user=alice\@example\.com mechanism=PLAIN tls=1/);
row('SMTPIN-26', 'a bare name', says('smtps', 'LOGIN alice'), qr/^535 5\.7\.8 Authentication failed$ticket/,
	smtpLog => qr/event=login-failed mechanism=PLAIN tls=1 delay=\d+/, authLog => qr/event=login-failed service=smtp mechanism=PLAIN user=alice(?: why=.*)?/);
my @alice = ('LOGIN alice@example.com', 'MAIL FROM:<alice@example.com>');
row('SMTPIN-15', 'MAIL from somebody else', says('smtps', 'LOGIN alice@example.com', 'MAIL FROM:<bob@example.com>'),
	qr/^553 5\.7\.1 Sender address does not belong to alice\@example\.com$ticket/,
	smtpLog => check('sender', 'sender-differs-from-log-in', 'bob@example.com', -100, -100));
row('SMTPIN-15', 'From of somebody else', says('smtps', $rows->message("From: bob\@example.com\r\n\r\nx", @alice, $to)),
	qr/^550 5\.7\.1 From address does not belong to alice\@example\.com$ticket/,
	smtpLog => check('from', 'from-differs-from-log-in', 'bob@example.com', -100, -100),
	smtpLog => qr/event=message-refused code=550 status=5\.7\.1 text="From address does not belong to alice\@example\.com"/);
my @erin = ('LOGIN erin@small.example', 'MAIL FROM:<erin@small.example>');
row('LIMIT-07', 'a declared size over maxMessageSizeKB', says('smtps', $erin[0], "$erin[1] SIZE=10241"), qr/^552 5\.3\.4 Message larger than 10240 bytes$ticket/,
	smtpLog => check('size', 'user-size-limit', 10240, -100, -100));
row('LIMIT-07', 'a true one', says('smtps', $rows->message("From: erin\@small.example\r\n\r\n" . ('x' x 70 . "\r\n") x 200, @erin, $to)),
	qr/^552 5\.3\.4 Message larger than 10240 bytes$ticket/, smtpLog => check('size', 'user-size-limit', 10240, -100, -100),
	smtpLog => qr/event=message-refused code=552 status=5\.3\.4 text="Message larger than 10240 bytes"/);
row('LIMIT-08', 'one recipient over maxRecipientsPerMessage', says('smtps', @erin, $to, 'RCPT TO:<bob@example.com>'),
	qr/^452 4\.5\.3 Too many recipients: 1 are allowed$ticket/, smtpLog => check('recipient', 'recipient-limit', 1, -100, -100),
	smtpLog => refused('bob@example.com', 452, '4.5.3'));

# -- senders ------------------------------------------------------------------------------
row('BLKS-01', 'a blocked sender', says('smtp', 'MAIL FROM:<any@blocked.example>'), qr/^550 5\.7\.1 This sender may not send$ticket/,
	smtpLog => check('sender', 'sender-blocked', 'any@blocked.example', -100, -100));
$pb->ctl_ok('set', '--remove', 'blockedSenders/sender', '*@blocked.example');
row('BLKS-02', 'one that is not blocked any more', says('smtp', 'MAIL FROM:<any@blocked.example>'), qr/^250 2\.1\.0 Sender OK$/,
	smtpLog => check('sender', 'sender', 'any@blocked.example', 0, 0), { until => 1 });
row('GREY-01', 'a first contact while greylisting is off', says('smtp', 'MAIL FROM:<first@far.example>', $to), qr/^250 2\.1\.5 Recipient OK$/,
	smtpLog => check('recipient', 'recipient-ours', 'local', 0, 0), { silent => { greylistLog => qr/event=greylist/ } });
row('DOM-18', 'a sender of ours to a recipient elsewhere', says('smtp', 'MAIL FROM:<alice@example.com>', 'RCPT TO:<y@far.example>'),
	qr/^530 5\.7\.0 Authentication required for this sender$ticket/, smtpLog => check('recipient', 'sender-needs-log-in', 'yes', -100, -100),
	smtpLog => refused('y@far.example', 530, '5.7.0'));
row('DOM-18', 'a domain that does not want it', says('smtp', 'MAIL FROM:<dave@free.example>', 'RCPT TO:<y@far.example>'),
	qr/^550 5\.7\.1 Relaying denied$ticket/, smtpLog => check('recipient', 'allow-relay', 'no', 0, -100));

# -- relaying -----------------------------------------------------------------------------
my $out = 'RCPT TO:<y@far.example>';
sub relay { my ($name, $value) = @_; return qr/event=relay to=y\@far\.example name=$name value=\Q$value\E/ }
my $denied = qr/^550 5\.7\.1 Relaying denied$ticket/;
my @no_relay = (smtpLog => check('recipient', 'recipient-not-ours', 'yes', -100, -100), smtpLog => check('recipient', 'allow-relay', 'no', 0, -100),
	smtpLog => refused('y@far.example', 550, '5.7.1'));
my %silent = (silent => { smtpLog => qr/event=relay/ });
row('SMTPIN-02, SMTPIN-03', 'nobody relays', says('smtp', $from, $out), $denied, @no_relay, { %silent });
row('SMTPIN-03, SMTPIN-22', 'but who logged in', says('smtps', @alice, $out), qr/^250 2\.1\.5 Recipient OK$/, smtpLog => relay('log-in', 'alice@example.com'));
row('SMTPIN-22', 'on the port for submission too', says({ service => 'smtps', helo => 'EHLO home' }, @alice, $to, $out), qr/^250 2\.1\.5 Recipient OK$/,
	smtpLog => relay('log-in', 'alice@example.com'), { silent => { smtpLog => qr/event=relay to=alice/ } });
$pb->set(allowRelayForAuthenticated => 'False');
row('SMTPIN-22', 'unless that is switched off', says('smtps', @alice, $out), $denied, @no_relay, { until => 1, %silent });
$pb->ctl_ok('--yes', 'set', 'allowRelay', 'localUsers');
row('SMTPIN-04', 'a sender who is a user of ours', says('smtp', 'MAIL FROM:<dave@free.example>', $out), qr/^250 2\.1\.5 Recipient OK$/,
	smtpLog => relay('allow-relay', 'localUsers'), { until => 1 });
row('SMTPIN-04', 'one who only has a domain of ours', says('smtp', 'MAIL FROM:<rest@free.example>', $out), $denied, @no_relay, { %silent });
$pb->ctl_ok('--yes', 'set', 'allowRelay', 'localDomains');
row('SMTPIN-05', 'a sender with a domain of ours', says('smtp', 'MAIL FROM:<ghost@free.example>', $out), qr/^250 2\.1\.5 Recipient OK$/,
	smtpLog => relay('allow-relay', 'localDomains'), { until => 1 });
row('SMTPIN-05', 'one with another', says('smtp', $from, $out), $denied, @no_relay, { %silent });
$pb->ctl_ok('--yes', 'set', 'allowRelay', 'anyone', '--force');
row('SMTPIN-06', 'an open relay', says('smtp', $from, $out), qr/^250 2\.1\.5 Recipient OK$/, smtpLog => relay('allow-relay', 'anyone'), { until => 1 });
ok($pb->wait_log('smtpLog', qr/event=open-relay setting=allowRelay value=anyone$/m), 'SMTPIN-06: the log marks it');
$pb->ctl_ok('set', 'allowRelay', 'nobody');

# -- other settings -----------------------------------------------------------------------
$pb->set(authForLocalDelivery => 'True');
row('SMTPIN-23', 'a sender of ours to a recipient of ours', says('smtp', 'MAIL FROM:<alice@example.com>'),
	qr/^530 5\.7\.0 Authentication required for this sender$ticket/, smtpLog => check('sender', 'sender-needs-log-in', 'alice@example.com', -100, -100),
	{ until => 1 });
row('SMTPIN-23', 'who logged in', says('smtps', @alice), qr/^250 2\.1\.0 Sender OK$/, smtpLog => check('sender', 'sender', 'alice@example.com', 0, 0));
$pb->ctl_ok('--yes', 'set', 'disableAuthLogin', 'True');
row('SMTPIN-24', 'AUTH LOGIN while it is off', says('smtps', 'AUTH LOGIN'), qr/^504 5\.5\.4 This mechanism is switched off$ticket/,
	smtpLog => qr/event=mechanism-refused mechanism=LOGIN code=504 tls=1/, { until => 1 });
row('SMTPIN-24', 'and PLAIN', says('smtps', 'LOGIN alice@example.com'), qr/^504 5\.5\.4 This mechanism is switched off$ticket/,
	smtpLog => qr/event=mechanism-refused mechanism=PLAIN code=504 tls=1/, { silent => { smtpLog => qr/event=login/ } });
row('SMTPIN-24', 'one that is none', says('smtps', 'AUTH X"Y'), qr/^504 5\.5\.4 Unknown authentication mechanism$ticket/,
	smtpLog => qr/event=mechanism-refused mechanism="X\\x22Y" code=504 tls=1/);
$pb->ctl_ok('set', 'disableAuthLogin', 'False');
$pb->ctl_ok('set', 'plaintextAuth', 'never');
row('SMTPIN-24', 'a password in clear, where none is taken', says('smtp', 'AUTH PLAIN'), qr/^538 5\.7\.11 Encryption required for this mechanism$ticket/,
	smtpLog => qr/event=mechanism-refused mechanism=PLAIN code=538 tls=0/, { until => 1 });
$pb->ctl_ok('set', 'appendReceivedLine', 'authenticated');
row('SMTPIN-14', 'a message of who did not log in gets none', sub {
		my $reply = $rows->say('smtp', $rows->message("Subject: bare\r\n\r\nx", $from, 'RCPT TO:<bob@example.com>'));
		my ($id) = $reply =~ /^250 2\.0\.0 OK id=(\d+)/;
		$pb->wait_log('smtpLog', qr/event=message .*id=$id /);
		return $pb->log_text('smtpLog') =~ /event=message .*id=$id .*received-line=left-out/ ? $reply : 'not yet';
	}, qr/^250 2\.0\.0 OK id=\d+$/, smtpLog => qr/event=message from=x\@far\.example id=\d+ recipients=1 size=\d+ received-line=left-out text=.*/, { until => 1 });
row('SMTPIN-14', 'one of who did gets it', says('smtps', $rows->message("From: alice\@example.com\r\nSubject: mine\r\n\r\nx", @alice, 'RCPT TO:<bob@example.com>')),
	qr/^250 2\.0\.0 OK id=\d+$/, smtpLog => qr/event=message from=alice\@example\.com id=\d+ recipients=1 size=\d+ message-id=\S+ text=.*/);
$pb->ctl_ok('set', 'appendReceivedLine', 'none');
row('SMTPIN-14', 'nobody\'s does', sub {
		my $reply = $rows->say('smtps', $rows->message("From: alice\@example.com\r\n\r\nx", @alice, 'RCPT TO:<bob@example.com>'));
		my ($id) = $reply =~ /^250 2\.0\.0 OK id=(\d+)/;
		$pb->wait_log('smtpLog', qr/event=message .*id=$id /);
		return $pb->log_text('smtpLog') =~ /event=message .*id=$id .*received-line=left-out/ ? $reply : 'not yet';
	}, qr/^250 2\.0\.0 OK id=\d+$/, smtpLog => qr/event=message from=alice\@example\.com .* received-line=left-out text=.*/, { until => 1 });
$rows->logged;
my @bob = map { Pillarbox::slurp($_) } $pb->wait_mail('bob@example.com', 2);
is(scalar(grep { /^Subject: bare\r$/m && /^Received: /m } @bob), 0, 'SMTPIN-14: what the log says of the line is true');
done_testing;
