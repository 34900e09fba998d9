#!/usr/bin/perl
# `mailctl try` says what the server would say: 500 envelopes, real and hostile, from clients on lists, blocked,
# behind gateways, by names that DNS knows or not, and the last of them greylisted, go both ways, by SMTP and by
# mailctl: every reply is the same but for ticket, queue id and time, and every step of every decision.
# And it stores, counts and logs nothing.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use MIME::Base64 qw(encode_base64);
use Test::More;
use Pillarbox;
use Pillarbox::Dns;
use Pillarbox::Messages qw(real_messages);

my $dns = Pillarbox::Dns->new(join '', map { "$_\n" } (map { "$_ A 192.0.2.200" } qw(client.example client.example. out.example far.example b.example)),
	'null.example MX 0 .', 'slow.example SERVFAIL', 'noted.example MX 10 out.example');
my $pb = Pillarbox->new(settings => { smtpMaxConnectionsPerIp => 0, authForLocalDelivery => 'True',
	maxMessageSizeMB => 1, smtpLogLevel => 'Detailed', primaryDns => $dns->address, 'envelopeChecks/heloUnresolved' => 50,
	'envelopeChecks/senderUnresolved' => 60, 'envelopeChecks/senderNullMx' => 100, 'greylisting/blockPeriod' => 0, bannerDelay => 1 });
$pb->user($_) for 'alice@example.com', 'bob@example.com', 'carol@open.example', 'gone@example.com';
$pb->ctl_ok('user', 'edit', 'gone@example.com', 'disabled=True');
$pb->ctl_ok('alias', 'add', 'sales@example.com', 'alice@example.com', 'y@out.example');
$pb->ctl_ok('domain', 'edit', 'open.example', 'requireSmtpAuth=False', 'enableCatchAlls=True', 'catchAllAlias=rest');
$pb->ctl_ok('alias', 'add', 'rest@open.example', 'carol@open.example');
$pb->ctl_ok('domain', 'edit', 'example.com', 'maxRecipientsPerMessage=2', 'maxMessageSizeKB=100');
$pb->ctl_ok('set', '--add', 'blockedSenders/sender', '*@spam.example');
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'address=127.0.0.1', 'port=9', 'domains=inside.example');
$pb->ctl_ok('set', '--add', 'proxyTrusted/address', '127.7.0.1');
$pb->ctl_ok('set', '--add', 'blacklist/entry', 'ip=198.51.100.0/25');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=203.0.113.8', 'smtp=True');
$pb->ctl_ok('set', '--add', 'smtpAuthBypass/entry', 'ip=203.0.113.9');
$pb->ctl_ok('set', '--add', 'ipBypasses/entry', 'ip=192.0.2.60');
$pb->ctl_ok('user', 'edit', 'alice@example.com', 'trustedSenders/sender=y@far.example');
$pb->start;
$pb->ctl_ok('block', 'add', $_, '--minutes', 600) for '192.0.2.66', '2001:db8:66::1';
my @clients = ('192.0.2.10', '192.0.2.10', '192.0.2.11', '203.0.113.1', '203.0.113.8', '203.0.113.9', '198.51.100.4', '192.0.2.66', '2001:db8:66::9', '2001:db8:1::5',
	'192.0.2.60', '192.0.2.60');

# Numbers that are the same on every run and machine.
my $seed = 20261122;
sub pick { $seed = ($seed * 1103515245 + 12345) & 0x7fffffff; return $_[($seed >> 8) % @_] }

my %messages = real_messages();
my %seen;
my @real = grep { !$seen{$_}++ } map { my $t = $messages{$_}; $t =~ /<([^\s<>]{3,200}@[^\s<>]{1,200})>/g } sort keys %messages;
note(scalar(@real) . ' addresses of the shared test data');
my @ours = qw(alice@example.com bob@example.com gone@example.com sales@example.com carol@open.example
	any@open.example nobody@example.com ALICE@EXAMPLE.COM alice+box@example.com postmaster
	postmaster@example.com x@inside.example root@mail.test.example);
