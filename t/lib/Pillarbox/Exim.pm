package Pillarbox::Exim;

# Pillarbox::Exim: a private Exim daemon with one SMTP port on loopback, and, when
# the test names it, a next host.  Mail to $domain is delivered into the Maildir
# $ex->{mail}.
#
#	my $ex = Pillarbox::Exim->new($pb, domain => 'exim.test', next => $pb->port('smtp'),
#		main => "dsn_advertise_hosts = *\n");
#
# Only root can start one.  It ends with the test.
use strict;
use warnings;
use Pillarbox;
use Pillarbox::Child;
use Pillarbox::Peer;
use Time::HiRes qw(sleep time);

my $ID = 5003;		# uid and gid of its user

# Why it cannot be had; '' when it can.
sub lacking {
	return 'only root can start a private Exim' if $> != 0;
	return Pillarbox::Peer::has('exim', '/usr/sbin/exim4') ? '' : 'no Exim';
}

sub new {
	my ($class, $pb, %o) = @_;
	my $dir = "$pb->{top}/exim-" . ($o{domain} =~ s/\W/-/gr);
	my $self = bless { pb => $pb, dir => $dir, port => Pillarbox::free_ports(1), mail => "$dir/mail" }, $class;
	mkdir $_ or die "$_: $!" for $dir, map { "$dir/$_" } qw(etc etc/exim4 spool log mail);
	chown $ID, $ID, map { "$dir/$_" } qw(spool log mail);
	my %file = map { $_ => Pillarbox::slurp("/etc/$_") } qw(passwd group);
	$file{passwd} .= "Debian-exim:x:$ID:$ID\::/nonexistent:/usr/sbin/nologin\n";
	$file{group} .= "Debian-exim:x:$ID:\n";
	Pillarbox::spew("$dir/etc/$_", $file{$_}) for keys %file;
	my ($main, $transport) = ($o{main} // '', $o{transport} // '');
	my $next = $o{next} ? <<"END" : '';
out:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
END
	Pillarbox::spew("$dir/etc/exim4/exim4.conf", <<"END");
primary_hostname = mx.$o{domain}
spool_directory = $dir/spool
log_file_path = $dir/log/%slog
never_users =
local_interfaces = 127.0.0.1
daemon_smtp_ports = $self->{port}
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
acl_smtp_rcpt = accept
acl_smtp_data = accept
$main
begin routers
local:
  driver = accept
  domains = $o{domain}
  condition = \${if !match{\$local_part}{^nobody}}
  transport = box
unknown:
  driver = redirect
  domains = $o{domain}
  allow_fail
  data = :fail: no such user here
$next
begin transports
box:
  driver = appendfile
  maildir_format
  directory = $dir/mail
  user = Debian-exim
  delivery_date_add
  envelope_to_add
smtp:
  driver = smtp
  port = @{[ $o{next} // 25 ]}
  allow_localhost
$transport
END
	my @cmd = Pillarbox::Peer::packaged('exim', "$dir/etc", '/usr/sbin/exim4', '-bdf', '-q1s', '-oX', "127.0.0.1.$self->{port}");
	$self->{child} = Pillarbox::Child->program("$dir/out", @cmd);
	$self->{child}->answers($self->{port});
	return $self;
}

sub log_text { my ($self) = @_; return join '', map { Pillarbox::slurp($_) } glob("$self->{dir}/log/*"), "$self->{dir}/out" }

# The messages in its Maildir, once there are n.
sub wait_mail {
	my ($self, $n, $seconds) = @_;
	my $end = time + ($seconds // 30);
	my @files;
	sleep 0.05 while (@files = glob "$self->{mail}/new/*") < $n && time < $end;
	return map { Pillarbox::slurp($_) } @files;
}

1;
