#!/usr/bin/perl
# Settings that are dangerous, not well formed or out of range: refused with
# file, line and range, quickly, with nothing changed.
use strict;
use warnings;
use Time::HiRes qw(time);
use Test::More;
use Pillarbox;

my $pb = Pillarbox->new;
my $file = $pb->dir . '/etc/mailconfig.xml';
my $good = Pillarbox::slurp($file);

# What is refused, and what the message must say.
sub refused {
	my ($name, $text, $re) = @_;
	Pillarbox::spew($file, $text);
	my $begin = time;
	my ($code, $out, $err) = $pb->ctl('get', 'hostName');
	my $took = time - $begin;
	is($code, 1, "$name: exit 1");
	like($err, $re, "$name: told with file and line");
	cmp_ok($took, '<', 20, "$name: at once");
	($code, $out, $err) = $pb->ctl('set', 'smtpMaxBadCommands', 5);
	is($code, 1, "$name: nothing is written over it");
	is(Pillarbox::slurp($file), $text, "$name: the file is untouched");
}

my $bomb = join '', map { '<!ENTITY l' . ($_ + 1) . ' "' . ("&l$_;" x 10) . '">' } 0 .. 8;
refused('billion laughs', qq(<?xml version="1.0"?>\n<!DOCTYPE m [<!ENTITY l0 "lol">$bomb]>\n<m>&l9;</m>),
	qr{^mailctl: etc/mailconfig\.xml:2: DTD not allowed$}m);
refused('quadratic bomb', '<!DOCTYPE m [<!ENTITY a "' . ('a' x 50000) . '">]><m><x>' . ('&a;' x 50000) . '</x></m>',
	qr{mailconfig\.xml:1: DTD not allowed});
refused('file entity', qq(<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/shadow">]>\n<m><hostName>&e;</hostName></m>),
	qr{DTD not allowed});
refused('external DTD', '<!DOCTYPE m SYSTEM "http://127.0.0.1:1/x.dtd"><m/>', qr{DTD not allowed});
refused('parameter entity', '<!DOCTYPE m [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><m/>', qr{DTD not allowed});
refused('deep nesting', '<m>' . ('<a>' x 200000), qr{mailconfig\.xml:1: });
refused('UTF-16', "\xff\xfe<\0m\0/\0>\0", qr{not UTF-8});
refused('gzip', "\x1f\x8b\x08\0\0\0\0\0" . ('x' x 1000), qr{mailconfig\.xml});
refused('not well formed', "<m>\n<hostName>a.b\n</m>\n", qr{mailconfig\.xml:3: not well formed: Opening and ending tag mismatch});
refused('out of range', "<m>\n<smtpMaxBadCommands>1001</smtpMaxBadCommands>\n</m>",
	qr{mailconfig\.xml:2: smtpMaxBadCommands: must be 0 to 1000 commands, not "1001"});
refused('a duplicate', "<m><dnsCache>True</dnsCache>\n<dnsCache>False</dnsCache></m>",
	qr{mailconfig\.xml:2: dnsCache: stands here a second time});

# XInclude is no DTD; it is an unknown element and fetches nothing.
Pillarbox::spew($file, '<m xmlns:xi="http://www.w3.org/2001/XInclude"><hostName>a.example</hostName>'
	. '<xi:include href="file:///etc/passwd" parse="text"/></m>');
is($pb->ctl_ok('get', 'hostName'), "a.example\n", 'XInclude is not followed');

# More than LIMIT_XML bytes, without reading them (a file with a hole of 4 GB).
open my $big, '>', $file or die;
truncate $big, 4 * 1024 ** 3 or die;
close $big;
my $begin = time;
my ($code, $out, $err) = $pb->ctl('get', 'hostName');
is($code, 1, 'a file of 4 GB is refused');
like($err, qr{too large}, 'as too large');
cmp_ok(time - $begin, '<', 20, 'without reading it');
unlink $file;

Pillarbox::spew($file, $good);
chmod 0666, $file;
($code, $out, $err) = $pb->ctl('get', 'hostName');
is($code, 1, 'a file that others may write is refused');
like($err, qr{etc/mailconfig\.xml: can be written by others \(mode 0666\)}, 'naming it');
chmod 0640, $file;
chmod 0777, $pb->dir . '/etc';
($code, $out, $err) = $pb->ctl('get', 'hostName');
like($err, qr{etc: can be written by others}, 'so is a folder that others may write');
chmod 0750, $pb->dir . '/etc';
rename $file, "$file.real";
symlink "$file.real", $file;
($code, $out, $err) = $pb->ctl('get', 'hostName');
is($code, 1, 'a symbolic link is refused');
unlink $file;
rename "$file.real", $file;

Pillarbox::spew($pb->dir . '/etc/MailConfig.xml', $good);
($code, $out, $err) = $pb->ctl('get', 'hostName');
like($err, qr{two spellings}, 'two spellings of one file are an error');
unlink $file;
is($pb->ctl_ok('get', 'hostName'), "mail.test.example\n", 'another spelling alone is found');
is($pb->ctl_ok('set', 'popMaxBadCommands', 3), '', 'and written');
ok(!-e $file, 'under the name it has');
done_testing();
