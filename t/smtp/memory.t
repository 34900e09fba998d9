#!/usr/bin/perl
# What costs a client little costs the server no memory and little time: lines and headers
# without end, recipients and commands without number (cases S05, S06, S07, S13, S22, S23, S26, S33).
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { maxMessageSizeMB => 0, smtpMaxBadCommands => 0, smtpLogLevel => 'Detailed', smtpSpareMax => 1 });
$pb->user('alice@example.com');
$pb->start;
my @open = ('MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>', 'DATA');

sub begin {
	my (@more) = @_;
	my $c = $pb->connect('smtp');
	$c->expect('EHLO c.example', qr/^250/);
	$c->expect($_, qr/^[23]/) for @more;
	return $c;
}
sub kb { my ($pid) = @_; return Pillarbox::slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m ? $1 : 0 }
sub cpu {
	my ($pid) = @_;
	my @f = split ' ', (Pillarbox::slurp("/proc/$pid/stat") =~ s/.*\) //sr);
	return @f ? ($f[11] + $f[12]) / 100 : 0;
}
# What a piece of work costs the worker that has most of it: growth in KB, and seconds of processor time.
sub cost {
	my ($work) = @_;
	my @pids = $pb->pids_of('smtp-listen');
	my %kb = map { $_ => kb($_) } @pids;
	my %cpu = map { $_ => cpu($_) } @pids;
	$work->();
	my ($kb) = sort { $b <=> $a } map { kb($_) - $kb{$_} } @pids;
	my ($seconds) = sort { $b <=> $a } map { cpu($_) - $cpu{$_} } @pids;
	note("$kb KB, $seconds s");
	return ($kb, $seconds);
}
# Under a sanitizer memory and time are its own.
sub grows_less {
	my ($kb, $most, $what) = @_;
	SKIP: {
		skip 'a sanitizer keeps memory', 1 if $ENV{PB_SANITIZED};
		cmp_ok($kb, '<', $most, "$what: memory stays below $most KB more");
	}
}
sub is_quick {
	my ($seconds, $most, $what) = @_;
	SKIP: {
		skip 'a sanitizer takes its time', 1 if $ENV{PB_SANITIZED};
		cmp_ok($seconds, '<', $most, "$what: less than $most s of processor time");
	}
}
sub pour { my ($c, $piece, $times) = @_; $c->send_raw($piece) for 1 .. $times }

# Every page of the program that this needs has been touched before anything is measured.
my $c = begin(@open);
$c->expect("Subject: warm\r\n\r\nx\r\n.", qr/^250/);
like($c->command('NOOP ' . 'x' x 100_000), qr/^500 5\.5\.2/, 'a long line');
my ($kb, $seconds) = cost(sub {
	pour($c, 'x' x 100_000, 10);
	like($c->command(''), qr/^500 5\.5\.2 /, 'S05: a command line of 1 MB');
});
grows_less($kb, 64, 'S05');
like($c->command('NOOP'), qr/^250/, '... and the next command is the next line');

($kb) = cost(sub {
	$c->expect($_, qr/^[23]/) for @open;
	pour($c, 'x' x 100_000, 100);
	like($c->command("\r\n."), qr/^554 5\.6\.0 /, 'S06: a line of 10 MB');
});
grows_less($kb, 1024, 'S06');

# S13: the baseline is before the first byte of the chunk.
$pb->set(maxMessageSizeMB => 40);
$pb->ctl_ok('reload');
my $end = time + 20;
my $sized;
do { $sized = begin(); sleep 0.1 } while time < $end && $sized->expect('EHLO c.example', qr/^250/) !~ /SIZE 41943040/;
$sized->expect($_, qr/^2/) for @open[0, 1];
($kb) = cost(sub {
	$sized->send_raw("BDAT 50000000 LAST\r\n");
	pour($sized, 'x' x 100_000, 500);
	like($sized->reply, qr/^552 5\.3\.4 /, 'S13: a chunk of 50 MB');
});
grows_less($kb, 1024, 'S13');
like($sized->command('NOOP'), qr/^250/, '... is skipped');
$sized->close;
$pb->set(maxMessageSizeMB => 0);
$pb->ctl_ok('reload');
do { $c = begin(); sleep 0.1 } while time < $end + 20 && $c->expect('EHLO c.example', qr/^250/) !~ /SIZE 0/;

# S33
my %header = (
	'500,000 fields' => [ "To: a\r\n" x 5_000, 100 ],
	'one field of 60 MB in one line' => [ 'x' x 100_000, 600 ],
	'one field of 60 MB, folded' => [ join('', (' ' . 'x' x 98 . "\r\n") x 1000), 600 ],
	'1,000,000 lines' => [ " y\r\n" x 10_000, 100 ],
);
for my $name (sort keys %header) {
	my ($piece, $times) = @{ $header{$name} };
	($kb, $seconds) = cost(sub {
		$c->expect($_, qr/^[23]/) for @open;
		$c->send_raw("Subject: x\r\nX: ");
		pour($c, $piece, $times);
		like($c->command("\r\n\r\n."), qr/^554 5\.6\.0 .* ticket \d{12}$/, "S33: a header of $name");
	});
	grows_less($kb, 2048, "S33: $name");
	is_quick($seconds, 1, "S33: $name");
}
$c->close;

