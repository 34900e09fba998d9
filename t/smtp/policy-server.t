#!/usr/bin/perl
# Policy servers of Postfix's kind: what they are told, each of their answers,
# several in order, failures; and postgrey.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use Pillarbox;
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
# "=" for a colon.  Requests go to a file.
sub scripted {
	my ($at, $trace) = @_;
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
				$request = '';
				$action =~ tr/_=/ :/;
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

sub delivered {
	my ($subject) = @_;
	my $end = time + 20;
	while (time < $end) {
		for my $file ($pb->mail('alice@example.com')) {
			my $text = Pillarbox::slurp($file);
			return $text if $text =~ /^Subject: \Q$subject\E\r$/m;
		}
		sleep 0.05;
	}
	return '';
}

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
