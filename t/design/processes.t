#!/usr/bin/perl
# In an instance made by root, every running process but mail-master has given
# its rights up, and mail-master holds no connection and no mail.  Who knows
# more about a stranger gives up more: each seccomp filter that is added counts.
use strict;
use warnings;
use Pillarbox;
use Pillarbox::Skeleton;
use Test::More;

plan skip_all => 'only root can start an instance with service users' if $> != 0;
my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True' });
$pb->user('alice@example.com');
$pb->set(allowLoopbackTargets => 'True');
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'address=127.0.0.1', 'port=' . Pillarbox::free_ports(1), 'domains=away.example');
# Who starts it is in more groups than one.
$pb->start(through => [ 'setpriv', '--groups', '0,4,8' ]);
my %session = map { $_ => $pb->connect($_) } qw(smtp pop3 imap);
my $master = Pillarbox::slurp("$pb->{dir}/run/mail-master.pid") + 0;

sub status { my ($pid) = @_; return { Pillarbox::slurp("/proc/$pid/status") =~ /^(\w+):[ \t]*(.*)$/mg } }
sub name { my ($pid) = @_; return join ' ', grep { $_ ne '-r' && $_ ne $pb->{dir} } split /\0/, Pillarbox::cmdline($pid) }

# What each descriptor is: a path, or socket:[inode] and the like.
sub descriptors {
	my ($pid) = @_;
	return map { readlink($_) // () } glob("/proc/$pid/fd/*");
}

# Inodes of TCP sockets by state (01 connected, 0A listening) as the kernel lists them.
my (%connected, %listening);
for my $file ('/proc/net/tcp', '/proc/net/tcp6') {
	for (split /\n/, Pillarbox::slurp($file)) {
		my @f = split ' ';
		next unless @f > 9 && $f[3] =~ /^[0-9A-F]{2}$/;
		$connected{"socket:[$f[9]]"} = 1 if $f[3] ne '0A';
		$listening{"socket:[$f[9]]"} = 1 if $f[3] eq '0A';
	}
}

my @pids = grep { -d "/proc/$_" } $pb->pids;
my %seen;
for my $pid (@pids) {
	my $s = status($pid);
	next unless $s->{Uid};
	my $name = name($pid);
	next if $pid == $master;
	$seen{ (split ' ', $name)[0] =~ s{.*/}{}r }++;
	my @wrong;
	push @wrong, "uid $s->{Uid}" if $s->{Uid} =~ /\b0\b/ || $s->{Gid} =~ /\b0\b/;
	push @wrong, "groups $s->{Groups}" if $s->{Groups} =~ /\d/;
	push @wrong, 'no_new_privs is off' if $s->{NoNewPrivs} ne '1';
	push @wrong, 'no seccomp filter' if $s->{Seccomp} ne '2';
	push @wrong, "capabilities $s->{CapEff}/$s->{CapPrm}" if "$s->{CapEff}$s->{CapPrm}" =~ /[1-9a-f]/;
	is(join(', ', @wrong), '', "$name ($pid) has no rights left");
}
is(join(' ', grep { !$seen{$_} } qw(event-log auth-check abuse-check scan-check greylist-check spool-runner local-deliver remote-send
	smtp-listen pop3-serve imap-serve)), '', 'every program was looked at');

my @fds = descriptors($master);
is(join(' ', grep { $connected{$_} } @fds), '', 'mail-master holds no connection');
is(join(' ', grep { m{/(?:domains|spool)(?:/|$)} } @fds), '', 'and no mail');
cmp_ok(scalar(grep { $listening{$_} } @fds), '>=', 7, 'but the ports');

for my $program (qw(smtp-listen pop3-serve imap-serve)) {
	for my $pid ($pb->pids_of($program)) {
		is(readlink("/proc/$pid/root"), "$pb->{dir}/run/pub", "$program ($pid) sees the sockets only");
		my @mail = grep { m{^/} && !m{^/dev/null$|/run/pub$|/log/stderr\.log$} && !m{^/tmp/#|\(deleted\)|^/dev/(?:zero|pts/)} }
			descriptors($pid);
		# smtp-listen has the file for its next message ready: a new one, without content.
		@mail = grep { !(m{/spool/[^/]+/\d+\.em_$} && -z $_) } @mail if $program eq 'smtp-listen';
		is(join(' ', @mail), '', "$program ($pid) holds no file before log-in");
	}
}

# A process of the instance by the client whose connection it holds.
sub worker_of {
	my ($c, $program) = @_;
	my ($here, $there) = map { sprintf ':%04X', $_ } $c->{sock}->peerport, $c->{sock}->sockport;
	my ($inode) = map { (split ' ')[9] } grep { my @f = split ' '; $f[1] =~ /$here$/ && $f[2] =~ /$there$/ }
		grep { /^\s*\d+:/ } split /\n/, Pillarbox::slurp('/proc/net/tcp');
	for my $pid ($pb->pids_of($program)) {
		return $pid if grep { $_ eq "socket:[$inode]" } descriptors($pid);
	}
	die "nobody in $program holds the connection\n";
}

sub filters { return status($_[0])->{Seccomp_filters} }
sub parent { return status($_[0])->{PPid} }

for my $protocol (qw(pop3 imap)) {
	my $c = $session{$protocol};
	my $pid = worker_of($c, "$protocol-serve");
	my $before = filters($pid);
	is($before, filters(parent($pid)) + 1, "$protocol: a worker has a filter more than its listener");
	is(readlink("/proc/$pid/cwd"), "$pb->{dir}/run/pub", '... and stands among the sockets');
	$c->login('alice@example.com', $Pillarbox::PASSWORD);
	is(worker_of($c, "$protocol-serve"), $pid, 'the log-in is served by the same process');
	is(filters($pid), $before + 1, '... which now has one more');
	is(readlink("/proc/$pid/cwd"), $pb->maildir('alice@example.com'), '... and stands in its own Maildir');
}

# Those that meet hostile bytes have parents with more rights.  An agent of
# remote-send starts with the first message; beside it there is the resolver.
like($pb->send_mail(from => 'alice@example.com', to => 'x@away.example'), qr/^250/, 'a message for another host');
ok($pb->wait_log('delivery', qr/event=deferred .*to=x\@away\.example/), '... was tried');
sub children { my ($program) = @_; my %is = map { $_ => 1 } $pb->pids_of($program); return grep { $is{ parent($_) } } keys %is }
sub is_tighter { my ($pid) = @_; return filters($pid) == filters(parent($pid)) + 1 }
my @sends = children('remote-send');
cmp_ok(scalar(grep { is_tighter($_) } @sends), '>=', 1, 'an agent of remote-send has a filter more than its parent');
cmp_ok(scalar(grep { !is_tighter($_) } @sends), '<=', 1, '... and so have all but the resolver');
my %keeps = map { parent($_) => 1 } children('auth-check');
my @helpers = grep { !$keeps{$_} } children('auth-check');
cmp_ok(scalar @helpers, '>=', 2, 'auth-check has helpers');
is(join(' ', grep { !is_tighter($_) } @helpers), '', '... each with a filter more than its parent');
done_testing();
