#!/usr/bin/perl
# Lists of addresses by mailctl: whitelist, blacklist, auth-bypass and ip-bypass
# (IPBW-01, IPBW-02, IPBW-03, IPBW-04, IPBW-05, IPBW-09, AUTHB-01, AUTHB-02, AUTHB-03, BYP-01, BYP-02), with
# what a running server makes of each change.
use strict;
use warnings;
use JSON::PP;
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->start;

sub ctl { return $pb->ctl(@_) }
sub rows { my (@words) = @_; return decode_json($pb->ctl_ok(@words, '--json')) }
sub addresses { my ($noun) = @_; return join ' ', map { $_->{address} } @{ rows($noun, 'list') } }
sub greeting {
	my ($service, $ip) = @_;
	my $c = $pb->connect($service, local => $ip);
	my $line = $c->{greeting};
	$c->close;
	return $line;
}

is(addresses($_), '', "$_ is empty at first") for qw(whitelist blacklist auth-bypass ip-bypass);

# Add in every form; what is no address, upside down or there already is refused.
for ([ 'blacklist', '127.5.0.1' ], [ 'blacklist', '127.5.1.0/24' ], [ 'blacklist', '127.5.2.10-127.5.2.20' ],
    [ 'blacklist', '2001:db8::/32' ], [ 'blacklist', '2001:db9::1-2001:db9::ff' ]) {
	my ($rc, undef, $err) = ctl($_->[0], 'add', $_->[1]);
	is($rc, 0, "@$_ is added");
	is($err, '', 'without a caution');
}
is(addresses('blacklist'), '127.5.0.1 127.5.1.0/24 127.5.2.10-127.5.2.20 2001:db8::/32 2001:db9::1-2001:db9::ff', 'all are listed');
is((ctl('blacklist', 'add', $_))[0], 1, "$_ is refused")
	for '127.5.0.300', '127.5.0.1/33', '127.5.2.20-127.5.2.10', '127.5.0.1-2001:db8::1', 'mail.example.com', '2001:db8::/129';
is((ctl('blacklist', 'add', '127.5.1.0-127.5.1.255'))[0], 1, 'the same addresses in another writing are there already');
is((ctl('blacklist', 'add'))[0], 2, 'an address is needed');
is((ctl('blacklist', 'add', '127.5.9.9', 'smtp=perhaps'))[0], 1, 'a wrong value is refused');
is((ctl('blacklist', 'add', '127.5.9.9', 'greylisting=True'))[0], 1, 'and a field that this list has not');
unlike(addresses('blacklist'), qr/127\.5\.9\.9/, 'and nothing was added');

# Both ends of a range, and what lies beside them.
like(greeting('smtp', "127.5.2.$_"), qr/^554 5\.7\.1 .*\d{12}$/, "127.5.2.$_ is refused") for 10, 15, 20;
like(greeting('smtp', "127.5.2.$_"), qr/^220 /, "127.5.2.$_ is not") for 9, 21;
like(greeting('smtp', $_), qr/^554 /, "$_ is refused") for '127.5.1.0', '127.5.1.255', '127.5.0.1';
like(greeting('smtp', $_), qr/^220 /, "$_ is not") for '127.5.0.255', '127.5.2.0', '127.5.0.2';

# Show: the entries that hold an address.
is($pb->ctl_ok('blacklist', 'show', '127.5.2.15', '-0'), "127.5.2.10-127.5.2.20\0", 'show finds the range');
is(rows('blacklist', 'show', '2001:db8:1::5')->[0]{address}, '2001:db8::/32', 'and the network');
is((ctl('blacklist', 'show', '127.5.2.21'))[0], 3, 'none: no such object');

# Flags by service (IPBW-04).
$pb->ctl_ok('blacklist', 'edit', '127.5.0.1', 'smtp=False', 'imap=False');
is_deeply(rows('blacklist', 'show', '127.5.0.1'),
	[ { address => '127.5.0.1', smtp => JSON::PP::false, pop => JSON::PP::true, imap => JSON::PP::false } ], 'edit changes fields');
like(greeting('smtp', '127.5.0.1'), qr/^220 /, 'SMTP serves it again');
like(greeting('imap', '127.5.0.1'), qr/^\* OK/, 'so does IMAP');
like(greeting('pop3', '127.5.0.1'), qr/^-ERR .*\d{12}\)$/, 'POP3 does not');
$pb->ctl_ok('blacklist', 'edit', '127.5.2.10-127.5.2.20', 'address=127.5.3.1');
$pb->ctl_ok('blacklist', 'edit', '127.5.0.1', 'address=127.5.4.1-127.5.4.3');
is(addresses('blacklist'), '127.5.4.1-127.5.4.3 127.5.1.0/24 127.5.3.1 2001:db8::/32 2001:db9::1-2001:db9::ff', 'and addresses');
like(greeting('smtp', '127.5.3.1'), qr/^554 /, 'the new address');
like(greeting('smtp', '127.5.2.15'), qr/^220 /, 'not the old ones');
like(greeting('pop3', '127.5.4.3'), qr/^-ERR /, 'fields are kept');
is((ctl('blacklist', 'edit', '127.9.9.9', 'smtp=True'))[0], 3, 'an entry that is not there');
is((ctl('blacklist', 'delete', '127.9.9.9'))[0], 3, 'cannot be deleted either');
$pb->ctl_ok('blacklist', 'delete', '127.5.1.0-127.5.1.255', '2001:db8::/32');
is(addresses('blacklist'), '127.5.4.1-127.5.4.3 127.5.3.1 2001:db9::1-2001:db9::ff', 'delete takes several');
like(greeting('smtp', '127.5.1.7'), qr/^220 /, 'and they are served');

