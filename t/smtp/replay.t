#!/usr/bin/perl
# A session is the same however the network cuts it: as lines, byte by byte, and
# in one piece it gets the same replies, and leaves the same messages.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxBadCommands => 0 });
$pb->user('alice@example.com');
$pb->user('bob@example.com');
$pb->start;

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
);
for my $name (sort keys %session) {
	my ($count, $text) = @{ $session{$name} };
	my %content;
	for my $way ('lines', 'bytes', 'whole') {
		my $before = keys %known;
		$pb->transcript('smtp', $text, $name, ways => [$way]);
		$pb->wait_mail($_, 0) for 'alice@example.com';
		$content{$way} = content(\%known);
		is(scalar(keys %known) - $before, $count, "$count messages ($way)");
	}
	is_deeply($content{bytes}, $content{lines}, "$name: byte by byte leaves the same messages");
	is_deeply($content{whole}, $content{lines}, "$name: so does one segment");
}
is($pb->ctl_ok('--tsv', 'spool', 'list') =~ tr/\n// <= 1 ? 0 : 1, 0, 'nothing is left in the queue');
done_testing;
