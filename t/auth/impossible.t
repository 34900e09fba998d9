#!/usr/bin/perl
# A02: passwords that cannot be one (100 KB, 513 bytes, with a NUL, none) are refused without a
# hash, in the words for a wrong one, and make the address wait as a wrong one does.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use MIME::Base64;
use Socket qw(SOCK_SEQPACKET);
use Test::More;
use Pillarbox;
use Pillarbox::Auth;

my $pb = Pillarbox->new(settings => { map { ("${_}MaxBadCommands" => 0) } qw(smtp pop imap) });
our $user = 'alice@example.com';
$pb->user($user);
$pb->start;

my $abuse = Pillarbox::Auth::connect_as("$pb->{dir}/run/pub/abuse", uid_of($pb, 'pbmail'), SOCK_SEQPACKET) or die "abuse: $!";
recv $abuse, my $hello, 4096, 0;

# One attempt from an address; the answer without its ticket.
my %try = (
	smtp => sub { my ($c, $word) = @_; $c->expect('EHLO client.example', qr/^250/);
		return $c->command('AUTH PLAIN ' . encode_base64("\0$user\0$word", '')) },
	pop3 => sub { my ($c, $word) = @_; return $c->command('AUTH PLAIN ' . encode_base64("\0$user\0$word", '')) },
	imap => sub { my ($c, $word) = @_; return $c->command('AUTHENTICATE PLAIN ' . encode_base64("\0$user\0$word", '')) },
);
sub attempt {
	my ($service, $ip, $word) = @_;
	# From where the user logged in before, others' guesses at the account cost no time.
	send $abuse, "event\nkind=login-good\nservice=$service\nip=$ip\nuser=$user\n", 0;
	return $try{$service}->($pb->connect($service, local => $ip), $word) =~ s/\d{12}/TICKET/r;
}

my %said = map { $_ => attempt($_, '127.9.2.1', 'Wrong-word-1') } sort keys %try;
like($said{smtp}, qr/^535 5\.7\.8 /, 'SMTP: a wrong password');
like($said{pop3}, qr/^-ERR \[AUTH\] /, 'POP3: a wrong password');
like($said{imap}, qr/^a1 NO \[AUTHENTICATIONFAILED\] /, 'IMAP: a wrong password');

my @helpers = hash_helpers($pb);
cmp_ok(scalar @helpers, '>=', 2, 'from here on no hash can be made');
kill 'STOP', @helpers;
my $host = 1;
for my $service (sort keys %try) {
	for my $case ([ '513 bytes' => 'x' x 513 ], [ 'a NUL' => "Secret\0word-1" ],
		[ 'the right one, a NUL and more' => "$Pillarbox::PASSWORD\0x" ], [ 'nothing' => '' ]) {
		my ($name, $word) = @$case;
		is(attempt($service, '127.9.2.' . ++$host, $word), $said{$service}, "$service: $name is answered like a wrong one");
	}
}
# 100 KB do not come so far: the line, or the literal, is too long.
my $long = 'x' x 102400;
my $c = $pb->connect('smtp');
$c->expect('EHLO client.example', qr/^250/);
like($c->command('AUTH PLAIN ' . encode_base64("\0$user\0$long", '')), qr/^500 /, 'smtp: a line of 100 KB');
like($c->command('AUTH PLAIN'), qr/^334/, 'smtp: a response');
like($c->command(encode_base64("\0$user\0$long", '')), qr/^5\d\d /, 'smtp: of 100 KB');
$c = $pb->connect('pop3');
$c->expect("USER $user", qr/^\+OK/);
like($c->command("PASS $long"), qr/^-ERR .*too long/, 'pop3: 100 KB');
$c = $pb->connect('imap');
like($c->command("LOGIN $user " . '{102400}'), qr/^a1 (?:NO|BAD) /, 'imap: a literal of 100 KB');
$c->send_raw("x LOGIN $user $long\r\n");
like($c->line, qr/^\* BAD The command is too long/, 'imap: a line of 100 KB');
like($c->command('NOOP'), qr/^a2 OK/, 'and the connection goes on');
kill 'CONT', @helpers;

# The delay that the next failure of an address would have.
sub next_delay {
	my ($ip) = @_;
	send $abuse, "event\nkind=login-failed\nservice=pop3\nip=$ip\nuser=\n", 0;
	recv $abuse, my $reply, 4096, 0;
	return $reply =~ /^delay=(\d+)$/m ? $1 : $reply;
}
sub stranger { my ($ip, $word) = @_; local $user = "somebody\@$ip.example"; $try{pop3}->($pb->connect('pop3', local => $ip), $word) }
stranger('127.9.3.1', 'Wrong-word-' . $_) for 1, 2;
stranger('127.9.3.2', 'x' x 513) for 1, 2;
my $wrong = next_delay('127.9.3.1');
cmp_ok($wrong, '>', 0, 'after two wrong passwords the next failure of an address waits');
is(next_delay('127.9.3.2'), $wrong, 'after two impossible ones as long');
done_testing;
