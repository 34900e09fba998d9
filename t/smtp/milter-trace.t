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
use Pillarbox;
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
$pb->start;
my $px = Pillarbox::Postfix->new($pb, "smtpd_milters = inet:127.0.0.1:$milter{postfix}{port}\n"
	. "milter_default_action = tempfail\nsmtpd_tls_security_level = may\n"
	. "smtpd_tls_cert_file = $pb->{dir}/etc/tls/cert.pem\nsmtpd_tls_key_file = $pb->{dir}/etc/tls/key.pem\n"
	. "smtpd_discard_ehlo_keywords = chunking\nsmtpd_peername_lookup = yes\nsmtpd_authorized_xclient_hosts = 127.0.0.1\n"
	. "milter_connect_macros = j v _ {daemon_name} {daemon_addr} {client_addr} {client_name} {client_ptr} {client_resolve} {client_port}\n");
my %server = (us => sub { $pb->connect('smtp') }, postfix => sub { $px->connect });

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
);

sub lines_of { my ($who) = @_; return split /\n/, Pillarbox::slurp($milter{$who}{trace}) }

# The lines that one dialogue wrote; it is over when each session is closed.
sub record {
	my ($who, $talk) = @_;
	my $before = lines_of($who);
	my $c = $server{$who}->();
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
	# libmilter's documentation says "including its arguments"; Postfix passes the verb alone.
	$args[0] =~ s/ .*// if $name eq 'unknown';
	$args[0] =~ s/^(?:unknown|\[[\d.]+\])$/nameless/ if $name eq 'connect';
	for my $m (keys %macros) {
		$macros{$m} = 'own' if $own_value{$m};
		$macros{$m} =~ s/^(?:unknown \[[\d.]+\]|unknown|\[[\d.]+\])$/nameless/ if $nameless{$m};
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
	my ($our_codes, @ours) = record(us => $dialogue{$title});
	my ($their_codes, @theirs) = record(postfix => $dialogue{$title});
	is($our_codes, $their_codes, "$title: the client hears replies of the same kind");
	@ours = map { normal($_) } @ours;
	@theirs = map { normal($_) } @theirs;
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

for my $what ('nothing at all', 'insert 0', 'insert 1', 'insert 2', 'insert 3', 'insert 100', 'add', 'add insert 1 add',
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
done_testing();
