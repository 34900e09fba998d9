#!/usr/bin/perl
# A milter sees under us what it sees under Postfix: a milter that writes down
# every callback with its arguments and macros is asked by both about the same
# dialogues, and the two records are compared.  What may differ is a list, each
# line with its reason.  Then both deliver what it made of some messages.
# Features: TOOL-15.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use IO::Socket::INET;
use IO::Socket::IP;
use IO::Socket::UNIX;
use MIME::Base64;
use Pillarbox;
use Pillarbox::Certificates;
use Pillarbox::Postfix;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => Pillarbox::Postfix::lacking() if Pillarbox::Postfix::lacking();
plan skip_all => 'no python3-milter' if system('/usr/bin/python3', '-c', 'import Milter') != 0;

my $pb = Pillarbox->new(host => 'mail.test.example');
$pb->user("$_\@example.com") for qw(alice bob);
my %milter = map { $_ => { port => Pillarbox::free_ports(1), trace => "$pb->{top}/$_.trace" } } qw(us postfix);
my @children;
END { my $code = $?; kill 'KILL', @children if @children; $? = $code }
for my $m (values %milter) {
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>>', "$pb->{top}/milter.log";
		exec '/usr/bin/python3', "$Pillarbox::SRC/t/smtp/record-milter.py", "inet:$m->{port}\@127.0.0.1", $m->{trace}
			or POSIX::_exit(127);
	}
	push @children, $pid;
	my $end = time + 20;
	sleep 0.1 while time < $end && !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $m->{port});
}
$pb->ctl_ok('set', '--add', 'xclientTrusted/address', '127.0.0.1');
$pb->ctl_ok('set', '--add', 'milters/milter', "socket=inet:$milter{us}{port}\@127.0.0.1", 'failMode=tempfail', 'timeout=20');
my $ca = Pillarbox::Certificates->new("$pb->{top}/certs");
my ($cert, $key) = $ca->make('client', client => 1);
my ($own, $own_key) = $ca->make('liar', client => 1, self => 1);
chmod 0755, "$pb->{top}/certs";
$pb->set(tlsClientCertificates => 'ask', tlsClientCaPath => $ca->ca);
my $six = IO::Socket::IP->new(LocalHost => '::1', Listen => 1) ? Pillarbox::free_ports(1) : 0;
$pb->ctl_ok('bindings', 'add', '::1') if $six;
sasl_for_postfix("$pb->{top}/sasl");
$pb->start;
my $px = Pillarbox::Postfix->new($pb, "smtpd_milters = inet:127.0.0.1:$milter{postfix}{port}\n"
	. "milter_default_action = tempfail\nsmtpd_tls_security_level = may\n"
	. "smtpd_tls_cert_file = $pb->{dir}/etc/tls/cert.pem\nsmtpd_tls_key_file = $pb->{dir}/etc/tls/key.pem\n"
	. "smtpd_peername_lookup = yes\nsmtpd_authorized_xclient_hosts = 127.0.0.1\n"
	. "milter_connect_macros = j v _ {daemon_name} {daemon_addr} {client_addr} {client_name} {client_ptr} {client_resolve} {client_port}\n"
	. "smtpd_tls_ask_ccert = yes\nsmtpd_tls_CAfile = " . $ca->ca . "\nsmtputf8_enable = yes\n"
	. "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = $pb->{top}/sasl\n"
	. ($six ? "inet_protocols = all\ninet_interfaces = 127.0.0.1, ::1\n" : ''),
	$six ? "[::1]:$six inet n - n - - smtpd -o smtpd_peername_lookup=no\n" : '');	# /etc/hosts may not have it, and DNS is slow
my %server = (us => sub { $pb->connect('smtp') }, postfix => sub { $px->connect });

