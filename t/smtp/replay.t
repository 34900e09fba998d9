#!/usr/bin/perl
# A session is the same however the network cuts it: as lines, byte by byte, and
# in one piece it gets the same replies to the last byte, and leaves the same messages.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0 });
$pb->user('alice@example.com');
$pb->user('bob@example.com');
$pb->ctl_ok('set', '--add', 'xclientTrusted/address', '127.7.1.1');
$pb->start;

sub all_mail { return map { $pb->mail($_) } 'alice@example.com', 'bob@example.com' }

# What the mailboxes hold, without what differs from message to message.
sub content {
	my ($known) = @_;
	my @texts;
	for my $user ('alice@example.com', 'bob@example.com') {
		for my $file (grep { !$known->{$_}++ } $pb->mail($user)) {
			my $text = Pillarbox::slurp($file);
			$text =~ s/\tid \d+/\tid N/;
			$text =~ s/;\r\n\t\w{3}, [^\r]+\r\n/;\r\n\tDATE\r\n/;
			push @texts, "$user: $text";
		}
	}
	return [ sort @texts ];
}

# After 220 the connection is that of TLS, and everything begins anew.
sub handshake {
	my ($c) = @_;
	$c->start_tls;
	my $reply = $c->command('MAIL FROM:<a@b.example>');
	return "after the handshake: '$reply'" if $reply !~ /^503 5\.5\.1 Send EHLO/;
	return $c->command('QUIT') =~ /^221/ && $c->at_end ? '' : 'QUIT does not end it';
}

my ($name, $word, $plain) = map { encode_base64($_, '') } 'alice@example.com', $Pillarbox::PASSWORD,
	"\0alice\@example.com\0$Pillarbox::PASSWORD";
