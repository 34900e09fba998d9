#!/usr/bin/perl
# A mailbox read by POP3 and IMAP and mail sent by SMTP through programs that
# inetd and tcpserver started, while mail-master's own listeners are stopped.
# Features: TOOL-11.
use strict;
use warnings;
use Pillarbox;
use Pillarbox::Client;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

sub find { my ($name) = @_; return (grep { -x } map { "$_/$name" } qw(/usr/sbin /usr/bin /sbin /bin))[0] }

my %server = (tcpserver => find('tcpserver'), inetd => $> == 0 ? find('inetd') : undef);
plan skip_all => 'neither tcpserver nor (as root) inetd is installed' unless grep { defined } values %server;

my $pb = Pillarbox->new;
$pb->user('alice@example.com');
$pb->start;
like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com', subject => 'one'), qr/^250/, 'a message');
$pb->wait_mail('alice@example.com', 1);
$pb->ctl_ok('stop', 'smtp', 'pop', 'imap');
my @started;
END { my $code = $?; kill 'KILL', map { -$_ } @started; $? = $code }

sub start {
	my (@cmd) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		setpgrp;
		open STDOUT, '>>', "$pb->{top}/inetd.log";
		open STDERR, '>&', \*STDOUT;
		exec @cmd or POSIX::_exit(127);
	}
	push @started, $pid;
}

my %program = (pop3 => 'pop3-serve', imap => 'imap-serve', smtp => 'smtp-listen');
my $sent = 1;
for my $how (sort keys %server) {
	SKIP: {
		skip "$how is not there", 1 unless $server{$how};
		my $base = Pillarbox::free_ports(3);
		my %port = (pop3 => $base, imap => $base + 1, smtp => $base + 2);
		if ($how eq 'inetd') {
			Pillarbox::spew("$pb->{top}/inetd.conf", join '', map { "127.0.0.1:$port{$_} stream tcp nowait root "
				. $pb->program($program{$_}) . " $program{$_} -r $pb->{dir}\n" } sort keys %port);
			start($server{$how}, '-d', '-i', "$pb->{top}/inetd.conf");
		} else {
			start($server{$how}, '-R', '-H', '-l', '0', '127.0.0.1', $port{$_}, $pb->program($program{$_}),
				'-r', $pb->{dir}) for sort keys %port;
		}
		for (1 .. 100) {
			last if 3 == grep { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $_, Proto => 'tcp') } values %port;
			sleep 0.05;
		}
		my $c = Pillarbox::Client->new(port => $port{pop3}, protocol => 'pop3');
		$c->expect('USER alice@example.com', qr/^\+OK/);
		$c->expect("PASS $Pillarbox::PASSWORD", qr/^\+OK/);
		like($c->command('STAT'), qr/^\+OK $sent /, "$how: POP3 reads the mailbox");
		$c->command('QUIT');
		$c = Pillarbox::Client->new(port => $port{imap}, protocol => 'imap');
		like($c->command("LOGIN alice\@example.com $Pillarbox::PASSWORD"), qr/^\S+ OK/m, "$how: IMAP logs in");
		like($c->command('SELECT INBOX'), qr/^\* $sent EXISTS/m, "$how: and reads it");
		$c->command('LOGOUT');
		$c = Pillarbox::Client->new(port => $port{smtp}, protocol => 'smtp');
		$c->expect('EHLO client.test.example', qr/^250/);
		$c->expect('MAIL FROM:<bob@elsewhere.example>', qr/^250/);
		$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
		$c->expect('DATA', qr/^354/);
		like($c->command("Subject: $how\r\n\r\nx\r\n."), qr/^250/, "$how: SMTP takes a message");
		$c->command('QUIT');
		$pb->wait_mail('alice@example.com', ++$sent);
	}
}
done_testing();