my @hostile = ('', '@', 'a@', '@b.example', 'a b@example.com', '"a b"@example.com', '"a\\"b"@example.com',
	'a@b@example.com', 'a%b@example.com', 'a!b@example.com', '@x,@y:alice@example.com', 'alice@[127.0.0.1]',
	'alice@[IPv6:::1]', 'alice@[300.1.1.1]', 'a..b@example.com', '.a@example.com', 'a@-b.example',
	'a@example..com', 'x' x 65 . '@example.com', 'a@' . 'x' x 64 . '.example', 'a@' . 'b.' x 127 . 'example',
	'x' x 5000 . '@example.com', "a\@ex\x01ample.com", "a\x7f\@b.example", "t\xc3\xa4st\@example.com", "\xff\@b.example",
	'a@b.example> SIZE=1', 'a@b.example> SIZE=-1', 'a@b.example> SIZE=99999999999999999999', 'a@b.example> BODY=X',
	'a@b.example> FOO', 'a@b.example> SIZE=2000000', '%n%s@example.com', '$(id)@example.com', '`id`@example.com',
	"';DROP TABLE\@example.com", '../../etc@example.com', 'alice@example.com.', 'alice@EXAMPLE.com>', '<alice@example.com>',
	'x@spam.example', 'X@SPAM.EXAMPLE', 'x@null.example', 'x@slow.example', 'x@nowhere.example', 'x@noted.example', 'a@xn--bcher-kva.example', '"\\', '"', 'a@b.example> NOTIFY=NEVER,SUCCESS',
	"a\t\@example.com", 'postmaster@', '"postmaster"@example.com', 'y@out.example', 'someone@far.example');
my @helo = ('client.example', 'mail.test.example', '[127.0.0.1]', '[192.0.2.1]', '[IPv6:::1]', 'bare', '%n%s', 'a b',
	"x\x1b", '', '-', 'x' x 300, 'a(.b', 'client.example.');
my @all = (@ours, @ours, @hostile, @real);

sub strip {
	my ($r) = @_;
	s/ ticket \d{12}$//m, s/\bid=\d+/id=N/, s/ \d{4}-\d\d-\d\dT[\d:]+Z/ TIME/, s/not before \S+ \S+ UTC \(in \d+ seconds\)/LATER/, s/\s+$// for $r;
	return $r;
}

# Our end of a connection as such a client: this machine's own address, or one that a trusted proxy tells.
sub connect_as {
	my ($e) = @_;
	return $pb->connect($e->{port}) if $e->{ip} eq '127.0.0.1';
	my $c = $pb->connect($e->{port}, local => '127.7.0.1', no_greeting => 1);
	$c->send_raw('PROXY TCP' . ($e->{ip} =~ /:/ ? 6 : 4) . " $e->{ip} $e->{local} 4711 25\r\n");
	$c->{greeting} = $c->reply;
	return $c;
}

