#!/usr/bin/perl
# Power cuts under a server at work.  The whole instance lies on an ext4 of its
# own; while clients bring mail, the file system is shut down without writing its
# journal out, at random moments; then every process is killed, the file system
# mounted again and the server started.  Whatever was answered with 250 must be
# where it was due, in the mailbox or in the queue, whole; and nothing partial
# may lie in either, promised or not.
#
# Messages go three ways: straight through to a mailbox; by the queue to another
# server, which is down until all is over; and to both.  PB_SEED repeats a run.
# Features: TOOL-09.
use strict;
use warnings;
use Pillarbox::Image;
use Pillarbox;
use Pillarbox::Queue;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $ROUNDS = 10;
my $CLIENTS = 3;
my $MOST = 150;		# messages of a client in a round
my $USERS = 4;

my $lacking = Pillarbox::Image::lacking();
plan skip_all => $lacking if $lacking ne '';
my $seed = $ENV{PB_SEED} // time ^ $$;
srand $seed;
note("PB_SEED=$seed");

my $image = Pillarbox::Image->new('256M');
my $ledger = "$image->{top}/ledger";	# beside the image: it outlives the cuts
Pillarbox::spew($ledger, '');
my $pb = Pillarbox->new(under => $image->{fs}, settings => { allowLoopbackTargets => 'True' });
$pb->user("u$_\@example.com") for 0 .. $USERS - 1;
my $away = Pillarbox->new(host => 'mx.away.example');
$away->user('x@away.example');
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'address=127.0.0.1', 'port=' . $away->port('smtp'), 'domains=away.example');
$pb->start;

# An id is ROUND.CLIENT.NUMBER; everything else follows from it.
sub way { my ($id) = @_; return qw(here away both)[(split /\./, $id)[2] % 3] }
sub user { my ($id) = @_; return 'u' . (split /\./, $id)[2] % $USERS . '@example.com' }

sub text {
	my ($id) = @_;
	my $lines = 1 + (split /\./, $id)[2] * 37 % 200;
	return "Message-ID: <$id\@ledger.example>\r\nFrom: a\@far.example\r\nSubject: " . way($id) . "\r\n\r\n"
		. join('', map { "$id line $_ of $lines\r\n" } 1 .. $lines);
}

# True when a 250 came; dies when the connection is gone.
sub send_one {
	my ($c, $id) = @_;
	my $say = sub { my $reply = $c->command($_[0]); die "gone\n" if $reply eq ''; return $reply };
	$say->('RSET');
	$say->('MAIL FROM:<a@far.example>');
	$say->('RCPT TO:<' . user($id) . '>') if way($id) ne 'away';
	$say->('RCPT TO:<x@away.example>') if way($id) ne 'here';
	return 0 if $say->('DATA') !~ /^354/;
	return $say->(text($id) . '.') =~ /^250/;
}

# Brings mail until the server is gone; each 250 is written down at once.
sub client {
	my ($round, $number) = @_;
	open my $out, '>>', $ledger or POSIX::_exit(1);
	$out->autoflush(1);
	my $c;
	for my $n (1 .. $MOST) {
		my $id = "$round.$number.$n";
		eval {
			if (!$c || $n % 20 == 0) {
				$c = $pb->connect('smtp');
				$c->command('EHLO client.example') =~ /^250/ or die "gone\n";
			}
			print {$out} "$id\n" if send_one($c, $id);
			1;
		} or last;
	}
	POSIX::_exit(0);
}

sub promised { return split /\n/, Pillarbox::slurp($ledger) }

# What lies in mailboxes and queue: { id => [ times in its mailbox, is in the queue ] }, and what is not whole.
sub look {
	my (%found, @partial);
	my $check = sub {
		my ($file, $at) = @_;
		my $content = Pillarbox::slurp($file);
		my ($id) = $content =~ /^Message-ID: <([\d.]+)\@ledger\.example>\r$/m;
		my $text = defined $id ? text($id) : '';
		return push @partial, $file if !defined $id || substr($content, -length $text) ne $text;
		$found{$id}[$at]++;
	};
	for my $user (0 .. $USERS - 1) {
		my $maildir = $pb->maildir("u$user\@example.com");
		push @partial, glob("$maildir/tmp/*");
		$check->($_, 0) for $pb->mail("u$user\@example.com");
	}
	for my $header (grep { /\.hdr$/ } queue_files($pb)) {
		(my $body = $header) =~ s/hdr$/eml/;
		$check->($body, 1) if -e $body && -e $header;	# else it has just been delivered
	}
	return (\%found, \@partial);
}

# Which promises are not kept, given what was found.
sub broken {
	my ($found) = @_;
	my @broken;
	for my $id (promised()) {
		my ($in_mailbox, $in_queue) = map { $_ // 0 } @{ $found->{$id} // [] }[0, 1];
		my $way = way($id);
		push @broken, "$id ($way)" unless ($way eq 'away' || $in_mailbox) && ($way eq 'here' || $in_queue);
	}
	return @broken;
}

sub end_processes {
	my $end = time + 20;
	while (my @pids = $pb->pids) {
		die "processes stay: @pids\n" if time > $end;
		kill 'KILL', @pids;
		sleep 0.02;
	}
	delete $pb->{started};
}

sub none {
	my ($name, @bad) = @_;
	is(scalar @bad, 0, $name) or diag("PB_SEED=$seed\n", map { "$_\n" } @bad[0 .. ($#bad < 9 ? $#bad : 9)]);
}

for my $round (1 .. $ROUNDS) {
	my $before = promised();
	my @clients;
	for my $number (1 .. $CLIENTS) {
		my $pid = fork() // die "fork: $!";
		client($round, $number) if $pid == 0;
		push @clients, $pid;
	}
	my $end = time + 60;
	sleep 0.005 while time < $end && promised() < $before + 12;
	sleep rand 0.3;
	my $sent = promised() - $before;
	$image->cut;
	end_processes();
	waitpid $_, 0 for @clients;
	cmp_ok($sent, '>=', 12, "round $round: power was cut while mail came in");
	$image->unmount;
	$image->mount or BAIL_OUT('the file system cannot be mounted after the cut');
	$pb->start;
	my ($found, $partial);
	$end = time + 30;
	do {
		sleep 0.2;
		($found, $partial) = look();
	} while (time < $end && (broken($found) || @$partial));
	none("round $round: every message that was promised is there", broken($found));
	none("round $round: and no part of one", @$partial);
}

my %ways;
$ways{ way($_) }++ for promised();
is(join(' ', sort keys %ways), 'away both here', 'mail went every way');
my @away = grep { way($_) ne 'here' } promised();
my %came;
sub came_all {
	%came = ();
	for ($away->mail('x@away.example')) {
		my $content = Pillarbox::slurp($_);
		my ($id) = $content =~ /^Message-ID: <([\d.]+)\@/m;
		$came{$id}++ if defined $id && substr($content, -length text($id)) eq text($id);
	}
	return !grep { !$came{$_} } @away;
}
$away->start;
my $end = time + 90;
for (my $n = 0; time < $end && !came_all(); $n++) {
	$pb->ctl("spool", "force", "--all") if $n % 20 == 0;
	sleep 0.5;
}
none('what was kept for the other server comes there', grep { !$came{$_} } @away);
none('nothing half received is left', grep { -s } grep { /\.em_$/ } queue_files($pb));
unlike($pb->log_text, qr/event=message-lost/, 'and no promised message was given up');
note(scalar(promised()) . ' promised, ' . scalar(grep { $_ > 1 } values %came) . ' came twice to the other server');
done_testing();
