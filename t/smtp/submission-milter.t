#!/usr/bin/perl
# What a submission gets and loses (RFC 6409 8) together with a milter: it sees the
# fields that the server added, and no change of one takes away what another made.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::UNIX;
use Pillarbox;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $pb = Pillarbox->new(settings => { smtpLogLevel => 'Normal' });
$pb->user("$_\@example.com") for qw(alice bob);
my $run = "$pb->{dir}/run/pub";
$pb->ctl_ok('set', '--add', 'milters/milter', "socket=unix:$_", 'failMode=tempfail') for qw(first second);
$pb->ctl_ok('set', '--add', 'policyServers/server', 'socket=unix:policy', 'failMode=tempfail');
$pb->start;

my @children;
END { my $code = $?; kill 'KILL', @children if @children; $? = $code }

sub child {
	my ($run) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		$run->();
		POSIX::_exit(1);
	}
	push @children, $pid;
}
for my $path (map { "$run/$_" } qw(first second)) {
	child(sub {
		open STDERR, '>>', "$pb->{top}/milter.log";
		exec "$Pillarbox::BIN/../t/smtp/test-milter", "local:$path";
	});
	my $end = time + 10;
	sleep 0.05 while time < $end && !(-S $path && chmod(0666, $path) && IO::Socket::UNIX->new(Peer => $path));
}
my $listener = IO::Socket::UNIX->new(Local => "$run/policy", Listen => 20) or die "policy: $!";
chmod 0666, "$run/policy";
child(sub {
	while (my $s = $listener->accept) {
		next if fork();
		while (my $line = <$s>) {
			next if $line ne "\n";
			print $s "action=PREPEND X-Policy: said\n\n";
			$s->flush;
		}
		POSIX::_exit(0);
	}
});
close $listener;

# One message of alice: what bob gets.
sub delivered {
	my ($subject, $fields, $body) = @_;
	my $c = $pb->connect('smtps');
	$c->expect('EHLO c.example', qr/^250/);
	$c->login('alice@example.com', $Pillarbox::PASSWORD);
	$c->expect('MAIL FROM:<alice@example.com>', qr/^250/);
	$c->expect('RCPT TO:<bob@example.com>', qr/^250/);
	$c->expect('DATA', qr/^354/);
	$c->send_raw("From: alice\@example.com\r\n${fields}Subject: $subject\r\n\r\n$body.\r\n");
	my $reply = $c->reply;
	like($reply, qr/^250/, "$subject: taken");
	$c->command('QUIT');
	my $text = $pb->wait_subject('bob@example.com', $subject);
	ok($text ne '', "$subject: delivered");
	return ($reply =~ /id=(\d+)/, $text);
}

my $blind = "Bcc: secret\@example.com\r\nX-Old: old\r\n";
for my $size (1, 40_000) {	# in memory, and in its file
	for my $what ('add names', 'change', 'names count', 'nothing') {
		my $subject = "$what $size";
		my ($id, $text) = delivered($subject, $blind, "a line of the body\r\n" . ('x' x 60 . "\r\n") x $size);
		unlike($text, qr/^Bcc:/mi, "$subject: no blind copy is told of");
		for my $name (qw(Date Message-ID X-Policy From X-Old Subject)) {
			is(() = $text =~ /^$name:/mg, 1, "$subject: $name stands there once");
		}
		my ($own) = $text =~ /^Message-ID: (<\S+>)\r$/m;
		ok($pb->wait_log('smtpLog', qr/event=message from=\S+ id=$id .* message-id=\Q$own\E( |$)/m), "$subject: the log has its Message-ID")
			if defined $own;
		next if $what !~ /names/;
		my @seen = $text =~ /^X-Names: ?(.*)\r$/mg;
		is(@seen, 2, "$subject: both milters saw it");
		like("$seen[0] ", qr/\b$_ /, "$subject: the first was shown $_") for qw(X-Policy Date Message-ID From X-Old Subject);
		like("$seen[1] ", qr/\b$_ /, "$subject: the second too, $_") for qw(X-Policy Date Message-ID X-Names);
		unlike("@seen", qr/Bcc/, "$subject: neither saw the blind copies");
	}
}
done_testing();