# Each reply of an SMTP session with this envelope, as text; the ticket first.
sub by_smtp {
	my ($e) = @_;
	my $c = connect_as($e);
	my @r = $c->{greeting};
	my $ask = sub { push @r, $c->command($_[0]); return $r[-1] =~ /^[23]/ };
	if ($r[0] =~ /^220/ && $ask->("EHLO $e->{helo}")) {
		if ($e->{auth}) { $c->login($e->{auth}, $Pillarbox::PASSWORD) ; push @r, '235 2.7.0 Authentication succeeded' }
		my $size = $e->{size} ? " SIZE=$e->{size}" : '';
		if ($ask->("MAIL FROM:<$e->{from}>$size")) {
			my $good = 0;
			for my $to (@{ $e->{to} }) { $good += $ask->("RCPT TO:<$to>"); last if $r[-1] =~ /^421/ }
			$ask->("$e->{message}.") if $good && $e->{message} && $r[-1] !~ /^421/ && $ask->('DATA');
		}
	}
	# Whoever was refused nothing hears the ticket now.
	my ($ticket) = (join("\n", @r) . "\n" . ($r[-1] =~ /^421/ || $r[0] !~ /^220/ ? '' : $c->command('NOSUCH'))) =~ /.* ticket (\d{12})$/ms;
	$c->close;
	return ($ticket // '?', map { strip($_) } @r);
}

# The same of `mailctl try`; a reply of several lines becomes one text.  Steps are NAME VALUE WEIGHT TOTAL.
sub by_try {
	my ($e) = @_;
	my @args = ('--tsv', 'try', "--from=$e->{from}", "--ip=$e->{ip}", "--local=$e->{local}", "--helo=$e->{helo}", "--port=$e->{port}",
		(map { "--to=$_" } @{ $e->{to} }), ($e->{auth} ? "--auth=$e->{auth}" : ()), ($e->{size} ? "--size=$e->{size}" : ()));
	if ($e->{message}) {
		Pillarbox::spew("$pb->{top}/message", $e->{message} =~ s/\r\n/\n/gr);
		push @args, "$pb->{top}/message";
	}
	my ($rc, $out, $err) = $pb->ctl(@args);
	my (@r, @steps, @grey);
	my $last = '';
	for (split /\n/, $out) {
		my ($step, $check, $value, $weight, $total, $reply) = split /\t/, $_, -1;
		if (($weight // '') =~ /^-?\d+$/ && $check =~ /^greylist-(.*)/) { push @grey, "$1 $value $weight $total" }
		elsif (($weight // '') =~ /^-?\d+$/) { push @steps, "$check $value $weight $total" }
		next unless defined $reply && $reply =~ /^\d{3}/;
		if ($step eq 'helo' && $last eq 'helo') { $r[-1] =~ s/^(\d{3}) (.*)\z/$1-$2/s if $r[-1] !~ /\n/; $r[-1] .= "\n$reply" }
		else { push @r, $reply }
		$last = $step;
	}
	$_ = join "\n", map { s/^(\d{3})[ -]/$1 /r } split /\n/ for @r;
	# The log has only what decided.
	@grey = map { $grey[$_] } grep { $_ == $#grey || $grey[$_ + 1] =~ /^greylisting / } 0 .. $#grey;
	return (scalar($err =~ s/\s+\z//r), \@steps, \@grey, map { strip($_) } @r);
}

my ($differ, %codes, @tried) = (0);
for my $n (1 .. 500) {
	if ($n == 351) {
		$pb->ctl_ok('set', 'greylisting/enabled', 'True');
		my $end = time + 20;
		select undef, undef, undef, 0.2 while time < $end && ($pb->ctl('try', '--from', 'first@far.example', '--to', 'bob@example.com', '--ip', '203.0.113.200'))[1] !~ /451/;
	}
	my $e = { from => pick(@all), to => [ map { pick(@all) } 1 .. ($n > 350 ? 1 : pick(1, 1, 2, 4)) ],
		helo => $n % 5 ? 'client.example' : pick(@helo), port => $n % 7 ? 'smtp' : 'submission', ip => '127.0.0.1', local => '127.0.0.1' };
	$e->{auth} = pick('alice@example.com', 'bob@example.com') if $n % 3 == 0;
	$e->{from} = pick($e->{auth}, 'sales@example.com') if $e->{auth} && $n % 2;
	$e->{size} = pick(1, 99999, 102401, 2_000_000) if $n % 11 == 0;
	if ($n % 4 == 0) {	# mostly such that a message is sent at all
		$e->{from} = pick('x@out.example', '', $e->{auth} // 'z@far.example') if $n % 8;
		@{ $e->{to} }[0] = pick(qw(alice@example.com bob@example.com carol@open.example postmaster)) if $n % 12;
	}
	($e->{from}, $e->{helo}, $e->{to}[0]) = (pick('x@null.example', 'x@nowhere.example'), 'nowhere.example', 'bob@example.com') if $n % 13 == 0 && !$e->{auth};
	@$e{qw(from to)} = ($e->{auth}, [ qw(bob@example.com carol@open.example bob@example.com) ]) if $n % 63 == 0;
	$e->{ip} = pick(@clients) if !$e->{auth} && $n % 2;
	$e->{local} = '2001:db8::9' if $e->{ip} =~ /:/;
	@$e{qw(from to)} = (pick('x@out.example', 'y@far.example', 'z@noted.example', 'x@nowhere.example'), [ pick(qw(alice@example.com bob@example.com carol@open.example)) ])
		if $n > 350 && !$e->{auth} && $n % 5;
	$e->{message} = "From: " . pick('alice@example.com', 'sales@example.com', 'x@out.example', '') . "\r\n" .
		"Received: from a by b; x\r\n" x pick(0, 3, 30) . "Subject: $n\r\n\r\n" . "line\r\n" x pick(1, 20000) if $n % 4 == 0;
	if ($e->{ip} eq '192.0.2.60') {
		$e->{to} = [ pick(qw(alice@example.com bob@example.com postmaster)) ];
		$e->{message} = 'Received: from ' . pick('[203.0.113.77]', '[203.0.113.78]', 'client.example', 'nowhere.example', 'mail.test.example')
			. " (x [203.0.113.77]) by gw.example; x\r\nSubject: $n\r\n\r\nx\r\n";
	}
	my ($err, $steps, $grey, @try) = by_try($e);	# first: what a real client does may be remembered
	my ($ticket, @smtp) = by_smtp($e);
	@smtp = map { join "\n", map { s/^(\d{3})-/$1 /r } split /\n/ } @smtp;
	push @tried, { n => $n, e => $e, ticket => $ticket, steps => $steps, grey => $grey };
	$codes{$_}++ for map { /^(\d{3}(?: [245]\.\d+\.\d+)?)/ } @smtp;
	next if $err eq '' && "@smtp" eq "@try";
	$differ++;
	fail("envelope $n");
	diag("ip=$e->{ip} from=$e->{from} to=@{ $e->{to} } helo=$e->{helo} port=$e->{port} auth=" . ($e->{auth} // ''));
	diag("stderr: $err") if $err ne '';
	diag("SMTP: $_") for @smtp;
	diag("try:  $_") for @try;
	last if $differ >= 5;
}
is($differ, 0, '500 envelopes get the same replies both ways');
note(join ', ', map { "$_: $codes{$_}" } sort keys %codes);
ok($codes{$_}, "$_ was among them") for '250 2.0.0', '250 2.1.5', '421 4.7.0', '451 4.7.1', '452 4.5.3', '501 5.1.3', '501 5.1.7', '530 5.7.0', '550 5.1.1',
	'550 5.1.8', '550 5.2.1', '550 5.7.1', '550 5.7.27', '552 5.3.4', '553 5.7.1', '554 5.4.6', '554 5.7.1', '555 5.5.4';

# Each step of each decision, as the log has it under the ticket of the session.
my $marker = $pb->connect('smtp');
my ($last_ticket) = $marker->command('NOSUCH') =~ /(\d{12})$/;
$marker->close;
ok($pb->wait_log('smtpLog', qr/\[$last_ticket\] event=connection-ended/), 'the log is whole');
my ($last_judged) = map { $_->{ticket} } grep { @{ $_->{grey} } } reverse @tried;
ok($pb->wait_log('greylistLog', qr/\[$last_judged\] event=greylist /), '... and that of greylisting');
my ($smtp_log, $greylist_log) = map { $pb->log_text($_) } 'smtpLog', 'greylistLog';
my (%logged, %judged, %seen_step);
push @{ $logged{$1} }, "$2 $3 $4 $5" while $smtp_log =~ /\[(\d{12})\] event=check about=\S+ name=(\S+) value=(\S+) weight=(\S+) total=(\S+)$/mg;
push @{ $judged{$1} }, "$2 $3 $4 $5" while $greylist_log =~ /\[(\d{12})\] event=greylist verdict=\S+ name=(\S+) value=(\S+) weight=(\S+) total=(\S+)/mg;
my $other = 0;
for my $t (@tried) {
	my ($smtp, $grey) = map { join "\n", @{ $_ // [] } } $logged{ $t->{ticket} }, $judged{ $t->{ticket} };
	$seen_step{$_}++ for map { /^(\S+)/ } $smtp, split(/\n/, $smtp), map { "greylist-$_" } split /\n/, $grey;
	next if $smtp eq join("\n", @{ $t->{steps} }) && $grey eq join("\n", @{ $t->{grey} });
	next if ++$other > 5;
	fail("steps of envelope $t->{n}");
	diag(substr("ticket=$t->{ticket} ip=$t->{e}{ip} from=$t->{e}{from} to=@{ $t->{e}{to} } helo=$t->{e}{helo}", 0, 500), "\nlog:\n$smtp\n$grey\ntry:\n", join("\n", @{ $t->{steps} }, @{ $t->{grey} }));
}
is($other, 0, 'and each step of the decisions is the same: name, value, weight and total');
note(join ', ', map { "$_: $seen_step{$_}" } sort keys %seen_step);
ok($seen_step{$_}, "$_ was among them") for qw(address blacklist address-refused helo helo-literal helo-own-name helo-bare helo-unresolved helo-by-origin sender sender-blocked
	sender-unresolved sender-null-mx sender-domain recipient-ours recipient-not-ours allow-relay trusted-client log-in envelope-checks size been-here received-lines from
	greylist-first-contact greylist-came-back greylist-passed-before greylist-trusted-sender greylist-known-sender greylist-log-in greylist-client);
$pb->ctl_ok('set', 'smtpLogLevel', 'Normal');
$pb->ctl_ok('set', 'greylisting/blockPeriod', 15);
$pb->ctl_ok('set', 'greylisting/enabled', 'False');
my $over = time + 20;
select undef, undef, undef, 0.2 while time < $over && ($pb->ctl('try', '--from', 'last@far.example', '--to', 'bob@example.com', '--ip', '203.0.113.201'))[1] =~ /451/;

# Nothing is left behind by a try that would have been accepted.
my @before = $pb->mail('alice@example.com');
my $log = $pb->log_text('smtpLog');
Pillarbox::spew("$pb->{top}/m", "Subject: tried\n\n.\nbody\n");
my ($rc, $out, $err) = $pb->ctl('try', '--from', 'x@out.example', '--to', 'alice@example.com', '--ip', '192.0.2.9', "$pb->{top}/m");
is($rc, 0, 'an accepted message: exit 0') or diag($out, $err);
like($out, qr/^data +reply +250 2\.0\.0 OK/m, 'and 250 at the end');
is(scalar($pb->mail('alice@example.com')), scalar(@before), 'but no mail');
unlike($pb->log_text('smtpLog'), qr/192\.0\.2\.9/, 'and no line in the log');

($rc, $out) = $pb->ctl('try', '--from', 'x@out.example', '--to', 'y@far.example', '--ip', '192.0.2.9');
is($rc, 1, 'a refused one: exit 1');
like($out, qr/^rcpt +recipient-not-ours +yes +-100 +-100/m, 'every step is shown with weight and total');
like($out, qr/^rcpt +allow-relay +no +0 +-100/m, 'also those that only explain');
($rc, $out) = $pb->ctl('--json', 'try', '--from', 'x@out.example', '--to', 'y@far.example', '--ip', '192.0.2.9');
like($out, qr/"check": "recipient-not-ours",\s+"value": "yes",\s+"weight": -100,\s+"total": -100/, 'as JSON too');

# Another address than this machine's: blocks, lists, names.
$pb->ctl_ok('set', '--add', 'blacklist/entry', 'ip=198.51.100.0/24');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=203.0.113.7', 'smtp=True');
my $end = time + 20;
sub try_ip { return ($pb->ctl('try', '--from', $_[3] // 'x@out.example', '--to', $_[1] // 'alice@example.com', '--ip', $_[0], '--helo', $_[2] // 'c.example'))[1] }
select undef, undef, undef, 0.2 while time < $end && try_ip('198.51.100.4') !~ /554/;
like(try_ip('198.51.100.4'), qr/^connect +blacklist +yes +-100 +-100 .*\nconnect +log .*\nconnect +reply +554 5\.7\.1 Your address is not served here/m, 'a listed address is refused at connect');
like(try_ip('203.0.113.7', 'y@far.example'), qr/^rcpt +trusted-client +yes +100 +0/m, 'a trusted one may relay');
like(try_ip('192.0.2.9', 'alice@example.com', 'mail.test.example'), qr/^helo +helo-own-name .*^rcpt .* 550 5\.7\.1 You are not mail/ms, 'nobody else has our name');
like(try_ip('192.0.2.9', 'postmaster@example.com', 'mail.test.example'), qr/^rcpt +reply +250 /m, 'postmaster is reached all the same');
like(try_ip('192.0.2.9', 'alice@example.com', '[192.0.2.8]'), qr/^helo +helo-literal +\[192\.0\.2\.8\] +-50 +-50.*^rcpt +reply +250 /ms, 'a wrong literal counts, but not enough');

# Greylisting is asked in a way that it does not notice.
$pb->ctl_ok('set', 'greylisting/enabled', 'True');
$end = time + 20;
select undef, undef, undef, 0.2 while time < $end && try_ip('192.0.2.77', undef, undef, 'new@out.example') !~ /451/;
my $noted = decode_json($pb->ctl_ok('--json', 'greylist', 'list'));
like(try_ip('192.0.2.77', undef, undef, 'new@out.example'), qr/^rcpt +greylist-.*^rcpt +reply +451 4\.7\.1 Greylisted, try again later: not before \d{4}-\d\d-\d\d/ms, 'a first contact would be delayed');
unlike(try_ip('203.0.113.7'), qr/451/, 'a trusted address would not');
is_deeply(decode_json($pb->ctl_ok('--json', 'greylist', 'list')), $noted, 'and nothing was noted');

# Without room on the disk.
$pb->ctl_ok('set', 'greylisting/enabled', 'False');
$pb->ctl_ok('set', 'spoolReserveMB', 1048576);
sub mail_smtp { my $c = $pb->connect('smtp'); $c->expect('EHLO c.example', qr/^250/); my $r = $c->command('MAIL FROM:<x@out.example>'); $c->close; return $r }
$end = time + 30;
select undef, undef, undef, 0.2 while time < $end && mail_smtp() !~ /^452/;
like(mail_smtp(), qr/^452 4\.3\.1 Insufficient system storage ticket \d{12}$/, 'below the disk reserve MAIL gets 452');
like(try_ip('192.0.2.9'), qr/^mail +room-in-spool +0 +-100 +-100.*^mail +reply +452 4\.3\.1 Insufficient system storage/ms, 'mailctl try shows it');

# Spoken to directly, for what mailctl does not ask.
sub as_root {
	my (@commands) = @_;
	my $s = IO::Socket::UNIX->new(Peer => "$pb->{dir}/run/pub/smtp") or die "smtp: $!";
	my @replies;
	local $SIG{ALRM} = sub { die "no reply\n" };
	alarm 30;
	for my $command ('', @commands) {
		print $s "$command\r\n" if $command ne '';
		my $line;
		do { $line = <$s> // '' } while ($line =~ /^(?:#|\d{3}-)/);
		push @replies, $line;
	}
	alarm 0;
	return @replies;
}
$pb->set(spoolReserveMB => 0, etrn => 'anyone');
$end = time + 20;
my @said;
do { @said = as_root('XTRY IP=192.0.2.9', 'EHLO c.example', 'ETRN far.example',
	'AUTH PLAIN ' . encode_base64("\0alice\@example.com\0wrong", ''), 'XTRY AUTH=alice@example.com') }
	while $said[3] =~ /^502/ && time < $end;
like($said[3], qr/^251 2\.0\.0 OK, the queue for far\.example would be started/, 'ETRN starts no queue');
like($said[4], qr/^503 5\.5\.1 .*XTRY AUTH=USER/, 'AUTH logs nobody in');
like($said[5], qr/^235 /, 'but XTRY AUTH');
my $c = $pb->connect('smtp');
$c->expect($_, qr/^2/) for 'EHLO marker.example', 'MAIL FROM:<marker@far.example>', 'RCPT TO:<alice@example.com>';
$c->expect('DATA', qr/^354/);
$c->expect("Subject: marker\r\n\r\nx\r\n.", qr/^250/);
$c->command('QUIT');
ok($pb->wait_log('smtpLog', qr/event=message from=marker/), 'later lines are in the log');
unlike($pb->log_text('authLog') . $pb->log_text('smtpLog'), qr/event=login-failed/, 'none of a log-in');

# It is not for everybody, and not for clients from outside.
$c = $pb->connect('smtp');
like($c->command('XTRY IP=192.0.2.1'), qr/^500 5\.5\.1 Unknown command ticket/, 'over TCP the command is unknown');
is(($pb->ctl('try', '--from', "a\nb", '--to', 'c', '--ip', '192.0.2.1'))[0], 2, 'no line ends in options');
is(($pb->ctl('try', '--from', 'a@b', '--to', 'c', '--ip', 'x'))[0], 2, 'no address');
is(($pb->ctl('try', '--from', 'a@b', '--ip', '192.0.2.1'))[0], 2, 'no recipient');
done_testing;
