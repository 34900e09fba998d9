#!/usr/bin/perl
# The same real messages read back by curl (IMAP and POP3, over TLS), fetchmail,
# mbsync and mutt: each gets every message as it lies in the mailbox.
# Features: USER-02, SVC-08.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use Test::More;
use Pillarbox;
use Pillarbox::Messages qw(real_messages wire is_legal);

my %messages = real_messages();
plan skip_all => 'the shared test data is not here' unless %messages;
my $pb = Pillarbox->new(settings => { requireAuthMatch => 'none' });
$pb->user($_) for 'alice@example.com', 'bob@example.com';
$pb->start;
my $count = 0;
for my $name (sort keys %messages) {
	next unless is_legal($messages{$name});
	like($pb->send_mail(from => 'bob@example.com', to => 'alice@example.com', text => wire($messages{$name})), qr/^250/, "$name is taken");
	$count++;
}
my %stored = map { Pillarbox::slurp($_) => 1 } $pb->wait_mail('alice@example.com', $count, 60);
my ($user, $password) = ('alice@example.com', $Pillarbox::PASSWORD);

sub all_stored {
	my ($who, @got) = @_;
	is(scalar @got, $count, "$who: every message");
	is(scalar(grep { !$stored{$_} } @got), 0, "$who: each byte for byte");
}

sub curl {
	my ($url) = @_;
	my ($rc, $out, $err) = $pb->run('curl', '-sk', '--max-time', 30, '-u', "$user:$password", $url);
	is($rc, 0, "curl $url") or diag($err) if $rc;
	return $out;
}
my ($imap, $pop) = ($pb->port('imaps'), $pb->port('pop3s'));
all_stored('curl by IMAP', map { curl("imaps://127.0.0.1:$imap/INBOX;MAILINDEX=$_") } 1 .. $count);
all_stored('curl by POP3', map { curl("pop3s://127.0.0.1:$pop/$_") } 1 .. $count);

# fetchmail keeps all and gives each message to a command that files it.
mkdir "$pb->{top}/fetched";
Pillarbox::spew("$pb->{top}/mda", "#!/bin/sh\nexec cat > \$(mktemp $pb->{top}/fetched/XXXXXXXX)\n");
chmod 0755, "$pb->{top}/mda";
Pillarbox::spew("$pb->{top}/fetchmailrc", <<"END");
set no syslog
set no bouncemail
poll 127.0.0.1 protocol POP3 port @{[ $pb->port('pop3') ]} user "$user" password "$password" is root here
	keep fetchall sslproto '' mda "$pb->{top}/mda" no rewrite
END
chmod 0600, "$pb->{top}/fetchmailrc";
my ($rc, $out, $err) = $pb->run('env', "HOME=$pb->{top}", "FETCHMAILHOME=$pb->{top}", 'fetchmail', '--invisible', '-f', "$pb->{top}/fetchmailrc", '--nodetach', '-N');
is($rc, 0, 'fetchmail') or diag($out, $err);
my @fetched = map { Pillarbox::slurp($_) } glob "$pb->{top}/fetched/*";
# fetchmail gives the message with LF line ends.
is(scalar @fetched, $count, 'fetchmail: every message');
my %lf = map { my $t = $_; $t =~ s/\r\n/\n/g; ($t => 1) } keys %stored;
is(scalar(grep { !$lf{$_ =~ s/\r\n/\n/gr} } @fetched), 0, 'fetchmail: each as it is stored');

# mbsync makes a copy of the mailbox, with LF line ends and a header of its own.
mkdir "$pb->{top}/copy";
Pillarbox::spew("$pb->{top}/mbsyncrc", <<"END");
IMAPAccount test
Host 127.0.0.1
Port $imap
User $user
Pass $password
SSLType IMAPS
CertificateFile $pb->{dir}/etc/tls/cert.pem
AuthMechs PLAIN

IMAPStore far
Account test

MaildirStore near
Path $pb->{top}/copy/
Inbox $pb->{top}/copy/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull
SyncState *
END
($rc, $out, $err) = $pb->run('env', "HOME=$pb->{top}", 'mbsync', '-c', "$pb->{top}/mbsyncrc", 'all');
is($rc, 0, 'mbsync') or diag($out, $err);
my @synced = map { Pillarbox::slurp($_) } glob "$pb->{top}/copy/INBOX/{new,cur}/*";
s/^X-TUID: [^\n]*\n//m for @synced;
is(scalar @synced, $count, 'mbsync: every message');
is(scalar(grep { !$lf{$_ =~ s/\r\n/\n/gr} } @synced), 0, 'mbsync: each as it is stored');

# mutt wants a terminal; it copies all messages to an mbox and quits.
Pillarbox::spew("$pb->{top}/muttrc", <<"END");
set ssl_force_tls=yes ssl_verify_dates=no ssl_verify_host=no
set certificate_file=$pb->{dir}/etc/tls/cert.pem
set imap_user="$user" imap_pass="$password"
set confirmappend=no confirmcreate=no delete=no quit=yes mbox_type=mbox wait_key=no copy=no header_cache="" beep=no
set folder="$pb->{top}"
END
my $push = "push '<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>$pb->{top}/mutt.mbox<enter><quit>'";
($rc, $out, $err) = $pb->run('env', "HOME=$pb->{top}", 'TERM=xterm', 'script', '-qec', "stty rows 40 cols 120; exec timeout 50 mutt -n -F $pb->{top}/muttrc -e \"$push\" -f imaps://127.0.0.1:$imap/INBOX", '/dev/null');
is($rc, 0, 'mutt') or diag($out);
my $mbox = Pillarbox::slurp("$pb->{top}/mutt.mbox");
is(scalar(() = $mbox =~ /^From \S+ .*\d{4}$/mg), $count, 'mutt: every message');
done_testing;
