#!/usr/bin/perl
# Domains, users and aliases by mailctl, with the server stopped.
# Features: TOOL-02, TOOL-07, TOOL-18, ROLE-03, GEN-02, DOM-01, DOM-02, DOM-03,
# DOM-04, DOM-06, DOM-09, DOM-11, DOM-19, LIMIT-02, LIMIT-03, USER-01, USER-04,
# USER-05, USER-08, PASS-01, PASS-02.
use strict;
use warnings;
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);
use Pillarbox;

my $pb = Pillarbox->new;
my $pw = $Pillarbox::PASSWORD;

sub code_is {
	my ($want, $name, @args) = @_;
	my ($code, $out, $err) = $pb->ctl(@args);
	is($code, $want, $name) or diag("$out$err");
	return $out . $err;
}

code_is(2, 'a domain needs an administrator', qw(domain add example.com));
like(code_is(0, 'a domain is added', qw(domain add Example.COM --admin postmaster --password), $pw),
	qr/postmaster\@example\.com gets the mail for postmaster/, 'the first one takes the mail for postmaster');
code_is(1, 'not twice', qw(domain add example.com --admin postmaster --password), $pw);
code_is(2, 'not without a proper name', qw(domain add ../x --admin postmaster --password), $pw);
is(decode_json($pb->ctl_ok(qw(domain list --json)))->[0]{domain}, 'example.com', 'it is listed in small letters');

