#!/usr/bin/perl
# Every command in every state: what a state does not allow is answered BAD and
# changes nothing; greeting, log-in, log-out; limits on bad commands.
# Features: SVC-10, IMAP-01.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { imapMaxBadCommands => 0, imapLogLevel => 'Normal' });
$pb->user('alice@example.com');
$pb->start;

my %arguments = (
	LOGIN => 'x y', AUTHENTICATE => 'PLAIN', SELECT => 'INBOX', EXAMINE => 'INBOX', CREATE => 'c1', DELETE => 'nosuch',
	RENAME => 'nosuch other', SUBSCRIBE => 'INBOX', UNSUBSCRIBE => 'INBOX', LIST => '"" *', LSUB => '"" *',
	STATUS => 'INBOX (MESSAGES)', FETCH => '1:* FLAGS', STORE => '1 +FLAGS (\\Seen)', COPY => '1 INBOX', MOVE => '1 INBOX',
	SEARCH => 'ALL', ID => 'NIL', ENABLE => 'CONDSTORE',
);
my %states = (
	any => [qw(CAPABILITY NOOP ID)], greeted => [qw(LOGIN AUTHENTICATE STARTTLS)],
	user => [qw(ENABLE SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB NAMESPACE STATUS)],
	selected => [qw(CHECK EXPUNGE FETCH STORE COPY MOVE SEARCH)],
);
my %forbidden = (
	greeted => [ @{ $states{user} }, @{ $states{selected} }, qw(CLOSE UNSELECT APPEND IDLE) ],
	user => [ @{ $states{greeted} }, @{ $states{selected} }, qw(CLOSE UNSELECT) ],
	selected => $states{greeted},
);
my %allowed = (
	greeted => $states{any},
	user => [ @{ $states{any} }, grep { !/SELECT|EXAMINE/ } @{ $states{user} } ],
	selected => [ @{ $states{any} }, @{ $states{selected} }, grep { !/SELECT|EXAMINE|CREATE/ } @{ $states{user} } ],
);

sub in_state {
	my ($state) = @_;
	my $c = $pb->connect('imap');
	$c->login('alice@example.com', $Pillarbox::PASSWORD) if $state ne 'greeted';
	$c->expect('SELECT INBOX', qr/OK \[READ-WRITE\]/) if $state eq 'selected';
	return $c;
}

for my $state (sort keys %forbidden) {
	my $c = in_state($state);
	for my $name (@{ $forbidden{$state} }) {
		my $reply = $c->command(join ' ', grep { defined } $name, $arguments{$name});
		like($reply, qr/^a\d+ BAD /, "$name is refused in state $state");
	}
	like($c->command('NOOP'), qr/^a\d+ OK/m, "... and the connection goes on in state $state");
	for my $name (@{ $allowed{$state} }) {
		my $reply = $c->command(join ' ', grep { defined } $name, $arguments{$name});
		unlike($reply, qr/^a\d+ BAD Select|^a\d+ BAD Log in|^a\d+ BAD There is no such/m, "$name is served in state $state");
	}
}

my $c = $pb->connect('imap');
like($c->{greeting}, qr/^\* OK \[CAPABILITY IMAP4rev1 [^\]]*\] mail\.test\.example /, 'greeting with capabilities and host name');
like($c->command('FOO'), qr/^a\d+ BAD .*\(\d{12}\)$/, 'an unknown command: BAD with the ticket');
like($c->command('UID NOOP'), qr/BAD/, 'UID goes with few commands only');
$c->send_raw("\r\n");
like($c->line, qr/^\* BAD /, 'an empty line');
$c->send_raw("tag-only\r\n");
like($c->line, qr/^\S+ BAD /, 'a tag without a command');
like($c->command('LOGIN alice@example.com wrong'), qr/NO \[AUTHENTICATIONFAILED\]/, 'a wrong password');
my $wrong = $c->command('LOGIN nobody@example.com wrong');
like($wrong, qr/NO \[AUTHENTICATIONFAILED\]/, 'an unknown user looks the same');
like($c->command("LOGIN alice\@example.com $Pillarbox::PASSWORD"), qr/OK \[CAPABILITY .*UIDPLUS.*MOVE/, 'the right one');
my $bye = $c->command('LOGOUT');
like($bye, qr/^\* BYE .*\na\d+ OK/s, 'LOGOUT says BYE, then OK');
ok($c->at_end, 'and closes');

$pb->set(imapMaxBadCommands => 3);
$pb->ctl_ok('reload');
my $bad;
for (1 .. 50) {
	$c = $pb->connect('imap');
	$c->command('FOO') for 1 .. 2;
	$bad = $c->command('FOO') . "\n" . $c->line;
	last if $bad =~ /BYE/;
	select undef, undef, undef, 0.1;
}
like($bad, qr/BYE Too many bad commands/, 'IMAP-03: too many bad commands end the session');
ok($c->at_end, '... for good');

# RFC 3501 6.2.1: what came in clear must not be taken for what came by TLS.
$c = $pb->connect('imap');
$c->send_raw("s1 STARTTLS\r\ns2 NOOP\r\n");
like($c->line, qr/^s1 BAD /, 'commands ahead of TLS: STARTTLS is refused');
like($c->line, qr/^\* BYE Commands were sent ahead of TLS/, 'with a good-bye');
ok($c->at_end, 'and the end');
ok($pb->wait_log('imapLog', qr/\[127\.0\.0\.1\]\[\d{12}\] event=connect at=127\.0\.0\.1:@{[ $pb->port('imap') ]} listener=imap\n/),
	'the log tells where a client connected');

ok($pb->wait_log('imapLog', qr/event=end user=alice\@example\.com /), 'the end of a session is logged');
unlike($pb->log_text, qr/event=worker-killed/, 'no worker was ended by its sandbox');

$pb->transcript('imap', <<'END', 'a whole short session', ways => [ 'lines', 'bytes' ]);
S: * OK [CAPABILITY
C: x1 NOOP
S: x1 OK
C: x2 CAPABILITY
S: * CAPABILITY IMAP4rev1
S: x2 OK
C: x3 LOGOUT
S: * BYE
S: x3 OK
END
done_testing;
