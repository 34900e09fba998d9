#!/usr/bin/perl
# Policy servers of Postfix's kind: when they are asked and what they are told, each
# of their answers, several in order, failures; and postgrey.
# Features: TOOL-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use Pillarbox;
use Pillarbox::Certificates;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $pb = Pillarbox->new(host => 'mail.test.example');
$pb->user('alice@example.com');
my $port = Pillarbox::free_ports(1);
my $path = "$pb->{dir}/run/pub/policy";
my @children;
END { my $code = $?; if (@children) { kill 'TERM', @children; sleep 0.2; kill 'KILL', @children } $? = $code }

# A scripted server: the sender's local part says the action, with "_" for a blank and
# "=" for a colon, "~" for "_", "DATA." or "END." before it when it is for that state alone; $always is
# the action whatever the sender.  Requests go to a file.
sub scripted {
	my ($at, $trace, $always) = @_;
	unlink $at;
	my $listener = IO::Socket::UNIX->new(Local => $at, Listen => 20) or die "$at: $!";
	chmod 0666, $at;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		local $SIG{CHLD} = 'IGNORE';
		while (my $s = $listener->accept) {
			next if fork();
			my $request = '';
			while (my $line = <$s>) {
				$request .= $line;
				next if $line ne "\n";
				open my $f, '>>', $trace;
				print $f $request;
				close $f;
				my ($action) = $request =~ /^sender=([^\@\n]*)/m;
				$action = $always if defined $always;
				my ($state, $then) = $action =~ /^(DATA|END)\.(.*)/;
				$action = $request =~ /^protocol_state=$state/m ? $then : 'DUNNO' if defined $state;
				$request = '';
				$action =~ tr/_=~/ :_/;
				$action = 'PREPEND X-Long: ' . 'l' x ($1 - 8) if $action =~ /^long-(\d+)$/;
				POSIX::_exit(0) if $action eq 'hang-up';
				sleep 30 if $action eq 'silent';
				print $s $action eq 'garbage' ? "x\n\n" : $action eq 'flood' ? 'y' x 9000 : "action=$action\n\n";
				$s->flush;
			}
			POSIX::_exit(0);
		}
		POSIX::_exit(0);
	}
	push @children, $pid;
	return $pid;
}

sub forget_servers {
	my $file = $pb->dir . '/etc/mailconfig.xml';
	my $text = Pillarbox::slurp($file);
	$text =~ s{<policyServers>.*</policyServers>\s*}{}s;
	Pillarbox::spew($file, $text);
}

sub servers {
	my (@fields) = @_;
	forget_servers();
	$pb->ctl_ok('set', '--add', 'policyServers/server', split / /) for @fields;
	$pb->ctl_ok('reload');
}

