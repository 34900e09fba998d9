#!/usr/bin/perl
# Intake keeps what addresses lead to, and forgets it with every change of the directory:
# the first message after a change goes where the change says.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;
use Pillarbox::Queue;

my $pb = Pillarbox->new;
$pb->user("u$_\@example.com") for 0 .. 2;
$pb->ctl_ok('alias', 'add', 'team@example.com', 'u0@example.com');
$pb->start;

my %had = map { $_ => 0 } 0 .. 2;
sub arrives {
	my ($user, $name) = @_;
	my ($answer) = put($pb, from => 's@far.example', to => ['team@example.com']);
	like($answer, qr/^250 /, "$name: taken");
	my @mail = $pb->wait_mail("u$user\@example.com", ++$had{$user});
	is(scalar @mail, $had{$user}, "$name: in the mailbox of u$user");
}

arrives(0, 'the first');
arrives(0, 'known by now');
for my $turn (1 .. 3) {
	for my $user (1, 2, 0) {
		$pb->ctl_ok('alias', 'edit', 'team@example.com', "u$user\@example.com");
		arrives($user, "turn $turn, the alias leads to u$user");
	}
}

# A directory that comes back counts anew.
for my $user (1, 2) {
	kill 'KILL', $pb->pids_of('auth-check');
	my $end = time + 20;
	sleep 0.1 while time < $end && ($pb->ctl('alias', 'edit', 'team@example.com', "u$user\@example.com"))[0] != 0;
	arrives($user, "auth-check died, the alias leads to u$user");
}
done_testing;
