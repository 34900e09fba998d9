#!/usr/bin/perl
# A client that is cut off while it goes on sending hears why: the server half-closes and reads a
# little of what still comes, instead of resetting the connection; but not for long, and not when
# places run out.
use strict;
use warnings;
use IO::Select;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { smtpMaxConnections => 5, reservedConnections => 0, smtpMaxConnectionsPerIp => 0 });
$pb->user('alice@example.com');
$pb->start;
my $MORE = ('x' x 98 . "\r\n") x 2000;		# 200 KB that nobody reads
my @open = ('EHLO c.example', 'MAIL FROM:<a@far.example>', 'RCPT TO:<alice@example.com>');

sub begin { my ($service, @commands) = @_; my $c = $pb->connect($service); $c->expect($_, qr/^[23]/) for @commands; return $c }
# How the connection ends after all lines: "closed", or the error.
sub last_of {
	my ($c) = @_;
	my ($said, $n) = ($c->{buf});
	do {
		return ('', 'silent') unless ($c->{is_tls} && $c->{sock}->pending) || IO::Select->new($c->{sock})->can_read(20);
		$n = $c->{sock}->sysread($said, 65536, length $said);
	} while ($n);
	return ((split /\r\n/, $said)[-1] // '', defined $n ? 'closed' : "$!");
}
sub hears {
	my ($name, $c, $text, $re) = @_;
	ok($c->send_raw($text . $MORE), "$name: all can be sent");
	my ($last, $end) = last_of($c);
	like($last, $re, '  the last line tells why');
	is($end, 'closed', '  and the connection is closed, not reset');
}
my $refused = "RCPT TO:<x\@elsewhere.example>\r\n" x 1100;
hears('a flood of recipients', begin('smtp', @open[0, 1]), $refused, qr/^421 4\.7\.0 Too many commands were refused ticket \d{12}$/);
hears('bare line ends', begin('smtp', @open, 'DATA'), "Subject: x\r\n\r\na\nb\r\n.\r\n", qr/^521 5\.5\.2 .* ticket \d{12}$/);
hears('a chunk of no size', begin('smtp', @open), "BDAT many LAST\r\n", qr/^521 5\.5\.4 .* ticket \d{12}$/);
hears('the same in TLS', begin('smtps', $open[0]), "BDAT many LAST\r\n", qr/^521 5\.5\.4 .* ticket \d{12}$/);

# Bytes and time are limited.
sub sessions { return scalar(grep { /^\d/ } split /\n/, $pb->ctl_ok('connections', 'smtp', '--tsv')) }
sub settled { my ($n) = @_; my $end = time + 20; sleep 0.1 while time < $end && sessions() != $n; return sessions() == $n }
my $c = begin('smtp', @open);
ok(!$c->send_raw("BDAT many LAST\r\n" . $MORE x 100), 'who sends 20 MB more cannot send all of it');
$c = begin('smtp', @open);
$c->send_raw("BDAT many LAST\r\n");
like($c->line, qr/^521/, 'who hears it');
ok($c->at_end, 'and that no more comes');
ok(settled(0), 'but says nothing and does not close, keeps no place');
$c->close;

# When places run out nobody is waited for.
my @crowd = map { begin('smtp', @open, 'DATA') } 1 .. 4;
ok($pb->wait_log('smtpLog', qr/event=crowded/), 'places run out');
$c = begin('smtp', $open[0]);
my ($sent, $is_reset) = (0, !$c->send_raw("BDAT many LAST\r\n" . $MORE) || (last_of($c))[1] ne 'closed');
# The end may come with the reply, before the reset does; else bytes would be taken for two seconds.
until ($is_reset || $sent++ == 150) {
	$is_reset = !$c->send_raw('x');
	sleep 0.01;
}
ok($is_reset, 'and a connection is reset');
$_->close for @crowd;
done_testing();
