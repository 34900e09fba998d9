#!/usr/bin/perl
# Banners and the most sessions and bad commands of POP and IMAP (features
# BANNER-01, BANNER-02, POP-04, IMAP-03, IMAP-04), and when Received is added
# (the setting of SMTPIN-14).
use strict;
use warnings;
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new(settings => { imapLogLevel => 'Normal', popBanner => 'pop of the test', imapBanner => 'imap of the test',
	popMaxConnections => 2, imapMaxConnections => 2, imapMaxBadCommands => 3,
	appendReceivedLine => 'authenticated' });
$pb->user('alice@example.com');
$pb->start;

# A session that is served: what looked whether the port answers may still count.
sub served {
	my ($service, $refusal) = @_;
	for (1 .. 100) {
		my $c = $pb->connect($service);
		return $c if $c->{greeting} !~ $refusal;
		select undef, undef, undef, 0.05;
	}
	die "$service serves nobody\n";
}

sub full {
	my ($service, $refusal, $id) = @_;
	my @c = map { served($service, $refusal) } 1 .. 2;
	my $third = $pb->connect($service);
	like($third->{greeting}, $refusal, "$id: one session more is refused");
	ok($third->at_end, 'and closed');
	return @c;
}
my @c = full('pop3', qr/^-ERR /, 'POP-04');
like($c[0]{greeting}, qr/^\+OK pop of the test/, 'BANNER-01');
@c = full('imap', qr/^\* BYE /, 'IMAP-04');
like($c[0]{greeting}, qr/^\* OK .*imap of the test/, 'BANNER-02');
# With one place free the server is not crowded, and errors are not counted more strictly.
$c[1]->close;
for (1 .. 200) {
	last if $pb->log_text('imapLog') =~ /event=not-crowded/;
	select undef, undef, undef, 0.05;
}
my $said = '';
$said = $c[0]->command('XYZZY') for 1 .. 3;
like($said . "\n" . ($c[0]->line(5) // ''), qr/^\* BYE /m, 'IMAP-03: the third bad command ends the session');

my $c = $pb->connect('smtp');
$c->expect($_, qr/^[23]/) for 'EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<alice@example.com>', 'DATA';
$c->expect("Subject: by nobody\r\n\r\nx\r\n.", qr/^250/);
like($pb->send_mail(from => 'alice@example.com', to => 'alice@example.com', subject => 'by alice'), qr/^250/, 'sent with log-in');
my %received = map { my $t = Pillarbox::slurp($_); ($t =~ /^Subject: (.*?)\r?$/m)[0] => scalar(() = $t =~ /^Received:/mg) }
	$pb->wait_mail('alice@example.com', 2);
is($received{'by nobody'}, 0, 'no Received for who did not log in');
is($received{'by alice'}, 1, 'one for who did');
# Lines do not wait with a session that is silent.
$c = $pb->connect('smtp');
$c->expect('EHLO idle.example', qr/^250/);
my ($ticket) = $c->command('XYZZY') =~ /ticket (\d{12})/;
ok($pb->wait_log('smtpLog', qr/\[$ticket\] event=connect/), 'the line of a session that goes on is in the log');
$c->expect('NOOP', qr/^250/);
done_testing();