# The whitelist says for what, and warns.
is((ctl('whitelist', 'add', '127.5.3.1'))[0], 1, 'a whitelist entry for nothing is refused');
my ($rc, undef, $err) = ctl('whitelist', 'add', '127.5.3.0/28', 'smtp=True');
is($rc, 0, 'for something it is added');
like($err, qr/caution: .*anywhere/, 'with a caution');
unlike($err, qr/more addresses/, 'about what it allows');
like(greeting('smtp', '127.5.3.1'), qr/^220 /, 'and is stronger than the blacklist');
$pb->ctl_ok('blacklist', 'edit', '127.5.3.1', 'pop=True');
like(greeting('pop3', '127.5.3.1'), qr/^-ERR /, 'for the services it names');
(undef, undef, $err) = ctl('whitelist', 'add', '10.0.0.0/8', 'greylisting=True');
like($err, qr/caution: .*more addresses/, 'a caution about many addresses');
# An outgoing gateway trusts its primaries, a list and a range of them (IPBW-09).
$pb->ctl_ok('whitelist', 'add', '127.6.0.1-127.6.0.4', 'smtp=True');
sub relays {
	my ($ip) = @_;
	my $c = $pb->connect('smtp', local => $ip);
	$c->expect($_, qr/^250/) for 'EHLO primary.example', 'MAIL FROM:<user@primary.example>';
	return $c->command('RCPT TO:<somebody@far.example>');
}
like(relays('127.6.0.1'), qr/^250/, 'the first primary may send to anywhere');
like(relays('127.6.0.4'), qr/^250/, 'so may the last');
like(relays('127.6.0.5'), qr/^550 5\.7\.1/, 'the next address may not');

# No log-in needed.
(undef, undef, $err) = ctl('auth-bypass', 'add', '127.6.1.1');
like($err, qr/caution: .*log-in.*advise/, 'auth-bypass warns');
$pb->ctl_ok('auth-bypass', 'add', '127.6.1.10-127.6.1.12');
like(relays("127.6.1.$_"), qr/^250/, "127.6.1.$_ sends without a log-in") for 1, 10, 12;
like(relays("127.6.1.$_"), qr/^550/, "127.6.1.$_ does not") for 2, 9, 13;
$pb->ctl_ok('auth-bypass', 'edit', '127.6.1.1', 'address=127.6.1.2');
is(addresses('auth-bypass'), '127.6.1.2 127.6.1.10-127.6.1.12', 'edited');
$pb->ctl_ok('auth-bypass', 'delete', '127.6.1.2');
like(relays('127.6.1.2'), qr/^550/, 'and deleted');

# Gateways: the server behind is named in the log (BYP-02).
$pb->ctl_ok('ip-bypass', 'add', '127.6.2.1-127.6.2.9', 'bypassGreylisting=False');
is_deeply(rows('ip-bypass', 'list'), [ { address => '127.6.2.1-127.6.2.9', bypassSpamChecks => JSON::PP::true,
	bypassGreylisting => JSON::PP::false } ], 'ip-bypass has its fields');
sub send_through {
	my ($ip, @received) = @_;
	my $c = $pb->connect('smtp', local => $ip);
	$c->expect($_, qr/^[23]/) for 'EHLO gateway.example', 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>', 'DATA';
	$c->expect(join("\r\n", (map { "Received: $_" } @received), 'Subject: x', '', 'x', '.'), qr/^250/);
}
send_through('127.6.2.1', 'from a.example (a.example [127.6.2.2]) by b.example', 'from [198.51.100.7] (port=9 helo=[192.0.2.1]) by a.example',
	'from forged ([203.0.113.1]) by nowhere');
ok($pb->wait_log('smtpLog', qr/\[127\.6\.2\.1\]\[\d{12}\] event=origin ip=198\.51\.100\.7$/m), 'the first hop that is not ours');
send_through('127.6.2.9', 'from unknown by a.example', 'from forged ([203.0.113.2]) by nowhere');
ok($pb->wait_log('smtpLog', qr/\[127\.6\.2\.9\]\[\d{12}\] event=origin ip=-$/m), 'a hop without an address ends the search');
send_through('127.6.2.10', 'from forged ([203.0.113.3]) by nowhere');
$pb->send_mail(from => 'alice@example.com', to => 'alice@example.com');
unlike($pb->log_text('smtpLog'), qr/\[127\.6\.2\.10\]\[\d{12}\] event=origin/, 'who is no gateway is not believed');

SKIP: {
	skip 'only root can act as somebody else', 2 if $> != 0;
	for my $verb ('list', 'add') {
		my ($code) = $pb->run('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', "$Pillarbox::BIN/mailctl", '-r', $pb->dir,
			'blacklist', $verb, $verb eq 'add' ? '127.5.7.7' : ());
		is($code, 77, "$verb is for the administrator of the system");
	}
}
done_testing();
