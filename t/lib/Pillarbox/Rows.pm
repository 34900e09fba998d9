package Pillarbox::Rows;

# Pillarbox::Rows: tables of rows, each of which states what a client hears and
# what the log says of it.
#
#	my $rows = Pillarbox::Rows->new($pb);
#	$rows->row('SMTPIN-13', 'too many unknown recipients',
#		sub { $rows->say('smtp', 'MAIL FROM:<a@b.example>', 'RCPT TO:<no@example.com>') },
#		qr/^550 5\.1\.1 There is no such user here/, smtpLog => qr/event=recipient-refused .*/);
#	$rows->logged;		# waits for the lines of all rows so far
#
# Each row is a client with an address of its own, 127.40.N.N, so that the lines
# are those of this row; where the reply has a ticket it must be the one in the
# log.  The last reply counts.  Options in a hash behind the log lines: ip => the
# client's address; until => 1: said again by new clients until the reply is the one
# that is wanted, for settings that were just changed; silent => { kind => re }: what
# the log must not say of it.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use MIME::Base64 qw(encode_base64);
use Pillarbox;

my $clients = 0;

sub new { my ($class, $pb) = @_; return bless { pb => $pb, wanted => [] }, $class }

sub next_ip { $clients++; return '127.40.' . int($clients / 200) . '.' . ($clients % 200 + 1) }

# Begin a session and say these; all but the last must be taken.  "LOGIN user" logs in by PLAIN.
# Returns the last reply, or the greeting when that is a refusal or nothing is to be said.
sub say {
	my ($self, $service, @commands) = @_;
	my %o = ref $service ? %$service : (service => $service);
	my $pb = $o{pb} // $self->{pb};
	my $c = $pb->connect($o{service}, local => $self->{ip}, %{ $o{connect} // {} });
	my $reply = $c->{greeting};
	return $reply if !@commands || $reply !~ /^220/;
	$c->expect($o{helo} // 'EHLO client.example', qr/^250/);
	while (defined(my $command = shift @commands)) {
		$command = 'AUTH PLAIN ' . encode_base64("\0$1\0$Pillarbox::PASSWORD", '') if $command =~ /^LOGIN (\S+)/;
		$reply = $c->command($command);
		die "$command: $reply\n" if @commands && $reply !~ /^[23]/;
	}
	$c->command('QUIT') if $reply !~ /^421/;
	return $reply;
}

# A message with this text, as the last command.
sub message { my ($self, $text, @envelope) = @_; return (@envelope, 'DATA', $text . "\r\n.") }

sub row {
	my ($self, $ids, $name, $call, $want, @lines) = @_;
	my %o = @lines % 2 ? %{ pop @lines } : ();
	my $end = time + 20;
	my $reply;
	do {
		sleep 0.2 if defined $reply;
		$self->{ip} = $o{ip} // next_ip();
		$reply = eval { $call->() } // "nothing: $@";
	} while $o{until} && $reply !~ $want && time < $end;
	like($reply, $want, "$ids: $name");
	my ($ticket) = $reply =~ /(?:ticket |\()(\d{12})\)?\s*$/;
	while (my ($kind, $re) = splice @lines, 0, 2) {
		$re = $re->($reply) if ref $re eq 'CODE';
		push @{ $self->{wanted} }, [ "$ids: $name", $self->{ip}, $ticket // '\d{12}', $kind, $re ];
	}
	push @{ $self->{banned} }, map { [ "$ids: $name", $self->{ip}, $_, $o{silent}{$_} ] } sort keys %{ $o{silent} // {} };
	return $reply;
}

# All lines that were asked for, and then that those are missing which may not be there.
sub logged {
	my ($self) = @_;
	my $pb = $self->{pb};
	for (splice @{ $self->{wanted} }) {
		my ($name, $ip, $ticket, $kind, $re) = @$_;
		my $who = $kind =~ /^(?:smtpLog|popLog|imapLog|greylistLog)$/ ? qr/\[\Q$ip\E\]\[$ticket\]/ : qr/\[\S+\]\[\S+\]/;
		ok($pb->wait_log($kind, qr/^\S+ $who $re$/m, 20), "  $kind of $name") or diag("no $who $re");
	}
	for (splice @{ $self->{banned} // [] }) {
		my ($name, $ip, $kind, $re) = @$_;
		unlike($pb->log_text($kind), qr/^\S+ \[\Q$ip\E\]\[\d{12}\] $re/m, "  no such line in the $kind of $name");
	}
}

1;
