#!/usr/bin/perl
# Callers of scan-check that were taken over, and as many questions as it takes.
use strict;
use warnings;
use IO::Select;
use Pillarbox;
use Pillarbox::Dns;
use Pillarbox::Scan;
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'scan-ask is not built' unless Pillarbox::Scan::available();
my $dns = Pillarbox::Dns->new(join('', map { "many.test MX 10 m$_.many.test\nm$_.many.test A 192.0.2.$_\n" } 1 .. 21)
	. "good.test MX 10 good.test\n", 'silent.test' => sub { undef });
my $pb = Pillarbox->new(settings => { primaryDns => $dns->address });
$pb->start;
my ($pid) = $pb->pids_of('scan-check');

sub caller_socket {
	socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die "socket: $!";
	connect($s, pack_sockaddr_un("$pb->{dir}/run/pub/scan")) or die "connect: $!";
	return $s;
}

# The next record, 'closed', or 'silence' after some seconds.
sub receive {
	my ($s, $wait) = @_;
	IO::Select->new($s)->can_read($wait // 10) or return 'silence';
	recv($s, my $text, 65536, 0) // return 'closed';
	return $text eq '' ? 'closed' : $text;
}

sub answer_to {
	my ($record) = @_;
	my $s = caller_socket();
	local $SIG{PIPE} = 'IGNORE';
	CORE::send($s, $record, 0);
	return receive($s);
}

# A good question of so many bytes: leading zeros of its number fill it.
sub record_of {
	my ($size) = @_;
	return sprintf "domain\nn=%0*d\nname=good.test\n", $size - length("domain\nn=\nname=good.test\n"), 1;
}

is(answer_to("domain\nn=1\nname=good.test\n"), "domain\nn=1\nresult=resolves\nname=\n", 'a well-formed question');
is(answer_to(record_of(8192)), "domain\nn=1\nresult=resolves\nname=\n", 'one at LIMIT_SCAN_RECORD');
my %bad = (
	'nothing but a letter' => 'x', 'zeros' => "\0" x 40, 'no number' => "domain\nname=good.test\n",
	'a number that is none' => "domain\nn=-1\nname=good.test\n", 'an unknown verb' => "flush\nn=1\n",
	'a verb as long as a name' => 'v' x 300 . "\nn=1\n", 'a field is missing' => "domain\nn=1\n",
	'a field too many' => "domain\nn=1\nname=a.test\nip=192.0.2.1\n", 'a field twice' => "domain\nn=1\nname=a.test\nname=b.test\n",
	'no address' => "reverse\nn=1\nip=local\n", 'a bad range' => "mx\nn=1\nname=a.test\nrange=192.0.2.9-192.0.2.1\n",
	'a wrong key' => "mx\nn=1\nname=a.test\nranges=192.0.2.1\n", 'a name too long' => "domain\nn=1\nname=" . 'a' x 321 . "\n",
	'a range over LIMIT_SCAN_RANGES' => "mx\nn=1\nname=a.test\n" . "range=192.0.2.1\n" x 65,
	'SPF with a long sender' => "spf\nn=1\nip=192.0.2.1\nhelo=a.test\nfrom=" . 'a' x 400 . "\@a.test\n",
	'over LIMIT_SCAN_RECORD' => record_of(8193),
);
is(answer_to($bad{$_}), 'closed', "$_: the connection ends") for sort keys %bad;
like(answer_to("mx\nn=1\nname=good.test\n" . "range=192.0.2.1\n" x 64), qr/^mx\nn=1\nresult=no\n/, 'ranges at LIMIT_SCAN_RANGES');
like(answer_to("spf\nn=1\nip=192.0.2.1\nhelo=\nfrom=%n%s\\n\@%i\n"), qr/^spf\nn=1\nresult=none\n/, 'odd texts are asked about');

my $scan = Pillarbox::Scan->new($pb);
$dns->queries;
is($scan->ask('mx 9000 many.test 203.0.113.1'), 'no', 'a domain with 21 MX hosts');
my %asked = map { $_ => 1 } grep { /^m\d+\.many\.test A$/ } $dns->queries;
is(scalar(keys %asked), 20, '... hosts at LIMIT_SCAN_HOSTS are looked at, the one over LIMIT_SCAN_HOSTS is not');

# Questions that DNS leaves open.
# The answer to the seventeenth, which comes at once, says that those before it are under way.
sub ask_17 {
	my ($s, $who) = @_;
	CORE::send($s, "domain\nn=$_\nname=q$_.$who.silent.test\n", 0) for 1 .. 17;
	return receive($s);
}
my $seventeenth = "domain\nn=17\nresult=unknown\n";
my @more = (caller_socket());
is(ask_17($more[0], 0), $seventeenth, 'the question over LIMIT_SCAN_PENDING is unknown at once');
is(receive($more[0], 0.1), 'silence', 'questions at LIMIT_SCAN_PENDING are under way');
my $first_answers = 0;
for my $who (1 .. 63) {
	push @more, caller_socket();
	$first_answers += ask_17($more[-1], $who) eq $seventeenth;
}
is($first_answers, 63, 'so are those of all callers, at LIMIT_SCAN_TASKS');
my $other = caller_socket();
CORE::send($other, "domain\nn=1\nname=other.silent.test\n", 0);
is(receive($other), "domain\nn=1\nresult=unknown\n", 'one over LIMIT_SCAN_TASKS is unknown at once');
CORE::close($_) for splice(@more);
my $answer = '';
for (1 .. 100) {
	CORE::send($other, "domain\nn=2\nname=good.test\n", 0);
	last if ($answer = receive($other)) !~ /unknown/;
	sleep 0.1;
}
is($answer, "domain\nn=2\nresult=resolves\nname=\n", 'when callers are gone their questions are, too');

# One that does not read its answers is closed; others are served meanwhile.
my $deaf = caller_socket();
my $sent = 0;
{
	local $SIG{PIPE} = 'IGNORE';
	my $end = time + 60;
	while (time < $end && defined CORE::send($deaf, "domain\nn=" . ++$sent . "\nname=good.test\n", MSG_DONTWAIT)) { sleep 0.001 if $sent % 100 == 0 }
	while (time < $end && $!{EAGAIN}) { sleep 0.01; CORE::send($deaf, "domain\nn=1\nname=good.test\n", MSG_DONTWAIT) }
	ok($!{EPIPE} || $!{ECONNRESET}, "who reads no answer is closed (after $sent questions)") or diag($!);
}
is(answer_to("domain\nn=1\nname=good.test\n"), "domain\nn=1\nresult=resolves\nname=\n", 'others are served');

is(join(' ', $pb->pids_of('scan-check')) =~ /\b$pid\b/ ? 'same' : 'other', 'same', 'it is the same process all the time');
done_testing();