# Logs in whoever comes, as Postfix asks Dovecot's server (protocol 1.2).
sub sasl_for_postfix {
	my ($at) = @_;
	my $listener = IO::Socket::UNIX->new(Local => $at, Listen => 20) or die "$at: $!";
	chmod 0666, $at;
	my $pid = fork() // die "fork: $!";
	if ($pid) { push @children, $pid; return }
	local $SIG{CHLD} = 'IGNORE';
	while (my $s = $listener->accept) {
		next if fork();
		$s->autoflush(1);
		print $s "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t" . '0' x 32 . "\nDONE\n";
		while (my $line = <$s>) {
			next if $line !~ /^AUTH\t(\d+)\tPLAIN\t.*\bresp=(\S+)/;
			print $s "OK\t$1\tuser=" . (split /\0/, decode_base64($2))[1] . "\n";
		}
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}

# -- the dialogues --------------------------------------------------------------

my $message = join "\r\n", 'Received: by earlier', 'From: A <a@b.example>', 'X-Old: one', 'X-Old:  two blanks', 'X-Empty:',
	"X-Folded: first\r\n second\r\n\tthird", "Subject: SUBJECT", '', 'text', '..dotted', '', 'end', '';
my %dialogue = (
	'two messages' => sub {
		my ($c) = @_;
		my @r = ($c->command('EHLO client.example'));
		push @r, $c->command('MAIL FROM:<Sender@b.example> SIZE=1000 BODY=8BITMIME');
		push @r, $c->command('RCPT TO:<alice@example.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;alice@example.com');
		push @r, $c->command('RCPT TO:<nobody@example.com>');
		push @r, $c->command('RCPT TO:<bob@example.com>');
		push @r, $c->command('DATA'), $c->command(($message =~ s/SUBJECT/plain/r) . '.');
		push @r, $c->command('MAIL FROM:<>'), $c->command('RCPT TO:<bob@example.com>');
		push @r, $c->command('DATA'), $c->command("X: y\r\n\r\n" . ('z' x 70 . "\r\n") x 2000 . '.');
		push @r, $c->command('QUIT');
		return @r;
	},
	'nothing finished' => sub {
		my ($c) = @_;
		my @r = ($c->command('HELO client.example'), $c->command('XYZZY now'));
		push @r, $c->command('MAIL FROM:<a@b.example>'), $c->command('RSET');
		push @r, $c->command('MAIL FROM:<a@b.example>'), $c->command('RCPT TO:<alice@example.com>'), $c->command('RSET');
		push @r, $c->command('MAIL FROM:<a@b.example>'), $c->command('RCPT TO:<alice@example.com>');
		push @r, $c->command('EHLO again.example'), $c->command('QUIT');
		return @r;
	},
	'the name that a proxy tells' => sub {
		my ($c) = @_;
		my @r = ($c->command('EHLO proxy.example'));
		push @r, $c->command('XCLIENT NAME=mx.far.example ADDR=192.0.2.7 PORT=4711');
		push @r, $c->command('EHLO client.example'), $c->command('MAIL FROM:<a@b.example>'), $c->command('RCPT TO:<alice@example.com>');
		push @r, $c->command('RSET'), $c->command('QUIT');
		return @r;
	},
	'a client without a name' => sub {
		my ($c) = @_;
		my @r = ($c->command('XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.8 PORT=4712'));
		push @r, $c->command('EHLO client.example'), $c->command('MAIL FROM:<a@b.example>'), $c->command('QUIT');
		return @r;
	},
	'gone' => sub {
		my ($c) = @_;
		my @r = ($c->command('EHLO client.example'), $c->command('MAIL FROM:<a@b.example>'),
			$c->command('RCPT TO:<alice@example.com>'));
		push @r, $c->command('DATA');
		$c->send_raw("Subject: x\r\n\r\nhalf");
		return @r;
	},
	'tls' => sub {
		my ($c) = @_;
		my @r = ($c->command('EHLO client.example'), $c->command('STARTTLS'));
		$c->start_tls;
		push @r, $c->command('EHLO client.example'), $c->command('MAIL FROM:<a@b.example>');
		push @r, $c->command('RCPT TO:<alice@example.com>'), $c->command('QUIT');
		return @r;
	},
	'a log-in' => sub {
		my ($c) = @_;
		my @r = ($c->command('EHLO client.example'), $c->command('STARTTLS'));
		$c->start_tls;
		push @r, $c->command('EHLO client.example');
		push @r, $c->command('AUTH PLAIN ' . encode_base64("\0alice\@example.com\0$Pillarbox::PASSWORD", ''));
		push @r, $c->command('MAIL FROM:<alice@example.com> AUTH=bob+2Btag@example.com'), $c->command('RCPT TO:<bob@example.com>');
		push @r, $c->command('RSET'), $c->command('MAIL FROM:<alice@example.com> AUTH=<>'), $c->command('QUIT');
		return @r;
	},
	'a certificate' => sub {
		my ($c) = @_;
		my @r = ($c->command('EHLO client.example'), $c->command('STARTTLS'));
		$c->start_tls(SSL_use_cert => 1, SSL_cert_file => $cert, SSL_key_file => $key);
		push @r, map { $c->command($_) } 'EHLO client.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'QUIT';
		return @r;
	},
	'a certificate of its own' => sub {
		my ($c) = @_;
		my @r = ($c->command('EHLO client.example'), $c->command('STARTTLS'));
		$c->start_tls(SSL_use_cert => 1, SSL_cert_file => $own, SSL_key_file => $own_key);
		push @r, map { $c->command($_) } 'EHLO client.example', 'MAIL FROM:<a@b.example>', 'QUIT';
		return @r;
	},
	'chunks' => sub {
		my ($c) = @_;
		my @r = map { $c->command($_) } 'EHLO client.example', 'MAIL FROM:<a@b.example> BODY=8BITMIME', 'RCPT TO:<alice@example.com>';
		my $text = $message =~ s/SUBJECT/chunks/r;
		for my $part (substr($text, 0, 50), substr($text, 50)) {
			$c->send_raw('BDAT ' . length($part) . "\r\n$part");
			push @r, $c->reply;
		}
		push @r, map { $c->command($_) } 'BDAT 0 LAST', 'QUIT';
		return @r;
	},
	'international mail' => sub {
		my ($c) = @_;
		my @r = map { $c->command($_) } 'EHLO client.example', "MAIL FROM:<j\xc3\xb6rg\@b.example> SMTPUTF8", 'RCPT TO:<alice@example.com>', 'DATA';
		push @r, $c->command("From: <j\xc3\xb6rg\@b.example>\r\nSubject: gr\xc3\xbc\xc3\x9fe\r\n\r\n\xc3\xa4\r\n."), $c->command('QUIT');
		return @r;
	},
	'IPv6 that a proxy tells' => sub {
		my ($c) = @_;
		my @r = map { $c->command($_) } 'XCLIENT NAME=six.far.example ADDR=IPV6:2001:db8::7 PORT=4711', 'EHLO client.example', 'MAIL FROM:<a@b.example>', 'QUIT';
		return @r;
	},
);
$dialogue{'IPv6'} = sub {
	my ($c) = @_;
	return map { $c->command($_) } 'EHLO client.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'QUIT';
} if $six;

sub lines_of { my ($who) = @_; return split /\n/, Pillarbox::slurp($milter{$who}{trace}) }

sub connect_six {
	my ($who) = @_;
	my $s = IO::Socket::IP->new(PeerHost => '::1', PeerPort => $who eq 'us' ? $pb->port('smtp') : $six) or die "$who over IPv6: $!";
	return Pillarbox::Client->new(protocol => 'smtp', sock => $s);
}

# The lines that one dialogue wrote; it is over when each session is closed.
sub record {
	my ($who, $title) = @_;
	my $talk = $dialogue{$title};
	my $before = lines_of($who);
	my $c = $title eq 'IPv6' ? connect_six($who) : $server{$who}->();
	my @codes = map { substr $_, 0, 1 } $talk->($c);
	$c->close;
	my $end = time + 20;
	my @new;
	do {
		sleep 0.05;
		@new = lines_of($who);
		splice @new, 0, $before;
	} until (@new && grep({ $_ eq 'close' } @new) == grep({ /^connect\t/ } @new)) || time > $end;
	return ("@codes", @new);
}

# -- what may differ ---------------------------------------------------------------

# Macros whose values name the server itself, its version, or a connection.
my %own_value = map { $_ => 1 } qw(
	v
	i
	{daemon_name}
	{client_port}
	{daemon_port}
);
# Postfix writes "unknown" for a client without a name, Sendmail and we "[ADDRESS]".
my %nameless = map { $_ => 1 } qw({client_name} _);
# Names of delivery agents: each server has its own.
my %agent = map { $_ => 1 } qw({mail_mailer} {rcpt_mailer} {mail_host} {rcpt_host});

sub normal {
	my ($line) = @_;
	my ($name, @rest) = split /\t/, $line, -1;
	my (@args, %macros);
	for (@rest) {
		if (/^((?:\{\w+\}|\w))=(.*)/s && ($name ne 'header' || @args >= 2)) { $macros{$1} = $2 } else { push @args, $_ }
	}
	$args[0] = 'own' if $name eq 'connect' && $args[2] eq '::1';
	$macros{'{client_addr}'} //= '';
	# libmilter's documentation says "including its arguments"; Postfix passes the verb alone.
	$args[0] =~ s/ .*// if $name eq 'unknown';
	$args[0] =~ s/^(?:unknown|\[[\d.]+\])$/nameless/ if $name eq 'connect';
	for my $m (keys %macros) {
		$macros{$m} = 'own' if $own_value{$m};
		$macros{$m} =~ s/^(?:unknown \[[\d.]+\]|unknown|\[[\d.]+\])$/nameless/ if $nameless{$m};
		# The name of ::1 is what DNS says for one and /etc/hosts for the other.
		$macros{$m} = 'own' if $macros{'{client_addr}'} eq 'IPv6:::1' && $m =~ /^(?:_|\{client_(?:name|ptr|resolve)\})$/;
		# XCLIENT NAME leaves Postfix with the reverse name of who connected.
		$macros{$m} = 'nameless' if $m eq '_' && $macros{$m} eq 'localhost [192.0.2.8] (may be forged)';
		$macros{$m} = 'unknown' if $m eq '{client_ptr}' && ($macros{'{client_addr}'} // '') eq '192.0.2.8';
		$macros{$m} = 'agent' if $agent{$m};
		$macros{$m} = lc $macros{$m} if $m eq '{mail_addr}';	# Postfix writes it in small letters
	}
	# A null sender has no host; Postfix gives its own name.
	delete $macros{'{mail_host}'} if exists $macros{'{mail_addr}'} && $macros{'{mail_addr}'} eq '';
	return { line => $line, call => join("\t", $name, @args), macros => \%macros };
}

# Connections that only looked whether a port answers are over when this one is.
for my $who (keys %server) {
	my $c = $server{$who}->();
	$c->command('EHLO all.before.is.over');
	$c->command('QUIT');
	my $end = time + 20;
	sleep 0.05 until time > $end || join(' ', lines_of($who)) =~ /all\.before\.is\.over.* close$/s;
}
for my $title (sort keys %dialogue) {
	my ($our_codes, @ours) = record(us => $title);
	my ($their_codes, @theirs) = record(postfix => $title);
	is($our_codes, $their_codes, "$title: the client hears replies of the same kind");
	# Sessions end in threads of their own: the milter may write that down behind what the next one says.
	my @ends = map { scalar grep { $_ eq 'close' } @$_ } \@ours, \@theirs;
	is($ends[0], $ends[1], "$title: as many sessions");
	@ours = map { normal($_) } grep { $_ ne 'close' } @ours;
	@theirs = map { normal($_) } grep { $_ ne 'close' } @theirs;
	my $calls = join "\n", map { $_->{call} } @ours;
	is($calls, join("\n", map { $_->{call} } @theirs), "$title: the same callbacks with the same arguments");
	my @missing;
	for my $i (0 .. $#theirs) {
		my ($t, $o) = ($theirs[$i]{macros}, $ours[$i]{macros});
		for my $m (sort keys %$t) {
			push @missing, "$theirs[$i]{call}: $m=" . ($o->{$m} // '(none)') . ", there $t->{$m}"
				if !defined $o->{$m} || $o->{$m} ne $t->{$m};
		}
	}
	is(join("\n", @missing), '', "$title: every macro that Postfix gives, with the same value");
}

# -- what the milter makes of a message ----------------------------------------------

# The text of the message with that Subject, without the fields that each server writes itself.
sub delivered_by {
	my ($who, $subject) = @_;
	my $end = time + 20;
	while (time < $end) {
		for my $file ($who eq 'us' ? $pb->mail('alice@example.com') : glob "$px->{mail}/new/*") {
			my $text = Pillarbox::slurp($file) =~ s/\r\n/\n/gr;
			next if $text !~ /^Subject: \Q$subject\E$/m;
			my ($sender) = $text =~ /^Return-Path: (.*)/m;
			$text =~ s/^(?:Return-Path|X-Original-To|Delivered-To): .*\n//mg;
			$text =~ s/^Received: from .*\n(?:[ \t].*\n)*/Received: of the server\n/m;
			return "sender $sender\n$text";
		}
		sleep 0.1;
	}
	return "$who did not deliver it";
}

for my $what ('nothing at all', 'insert 0', 'insert 1', 'insert 2', 'insert 3', 'insert 100', 'insert 0 insert 0', 'insert 0 insert 1', 'insert 0 insert 2', 'insert 1 insert 0 insert 1', 'add', 'add insert 1 add',
    'change 1', 'change 2', 'change 3', 'delete 1', 'delete 2', 'delete 3', 'delete 1 change 1 insert 1', 'body', 'from') {
	for my $who (keys %server) {
		my $c = $server{$who}->();
		$c->expect('EHLO client.example', qr/^250/);
		$c->expect('MAIL FROM:<sender@b.example>', qr/^250/);
		$c->expect('RCPT TO:<alice@example.com>', qr/^250/);
		$c->expect('DATA', qr/^354/);
		$c->expect(($message =~ s/SUBJECT/$what/r) . '.', qr/^250/);
		$c->command('QUIT');
	}
	is(delivered_by(us => $what), delivered_by(postfix => $what), "$what: the same message is delivered");
}
# Who has the message with that Subject, and what became of it.
sub receivers {
	my ($who, $subject) = @_;
	my ($end, @has) = (time + 20);
	do {
		sleep 0.1;
		if ($who eq 'us') {
			@has = grep { my $u = $_; grep { Pillarbox::slurp($_) =~ /^Subject: \Q$subject\E\r$/m } $pb->mail("$u\@example.com") } qw(alice bob);
		} else {
			@has = map { /^X-Original-To: (\w+)@/m ? $1 : () } grep { /^Subject: \Q$subject\E$/m } map { Pillarbox::slurp($_) } glob "$px->{mail}/new/*";
		}
	} until @has >= ($subject =~ /addrcpt/ ? 2 : 1) || time > $end;
	return join ' ', sort @has;
}

sub send_both {
	my ($subject, @to) = @_;
	for my $who (keys %server) {
		my $c = $server{$who}->();
		$c->expect($_, qr/^[23]/) for 'EHLO client.example', 'MAIL FROM:<sender@b.example>', (map { "RCPT TO:<$_\@example.com>" } @to), 'DATA';
		$c->expect(($message =~ s/SUBJECT/$subject/r) . '.', qr/^250/);
		$c->command('QUIT');
	}
}
for my $case ([ 'addrcpt bob@example.com', 'alice bob', 'alice' ], [ 'delrcpt bob@example.com addrcpt bob@example.com', 'alice bob', 'alice', 'bob' ],
    [ 'delrcpt alice@example.com', 'bob', 'alice', 'bob' ], [ 'delrcpt nobody@example.com', 'alice', 'alice' ]) {
	my ($subject, $want, @to) = @$case;
	send_both($subject, @to);
	is(receivers($_ => $subject), $want, "$subject: the same recipients under $_") for qw(us postfix);
}
send_both('quarantine', 'alice');
send_both('after that add', 'alice');
is(receivers($_ => 'after that add'), 'alice', "$_ delivers what comes after") for qw(us postfix);
is(scalar(grep { Pillarbox::slurp($_) =~ /\AQuarantined\r\n/ } glob("$pb->{dir}/spool/SubSpool*/*.hdr")), 1, 'a quarantined message is kept by us');
my @hold = glob "$px->{dir}/spool/hold/*";
is(scalar @hold, 1, 'and by Postfix');
is(scalar(grep { Pillarbox::slurp($_) =~ /^Subject: quarantine\r?$/m } $pb->mail('alice@example.com'), glob "$px->{mail}/new/*"), 0, 'and delivered by neither');
done_testing();
