#!/usr/bin/perl
# What failing DNS means for mail (cases D04, D07, D08): deferred, never lost,
# and the resolver's process may die without harm.
# Features: GEN-03, SMTPOUT-11.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Time::HiRes qw(time sleep);
use IO::Select;
use IO::Socket::INET;
use Pillarbox::Outbound;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();

my @servers;
my $main = $$;
END { local $?; kill 'KILL', @servers if @servers && $$ == $main }

# A name server whose answers are the test's: header and question are echoed.
sub dns_server {
	my ($answer) = @_;
	my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp') or die "udp: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid) {
		push @servers, $pid;
		return ($pid, '127.0.0.1@' . $s->sockport);
	}
	while (defined(my $peer = $s->recv(my $query, 4096))) {
		my $end = 12;
		my $n;
		$end += $n + 1 while $n = ord substr($query, $end, 1);
		my $question = substr($query, 12, $end + 5 - 12);
		my $reply = $answer->(substr($query, 0, 2), $question, substr($query, 12, $end - 12));
		$s->send($reply, 0, $peer) if defined $reply;
	}
	POSIX::_exit(0);
}

sub header { my ($id, $flags, $answers) = @_; return $id . pack('n5', $flags, 1, $answers, 0, 0) }

my %answers = (
	'SERVFAIL' => sub { header($_[0], 0x8182, 0) . $_[1] },
	'REFUSED' => sub { header($_[0], 0x8185, 0) . $_[1] },
	'a pointer to itself' => sub { header($_[0], 0x8180, 1) . $_[1]
		. pack('n n n N n', 0xc000 + 12 + length $_[1], 15, 1, 60, 4) . pack('n n', 10, 0xc000 + 12 + length $_[1]) },
	'a record cut short' => sub { header($_[0], 0x8180, 1) . $_[1] . pack('n n n N n', 0xc00c, 15, 1, 60, 200) . 'x' },
	'rubbish' => sub { $_[0] . "\xff" x 300 },
);

# The name below the root by which remote-send asks whether DNS works at all.
sub is_probe { my ($wire) = @_; return $wire =~ /^.pillarbox-[0-9a-f]{16}$/s }
for my $name (sort keys %answers) {
	my ($pid, $dns) = dns_server(sub { is_probe($_[2]) ? header($_[0], 0x8183, 0) . $_[1] : $answers{$name}->(@_) });
	my $out = Pillarbox::Outbound->new(dns => $dns);
	my %r = $out->send("x\r\n", domain => 'x.example', from => '', rcpt => ['a@x.example']);
	like($r{1}, qr/^451 4\.4\.3 /, "$name: deferred");
	is($r{dns}, 1, "$name: counts as a failed look-up");
	is($out->stop, 0, "$name: alive to the end");
	unlike($out->log, qr/event=child-died/, "$name: so is the resolver");
	kill 'KILL', pop @servers;
	waitpid $pid, 0;
}

# A server that fails for everybody: no domain is to blame.
my ($broken, $broken_dns) = dns_server($answers{SERVFAIL});
my $bad = Pillarbox::Outbound->new(dns => $broken_dns);
for my $domain (qw(x.example y.example)) {
	my %r = $bad->send("x\r\n", domain => $domain, from => '', rcpt => ["a\@$domain"]);
	like($r{1}, qr/^451 4\.4\.3 the DNS servers that this server asks do not answer/, 'DNS fails for everybody: deferred');
	is($r{dns}, undef, 'and does not count as a failed look-up of the domain');
}
is(scalar(() = $bad->log =~ /event=resolver-silent/g), 1, 'the log says so once');
is($bad->stop, 0, 'alive to the end');
kill 'KILL', pop @servers;
waitpid $broken, 0;

# A server that never answers; meanwhile the resolver's process is killed.
my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp') or die "udp: $!";
my $out = Pillarbox::Outbound->new(dns => '127.0.0.1@' . $silent->sockport);
my $sender = fork() // die;
if ($sender == 0) {
	my $begin = time;
	my %r = $out->send("x\r\n", domain => 'x.example', from => '', rcpt => ['a@x.example']);
	POSIX::_exit(($r{1} // '') =~ /^451 4\.4\.3 / && time - $begin < 20 ? 0 : 1);
}
IO::Select->new($silent)->can_read(20) or diag('nobody asked');
my @resolver;
for (my $end = time + 20; !@resolver && time < $end; sleep 0.1) {
	@resolver = grep { my @f = split ' ', Pillarbox::Outbound::slurp("$_/stat"); @f && $f[1] eq '(remote-send)' && $f[3] == $out->{sender} }
		glob '/proc/[0-9]*';
}
is(scalar @resolver, 1, 'the resolver has a process of its own');
kill 'KILL', map { m{(\d+)$} } @resolver;
waitpid $sender, 0;
is($?, 0, 'its death defers what was asked, at once');
$sender = fork() // die;
if ($sender == 0) {
	my $begin = time;
	my %r = $out->send("x\r\n", domain => 'x.example', from => '', rcpt => ['a@x.example']);
	POSIX::_exit(($r{1} // '') =~ /^451 4\.4\.3 / && time - $begin < 40 ? 0 : 1);
}
waitpid $sender, 0;
is($?, 0, 'a silent server defers in bounded time');
is($out->stop, 0, 'and it ends in peace');
done_testing();
