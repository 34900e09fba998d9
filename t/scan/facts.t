#!/usr/bin/perl
# What scan-check says of senders, addresses and greetings.
use strict;
use warnings;
use Pillarbox;
use Pillarbox::Dns;
use Pillarbox::Scan;
use Test::More;

plan skip_all => 'scan-ask is not built' unless Pillarbox::Scan::available();
my $dns = Pillarbox::Dns->new(<<'END');
good.test MX 10 mail.good.test
good.test MX 20 backup.good.test
good.test TXT v=spf1 mx -all
mail.good.test A 192.0.2.1
mail.good.test AAAA 2001:db8::1
backup.good.test A 198.51.100.7
soft.test TXT v=spf1 ~all
neutral.test TXT v=spf1 ?all
twice.test TXT v=spf1 a -all
twice.test TXT v=spf1 mx -all
macro.test TXT v=spf1 exists:%{l}._spf.macro.test -all
a\b(c)._spf.macro.test A 127.0.0.2
nothing.test TXT no policy
host.test A 192.0.2.9
six.test AAAA 2001:db8::9
null.test MX 0 .
nothing.test TXT hello
alias.test CNAME good.test
fail.test SERVFAIL
partly.test MX 10 fail.test
partly.test MX 20 mail.good.test
1.2.0.192.in-addr.arpa PTR mail.good.test
2.2.0.192.in-addr.arpa PTR other.test
2.2.0.192.in-addr.arpa PTR mail.good.test
3.2.0.192.in-addr.arpa PTR many.test
4.2.0.192.in-addr.arpa SERVFAIL
5.2.0.192.in-addr.arpa PTR fail.test
9.2.0.192.in-addr.arpa PTR gone.test
9.2.0.192.in-addr.arpa PTR host.test
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR mail.good.test
END
my $pb = Pillarbox->new(settings => { primaryDns => $dns->address });
$pb->start;
my $scan = Pillarbox::Scan->new($pb);

sub says { my ($question, $want, $name) = @_; is($scan->ask($question), $want, $name) }

# SPAM-16
says('spf 9000 192.0.2.1 x.test a@good.test', 'pass good.test', 'SPF: an MX host may send');
says('spf 9000 2001:db8::1 x.test a@good.test', 'pass good.test', '... by IPv6, too');
says('spf 9000 192.0.2.2 x.test a@good.test', 'fail good.test', '... another host may not');
says('spf 9000 192.0.2.1 good.test -', 'pass good.test', 'the null sender is checked as the name of HELO');
says('spf 9000 192.0.2.2 x.test a@soft.test', 'softfail soft.test', 'softfail');
says('spf 9000 192.0.2.2 x.test a@neutral.test', 'neutral neutral.test', 'neutral');
says('spf 9000 192.0.2.2 x.test a@nothing.test', 'none nothing.test', 'none without policy');
says('spf 9000 192.0.2.2 x.test a@gone.test', 'none gone.test', 'none without domain');
says('spf 9000 192.0.2.2 x.test a@twice.test', 'permerror twice.test more than one policy', 'permerror says why');
says('spf 9000 192.0.2.2 x.test a@fail.test', 'temperror fail.test no answer from DNS', 'temperror says why');
says('spf 9000 192.0.2.2 x.test a\b(c)@macro.test', 'pass macro.test', 'a local part with odd characters is asked for as it is');
says('spf 9000 192.0.2.2 x.test ab@macro.test', 'fail macro.test', '... and only that');

says('domain 5000 good.test', 'resolves', 'a domain with MX');
says('domain 5000 GOOD.test.', 'resolves', '... in other letters and with a final dot');
says('domain 5000 alias.test', 'resolves', 'an alias');
says('domain 5000 host.test', 'resolves', 'a domain with an address only');
says('domain 5000 six.test', 'resolves', '... of IPv6');
says('domain 5000 [192.0.2.1]', 'resolves', 'an address literal');
says('domain 5000 null.test', 'null-mx', 'RFC 7505: a null MX');
says('domain 5000 gone.test', 'nxdomain', 'no such domain');
says('domain 5000 a..b', 'nxdomain', 'what can be none');
says('domain 5000 -', 'nxdomain', 'nothing');
says('domain 5000 nothing.test', 'no-host', 'neither MX nor address');
says('domain 5000 fail.test', 'temperror', 'DNS fails');

says('mx 5000 good.test 198.51.100.0/24', 'yes', 'an MX host in the range');
says('mx 5000 good.test 203.0.113.1 2001:db8::/64', 'yes', '... by IPv6');
says('mx 5000 good.test 203.0.113.0/24', 'no', 'none in the range');
says('mx 5000 good.test', 'no', 'no ranges');
says('mx 5000 host.test 192.0.2.9', 'yes', 'RFC 5321 5.1: a domain without MX is its own');
says('mx 5000 null.test 192.0.2.9', 'no', 'the null MX points nowhere');
says('mx 5000 gone.test 192.0.2.9', 'no', 'no such domain');
says('mx 5000 [192.0.2.9] 192.0.2.9', 'yes', 'a literal');
says('mx 5000 partly.test 192.0.2.1', 'yes', 'one host that is known is enough');
says('mx 5000 partly.test 203.0.113.1', 'temperror', 'while one is not known the answer is not no');

says('reverse 5000 192.0.2.1', 'confirmed mail.good.test', 'a name that has the address');
says('reverse 5000 2001:db8::1', 'confirmed mail.good.test', '... of IPv6');
like($scan->ask('reverse 5000 192.0.2.2'), qr{^unconfirmed (?:other|mail.good).test$}, 'names that do not');
says('reverse 5000 192.0.2.9', 'confirmed host.test', 'the second name of two has it');
says('reverse 5000 192.0.2.77', 'none', 'no name');
says('reverse 5000 192.0.2.4', 'temperror', 'DNS fails');
says('reverse 5000 192.0.2.5', 'temperror fail.test', '... for the name');

says('helo 5000 mail.good.test 192.0.2.1', 'matches', 'HELO: the name has the address');
says('helo 5000 mail.good.test 192.0.2.2', 'resolves', 'another address');
says('helo 5000 six.test 192.0.2.2', 'resolves', 'an address of the other family');
says('helo 5000 good.test 192.0.2.2', 'resolves', 'an MX only');
says('helo 5000 nothing.test 192.0.2.2', 'no-host', 'neither');
says('helo 5000 gone.test 192.0.2.2', 'nxdomain', 'no such name');
says('helo 5000 fail.test 192.0.2.2', 'temperror', 'DNS fails');
says('helo 5000 [192.0.2.2] 192.0.2.2', 'matches', 'its own literal');
says('helo 5000 [IPv6:2001:db8::1] 192.0.2.2', 'resolves', 'another');
says("helo 5000 $_ 192.0.2.2", 'invalid', "no name: $_") for 'localhost', '192.0.2.2', '-', 'a..b', 'ex%n.test', '[1.2.3]', 'a' x 64 . '.test';

# What was asked stays in mind: the same question asks DNS nothing.
$dns->queries;
says('spf 9000 192.0.2.1 x.test a@good.test', 'pass good.test', 'asked again');
says('domain 5000 fail.test', 'temperror', 'a failure, too');
is(join(' ', $dns->queries), '', 'DNS was not asked again');
says('spf 9000 192.0.2.2 x.test z@good.test', 'fail good.test', 'another sender of the domain');
is(join(' ', $dns->queries), '', 'DNS answers are kept as well');
done_testing();
