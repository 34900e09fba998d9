#!/usr/bin/perl
# MTA-STS (RFC 8461): a policy that a domain announces is fetched, kept and obeyed;
# what cannot be had, or is only a test, changes nothing; and what is on disk holds
# while the web server is away.
# Features: SMTPOUT-09.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox::Certificates;
use Pillarbox::Outbound;

plan skip_all => 'remote-send is not built' unless Pillarbox::Outbound::available();
plan skip_all => 'nsd is not installed' unless -x '/usr/sbin/nsd';
plan skip_all => 'IO::Socket::SSL is not installed' unless eval { require IO::Socket::SSL };
plan skip_all => 'only root can serve HTTPS on its port' if $> != 0;

my $dir = tempdir('pillarbox-sts-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $ca = Pillarbox::Certificates->new("$dir/ca");
my $port = Pillarbox::Outbound::free_port();
# Addresses of this test alone: two of them may run at once, and the port is fixed.
my $net = '127.' . (80 + $$ / 256 % 100) . '.' . $$ % 256;
my ($web, $badweb, $silent) = map { "$net." . (10 + $_) } 0 .. 2;
my @all = (qw(good other list test none fetch type large redirect invalid twice broken stale moved name expired wild plain slow away late), map { "slow$_" } 1 .. 8);
my ($cert, $key) = $ca->make('mx', names => [ map({ "mx.$_.example" } @all), 'a.wild.example' ]);
my %server;
my %ip = (good => '127.0.0.31', plain => '127.0.0.32');
for my $kind (keys %ip) {
	$server{$kind} = Pillarbox::Outbound::Server->new($ip{$kind}, $port, sub {
		my ($c) = @_;
		my $inside = $kind eq 'plain';
		$c->serve(EHLO => sub { $c->say('250-mx', $inside ? '250 8BITMIME' : '250 STARTTLS'); return [] },
			STARTTLS => sub {
				$c->say('220 go');
				IO::Socket::SSL->start_SSL($c->{sock}, SSL_server => 1, SSL_cert_file => $cert, SSL_key_file => $key)
					or POSIX::_exit(0);
				$inside = 1;
				return [];
			});
	});
}

sub policy { my ($mode, @mx) = @_; return "version: STSv1\r\nmode: $mode\r\n" . join('', map { "mx: $_\r\n" } @mx) . "max_age: 86400\r\n" }
# Domain => what the web server answers: text, or a whole answer.
my %text = map { $_ => policy('enforce', "mx.$_.example") } @all;
$text{list} = policy('enforce', 'mx.elsewhere.example');
$text{test} = policy('testing', 'mx.elsewhere.example');
$text{none} = policy('none');
$text{wild} = policy('enforce', '*.wild.example');
$text{invalid} = "version: STSv1\nmode: strict\nmax_age: 1\n";
my $size = 65536;
$text{late} = policy('enforce', 'mx.late.example');
$text{late} .= 'x:' . 'y' x ($size - 2 - length $text{late});
$text{large} = $text{late} . 'y';
my %answer = (fetch => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
	type => "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n$text{type}",
	redirect => "HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.good.example/.well-known/mta-sts.txt\r\nContent-Length: 0\r\n\r\n");
my $hits = "$dir/hits";

# A web server: certificate by SNI; each request leaves a line.
sub web {
	my ($ip, %of) = @_;
	my $listen = IO::Socket::IP->new(LocalAddr => $ip, LocalPort => 443, Listen => 64, ReuseAddr => 1) or die "$ip:443: $@";
	my $pid = fork() // die;
	return $pid if $pid;
	$SIG{CHLD} = $SIG{PIPE} = 'IGNORE';
	while (my $c = $listen->accept) {
		next if fork();
		IO::Socket::SSL->start_SSL($c, SSL_server => 1, SSL_cert_file => $of{cert}, SSL_key_file => $of{key}) or POSIX::_exit(0);
		my ($host, $path) = ('', '');
		while (defined(my $line = readline $c)) {
			$path = $1 if $line =~ /^GET (\S+)/;
			$host = $1 if $line =~ /^Host: mta-sts\.(\w+)\.example\r/i;
			last if $line eq "\r\n";
		}
		open my $f, '>>', $hits;
		print $f "$host $path\n";
		close $f;
		1 while $host =~ /^slow/ && defined readline $c;	# until it has gone
		my $text = Pillarbox::Outbound::slurp("$dir/text.$host") || $text{$host} // '';
		print $c $answer{$host} // "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " . length($text) . "\r\n\r\n$text";
		close $c;
		POSIX::_exit(0);
	}
}
my ($wcert, $wkey) = $ca->make('web', names => [ map { "mta-sts.$_.example" } @all ]);
my ($ocert, $okey) = $ca->make('old', names => ['mta-sts.expired.example'], days => -1);
my %web = (good => web($web, cert => $wcert, key => $wkey), bad => web($badweb, cert => $ocert, key => $okey));
my $main = $$;
END { local $?; kill 'KILL', values %web if %web && $$ == $main }

my $zone = '';
for my $name (@all) {
	my $mx = $name =~ /^(?:plain|none|test|fetch|type|large|redirect|invalid|twice|broken|away)$/ ? $ip{plain} : $ip{good};
	my $at = $name =~ /^(?:name|expired)$/ ? $badweb : $name eq 'away' ? $silent : $web;
	$zone .= "$name.example. MX 10 mx.$name.example.\nmx.$name.example. A $mx\nmta-sts.$name.example. A $at\n";
	$zone .= "_mta-sts.$name.example. TXT \"v=STSv1; id=" . ($name eq 'broken' ? '?' : '1') . ";\"\n" if $name ne 'other';
}
$zone .= "_mta-sts.twice.example. TXT \"v=STSv1; id=2;\"\n_mta-sts.good.example. TXT \"v=spf1 -all\"\n"
	. "wild.example. MX 20 a.wild.example.\na.wild.example. A $ip{good}\n"
	. "wrongname.example. MX 10 mx.other2.example.\nmx.other2.example. A $ip{good}\nmta-sts.wrongname.example. A $web\n";
$ENV{SSL_CERT_FILE} = $ca->ca;
my $out = Pillarbox::Outbound->new(settings => { smtpOutPort => $port }, zone => $zone);
my $cache = "$out->{dir}/i/state/remote-send";

sub deliver { my ($name) = @_; my %r = $out->send("Subject: x\r\n\r\nx\r\n", domain => "$name.example", from => 'a@sender.example', rcpt => ["b\@$name.example"]); return $r{1} }
sub hits { my ($name) = @_; return scalar grep { /^\Q$name\E / } split /^/, Pillarbox::Outbound::slurp($hits) }

like(deliver('good'), qr/^250 /, 'a policy that is kept: delivered');
like(Pillarbox::Outbound::slurp($hits), qr{^good /\.well-known/mta-sts\.txt$}m, 'the policy was fetched');
like($out->log, qr/event=sts-policy domain=good\.example id=1 mode=enforce max-age=86400 hosts=1/, 'the log says so');
like($out->log, qr/tls: TLSv1\.\d cipher \S+ proven/, 'the certificate was proven');
like(Pillarbox::Outbound::slurp("$cache/sts-good.example"), qr/^mta-sts\nid=1\nfetched=\d+\npolicy=version: STSv1/, 'it is on disk');
like(deliver('good'), qr/^250 /, 'again');
is(hits('good'), 1, 'it is not fetched again');
like(deliver('other'), qr/^250 /, 'a domain that announces none');
is(hits('other'), 0, 'is not asked');
like(deliver('list'), qr/^451 4\.7\.5 MTA-STS: the policy of list\.example does not list its mail host mx\.list\.example/, 'a host that the policy does not list');
like(deliver('plain'), qr/^451 4\.7\.4 MTA-STS demands TLS: mx\.plain\.example\[127\.0\.0\.32\] does not offer TLS/, 'a host without TLS');
unlike(join('', $server{plain}->transcripts), qr/MAIL/, 'gets nothing');
like(deliver('wild'), qr/^250 /, 'a wildcard in the policy');
like(deliver('test'), qr/^250 /, 'a policy of mode testing is not enforced');
like(deliver('none'), qr/^250 /, 'nor one of mode none');
like(deliver($_->[0]), qr/^250 /, "$_->[1]: as without policy") for [ fetch => 'no file' ], [ type => 'a file that is no text' ],
	[ redirect => 'a redirection' ], [ invalid => 'a policy that is none' ], [ large => 'a policy over LIMIT_STS_POLICY' ],
	[ twice => 'two announcements' ], [ broken => 'one that is none' ], [ name => 'a web server with the certificate of another' ],
	[ expired => 'a web server whose certificate is old' ], [ away => 'no web server' ];
like(deliver('late'), qr/^250 /, 'a policy at LIMIT_STS_POLICY');
ok(-e "$cache/sts-late.example", '... is taken');
is(hits($_), 0, "nothing is asked of $_") for qw(twice broken);
my %why = (fetch => 'the server answered 404', type => 'the answer is not of type text/plain', redirect => 'the server answered 301',
	invalid => 'an unknown mode', large => 'the policy is larger', name => '.*certificate', expired => '.*expired', away => '.*onnect');
like($out->log, qr/event=sts-failed domain=$_\.example why="$why{$_}/, "the log says why: $_") for sort keys %why;
my $before = hits('fetch');
like(deliver('fetch'), qr/^250 /, 'what failed');
is(hits('fetch'), $before, 'is not asked for again at once');

# Policies on disk: one that holds, one whose time is over, one that is not ours.
sub kept { my ($name, $age, $mode, @mx) = @_; my $t = int(time - $age); Pillarbox::Outbound::write_file("$cache/sts-$name.example", "mta-sts\nid=1\nfetched=$t\npolicy=" . policy($mode, @mx) =~ s/\r\n/\\r\\n/gr . "\n") }
kept('away', 100, 'enforce', 'mx.away.example');
like(deliver('away'), qr/^451 4\.7\.4 MTA-STS /, 'the web server is away: the policy on disk holds');
kept('away', 86401, 'enforce', 'mx.away.example');
like(deliver('away'), qr/^250 /, 'until its time is over');
kept('other', 100, 'enforce', 'mx.elsewhere.example');
like(deliver('other'), qr/^451 4\.7\.5 MTA-STS: /, 'a policy on disk holds also when none is announced any more');
Pillarbox::Outbound::write_file("$cache/sts-other.example", "mta-sts\nid=1\nfetched=9");
like(deliver('other'), qr/^250 /, 'a damaged file counts as none');
kept('moved', 100, 'enforce', 'mx.elsewhere.example');
Pillarbox::Outbound::write_file("$cache/sts-moved.example", Pillarbox::Outbound::slurp("$cache/sts-moved.example") =~ s/id=1/id=0/r);
like(deliver('moved'), qr/^250 /, 'a new id: the new policy is fetched before the message goes');
is(hits('moved'), 1, 'once');
kept('stale', 86390, 'enforce', 'mx.stale.example');
Pillarbox::Outbound::write_file("$cache/sts-stale.example", Pillarbox::Outbound::slurp("$cache/sts-stale.example") =~ s/86400/604800/r =~ s/fetched=(\d+)/'fetched=' . ($1 - 100)/er);
like(deliver('stale'), qr/^250 /, 'a policy of more than a day');
my $end = time + 10;
sleep 0.05 while !hits('stale') && time < $end;
is(hits('stale'), 1, 'is fetched again beside the message');

# Fetches take time: messages for one domain wait for the same one.
my @jobs = map { my $pid = fork() // die; if (!$pid) { my $r = deliver('slow'); POSIX::_exit(0) } $pid } 1 .. 2;
$end = time + 10;
sleep 0.05 while !hits('slow') && time < $end;
sleep 0.3;
is(hits('slow'), 1, 'two messages for one domain wait for one policy');
kill 'KILL', @jobs;
waitpid $_, 0 for @jobs;
@jobs = map { my $name = "slow$_"; my $pid = fork() // die; if (!$pid) { deliver($name); POSIX::_exit(0) } $pid } 1 .. 8;
sub slow { return scalar grep { /^slow/ } split /^/, Pillarbox::Outbound::slurp($hits) }
$end = time + 10;
sleep 0.05 while slow() < 8 && time < $end;
sleep 0.3;
is(slow(), 8, 'processes that fetch policies at LIMIT_STS_FETCHES');
is($out->log =~ /event=sts-\w+ domain=slow/, '', '... and one over LIMIT_STS_FETCHES waits');
kill 'KILL', @jobs;
waitpid $_, 0 for @jobs;
is($out->stop, 0, 'it ends in peace, also with policies under way');

# At start what is over is removed.
kept('old', 90000, 'enforce', 'mx.old.example');
kept('good', 100, 'enforce', 'mx.good.example');
$out->start;
like(deliver('good'), qr/^250 /, 'after a new start');
is(hits('good'), 1, 'what is on disk is used');
ok(!-e "$cache/sts-old.example", 'and what is over is gone');
is($out->stop, 0, 'it ends in peace');
done_testing;