code_is(0, 'a user is added', qw(user add Alice@example.com --password), $pw, '--full-name', 'Alice Ä');
code_is(1, 'not twice', qw(user add alice@example.com --password), $pw);
code_is(3, 'not in another domain', qw(user add a@other.example --password), $pw);
code_is(2, "not as $_", 'user', 'add', "$_\@example.com", '--password', $pw) for qw(.. a/b .x -x), 'a' x 65;
like(code_is(1, 'not with a weak password', qw(user add bob@example.com --password bob)),
	qr/at least 8 characters.*digit.*capital.*user's name/s, 'each broken rule is told');
ok(!-e $pb->dir . '/domains/example.com/users/bob', 'and nothing of it is left');

my ($code, $out, $err) = $pb->run_input("$pw\n", $pb->program('mailctl'), '-r', $pb->dir, qw(user add bob@example.com --password-stdin));
is($code, 0, 'a password by standard input') or diag($err);
for my $d ('', '/cur', '/new', '/tmp') {
	my @st = stat($pb->maildir('bob@example.com') . $d);
	is($st[2] & 07777, 0700, "Maildir$d is there, for its owner alone");
	is($st[4], $> == 0 ? (getpwnam 'pbmail')[2] : $>, 'which is pbmail in an instance of root');
}
my $xml = Pillarbox::slurp($pb->dir . '/domains/example.com/users/bob/userConfig.xml');
like($xml, qr{<passwordHash>\$y\$}, 'the password is kept as yescrypt');
like($xml, qr{<scramSha256>SCRAM-SHA-256\$4096:}, 'with SCRAM secrets, as the domain offers it');
unlike($xml, qr{cramMd5State>[^<]}, 'and without CRAM-MD5, which it does not');
unlike($xml, qr{\Q$pw\E}, 'and never in clear');
unlike(Pillarbox::slurp($pb->dir . '/etc/history/changes.log'), qr{\Q$pw\E}, 'nor in the history');
code_is(0, 'the domain offers CRAM-MD5', qw(domain edit example.com offerCramMd5=True offerScramSha256=False));
code_is(0, 'a password is set', qw(user passwd bob@example.com --password Another-word-2));
my $xml2 = Pillarbox::slurp($pb->dir . '/domains/example.com/users/bob/userConfig.xml');
like($xml2, qr{<cramMd5State>[0-9a-f]{64}<}, 'its CRAM-MD5 state is kept now');
unlike($xml2, qr{SCRAM-SHA}, 'the secret of the old password is gone');

code_is(0, 'a user is disabled', qw(user edit bob@example.com disabled=true));
is($pb->ctl_ok(qw(user show bob@example.com disabled)), "True\n", 'and shown so');
code_is(1, 'a value out of range changes nothing', qw(user edit bob@example.com disabled=maybe fullName=X));
is($pb->ctl_ok(qw(user show bob@example.com passwordHash)), "***\n", 'secrets are not shown');
my $users = decode_json($pb->ctl_ok(qw(user list --json)));
is_deeply([ map { "$_->{user} $_->{type} $_->{state}" } @$users ], [ 'alice@example.com user enabled',
	'bob@example.com user disabled', 'postmaster@example.com domainAdmin enabled' ], 'users are listed');
is($pb->ctl_ok(qw(user list -0)), "alice\@example.com\0bob\@example.com\0postmaster\@example.com\0", 'for xargs -0');
like($pb->ctl_ok(qw(user list --tsv)), qr/^user\tfullName.*\nalice\@example\.com\tAlice \xc3\x84\t/, 'as TSV');

code_is(0, 'an alias', qw(alias add sales@example.com alice bob@example.com));
is(decode_json($pb->ctl_ok(qw(alias list --json)))->[0]{targets}, 'alice@example.com,bob@example.com', 'is listed');
code_is(1, 'not twice', qw(alias add sales@example.com alice));
code_is(1, 'not for the name of a user', qw(alias add alice@example.com bob));
code_is(1, 'nor a user for the name of an alias', qw(user add sales@example.com --password), $pw);
code_is(0, 'edited (USER-04)', qw(alias edit Sales@example.com bob postmaster));
is(decode_json($pb->ctl_ok(qw(alias list --json)))->[0]{targets}, 'bob@example.com,postmaster@example.com', 'it has other targets');
code_is(2, 'not to nobody', qw(alias edit sales@example.com));
code_is(2, 'nor to what is no address', 'alias', 'edit', 'sales@example.com', 'a b@');
code_is(3, 'what is not there cannot be edited', qw(alias edit other@example.com bob));
is(scalar @{ decode_json($pb->ctl_ok(qw(alias list --json))) }, 1, 'and is not made by that');
code_is(0, 'a limit for aliases', qw(domain edit example.com maxUserAliases=1));
like(code_is(1, 'holds', qw(alias add more@example.com bob)), qr/may have 1 aliases \(maxUserAliases\)/, 'and is named');
code_is(0, 'but not for one that is there', qw(alias edit sales@example.com alice));
code_is(0, 'no limit again', qw(domain edit example.com maxUserAliases=0));
code_is(0, 'it is deleted', qw(alias delete sales@example.com));
code_is(3, 'once', qw(alias delete sales@example.com));
like(($pb->ctl(qw(alias delete sales@example.com)))[2], qr/no alias sales/, 'and the message names it');

for my $who ('example.com', 'alice@example.com') {
	code_is(0, "$who trusts senders (USER-13)", 'trusted', 'add', $who, 'friend@far.example', '*.partner.example');
	is($pb->ctl_ok('--tsv', 'trusted', 'list', $who), "sender\nfriend\@far.example\n*.partner.example\n", 'they are listed');
	code_is(0, 'one no longer', 'trusted', 'delete', $who, 'friend@far.example');
	code_is(3, 'once', 'trusted', 'delete', $who, 'friend@far.example');
	is($pb->ctl_ok('--tsv', 'trusted', 'list', $who), "sender\n*.partner.example\n", 'the other stays');
}
code_is(3, 'only users that are there', 'trusted', 'list', 'nobody@example.com');

code_is(0, 'another name of the domain', qw(domain edit example.com domainAliases/domainAlias=example.net));
like(code_is(1, 'no new domain of that name, though no server runs', qw(domain add example.net --admin postmaster --password), $pw),
	qr/example\.net is another name of the domain example\.com/, 'which says whose it is');
code_is(1, 'not more than maxDomainAliases', 'domain', 'edit', 'example.com', 'domainAliases/domainAlias=a.example,b.example,c.example');
code_is(1, 'none that is a domain itself', qw(domain edit example.com domainAliases/domainAlias=example.com));
code_is(0, 'a limit on users', qw(domain edit example.com maxUsers=3));
like(code_is(1, 'holds', qw(user add carol@example.com --password), $pw), qr/maxUsers/, 'and is named');
code_is(1, 'a user is not deleted without --yes', qw(user delete bob@example.com));
code_is(0, 'and is with it', qw(user delete bob@example.com --yes));
ok(!-e $pb->dir . '/domains/example.com/users/bob', 'with the mail');
code_is(3, 'once', qw(user delete bob@example.com --yes));
code_is(1, 'the last administrator stays', qw(user delete postmaster@example.com --yes));

code_is(0, 'a hundred more users may come', qw(domain edit example.com maxUsers=0));
$pb->ctl_ok(qw(user add bob2@example.com --password), $pw);
code_is(0, 'a size at LIMIT_MAILBOX_MB', qw(user edit bob2@example.com mailboxSizeMB=1073741824));
like(code_is(1, 'one over LIMIT_MAILBOX_MB', qw(user edit bob2@example.com mailboxSizeMB=1073741825)), qr/1073741824/,
	'is refused with the range');

# The processor time of one more user, by the median of five, with few users and with many.
my $added = 0;
sub cost_of_a_user {
	my @cost;
	for (1 .. 5) {
		my (undef, undef, $u0, $s0) = times;
		$pb->ctl_ok('user', 'add', 'user' . ++$added . '@example.com', '--password', $pw);
		my (undef, undef, $u1, $s1) = times;
		push @cost, $u1 + $s1 - $u0 - $s0;
	}
	return (sort { $a <=> $b } @cost)[2];
}
my $few = cost_of_a_user();
$pb->ctl_ok('user', 'add', 'user' . ++$added . '@example.com', '--password', $pw) for 1 .. 40;
my $many = cost_of_a_user();
cmp_ok($many, '<', 3 * $few + 0.05, 'adding a user costs the same with few users and with many');

($code, $out) = $pb->ctl('check');
is($code, 0, 'all files have owner and mode of the manifest') or diag($out);
code_is(1, 'a domain is not deleted without --yes', qw(domain delete example.com));
code_is(0, 'and is with it', qw(domain delete example.com --yes));
ok(!-e $pb->dir . '/domains/example.com', 'with its folder');
is($pb->ctl_ok(qw(domain list --tsv)) =~ tr/\n//, 1, 'and is listed no more');
code_is(3, 'commands on it find nothing', qw(domain show example.com));
done_testing();
