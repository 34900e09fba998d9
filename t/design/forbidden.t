#!/usr/bin/perl
# Each role, once confined, fails every act of the table in forbidden_acts.c;
# without a filter nearly all of them are possible, so the table is worth something.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

(my $program = $ENV{PB_BIN}) =~ s{/prog/*$}{/t/design/forbidden-acts};
sub run_role {
	my @args = @_;
	my $dir = tempdir(CLEANUP => 1);
	chmod 0777, $dir;
	open(my $out, '-|', 'timeout', '60', $program, $dir, @args) or die "$program: $!";
	my @lines = <$out>;
	close($out);
	return ($? >> 8, @lines);
}

plan skip_all => 'forbidden-acts is not built' unless -x $program;
my @roles = split ' ', `$program roles`;
cmp_ok(scalar @roles, '>=', 14, 'all roles are known');
for my $role (@roles) {
	my ($code, @lines) = run_role($role);
	my @tried = grep { /^(not )?ok - / } @lines;
	my @possible = grep { /^not ok - / } @lines;
	is($code, 0, "$role: nothing forbidden is possible") or diag(@possible, "exit code $code");
	cmp_ok(scalar @tried, '>=', 40, "$role: the whole table was tried");
}

my ($code, @lines) = run_role('send', 'refuse');
is($code, 0, 'a filter that refuses instead of killing holds too');
ok(!(grep { /killed by signal 31/ && !/32-bit/ } @lines), '... and kills nobody');

($code, @lines) = run_role('mailbox', 'allow-all');
isnt($code, 0, 'a filter that allows all does not pass');
my @worthless = grep { /^# worthless/ } @lines;
is(scalar @worthless, 0, 'every act that needs no luck is possible without a filter') or diag(@worthless);
# The same by the way of a POP3 or IMAP session, through service_enter_mailbox.
($code, @lines) = run_role('mailbox', 'log-in');
is($code, 0, 'after log-in nothing forbidden is possible') or diag(grep({ /^not ok/ } @lines), "exit code $code");
for my $act (q(read a neighbour's mail), q(list a neighbour's mailbox), q(link a neighbour's mail),
    q(write into a neighbour's mailbox), 'change the working directory') {
	ok((grep { /^ok - mailbox: \Q$act\E: / } @lines), "after log-in one cannot $act");
}
is(join('', grep { /^# own mailbox/ } @lines), "# own mailbox: works\n", 'but use the own mailbox');
done_testing();
