package Pillarbox::Postfix;

# Pillarbox::Postfix: a private Postfix with one SMTP port on loopback.  Mail to
# example.com is delivered into the Maildir $px->{mail}.
#
#	my $px = Pillarbox::Postfix->new($pb, "smtpd_milters = inet:127.0.0.1:9999\n");
#	my $px = Pillarbox::Postfix->new($pb, $lines_of_main_cf, $lines_of_master_cf);
#	my $c = $px->connect;		# greeting read
#
# Only root can start one.  It ends with the test.
use strict;
use warnings;
use File::Path qw(make_path);
use IO::Socket::INET;
use Pillarbox;
use Pillarbox::Client;
use Time::HiRes qw(sleep time);

my @live;

# Why it cannot be had; '' when it can.
sub lacking {
	return 'only root can start a private Postfix' if $> != 0;
	return -x '/usr/sbin/postfix' && -x '/usr/lib/postfix/sbin/master' ? '' : 'no Postfix';
}

sub new {
	my ($class, $pb, $more, $services) = @_;
	my $dir = "$pb->{top}/postfix";
	my $self = bless { pb => $pb, dir => $dir, port => Pillarbox::free_ports(1), pid => $$, mail => "$dir/mail/box" }, $class;
	make_path(map { "$dir/$_" } qw(etc spool data log mail));
	my ($uid, $gid) = (getpwnam 'postfix')[2, 3];
	chown $uid, $gid, "$dir/data", "$dir/mail";
	my $main = <<"END";
compatibility_level = 3.6
queue_directory = $dir/spool
data_directory = $dir/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.test.example
mydestination =
virtual_mailbox_domains = example.com
virtual_mailbox_base = $dir/mail
virtual_mailbox_maps = inline:{alice\@example.com=box/ bob\@example.com=box/}
virtual_uid_maps = static:$uid
virtual_gid_maps = static:$gid
virtual_minimum_uid = 1
mynetworks = 192.0.2.0/24
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
local_header_rewrite_clients =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
maillog_file = $dir/log/mail.log
maillog_file_prefixes = $dir
END
	# What the test says takes the place of a line: of a name that stands twice every process of
	# Postfix warns, and master waits for ever when it writes more than its log daemon reads.
	$main =~ s/^\Q$_\E =.*\n//m for ($more // '') =~ /^(\w+) *=/mg;
	Pillarbox::spew("$dir/etc/main.cf", $main . ($more // ''));
	$self->write_master($services // '');
	my ($rc, $out, $err) = $pb->run('/usr/sbin/postfix', '-c', "$dir/etc", 'start');
	push @live, $self;
	die "postfix: exit $rc\n$out$err" . $self->log_text if $rc != 0;
	my $end = time + 20;
	sleep 0.1 while time < $end && !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 1);
	return $self;
}

# The services of the distribution, without a chroot, and our port in place of 25.
sub write_master {
	my ($self, $services) = @_;
	my @lines;
	for (split /\n/, Pillarbox::slurp('/usr/share/postfix/master.cf.dist')) {
		my @f = split ' ';
		next if !/^[#\s]/ && @f > 4 && $f[0] eq 'smtp' && $f[1] eq 'inet';
		s/^(\S+\s+\S+\s+\S+\s+\S+\s+)[y-](\s)/$1n$2/ if !/^[#\s]/;
		push @lines, $_;
	}
	push @lines, "127.0.0.1:$self->{port} inet n - n - - smtpd";
	push @lines, 'postlog unix-dgram n - n - 1 postlogd' unless grep { /^postlog/ } @lines;
	Pillarbox::spew("$self->{dir}/etc/master.cf", join("\n", @lines) . "\n$services");
}

sub connect {
	my ($self, %o) = @_;
	return Pillarbox::Client->new(port => $self->{port}, protocol => 'smtp', %o);
}

sub log_text { my ($self) = @_; return Pillarbox::slurp("$self->{dir}/log/mail.log") }

sub stop {
	my ($self) = @_;
	$self->{pb}->run('/usr/sbin/postfix', '-c', "$self->{dir}/etc", 'stop');
}

END {
	my $code = $?;
	$_->stop for grep { $_->{pid} == $$ } @live;
	$? = $code;
}

1;
