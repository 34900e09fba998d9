package Pillarbox::Queue;

# Pillarbox::Queue: bring messages to intake without SMTP, and look at the queue.
#
#	my @answers = put($pb, count => 3, from => 's@far.example', to => ['u{}@example.com']);
use strict;
use warnings;
use Exporter qw(import);
use Time::HiRes qw(sleep time);

use POSIX ();
use Socket;

our @EXPORT = qw(put drop_pair drop put_start put_answers queue_files wait_queue numbers packet_socket ask fill);

sub tool { (my $t = $Pillarbox::BIN) =~ s{/prog/?$}{/t/tool/intake-put}; return $t }

# Start bringing messages; answers go to a file, see put_answers.
sub put_start {
	my ($pb, %o) = @_;
	my $out = "$pb->{top}/put." . ++$pb->{puts};
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		$ENV{TAG} = $o{tag} // 'm';
		$ENV{HOPS} = $o{hops} // 0;
		$ENV{AUTH} = $o{auth} // '';
		open STDOUT, '>', $out or POSIX::_exit(126);
		exec { tool() } 'intake-put', "$pb->{dir}/run/pub/intake", $o{count} // 1, $o{size} // 2000,
			$o{from} // '', @{ $o{to} } or POSIX::_exit(127);
	}
	return { pid => $pid, out => $out };
}

# Wait for the end; one answer ("250 2.0.0 ...") for each message.
sub put_answers {
	my ($job, $seconds) = @_;
	Pillarbox::wait_pid($job->{pid}, $seconds // 60);
	return map { s/^\d+ //r } split /\n/, Pillarbox::slurp($job->{out});
}

sub put { return put_answers(put_start(@_)) }

# A pair of files as another program moves it into spool/ (drop_pair($pb, id => N, to => ['A'],
# from => 'A', head => "key: value\n", body => TEXT)): found at the next start of the scheduler.
sub drop_pair {
	my ($pb, %o) = @_;
	my $base = "$pb->{dir}/spool/$o{id}";
	my ($uid, $gid) = (stat "$pb->{dir}/spool")[ 4, 5 ];
	my $head = join('', map { "$_\n" } 'Written ', $o{from} // '', join(',', @{ $o{to} })) . ($o{head} // '') . "\n";
	my %text = (eml => $o{body} // "Subject: x\n\nbody\n", hdr => $head);
	for my $kind (qw(eml hdr)) {
		Pillarbox::spew("$base.$kind", $text{$kind} =~ s/\r?\n/\r\n/gr);
		chown $uid, $gid, "$base.$kind" or die "$base.$kind: $!" if $> == 0;
	}
}

# Many messages at once, without intake: t/tool/queue-fill.c.  The scheduler must not run.
sub fill {
	my ($pb, $count, $domains, $senders) = @_;
	(my $tool = tool()) =~ s/intake-put$/queue-fill/;
	system($tool, "$pb->{dir}/spool", $count, $domains, $senders) == 0 or die "queue-fill: $?";
}

# A connection for records, and one question over it: the answer, or undef when it
# was closed or none came within the seconds.
sub packet_socket {
	my ($pb, $name) = @_;
	socket(my $s, PF_UNIX, SOCK_SEQPACKET, 0) or die "socket: $!";
	connect($s, sockaddr_un("$pb->{dir}/run/pub/$name")) or die "connect $name: $!";
	return $s;
}

sub ask {
	my ($s, $record, $seconds) = @_;
	send($s, $record, MSG_NOSIGNAL) // return undef if defined $record;
	my $bits = '';
	vec($bits, fileno $s, 1) = 1;
	select($bits, undef, undef, $seconds // 10) or return undef;
	recv($s, my $answer, 65536, 0) // return undef;
	return length $answer ? $answer : undef;
}

# Put messages of another program into the spool by hand, while nothing runs: each
# { from, to, age => seconds, keys => [ further lines of the envelope ], text }.
sub drop {
	my ($pb, @messages) = @_;
	my ($uid, $gid) = (stat "$pb->{dir}/spool")[ 4, 5 ];
	for my $m (@messages) {
		my $name = "$pb->{dir}/spool/" . (500 + $pb->{dropped}++);
		my $when = POSIX::strftime('%m/%d/%Y %H:%M:%S', gmtime(time - ($m->{age} // 0)));
		Pillarbox::spew("$name.eml", $m->{text} // "From: $m->{from}\r\nSubject: x\r\n\r\nbody\r\n");
		Pillarbox::spew("$name.hdr", join '', map { "$_\r\n" } 'Written ', $m->{from}, $m->{to}, "creationDate: $when", @{ $m->{keys} // [] }, '');
		chmod 0440, "$name.eml";
		chmod 0600, "$name.hdr";
		chown $uid, $gid, "$name.eml", "$name.hdr";
	}
}

sub queue_files { my ($pb) = @_; return glob "$pb->{dir}/spool/SubSpool*/*" }

# True once the queue has n messages.  A body whose envelope is gone is none: what a
# crash leaves of a finished message rests 24 hours.
sub wait_queue {
	my ($pb, $n, $seconds) = @_;
	my $end = time + ($seconds // 15);
	while (time < $end) {
		return 1 if $n == grep { /\.hdr$/ } queue_files($pb);
		sleep 0.05;
	}
	return 0;
}

# How often each X-Number stands in the mailboxes: { "user number" => count }.
sub numbers {
	my ($pb) = @_;
	my %n;
	for my $f (glob "$pb->{dir}/domains/*/users/*/Maildir/new/*") {
		my ($user) = $f =~ m{/users/([^/]+)/};
		open my $h, '<', $f or next;
		read $h, my $head, 400;
		$n{"$user $1"}++ if $head =~ /^X-Number: (\S+?)\r?$/m;
	}
	return \%n;
}

1;