my $message = <<'END';
C: MAIL FROM:<alice@example.com>
S: 250 2.1.0
C: RCPT TO:<bob@example.com>
S: 250 2.1.5
C: DATA
S: 354
C: From: alice@example.com
C: Date: Tue, 1 Dec 2026 08:00:00 +0000
C: Message-ID: <1@example.com>
C: Subject: logged in
C:
C: text
C: .
S: 250 2.0.0 OK id=
C: QUIT
S: 221 2.0.0
END
my %known;
my %session = (
	'two messages by DATA, one by BDAT' => [ 4, <<'END' ],
S: 220
C: EHLO client.example
S: ...
S: 250 HELP
C: MAIL FROM:<a@b.example> BODY=8BITMIME
S: 250 2.1.0
C: RCPT TO:<alice@example.com>
S: 250 2.1.5
C: RCPT TO:<bob@example.com>
S: 250 2.1.5
C: RCPT TO:<nobody@example.com>
S: 550 5.1.1
C: DATA
S: 354
C: Subject: one
C:
C: ..
C: BDAT 4 LAST
C: \xc3\xa4
C: .
S: 250 2.0.0
C: MAIL FROM:<>
S: 250 2.1.0
C: RCPT TO:<bob@example.com>
S: 250 2.1.5
C: DATA
S: 354
C: .
S: 250 2.0.0
C: MAIL FROM:<a@b.example>
S: 250 2.1.0
C: RCPT TO:<alice@example.com>
S: 250 2.1.5
C: BDAT 18\r\nSubject: three\r\n
S: 250 2.0.0 18 bytes
C: BDAT 5 LAST\r\n.\r\n
S: 250 2.0.0 OK
C: QUIT
S: 221
END
	'errors before, within and behind messages' => [ 1, <<'END' ],
S: 220
C: MAIL FROM:<a@b.example>
S: 503
C: BDAT 6 LAST\r\nQUIT
S: 503
C: EHLO client.example
S: ...
S: 250 HELP
C: RCPT TO:<alice@example.com>
S: 503
C: MAIL FROM:<a@b.example> NONSENSE=1
S: 555
C: MAIL FROM:<a@b.example>
S: 250
C: RCPT TO:<alice@example.com>
S: 250
C: BDAT 9\r\n\x00\r\nQUIT
S: 554
C: BDAT 6\r\nQUIT
S: 503
C: DATA
S: 503
C: BDAT 6 LAST\r\nQUIT
S: 503
C: MAIL FROM:<a@b.example>
S: 250
C: RCPT TO:<bob@example.com>
S: 250
C: DATA
S: 354
C: Subject: nul\x00
C: .
S: 554 5.6.0
C: MAIL FROM:<a@b.example> BODY=BINARYMIME
S: 250
C: RCPT TO:<bob@example.com>
S: 250
C: BDAT 46\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\r\n.\r\n\r
S: 250 2.0.0 46 bytes
C: BDAT 2 LAST\r\n
S: 250 2.0.0 OK
C: QUIT
S: 221
END
	'AUTH PLAIN and LOGIN, one given up, one wrong' => [ 1, <<"END" ],
S: 220
C: AUTH PLAIN $plain
S: 503 5.5.1
C: EHLO client.example
S: ...
S: 250 HELP
C: AUTH PLAIN
S: 334
C: *
S: 501 5.7.0
C: AUTH LOGIN
S: 334
C: $name
S: 334
C: *
S: 501 5.7.0
C: AUTH PLAIN
S: 334
C: QUIT!
S: 501 5.5.2
C: AUTH PLAIN !
S: 501 5.5.2
C: AUTH LOGIN
S: 334
C: $name
S: 334
C: $word
S: 235 2.7.0
C: AUTH PLAIN $plain
S: 503 5.5.1
$message
END
	'AUTH PLAIN without an initial response' => [ 1, <<"END" ],
S: 220
C: EHLO client.example
S: ...
S: 250 HELP
C: AUTH PLAIN
S: 334
C: $plain
S: 235 2.7.0
$message
END
	'submission wants a log-in' => [ 1, <<"END", service => 'submission' ],
S: 220
C: EHLO client.example
S: ...
S: 250 HELP
C: MAIL FROM:<alice\@example.com>
S: 530 5.7.0
C: RCPT TO:<bob\@example.com>
S: 503 5.5.1
C: BDAT 6 LAST\\r\\nQUIT
S: 503 5.5.1
C: AUTH PLAIN $plain
S: 235 2.7.0
$message
END
	'XCLIENT, before and within' => [ 1, <<'END', local => '127.7.1.1' ],
S: 220
C: XCLIENT ADDR=nonsense
S: 501 5.5.4
C: XCLIENT ADDR=192.0.2.7 NAME=other.example
S: 220 mail.test.example
C: MAIL FROM:<a@b.example>
S: 503 5.5.1
C: EHLO client.example
S: ...
S: 250 HELP
C: MAIL FROM:<a@b.example>
S: 250 2.1.0
C: XCLIENT ADDR=192.0.2.8
S: 503 5.5.1
C: RCPT TO:<bob@example.com>
S: 250 2.1.5
C: DATA
S: 354
C: Subject: other
C: .
S: 250 2.0.0
C: XCLIENT ADDR=192.0.2.9 HELO=nine.example PROTO=SMTP
S: 220 mail.test.example
C: MAIL FROM:<a@b.example>
S: 250 2.1.0
C: QUIT
S: 221
END
	'STARTTLS up to the handshake' => [ 0, <<'END', then => \&handshake ],
S: 220
C: EHLO client.example
S: ...
S: 250 HELP
C: STARTTLS now
S: 501 5.5.4
C: MAIL FROM:<a@b.example>
S: 250 2.1.0
C: STARTTLS
S: 503 5.5.1
C: RSET
S: 250 2.0.0
C: STARTTLS
S: 220 2.0.0
END
);
for my $name (sort keys %session) {
	my ($count, $text, %o) = @{ $session{$name} };
	my (%content, %heard);
	for my $way ('lines', 'bytes', 'whole') {
		my $before = keys %known;
		$heard{$way} = $pb->transcript($o{service} // 'smtp', $text, $name, ways => [$way], %o);
		my $end = time + 20;
		sleep 0.05 while time < $end && all_mail() < $before + $count;
		$content{$way} = content(\%known);
		is(scalar(keys %known) - $before, $count, "$count messages ($way)");
	}
	for my $way ('bytes', 'whole') {
		is_deeply($heard{$way}, $heard{lines}, "$name: $way get the same replies as lines");
		is_deeply($content{$way}, $content{lines}, "$name: and leave the same messages");
	}
}
is($pb->ctl_ok('--tsv', 'spool', 'list') =~ tr/\n// <= 1 ? 0 : 1, 0, 'nothing is left in the queue');
done_testing;
