#!/usr/bin/perl
# Log-ins in an instance that an ordinary user made: all programs have one uid.
use strict;
use warnings;
use Test::More;

plan skip_all => 'login.t is such a run already' if $> != 0;
my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
plan skip_all => 'there is no user nobody' unless defined $uid;
my @as = ('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups');
plan skip_all => 'the programs cannot be reached by another user'
	if system(@as, 'test', '-x', "$ENV{PB_BIN}/mailctl") != 0;
$ENV{HOME} = '/nonexistent';
exec @as, $^X, "-I$ENV{PB_SRC}/t/lib", "$ENV{PB_SRC}/t/auth/login.t" or die "setpriv: $!";
