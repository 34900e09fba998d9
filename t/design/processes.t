#!/usr/bin/perl
# In an instance made by root, every running process but mail-master has given
# its rights up, and mail-master holds no connection and no mail.
use strict;
use warnings;
use Pillarbox;
use Pillarbox::Skeleton;
use Test::More;

plan skip_all => 'only root can start an instance with service users' if $> != 0;
my $pb = Pillarbox->new(settings => { 'greylisting/enabled' => 'True' });
$pb->user('alice@example.com');
$pb->start;
my %session = map { $_ => $pb->connect($_) } qw(smtp pop3 imap);
my $master = Pillarbox::slurp("$pb->{dir}/run/mail-master.pid") + 0;

sub status { my ($pid) = @_; return { Pillarbox::slurp("/proc/$pid/status") =~ /^(\w+):\s*(.*)$/mg } }
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
	push @wrong, "groups $s->{Groups}" if $s->{Groups} =~ /\b0\b/;
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
done_testing();
