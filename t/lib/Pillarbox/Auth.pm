package Pillarbox::Auth;

# Pillarbox::Auth: auth-check asked directly, for t/auth and t/greylist.
#
#	start_directory($pb);			# returns when auth-check answers
#	my ($result, $user, $fd) = login($pb, 'imap', 'PLAIN', $user, $password, uid => uid_of($pb, 'pbmail'));
#	my @answers = lookup($pb, 'rcpt alice@example.com', ...);
use strict;
use warnings;
use Exporter 'import';
use IO::Socket::UNIX;
use Pillarbox;
use Socket qw(SOCK_STREAM SOCK_SEQPACKET);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(start_directory login lookup lookup_as uid_of auth_connect ask_control netstring read_line
	auth_main hash_helpers);
(my $tools = $Pillarbox::BIN) =~ s{/prog/*$}{/t/auth};

# The uid of a service user in this instance: ours in one that has a single uid.
sub uid_of {
	my ($pb, $user) = @_;
	return $> if $> != 0;
	return scalar(getpwnam($user)) // die "no user $user";
}

sub start_directory {
	my ($pb) = @_;
	$pb->ctl('start');
	$pb->{started} = 1;
	my $end = time + 20;
	while (time < $end) {
		my @a = eval { lookup($pb, 'domain example.com') };
		return if @a && $a[0] =~ /^(?:OK|NOTFOUND)/;
		sleep 0.1;
	}
	die "auth-check does not answer\n";
}

# A connection made under that uid, as SO_PEERCRED sees it.
sub connect_as {
	my ($path, $uid, $type) = @_;
	local $> = $uid if defined $uid && $uid != $>;
	return IO::Socket::UNIX->new(Peer => $path, Type => $type // SOCK_STREAM);
}

sub netstring { return join '', map { length($_) . ':' . $_ . ',' } @_ }

sub lookup { my ($pb, @questions) = @_; return lookup_as($pb, 'pbsmtp', @questions) }

# The same by another service user.
sub lookup_as {
	my ($pb, $user, @questions) = @_;
	my $s = connect_as("$pb->{dir}/run/pub/lookup", uid_of($pb, $user)) or die "lookup: $!";
	my ($in, @answers) = ('');
	local $SIG{ALRM} = sub { die "lookup: no answer\n" };
	alarm 20;
	syswrite $s, netstring(@questions);
	while (@answers < @questions) {
		sysread($s, $in, 65536, length $in) or last;
		while ($in =~ /^(\d+):/ && length($in) >= length($1) + $1 + 2) {
			my ($n, $digits) = ($1, length $1);
			push @answers, substr($in, $digits + 1, $n);
			$in = substr($in, $digits + $n + 2);
		}
	}
	alarm 0;
	return @answers;
}

# RESULT, USER, descriptor, milliseconds.
sub login {
	my ($pb, $service, $mechanism, $user, $password, %o) = @_;
	my $uid = $o{uid} // uid_of($pb, $service eq 'smtp' ? 'pbsmtp' : 'pbmail');
	my ($rc, $out, $err) = $pb->run("$tools/auth-ask", "$pb->{dir}/run/pub/auth", $uid == $> ? '-' : $uid,
		$service, $mechanism, $user, $password, defined $o{ip} ? $o{ip} : ());
	return ("exit $rc $err", '', '', 0) if $rc != 0;
	my ($result, $who, $fd, $ms) = $out =~ /^(\S+) (\S+) (.*) (\d+)ms$/ or die "auth-ask: $out";
	return ($result, $who, $fd, $ms);
}

# A raw connection to the socket "auth" behind its greeting.
sub auth_connect {
	my ($pb, $user) = @_;
	my $s = connect_as("$pb->{dir}/run/pub/auth", uid_of($pb, $user // 'pbsmtp')) or return;
	my $line;
	do { $line = read_line($s) // return } until $line eq 'DONE';
	syswrite $s, "VERSION\t1\t2\nCPID\t$$\n";
	return $s;
}

# One line, or undef at the end of the connection or after ten seconds.
sub read_line {
	my ($s) = @_;
	my $line = '';
	my $got = eval {
		local $SIG{ALRM} = sub { die "timeout\n" };
		alarm 10;
		while (sysread($s, my $c, 1)) {
			last if $c eq "\n";
			$line .= $c;
		}
		alarm 0;
		1;
	};
	alarm 0;
	return $got && length $line ? $line : undef;
}

sub parent_of { my ($pid) = @_; return Pillarbox::slurp("/proc/$pid/status") =~ /^PPid:\s+(\d+)/m ? $1 : 0 }

# The process of auth-check that others ask, which mail-master started.
sub auth_main {
	my ($pb) = @_;
	my ($main) = grep { Pillarbox::slurp('/proc/' . parent_of($_) . '/cmdline') =~ /mail-master/ } $pb->pids_of('auth-check');
	return $main // die "auth-check does not run\n";
}

# Those that hash and read files for it: children of the keeper that it started.
sub hash_helpers {
	my ($pb) = @_;
	my $main = auth_main($pb);
	return grep { my $keeper = parent_of($_); $keeper != $main && parent_of($keeper) == $main } $pb->pids_of('auth-check');
}

sub ask_control {
	my ($pb, $name, $request) = @_;
	my $s = connect_as("$pb->{dir}/run/pub/$name", undef, SOCK_SEQPACKET) or die "$name: $!";
	syswrite $s, $request;
	sysread $s, my $reply, 65536;
	return $reply;
}

1;
