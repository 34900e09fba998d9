#!/usr/bin/perl
# What one message of 4 KiB may cost on a file system with a journal: files
# created, synchronous calls, names removed, files opened, log datagrams.
# Features: QUEUE-01.
# Counted by strace over all processes of an instance.  Allowed beside it, once
# a process and not once a message: the file that each SMTP worker holds for
# its next message, log files, and checkpoints of databases by the clock.
#
# And in which order: nobody is told that a message is safe before it is.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;
use Pillarbox::Image;
use Pillarbox;

my $lacking = Pillarbox::Image::lacking();
plan skip_all => $lacking if $lacking ne '';
plan skip_all => 'strace is not installed' if system('command -v strace >/dev/null 2>&1') != 0;
my $image = Pillarbox::Image->new('256M');

my $USERS = 4;
my $BODY = "From: a\@far.example\r\nSubject: budget\r\n\r\n" . ("x" x 76 . "\r\n") x 51;
my $HELD = 16;		# workers that may hold a file for their next message, before and after

my $pb = Pillarbox->new(under => $image->{fs});
$pb->user("u$_\@example.com") for 0 .. $USERS - 1;
$pb->start;

# n messages over one connection.
sub send_over {
	my ($n, $first) = @_;
	my $c = $pb->connect('smtp');
	$c->command('EHLO client.example');
	for my $i ($first .. $first + $n - 1) {
		$c->command('MAIL FROM:<a@far.example>');
		$c->command("RCPT TO:<u" . $i % $USERS . "\@example.com>");
		$c->command('DATA');
		my $reply = $c->command("$BODY.");
		$reply =~ /^250/ or die "message $i: $reply";
	}
	$c->command('QUIT');
	$c->close;
}

