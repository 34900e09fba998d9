#!/usr/bin/perl
# Milters that are stopped, or answer what is no answer: garbage, a part of a packet, one that is too large, and
# nothing.  With failMode=accept, the default, mail is taken within the timeout, the log tells, and later sessions
# ask the milter again.
# Features: TOOL-15.  Case Q13.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True' });
$pb->user('alice@example.com');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=127.0.0.1', 'greylisting=True');
$pb->ctl_ok('set', '--add', 'milters/milter', 'socket=unix:odd', 'timeout=2');
$pb->start;

# -- a milter that does what the file "mode" says: STEP HOW, "good" for nothing odd --

sub mode { Pillarbox::spew("$pb->{top}/mode.new", $_[0]); rename "$pb->{top}/mode.new", "$pb->{top}/mode" or die "mode: $!" }
sub bytes_of {
	my ($s, $n) = @_;
	my $all = '';
	while (length $all < $n) { return undef unless sysread $s, $all, $n - length $all, length $all }
	return $all;
}
my %odd = (
	garbage => "HTTP/1.1 400 Bad Request\r\n\r\n", zero => "\0\0\0\0", empty => pack('N', 0) . 'c', unknown => pack('N a', 1, '%'),
	part => "\0\0", half => pack('N a a*', 200, 'y', '550'), oversized => pack('N a', 0xffffffff, 'c'),
	large => pack('N a', 0x7fffff00, 'y') . 'x' x 200_000, 'no-text' => pack('N a', 1, 'y'), 'no-end' => pack('N a a*', 4, 'y', '550'),
	'bad-code' => pack('N a a*', 10, 'y', "99 9.9.9\0"), 'edit-early' => pack('N a a*', 8, 'h', "X-A\0b\0\0"),
);
sub serve {
	my ($s) = @_;
	local $SIG{PIPE} = 'IGNORE';
	while (defined(my $head = bytes_of($s, 5))) {
		my ($n, $command) = unpack 'N a', $head;
		my $data = bytes_of($s, $n - 1) // return;
		return if $command eq 'Q';
		next if $command =~ /[DAK]/;
		my ($at, $how) = split / /, Pillarbox::slurp("$pb->{top}/mode");
		if ($command eq $at && $how eq 'close') { return }
		if ($command eq $at) {
			syswrite $s, $odd{$how} if $how ne 'silent';
			1 while sysread $s, my $rest, 65536;	# until the server has had enough
			return;
		}
		if ($command eq 'E') { open my $f, '>>', "$pb->{top}/ends" or die; print $f "x"; close $f }
		syswrite $s, $command eq 'O' ? pack('N a N N N', 13, 'O', 6, 0, 0) : pack('N a', 1, 'c');
	}
}
mode('good x');
my $path = "$pb->{dir}/run/pub/odd";
my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 50) or die "listen: $!";
chmod 0666, $path;
my $milter = fork() // die "fork: $!";
if ($milter == 0) {
	my %children;
	$SIG{USR1} = sub { kill 'KILL', keys %children; waitpid $_, 0 for keys %children; %children = () };
	while (1) {
		my $s = $listener->accept or next;	# interrupted
		my $pid = fork() // POSIX::_exit(1);
		if ($pid == 0) { $SIG{USR1} = 'DEFAULT'; serve($s); POSIX::_exit(0) }
		$children{$pid} = 1;
		close $s;
	}
}
sub forget_connections { kill 'USR1', $milter or die "milter: $!" }
my $stopped;
END { my $code = $?; kill 'CONT', $stopped if $stopped; kill 'USR1', $milter if $milter; sleep 0.2; kill 'KILL', $milter if $milter; waitpid $milter, 0 if $milter; $? = $code }

# -- sessions ---------------------------------------------------------------

# The reply to a whole message, and how long it took from the connection on.
sub message {
	my ($subject, %o) = @_;
	my $began = time;
	my $c = $pb->connect('smtp', local => $o{local} // '127.0.0.1');
	$c->expect('EHLO client.example', qr/^250/);
	my $reply = $c->command('MAIL FROM:<' . ($o{from} // 'x@far.example') . '>');
	$reply = $c->command('RCPT TO:<alice@example.com>') if $reply =~ /^250/;
	$reply = $c->command('DATA') if $reply =~ /^250/;
	$reply = $c->command("Subject: $subject\r\n\r\nx\r\n.") if $reply =~ /^354/;
	$c->command('QUIT');
	$c->close;
	return ($reply, time - $began);
}
sub failures { my ($socket) = @_; return scalar(() = $pb->log_text('smtpLog') =~ /event=milter-failed socket=\Q$socket\E why="[^"]+"/g) }
sub wait_failures { my ($socket, $n) = @_; my $end = time + 15; sleep 0.1 while time < $end && failures($socket) < $n; return failures($socket) }
sub asked { return -s "$pb->{top}/ends" // 0 }

my ($reply, $took) = message('before');
like($reply, qr/^250/, 'a message through a milter that behaves');
is(asked(), 1, 'which was asked');
my $failed = 0;
for my $at (qw(O C M R E)) {
	for my $how (sort(keys %odd), 'silent', 'close') {
		next if $how eq 'edit-early' && $at =~ /[OE]/;	# at the end of a message it is an edit; before it, see garbage
		mode("$at $how");
		forget_connections() if $at eq 'O';	# those that are kept from session to session have agreed
		($reply, $took) = message("$at $how");
		like($reply, qr/^250 2\.0\.0/, "step $at, answer $how: the message is taken");
		cmp_ok($took, '<', 60, '... in time');
		cmp_ok(wait_failures('unix:odd', $failed + 1), '>', $failed, '... and the log says that the milter failed');
		$failed = failures('unix:odd');
	}
}
mode('good x');
my $before = asked();
($reply) = message('after');
like($reply, qr/^250/, 'the next session');
is(asked(), $before + 1, 'asks it again');

# -- greylist-check stopped ----------------------------------------------------

my $stranger = sub { return message($_[0], local => '127.0.7.1', from => "$_[0]\@far.example") };
like(($stranger->('first'))[0], qr/^451 4\.7\.1 Greylisted/, 'greylist-check delays a stranger');
($stopped) = $pb->pids_of('greylist-check');
kill 'STOP', $stopped or die "stop: $!";
for my $n (1, 2) {
	($reply, $took) = $stranger->("stopped$n");
	like($reply, qr/^250 2\.0\.0/, 'stopped, mail is taken');
	cmp_ok($took, '<', 60, '... within the timeout');
	cmp_ok(wait_failures('unix:greylist', $n), '>=', $n, '... and the log tells');
}
kill 'CONT', $stopped;
my $end = time + 30;
my $n = 0;
do { ($reply) = $stranger->('later' . $n++) } while $reply !~ /^451/ && time < $end;
like($reply, qr/^451 4\.7\.1 Greylisted/, 'when it goes on it is asked again');
like((message('alive'))[0], qr/^250/, 'and the server serves on');
done_testing;
