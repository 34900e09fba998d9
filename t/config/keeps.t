#!/usr/bin/perl
# A rewrite keeps what it does not know, and the history tells every change.
# Features: TOOL-01, TOOL-04, TOOL-07, ADMIN-08, ROUTE-03, ROUTE-05, SMTPIN-06.
use strict;
use warnings;
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
my $file = $pb->dir . '/etc/mailconfig.xml';
my $text = "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<AnyRoot>\r\n"
	. "  <!-- boxed ****\r\n       banner -->\r\n  <SYSADMINUSERNAME>admin</SYSADMINUSERNAME>\r\n"
	. "  <sysAdminRejectAuthentication/>\r\n  <later><a b=\"c\">d</a></later>\r\n"
	. "  <smtpMaxBadCommands>8</smtpMaxBadCommands>\r\n</AnyRoot>\r\n";

Pillarbox::spew($file, $text);
is($pb->ctl_ok('get', 'sysAdminUserName'), "admin\n", 'any root, letter case, BOM and CRLF are read');
$pb->ctl_ok('set', 'smtpMaxBadCommands', 3);
(my $want = $text) =~ s/>8</>3</;
is(Pillarbox::slurp($file), $want, 'a change leaves every other byte as it was');
my ($old) = sort glob($pb->dir . '/etc/history/*mailconfig.xml');
my @versions = glob($pb->dir . '/etc/history/*mailconfig.xml');
is(Pillarbox::slurp($versions[-1]), $text, 'the old version is in the history');
my @log = split /\n/, Pillarbox::slurp($pb->dir . '/etc/history/changes.log');
like($log[-1], qr{who=\S+ file=etc/mailconfig\.xml version=\S+ why=set smtpMaxBadCommands 3$}, 'with who and why');

my ($code, $out, $err) = $pb->ctl('set', 'smtpMaxBadCommands', 1001);
is($code, 1, 'a value out of range is refused');
like($err, qr{smtpMaxBadCommands: must be 0 to 1000 commands}, 'with the range');
is(Pillarbox::slurp($file), $want, 'and nothing is changed');
is(($pb->ctl('set', 'noSuchSetting', 1))[0], 3, 'an unknown name: exit 3');
is(($pb->ctl('set', 'allowRelay', 'anyone'))[0], 1, 'an open relay needs --force');
is(($pb->ctl('set', 'allowRelay', 'anyone', '--force'))[0], 0, 'and is made with it');

$pb->ctl_ok('set', 'smtpSessionTimeout', '--disable');
like(Pillarbox::slurp($file), qr{<smtpSessionTimeout enabled="False">15</smtpSessionTimeout>}, 'a switch keeps its value');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=10.0.0.0/8', 'smtp=True');
$pb->ctl_ok('set', '--add', 'whitelist/entry', 'ip=192.0.2.1');
like($pb->ctl_ok('get', 'whitelist/entry', '--tsv'), qr{ip=10\.0\.0\.0/8 .*smtp=True.*\n.*ip=192\.0\.2\.1 }, 'records are added');
$pb->ctl_ok('set', '--remove', 'whitelist/entry', 'ip=10.0.0.0/8');
unlike($pb->ctl_ok('get', 'whitelist/entry', '--tsv'), qr{10\.0\.0\.0}, 'and removed');
is(($pb->ctl('set', '--add', 'whitelist/entry', 'ip=999.1.1.1'))[0], 1, 'a field out of range is refused');
$pb->ctl_ok('set', 'blockedSenders/sender', 'a@b.example,*@c.example');
like($pb->ctl_ok('get', 'blockedSenders/sender', '--json'), qr{"value": "\*\@c\.example"}, 'a list is set as a whole');

# Spellings of the known pages (ROUTE-03, ROUTE-05): ipAddress, and one domain a line.
(my $known = Pillarbox::slurp($file)) =~ s{(</AnyRoot>)}{  <domainForwarding><server><ipAddress>192.0.2.7</ipAddress><domains>\r\na.example\r\nb.example\r\n</domains></server></domainForwarding>\r\n$1};
Pillarbox::spew($file, $known);
like($pb->ctl_ok('get', 'domainForwarding/server', '--tsv'), qr{address=192\.0\.2\.7 port=25 domains=a\.example,b\.example }, 'they are read');
$pb->ctl_ok('set', 'popMaxBadCommands', 9);
like(Pillarbox::slurp($file), qr{<ipAddress>192\.0\.2\.7</ipAddress><domains>\r\na\.example\r\nb\.example\r\n</domains>}, 'and kept by a rewrite');
like(($pb->ctl('set', '--add', 'domainForwarding/server', 'address=192.0.2.8', 'domains=c.example /etc'))[2],
	qr{domains: must be host names, separated by commas, blanks or line ends}, 'what is no domain is refused, and it says what to give');
$pb->ctl_ok('set', '--add', 'domainForwarding/server', 'ipAddress=192.0.2.8', "domains=c.example\nd.example");
like(Pillarbox::slurp($file), qr{<address>192\.0\.2\.8</address>\s*<domains>c\.example,d\.example</domains>}, 'mailctl takes both and writes one');
$pb->ctl_ok('set', '--remove', 'domainForwarding/server', 'address=192.0.2.7');
unlike(Pillarbox::slurp($file), qr{192\.0\.2\.7}, 'an entry is found by either name');
$pb->ctl_ok('set', 'popMaxBadCommands', 8);

# A change that fails half-way leaves the old file.
chmod 0500, $pb->dir . '/etc' if $> != 0;
SKIP: {
	skip 'root may write everywhere', 1 if $> == 0;
	isnt(($pb->ctl('set', 'popMaxBadCommands', 2))[0], 0, 'a folder that cannot be written');
	chmod 0750, $pb->dir . '/etc';
}
is($pb->ctl_ok('get', 'popMaxBadCommands'), "8\n", 'the rest is as it was');
done_testing();