# The reply to RCPT, or to the end of the message when that was taken.
sub send_from {
	my ($from, %o) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	$c->expect("MAIL FROM:<$from\@b.example> SIZE=321", qr/^250/);
	my $reply = $c->command('RCPT TO:<alice@example.com>');
	if ($reply =~ /^2/) {
		$c->expect('DATA', qr/^354/);
		$reply = $c->command('Subject: ' . ($o{subject} // $from) . "\r\n\r\nx\r\n.");
	}
	$c->command('QUIT');
	$c->close;
	return $reply;
}

sub delivered { return $pb->wait_subject('alice@example.com', $_[0]) }

my $trace = "$pb->{top}/requests";
scripted($path, $trace);
$pb->start;
servers('socket=unix:policy failMode=tempfail timeout=2');
like(send_from('DUNNO'), qr/^250/, 'DUNNO');
my $request = Pillarbox::slurp($trace);
like($request, qr/\Arequest=smtpd_access_policy\n/, 'the request');
for my $line ('protocol_state=RCPT', 'protocol_name=ESMTP', 'client_address=127\.0\.0\.1', 'client_port=\d+', 'server_address=127\.0\.0\.1',
    'server_port=' . $pb->port('smtp'), 'helo_name=c\.example', 'sender=DUNNO@b\.example', 'recipient=alice@example\.com',
    'queue_id=\d+', 'instance=\d+\.\d+', 'size=321', 'sasl_username=') {
	like($request, qr/^$line$/m, "says $line");
}
like($request, qr/\n\n\z/, 'and ends with an empty line');
like(send_from('OK'), qr/^250/, 'OK');
like(send_from('REJECT_not_from_you'), qr/^554 5\.7\.1 not from you ticket \d{12}$/, 'REJECT with a text and our ticket');
like(send_from('REJECT'), qr/^554 5\.7\.1 Access denied ticket/, 'REJECT alone');
like(send_from('reject_5.1.8_who?'), qr/^554 5\.1\.8 who\? ticket/, 'an enhanced code of its own, words in small letters');
like(send_from('DEFER_later'), qr/^450 4\.7\.1 later ticket/, 'DEFER');
like(send_from('defer_if_permit_grey'), qr/^450 4\.7\.1 if permit grey ticket/, 'words behind DEFER are text');
like(send_from('451_4.3.5_busy'), qr/^451 4\.3\.5 busy ticket/, 'a code of 400s');
like(send_from('571_no'), qr/^571 5\.7\.1 no ticket/, 'a code of 500s');
like(send_from('421_go_away'), qr/^421 4\.7\.1 go away ticket/, '421 ends the session');
like(send_from('PREPEND_X-Policy=_seen'), qr/^250/, 'PREPEND');
like(delivered('PREPEND_X-Policy=_seen'), qr/\r\nX-Policy: seen\r\nSubject: /, 'puts a field above the message');
like(send_from('DISCARD'), qr/^250/, 'DISCARD');
like(send_from('HOLD'), qr/^250/, 'HOLD');
is(scalar(grep { Pillarbox::slurp($_) =~ /\AQuarantined\r\n/ } glob("$pb->{dir}/spool/SubSpool*/*.hdr")), 1, 'keeps it in the queue');
like(send_from($_), qr/^451 4\.7\.1 A policy server/, "$_: failMode") for 'nonsense', 'garbage', 'hang-up', 'silent', '250_fine', 'PREPEND_no-field';
like(send_from('flood'), qr/^451/, 'an answer without end: failMode');
ok($pb->wait_log('smtpLog', qr/event=policy-failed socket=unix:policy why=/), 'failures are in the log');
ok($pb->wait_log('smtpLog', qr/event=policy-refused socket=unix:policy code=554 status=5\.7\.1/), 'refusals too');
is(delivered('DUNNO') ne '', 1, 'what it let pass is there');
is(scalar(grep { Pillarbox::slurp($_) =~ /^Subject: (?:DISCARD|HOLD|REJECT)/m } $pb->mail('alice@example.com')), 0, 'and nothing else');

servers('socket=unix:policy failMode=accept timeout=2', "socket=unix:gone failMode=accept timeout=2",
	'socket=unix:never failMode=reject timeout=2');
like(send_from('OK'), qr/^250/, 'the first that says OK ends the list');
like(send_from('DUNNO'), qr/^550 5\.7\.1 A policy server is not available/, 'after DUNNO the next are asked: one fails open, one shut');

# Fields of all servers together, with their line ends.
servers(('socket=unix:policy failMode=tempfail timeout=2') x 2);
like(send_from('long-2046'), qr/^250/, 'two servers with a field of 2 KB each');
is(scalar(() = delivered('long-2046') =~ /^X-Long: l{2038}\r$/mg), 2, 'fields at LIMIT_DELEGATE_ANSWER stand above the message');
like(send_from('long-2047'), qr/^250/, 'with a byte more each');
is(scalar(() = delivered('long-2047') =~ /^X-Long: l{2039}\r$/mg), 1, 'the one that goes over LIMIT_DELEGATE_ANSWER does not');
ok($pb->wait_log('smtpLog', qr/event=policy-field-left-out/), 'and the log says so');

# DEFER_IF_REJECT: what comes after it decides, but not for good.
scripted("$pb->{dir}/run/pub/never-again", "$trace.2", 'REJECT not here');
servers('socket=unix:policy failMode=tempfail timeout=2');
like(send_from('DEFER~IF~REJECT_later'), qr/^250/, 'DEFER_IF_REJECT leaves it to others');
servers('socket=unix:policy failMode=tempfail timeout=2', 'socket=unix:never-again failMode=tempfail timeout=2');
like(send_from('DUNNO'), qr/^554 5\.7\.1 not here/, 'a refusal for good');
like(send_from('defer~if~reject_5.1.1_later'), qr/^450 4\.7\.1 5\.1\.1 later ticket/, 'becomes a temporary one (no code of another class)');
like(send_from('DEFER~IF~REJECT_4.2.0_later'), qr/^450 4\.2\.0 later ticket/, 'with its own code');

# What Postfix would do and we do not: failMode, and the log names it.
servers('socket=unix:policy failMode=tempfail timeout=2');
for my $action (qw(REDIRECT BCC FILTER)) {
	like(send_from("${action}_x"), qr/^451 4\.7\.1 A policy server/, "$action: failMode");
	ok($pb->wait_log('smtpLog', qr/event=policy-failed socket=unix:policy why="the action $action is not supported"/), 'and the log says so');
}

# The other states.
servers('socket=unix:policy failMode=tempfail timeout=2', map { "socket=unix:policy failMode=tempfail timeout=2 state=$_" } qw(data endOfMessage));
sub replies {
	my ($from, @rcpt) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	my @r = map { $c->command($_) } "MAIL FROM:<$from\@b.example> SIZE=321", map({ "RCPT TO:<$_\@example.com>" } @rcpt), 'DATA';
	push @r, $c->command("Subject: $from\r\n\r\n" . 'x' x 600 . "\r\n.") if $r[-1] =~ /^3/;
	$c->command('QUIT');
	$c->close;
	return @r;
}
my $heard = -s $trace;
like((replies('DUNNO', 'alice'))[-1], qr/^250/, 'asked three times');
my @asked = split /\n\n/, substr Pillarbox::slurp($trace), $heard;
is(join(' ', map { /^protocol_state=(.*)$/m } @asked), 'RCPT DATA END-OF-MESSAGE', 'at RCPT, at DATA and at the end');
is(join(' ', map { /^recipient=(.*)$/m } @asked), join(' ', ('alice@example.com') x 3), 'with the recipient, as there is one');
is(join(' ', map { /^recipient_count=(.*)$/m } @asked), '0 1 1', 'and how many');
my @size = map { /^size=(.*)$/m } @asked;
is("@size[0, 1]", '321 321', 'the size that was declared');
cmp_ok($size[2], '>=', 600, 'and at the end the true one');
is(scalar(keys %{ { map { /^instance=(.*)$/m => 1 } @asked } }), 1, 'all of one message');
$pb->user('bob@example.com');
$heard = -s $trace;
like((replies('DUNNO', 'alice', 'bob'))[-1], qr/^250/, 'two recipients');
@asked = split /\n\n/, substr Pillarbox::slurp($trace), $heard;
is(join(' ', map { /^(?:recipient|recipient_count)=(.*)$/mg } @asked), 'alice@example.com 0 bob@example.com 0  2  2', 'are counted, and none is named, after RCPT');
my @r = replies('DATA.REJECT_not_now', 'alice');
like($r[1], qr/^250/, 'refused at DATA: not at RCPT');
like($r[2], qr/^554 5\.7\.1 not now ticket/, 'but there');
my $c = $pb->connect('smtp');
$c->expect($_, qr/^250/) for 'EHLO c.example', 'MAIL FROM:<DATA.REJECT_not_now@b.example>', 'RCPT TO:<alice@example.com>';
like($c->command("BDAT 3 LAST\r\nx"), qr/^554 5\.7\.1 not now ticket/, 'and at the first BDAT');
$c->close;
@r = replies('END.REJECT_too_long', 'alice');
like($r[2], qr/^354/, 'refused at the end: DATA is taken');
like($r[3], qr/^554 5\.7\.1 too long ticket/, 'the message is not');
like((replies('END.421_go', 'alice'))[3], qr/^421 4\.7\.1 go ticket/, '421 in its words');
unlike($pb->log_text('smtpLog'), qr/owner-lost/, 'is no trouble of ours');
like((replies('END.PREPEND_X-Late=_yes', 'alice'))[3], qr/^250/, 'PREPEND at the end');
like(delivered('END.PREPEND_X-Late=_yes'), qr/\r\nX-Late: yes\r\nSubject: /, 'puts its field there too');
like((replies('END.DISCARD', 'alice'))[3], qr/^250/, 'DISCARD');
like((replies('END.nonsense', 'alice'))[3], qr/^451 4\.7\.1 A policy server is not available/, 'failMode');
like((replies('last', 'alice'))[1], qr/^451/, 'and a last one');
is(scalar(grep { Pillarbox::slurp($_) =~ /^Subject: (?:END\.(?:DISCARD|REJECT)|DATA)/m } $pb->mail('alice@example.com')), 0, 'of the refused nothing was delivered');

# Certificates of clients.
my $ca = Pillarbox::Certificates->new("$pb->{top}/certs");
my ($cert, $key) = $ca->make('client 1', client => 1);
my ($own, $own_key) = $ca->make('liar', client => 1, self => 1);
$pb->set(tlsClientCertificates => 'ask', tlsClientCaPath => $ca->ca);
servers('socket=unix:policy failMode=tempfail timeout=2');
sub by_certificate {
	my @ssl = @_;
	my $before = -s $trace;
	my $c = $pb->connect('smtp');
	$c->expect($_, qr/^2/) for 'EHLO c.example', 'STARTTLS';
	$c->start_tls(@ssl);
	$c->expect($_, qr/^2/) for 'EHLO c.example', 'MAIL FROM:<DUNNO@b.example>', 'RCPT TO:<alice@example.com>', 'QUIT';
	$c->close;
	return { substr(Pillarbox::slurp($trace), $before) =~ /^(\w+)=(.*)$/mg };
}
sub colons { my ($hex) = @_; return join ':', uc($hex) =~ /../g }
my $pubkey = `openssl x509 -in '$cert' -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r`;
my $a = by_certificate(SSL_use_cert => 1, SSL_cert_file => $cert, SSL_key_file => $key);
is("$a->{ccert_subject} $a->{ccert_issuer}", 'client+201 Test+20CA', 'names of a certificate, as xtext');
is($a->{ccert_fingerprint}, colons($ca->fingerprint($cert)), 'its fingerprint');
is($a->{ccert_pubkey_fingerprint}, colons($pubkey =~ /^(\w+)/), 'and that of its key');
like($a->{encryption_protocol}, qr/^TLSv1/, 'and how it came');
$a = by_certificate(SSL_use_cert => 1, SSL_cert_file => $own, SSL_key_file => $own_key);
is("$a->{ccert_subject}$a->{ccert_issuer}", '', 'one that leads to no CA of ours has no name');
is($a->{ccert_fingerprint}, colons($ca->fingerprint($own)), 'but a fingerprint');
$a = by_certificate();
is("$a->{ccert_subject}$a->{ccert_issuer}$a->{ccert_fingerprint}$a->{ccert_pubkey_fingerprint}", '', 'without one nothing');

SKIP: {
	skip 'postgrey is not installed, or this is not root', 3 unless -x '/usr/sbin/postgrey' && $> == 0;
	my $dir = "$pb->{top}/postgrey";
	mkdir $dir, 0755;
	my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
	chown $uid, $gid, $dir;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>>', "$pb->{top}/postgrey.log";
		exec '/usr/sbin/postgrey', "--inet=127.0.0.1:$port", "--dbdir=$dir", '--user=nobody', '--group=nogroup',
			'--delay=2', '--auto-whitelist-clients=0', '--greylist-text=Come back' or POSIX::_exit(127);
	}
	push @children, $pid;
	my $end = time + 20;
	sleep 0.1 while time < $end && !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
	servers("socket=inet:$port\@127.0.0.1 failMode=reject timeout=10");
	like(send_from('first'), qr/^450 4\.\d\.\d+ Come back ticket/, 'postgrey delays');
	my $reply;
	$end = time + 20;
	do { sleep 0.5; $reply = send_from('first', subject => 'again') } until $reply =~ /^250/ || time > $end;
	like($reply, qr/^250/, 'and lets a retry pass');
	like(delivered('again'), qr/^X-Greylist: /m, 'with its field');
}
done_testing();
