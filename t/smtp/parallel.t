#!/usr/bin/perl
# S38: many sessions at once, each with several messages, while workers are
# killed at random: every message that was answered with 250 is delivered at
# least once, and none is damaged.  PB_PARALLEL=200x10 sets another size.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Fcntl;
use IO::Poll qw(POLLIN POLLOUT POLLHUP POLLERR);
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my ($sessions, $messages) = ($ENV{PB_PARALLEL} || '1000x10') =~ /^(\d+)x(\d+)$/ or die 'PB_PARALLEL';
my $seconds = 60 + $sessions * $messages / 20;		# longest run; a slow machine is no failure
my $pb = Pillarbox->new(settings => { smtpMaxConnections => $sessions + 50, smtpMaxConnectionsPerIp => 0, reservedConnections => 0,
	smtpLogLevel => 'Normal', smtpSpareMax => 20 });
$pb->user('alice@example.com');
$pb->start;

sub children { my ($pid) = @_; return split ' ', Pillarbox::slurp("/proc/$pid/task/$pid/children") }
my ($parent) = sort { $a <=> $b } $pb->pids_of('smtp-listen');
my $poll = IO::Poll->new;
my (%session, %acked, $lost, $killed, $refused, $most) = ();
($lost, $killed, $refused, $most) = (0, 0, 0, 0);

sub text {
	my ($id) = @_;
	my $body = join '', map { md5_hex("$id $_") . "\r\n" } 1 .. 40;
	return "From: a\@far.example\r\nMessage-ID: <$id\@far.example>\r\nSubject: x\r\n\r\n$body.\r\n";
}

sub open_session {
	my ($n) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $pb->port('smtp'), Proto => 'tcp', Timeout => 20) or return;
	$s->blocking(0);
	$session{$s} = { sock => $s, n => $n, step => 0, sent => 0, in => '', out => '' };
	$poll->mask($s => POLLIN);
}

sub end_session {
	my ($c) = @_;
	$poll->remove($c->{sock});
	delete $session{$c->{sock}};
	close $c->{sock};
}

# One reply: what is said next; '' ends the session.
sub next_words {
	my ($c, $line) = @_;
	my $good = $line =~ /^[23]/;
	if (!$good) {
		$refused++;
		return '';
	}
	my $step = $c->{step}++;
	return "EHLO c$c->{n}.example\r\n" if $step == 0;
	my $at = ($step - 1) % 4;
	if ($at == 0) {
		$acked{ $c->{id} } = 1 if $step > 1;
		return '' if $c->{sent} == $messages;
		$c->{id} = "$c->{n}." . ++$c->{sent};
		return "MAIL FROM:<a\@far.example>\r\n";
	}
	return $at == 1 ? "RCPT TO:<alice\@example.com>\r\n" : $at == 2 ? "DATA\r\n" : text($c->{id});
}

sub hear {
	my ($c) = @_;
	my $n = sysread $c->{sock}, my $part, 65536;
	if (!$n) {
		$lost++;
		return end_session($c);
	}
	$c->{in} .= $part;
	while ($c->{in} =~ s/^(.*?)\r\n//) {
		my $line = $1;
		next if $line =~ /^\d{3}-/;
		my $words = next_words($c, $line);
		return end_session($c) if $words eq '';
		syswrite $c->{sock}, $words;	# small: the socket's buffer takes it
	}
}

# Kills are spread over the run by how far it is.
my $kills = $sessions / 10 > 5 ? int($sessions / 10) : 5;
my ($opened, $end) = (0, time + $seconds);
open_session(++$opened) for 1 .. $sessions;
while (%session && time < $end) {
	$poll->poll(0.02);
	hear($session{$_}) for grep { exists $session{$_} } map { "$_" } $poll->handles(POLLIN | POLLHUP | POLLERR);
	$most = keys %session if keys %session > $most;
	while ($killed < $kills && keys(%acked) * ($kills + 1) > ($killed + 1) * $sessions * $messages / 2) {
		my @pids = children($parent) or last;
		$killed += kill 'KILL', $pids[ rand @pids ];
	}
}
is(scalar keys %session, 0, 'all sessions came to an end');
cmp_ok($killed, '>=', 1, "workers were killed: $killed");
note(sprintf '%d sessions, %d at once, %d lost, %d refused, %d messages answered with 250', $opened, $most, $lost, $refused,
	scalar keys %acked);
cmp_ok(scalar keys %acked, '>=', $sessions * $messages / 2, 'most messages were taken all the same');

# What is there, and whether it is whole.
my (%seen, @bad, %have);
sub look {
	for my $file ($pb->mail('alice@example.com')) {
		next if $seen{$file}++;
		my $text = Pillarbox::slurp($file);
		$text =~ s/\r?\n/\r\n/g;
		my ($id) = $text =~ /^Message-ID: <([\d.]+)\@far\.example>/m;
		if (!defined $id || index($text . ".\r\n", text($id)) < 0) {
			push @bad, $file;
		} else {
			$have{$id}++;
		}
	}
	return grep { !$have{$_} } keys %acked;
}
$end = time + 120;
my @missing = look();
while (@missing && time < $end) {
	sleep 0.5;
	@missing = look();
}
is(scalar @missing, 0, 'every message answered with 250 is delivered (S38)') or diag("missing: @missing[0 .. ($#missing > 9 ? 9 : $#missing)]");
is(scalar @bad, 0, 'none is damaged') or diag("damaged: @bad");
note(sprintf '%d delivered, %d of them more than once', scalar keys %have, scalar grep { $_ > 1 } values %have);
like($pb->connect('smtp')->{greeting}, qr/^220 /, 'and the next client is served');
ok($pb->wait_log('smtpLog', qr/\[-\]\[-\] event=worker-killed pid=\d+ signal=9/), 'the log tells of killed workers');
done_testing();
