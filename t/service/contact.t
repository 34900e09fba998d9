#!/usr/bin/perl
# A session is connected to a contact by its parent; a worker that was taken
# over and asks for thousands of connections, and for contacts that are none,
# takes neither the parent's descriptors nor its time.
use strict;
use warnings;
use IO::Socket::UNIX;
use Pillarbox::Skeleton;
use Socket;
use Test::More;

my $sk = Pillarbox::Skeleton->new(popMaxConnections => 5)->start;
*say_line = \&Pillarbox::Skeleton::say_line;
my $path = "$sk->{dir}/run/pub/contact";

sub descriptors { my @fd = glob "/proc/$_[0]/fd/*"; return scalar @fd }

my $c = $sk->session;
is(say_line($c, 'CONTACT'), '+OK ENOENT', 'a contact that is not there');
my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 4096) or die "$path: $!";
chmod 0666, $path;
is(say_line($c, 'CONTACT'), '+OK connected', 'and one that is');
my $far = $listener->accept;
ok($far, 'somebody connected');
is(sysread($far, my $byte, 1), 0, 'only the session held it, and has closed it');
is(say_line($c, 'CONTACT'), '+OK connected', 'once more in the same session');

my $before = descriptors($sk->parent);
like(say_line($c, 'PESTER'), qr/^\+OK pestered/, 'a worker asks three thousand times and hears nothing');
like($sk->session->{line}, qr/^\+OK/, 'others are served');
ok(wait_until(10, sub { descriptors($sk->parent) <= $before + 2 }), 'the parent keeps no descriptor for it')
	or diag(descriptors($sk->parent), " after $before");
my $other = $sk->session;
is(say_line($other, 'CONTACT'), '+OK connected', 'and connects others');
say_line($c, 'CONTACT');	# may be lost: its channel is full of what it did not read
is(say_line($c, 'CONTACT'), '+OK connected', 'and it too, once it has read what it left');

close $listener;
is(say_line($other, 'CONTACT'), '+OK ECONNREFUSED', 'a contact that went away');
close $_->{sock} for $c, $other;
done_testing();