# S22: of 200,000 recipients the first thousand are taken, the next hundred heard.
$c = begin($open[0]);
my (%count, $last);
my $ask = sub {
	my ($from, $to) = @_;
	for (my $n = $from; $n < $to; $n += 50) {
		$c->send_raw(join '', map { "RCPT TO:<alice+$_\@example.com>\r\n" } $n .. $n + 49);
		for (1 .. 50) {
			$last = $c->reply;
			$count{ substr $last, 0, 9 }++;
			return if $last !~ /^(?:250|452)/;
		}
	}
};
$ask->(0, 1000);
($kb) = cost(sub { $ask->(1000, 200_000) });
is_deeply(\%count, { '250 2.1.5' => 1000, '452 4.5.3' => 100, '421 4.7.0' => 1 }, 'S22: 200,000 recipients are not listened to');
grows_less($kb, 1024, 'S22');
ok($c->at_end, '... and the connection is closed');

# S23: the limit is one for all of them together, and for each alone.
for my $command ('NOOP', 'VRFY alice@example.com', 'EHLO c.example', 'RSET', 'HELP') {
	$c = begin();
	my ($taken, $reply) = (1, '');
	while ($taken < 10_000) {
		$reply = $c->command($command);
		last if $reply !~ /^2/;
		$taken++;
	}
	is($taken, 100, "S23: $command is taken at LIMIT_SMTP_JUNK");
	like($reply, qr/^421 4\.7\.0 .* ticket \d{12}$/, '... and one over LIMIT_SMTP_JUNK closes');
}

# S26 and S07: what is refused stands in the log escaped, and to its end.
$c = $pb->connect('smtp');
for my $verb ('HELO', 'EHLO') {
	like($c->command("$verb " . 'a' x 10_000), qr/^501 5\.5\.4 .* ticket \d{12}$/, "S26: $verb of 10 KB");
	like($c->command("$verb \x1b%n" . 'a' x 1_000_000), qr/^501 5\.5\.4 .* ticket \d{12}$/, "S26: $verb of 1 MB");
	like($c->command("$verb $_->[0]"), qr/^501 5\.5\.4 .* ticket \d{12}$/, "S26: $verb $_->[1]")
		for [ 'a' x 1000, 'of 1000 bytes' ], [ '%n%s%x', 'with a format' ], [ "a\x1b[2Jb", 'with ESC' ], [ '[1.2.3]', 'a literal of 3 parts' ],
		[ '[IPv6:::::]', 'a literal that is none' ], [ '[300.1.1.1]', 'a literal out of range' ], [ "a\0b.example", 'with NUL' ];
	like($c->command("$verb a\rb.example"), qr/^50[01] 5\.5\.[24] .* ticket \d{12}$/, "S26: $verb with CR");
}
$c->expect('EHLO c.example', qr/^250/);
like($c->command("MAIL FROM:<a\0b\@tail.example>"), qr/^501 5\.1\.7 .* ticket \d{12}$/, 'S07: NUL in a sender');
for my $nul ("Subject: a\0b\r\n\r\nx", "Subject: a\r\n\r\nx\0y") {
	$c->expect($_, qr/^[23]/) for @open;
	like($c->command("$nul\r\n."), qr/^554 5\.6\.0 .* ticket \d{12}$/, 'S07: NUL in a message');
}
$c->expect('QUIT', qr/^221/);
ok($pb->wait_log('smtpLog', qr/cmd: QUIT$/m), 'the log is up to date');
my $log = $pb->log_text('smtpLog');
like($log, qr/cmd: HELO a{500,}$/m, 'S26: of 10 KB the log holds the beginning');
like($log, qr/cmd: HELO \\x1b%na*$/m, 'S26: and so of 1 MB, escaped');
like($log, qr/cmd: HELO %n%s%x$/m, 'S26: a format stands as it is');
like($log, qr/cmd: HELO a\\x1b\[2Jb$/m, 'S26: ESC is escaped');
like($log, qr/cmd: HELO a\\x0db\.example$/m, 'S26: so is CR');
like($log, qr/cmd: MAIL FROM:<a\\x0[01]b\@tail\.example>$/m, 'S07: NUL does not end the line');
unlike($log, qr/[^\x20-\x7e\n]/, 'nothing else stands in the log');
is(scalar $pb->mail('alice@example.com'), 1, 'no refused message was delivered');
is($pb->ctl_ok('--tsv', 'spool', 'list') =~ tr/\n// <= 1 ? 0 : 1, 0, 'nor is it queued');
done_testing();