my %ON = (
	created => sub { $_[0] =~ /^open/ && $_[0] =~ /O_CREAT/ && $_[0] =~ m{"[^"]*\.(?:em_|hdr|eml)"|/Maildir/} },
	copied => sub { $_[0] =~ /^open/ && $_[0] =~ /O_CREAT/ && $_[0] =~ m{/Maildir/} },
	body_writes => sub { $_[0] =~ /^(?:write|writev|pwrite64)\(\d+<[^>]*\.em_>/ },
	syncs => sub { $_[0] =~ /^f(?:data)?sync\(\d+<[^>]*\/(?:spool|domains)\// },
	written_out => sub { $_[0] =~ /^sync_file_range\(\d+<[^>]*\.em_>.*WAIT_AFTER/ },
	other_syncs => sub { $_[0] =~ /^(?:f(?:data)?sync|sync|syncfs)\(/ && $_[0] !~ m{/(?:spool|domains)/} },
	unlinked => sub { $_[0] =~ /^unlink/ },
	unlinked_em => sub { $_[0] =~ /^unlink.*\.em_"/ },
	linked => sub { $_[0] =~ /^link/ },
	renamed => sub { $_[0] =~ /^rename/ },
	settings => sub { $_[0] =~ /^open/ && $_[0] =~ m{\.xml"|run/settings|directory\.db|/etc/} },
	log_looks => sub { $_[0] =~ /^open.*"[^"]*\/log\.\d{10}"/ },	# a database's, once a second (state_tend)
	other_opens => sub { $_[0] =~ /^open/ && $_[0] !~ m{\.(?:em_|eml|hdr)"|/Maildir/new"|/log\.\d{10}"} },
	session_logs => sub { $_[0] =~ /^send(?:msg|to)\(.*log kind=smtpLog/ },
);

# Every count over all processes while the code runs, and all calls in the order
# of their time: [ begin, end, pid, call ].
my @calls;
sub trace {
	my ($code) = @_;
	my $out = tempdir(CLEANUP => 1, DIR => $image->{top});
	my $strace = fork() // die "fork: $!";
	if ($strace == 0) {
		open STDERR, '>', "$image->{top}/strace.log";
		exec { 'strace' } 'strace', '-ff', '-qq', '-y', '-ttt', '-T', '-s', '64', '-o', "$out/t", '-e',
			'trace=open,openat,openat2,creat,write,writev,pwrite64,fsync,fdatasync,sync,syncfs,sync_file_range,' .
			'unlink,unlinkat,rename,renameat,renameat2,link,linkat,sendmsg,sendto',
			map { ('-p', $_) } $pb->pids or POSIX::_exit(127);
	}
	sleep 2;
	$code->();
	sleep 2;
	kill 'INT', $strace;
	Pillarbox::wait_pid($strace, 20);
	my %n = map { $_ => 0 } keys %ON;
	@calls = ();
	for my $file (glob "$out/t.*") {
		my ($pid) = $file =~ /(\d+)$/;
		for my $line (split /\n/, Pillarbox::slurp($file)) {
			my ($begin, $call, $took) = $line =~ /^(\d+\.\d+) (.*?)(?: <([\d.]+)>)?$/ or next;
			my $is_repeated = $call =~ /^link.*= -1 EEXIST/;	# by an agent whose predecessor had no time to report
			next if $call =~ /= -1 / && !$is_repeated;
			$is_repeated or $ON{$_}->($call) and $n{$_}++ for keys %ON;
			push @calls, [ $begin, $begin + ($took // 0), $pid, $call ];
		}
	}
	@calls = sort { $a->[0] <=> $b->[0] } @calls;
	diag(join ' ', map { "$_=$n{$_}" } sort keys %n) if $ENV{PB_VERBOSE};
	return %n;
}

# What was done for each message of the last trace, and when: { id => { step => time } };
# a sync counts when it ends, what is said when it begins.
sub steps {
	my (%step, %linked);	# the second: by agent, those it has not reported yet
	for (@calls) {
		my ($begin, $end, $pid, $call) = @$_;
		my ($id) = $call =~ m{/?(\d+)\.(?:em_|eml|hdr)[">]};
		my $mine = $linked{$pid} // [];
		if ($call =~ /^link/ && defined $id) {
			$step{$id}{link} = $end;
			delete $step{$id}{'sync of the link'};
			push @{ $linked{$pid} }, $id;
		} elsif ($call =~ /^f(?:data)?sync/ && @$mine) {
			$step{$_}{'sync of the link'} //= $end for @$mine;
		} elsif ($call =~ /^sync_file_range.*\.em_>/) {
			$step{$id}{'body written out'} = $end;
		} elsif ($call =~ /^f(?:data)?sync.*\.em_>/) {
			$step{$id}{'sync of the body'} //= $end;
		} elsif ($call =~ /^write.*\.hdr>/) {
			$step{$id}{'envelope written'} //= $begin;
		} elsif ($call =~ /^f(?:data)?sync.*\.hdr>/) {
			$step{$id}{'sync of the envelope'} //= $end;
		} elsif ($call =~ /^send.*"done\\njob=/ && @$mine) {
			$step{$_}{'report of the agent'} = $begin for @$mine;
			$linked{$pid} = [];
		} elsif ($call =~ /^send.*"(?:(commit|queue)|(queued))\\nid=(\d+)/) {
			$step{$3}{ $1 ? 'commit' : 'envelope handed over' } = $begin;
		} elsif ($call =~ /^(?:write|send).*"250 2\.0\.0 OK id=(\d+)/) {
			$step{$1}{'answer to the client'} = $begin;
		}
	}
	return \%step;
}

# Every one of n messages went through these steps, one after the other.
sub in_order {
	my ($name, $n, @steps) = @_;
	my $all = steps();
	my @ids = grep { exists $all->{$_}{ $steps[-1] } } sort keys %$all;
	my @wrong;
	for my $id (@ids) {
		my $step = $all->{$id};
		for my $i (0 .. $#steps) {
			my ($this, $before) = map { $step->{ $steps[$_] } } $i, $i ? $i - 1 : $i;
			push @wrong, "$id: no $steps[$i]" if !defined $this;
			# Times are rounded to microseconds.
			push @wrong, "$id: $steps[$i] before $steps[$i - 1]" if defined $this && defined $before && $this < $before - 0.000003;
		}
	}
	is(scalar @ids, $n, "$name: every message was followed");
	is(scalar @wrong, 0, "$name: in the order " . join ', ', @steps) or diag(join "\n", @wrong[0 .. ($#wrong < 9 ? $#wrong : 9)]);
}
my @STRAIGHT = ('commit', 'body written out', 'link', 'sync of the link', 'report of the agent', 'answer to the client');

sub about {
	my ($got, $want, $slack, $name) = @_;
	ok($got >= $want - $slack && $got <= $want + $slack, $name)
		or diag("$got, wanted $want, allowed $slack more or less");
}

sub straight_through {
	my ($how, $n, %c) = @_;
	about($c{created}, $n, $HELD, "$how: one created file a message");
	is($c{copied}, 0, "$how: nothing is copied");
	is($c{body_writes}, $n, "$how: one write of the body");
	is($c{written_out}, $n, "$how: the body is written out once, before its link");
	is($c{syncs}, $n, "$how: one synchronous call, after the link") if $how =~ /each/;
	cmp_ok($c{syncs}, '<=', $n, "$how: never more than one synchronous call");
	cmp_ok($c{other_syncs}, '<=', 8, "$how: other synchronous calls do not grow with the messages");
	is($c{linked}, $n, "$how: one link");
	about($c{unlinked}, $n, $HELD, "$how: only the spool name is removed");
	is($c{unlinked}, $c{unlinked_em}, "$how: and nothing else");
	is($c{renamed}, 0, "$how: nothing is renamed");
	is($c{settings}, 0, "$how: no file is opened for settings or addresses");
	cmp_ok($c{log_looks}, '<=', 8 + 4 * ($calls[-1][1] - $calls[0][0]), "$how: logs of databases are opened by the clock");
	cmp_ok($c{other_opens}, '<=', 40, "$how: opening other files does not grow with the messages")
		or diag(map { "$_->[2] $_->[3]\n" } grep { $ON{other_opens}->($_->[3]) && $_->[3] !~ /= -1 / } @calls);
}

send_over(1, $_) for 0 .. 7;	# every process has done its first work
# What the domain holds is counted once, from all its mailboxes, some time after the start.
my $counted = time + 60;
sleep 1 while time < $counted && $pb->ctl_ok('domain', 'show', 'example.com', 'diskSpaceUsed') !~ /\d/;

my $N = 200;
my %c = trace(sub { send_over(1, $_) for 1 .. $N });
straight_through('a connection each', $N, %c);
in_order('a connection each', $N, @STRAIGHT);
cmp_ok($c{session_logs}, '<=', $N + $HELD, 'at most one log datagram a session');
is(scalar(() = $pb->log_text('smtpLog') =~ /event=message /g), $N + 8, 'and a line of every message');

%c = trace(sub { send_over($N / 4, 0) for 1 .. 4 });
straight_through('kept connections', $N, %c);
in_order('kept connections', $N, @STRAIGHT);

# With the queue stopped everything is queued; started, it is delivered.
$pb->ctl_ok('stop', 'spool');
my %in = trace(sub { send_over(1, $_) for 1 .. $N });
about($in{created}, 2 * $N, $HELD, 'queued: two created files a message');
is($in{body_writes}, $N, 'queued: one write of the body');
is($in{syncs}, 2 * $N, 'queued: two synchronous calls before the answer');
is($in{renamed}, $N, 'queued: one name changed');
in_order('queued', $N, 'commit', 'sync of the body', 'envelope written', 'sync of the envelope', 'envelope handed over', 'answer to the client');
my %out = trace(sub {
	$pb->ctl_ok('start', 'spool');
	my $end = time + 60;
	sleep 1 while time < $end && grep { /\.hdr$/ } glob("$pb->{dir}/spool/SubSpool*/*");
});
is(scalar(grep { /\.(?:hdr|eml)$/ } glob("$pb->{dir}/spool/SubSpool*/*")), 0, 'the queue is delivered');
is($out{linked}, $N, 'queued: one link');
in_order('delivered', $N, 'link', 'sync of the link', 'report of the agent');
is($out{copied}, 0, 'queued: nothing is copied');
cmp_ok($out{syncs}, '<=', $N + $N / 4, 'queued: a third synchronous call at most, and one shared by a group');

# spoolSyncDirectory=always trusts no journal: the folder is synced beside the file.
$pb->set(spoolSyncDirectory => 'always');
$pb->ctl_ok('stop', 'spool');
send_over(1, $_) for 0 .. 7;
%in = trace(sub { send_over(1, $_) for 1 .. $N / 4 });
about($in{created}, 2 * $N / 4, $HELD, 'spoolSyncDirectory=always: queued');
cmp_ok($in{syncs}, '>=', 3 * $N / 4, 'spoolSyncDirectory=always: a synchronous call more for each message');
done_testing;
