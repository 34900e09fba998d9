#!/usr/bin/perl
# mailctl --json: standard output is one JSON value, whatever the command and
# whatever its exit code.  A table walks every command that help lists, with a call
# that is right and one that is wrong.
# Features: TOOL-05.
use strict;
use warnings;
use lib "$ENV{PB_SRC}/t/lib";
use JSON::PP;
use MIME::Base64;
use Test::More;
use Time::HiRes qw(sleep time);
use Pillarbox;

my $pb = Pillarbox->new(settings => { retryIntervals => '60,60,60,60', dnsErrorAttempts => 100 });
my $json = JSON::PP->new->utf8;		# refuses what follows a value
my %seen;

# One call: its exit code, and the value; undef when the output is none.
sub call {
	my (@args) = @_;
	my ($code, $out, $err) = $pb->ctl(@args, '--json');
	my $value = eval { $json->decode($out) };
	diag("mailctl @args: $out$err") if !defined $value;
	return ($code, $value, $err);
}

# Kinds: rows, done (nothing to show), count (done, and how many).
sub right {
	my ($kind, $command, @args) = @_;
	my ($code, $value, $err) = call(split(/ /, $command), @args);
	$seen{$command}{right} = 1;
	my $is = ref $value eq 'ARRAY' ? 'rows' : ref $value ne 'HASH' || !$value->{done} ? 'nothing'
		: exists $value->{count} ? 'count' : 'done';
	is("$code $is", "0 $kind", "$command @args: $kind") or diag($err);
	return $value;
}

sub wrong {
	my ($want, $command, @args) = @_;
	my ($code, $value, $err) = call(split(/ /, $command), @args);
	$seen{$command}{wrong} = 1;
	my $is_error = ref $value eq 'HASH' && join(' ', sort keys %$value) eq 'error exit' && $value->{error} =~ /\S/;
	ok($is_error && $code == $want && $value->{exit} == $want, "$command @args: error $want") or diag("exit $code: $err");
	return $value;
}

my $pw = $Pillarbox::PASSWORD;
my $more = "$pb->{top}/more";
my $ports = right('rows', 'init', $more, '--base-port', 20000);
is_deeply($ports->[1], { service => 'smtps', address => '127.0.0.1', port => 20001 }, 'init tells the ports');
like(wrong(1, 'init', $more)->{error}, qr/is an instance already$/, 'in the words of standard error');
my ($code, $out) = $pb->run($pb->program('mailctl'), '-r', '/nonexistent', 'get', '--json');
is_deeply([ $code, $json->decode($out)->{exit} ], [ 3, 3 ], 'no instance: an error too');
($code, $out) = $pb->run($pb->program('mailctl'), '--json', '--nonsense');
is_deeply([ $code, $json->decode($out)->{exit} ], [ 2, 2 ], 'an unknown option');
($code, $out) = $pb->run($pb->program('mailctl'), 'nonsense', '--json');
is_deeply([ $code, $json->decode($out)->{exit} ], [ 2, 2 ], 'an unknown command');

my $help = right('rows', 'help');
cmp_ok(scalar @$help, '>', 60, 'help lists the commands');
is_deeply([ sort keys %{ $help->[0] } ], [qw(arguments command help)], 'with what they take');
is(scalar @{ right('rows', 'help', 'spool', 'view') }, 1, 'or one of them');
wrong(3, 'help', 'nonsense');

# While nothing runs.
is(wrong(3, 'service status')->{error}, 'the server does not run', 'a server that does not run is an error');
wrong(75, 'connections');
wrong(75, 'sessions list');
wrong(75, 'spool force', '--all');
wrong(75, 'reindex');
right('done', 'service start');
$pb->{started} = 1;
$pb->wait_port($_) for sort keys %Pillarbox::OFFSET;
wrong(3, 'service start', 'nonsense');
right('rows', 'service status');
right('done', 'service stop', 'pop');
($code, my $value) = call('status', 'pop');
is("$code $value->[0]{state}", '3 stopped', 'an exit code that is the answer comes with rows');
wrong(3, 'service stop', 'nonsense');
right('done', 'service restart', 'pop');
right('done', 'service start', 'pop');
wrong(3, 'service restart', 'nonsense');
right('done', 'service reload');
right('done', 'service reload', 'imap');
wrong(3, 'service reload', 'nonsense');

# Accounts and settings.
right('done', 'domain add', 'example.com', '--admin', 'postmaster', '--password', $pw);
wrong(1, 'domain add', 'example.com', '--admin', 'postmaster', '--password', $pw);
right('rows', 'domain list');
wrong(2, 'domain list', 'x');
right('rows', 'domain show', 'example.com');
wrong(3, 'domain show', 'other.example');
right('done', 'domain edit', 'example.com', 'maxUsers=50');
wrong(1, 'domain edit', 'example.com', 'maxUsers=many');
right('done', 'domain-alias add', 'example.com', 'also.example');
wrong(1, 'domain-alias add', 'example.com', 'also.example');
right('rows', 'domain-alias list');
wrong(3, 'domain-alias list', 'other.example');
right('done', 'domain-alias delete', 'example.com', 'also.example');
wrong(3, 'domain-alias delete', 'example.com', 'also.example');
right('done', 'user add', "$_\@example.com", '--password', $pw) for qw(alice bob);
wrong(1, 'user add', 'carol@example.com', '--password', 'short');
right('rows', 'user list');
wrong(3, 'user list', 'other.example');
right('rows', 'user show', 'alice@example.com');
wrong(3, 'user show', 'nobody@example.com');
right('done', 'user edit', 'alice@example.com', 'mailboxSizeMB=5');
wrong(3, 'user edit', 'alice@example.com', 'nonsense=5');
right('done', 'user passwd', 'alice@example.com', '--password', $pw);
wrong(3, 'user passwd', 'nobody@example.com', '--password', $pw);
right('done', 'alias add', 'sales@example.com', 'alice');
wrong(1, 'alias add', 'sales@example.com', 'bob');
right('done', 'alias edit', 'sales@example.com', 'bob');
wrong(3, 'alias edit', 'nothing@example.com', 'bob');
right('rows', 'alias list');
wrong(3, 'alias list', 'other.example');
right('done', 'alias delete', 'sales@example.com');
wrong(3, 'alias delete', 'sales@example.com');
is(scalar @{ right('rows', 'get', 'hostName', 'smtpBanner') }, 2, 'two settings are two rows of one value');
wrong(3, 'get', 'hostName', 'nonsense');
right('done', 'set', 'smtpMaxBadCommands', 9);
like(wrong(1, 'set', 'smtpMaxBadCommands', 99999)->{error}, qr/must be 0 to 1000 commands/, 'the error tells the range');

# The queue: a message as text, and one that is none.
$pb->ctl_ok('stop', 'spool');
my $text = "From: alice\@example.com\nTo: b\nSubject: text\n\nbody\n";
my $bytes = "From: alice\@example.com\nTo: b\nSubject: bytes\n\n\xff\xfe\n";
for my $mail ($text, $bytes) {
	like($pb->send_mail(from => 'alice@example.com', to => 'far@remote.invalid', text => $mail), qr/^250/, 'a message waits');
}
my @ids = map { $_->{id} } @{ right('rows', 'spool list') };
is(scalar @ids, 2, 'both are listed');
wrong(2, 'spool list', '--sort', 'nonsense');
right('rows', 'spool shape');
wrong(2, 'spool shape', '-w', 'age>');
my ($one, $two) = sort { $b->{encoding} cmp $a->{encoding} } map { right('rows', 'spool view', $_)->[0] } @ids;
(my $want = $text) =~ s/\n/\r\n/g;
is("$one->{encoding} " . substr($one->{message}, -length $want), "utf-8 $want", 'text is text');
is($one->{size}, length $one->{message}, 'with its size');
($want = $bytes) =~ s/\n/\r\n/g;
is("$two->{encoding} " . substr(decode_base64($two->{message}), -length $want), "base64 $want", 'bytes are base64');
is(scalar @{ right('rows', 'spool view', @ids) }, 2, 'several messages are rows of one value');
wrong(3, 'spool view', $ids[0], 12345);
right('rows', 'spool show', @ids);
wrong(3, 'spool show', $ids[0], 12345);
right('rows', 'spool recipients', @ids);
wrong(3, 'spool recipients', 12345);
$pb->ctl_ok('start', 'spool');
right('count', 'spool reset-retries', $ids[0]);
wrong(3, 'spool reset-retries', 12345);
is(right('count', 'spool force', @ids)->{count}, 2, 'both are forced');
right('rows', 'spool delete', '--all', '--dry-run');
is(right('count', 'spool delete', '--all')->{count}, 2, 'both are deleted');
like(wrong(3, 'spool delete', 12345)->{error}, qr/12345/, 'an id that is not there is named');
right('rows', 'quarantine list');
wrong(2, 'quarantine list', '-w', 'age>');
right('rows', 'quarantine list', '-w', 'age>1h');
right('count', 'quarantine release', '--all');
right('count', 'quarantine delete', '--all');
wrong(3, "quarantine $_", 12345) for qw(show view release delete);
$seen{"quarantine $_"}{right} = 1 for qw(show view);	# with a message: t/queue/quarantine.t

# Logs, sessions, certificates.
right('rows', 'log show', 'administrative');
wrong(3, 'log show', 'nonsense');
right('rows', 'explain', 'alice@example.com');
wrong(3, 'explain', 'nobody@nowhere.example');
right('rows', 'connections');
wrong(2, 'connections', 'nonsense');
right('rows', 'sessions list');
right('rows', 'tls show');
wrong(2, 'tls show', 'x');
right('rows', 'tls rule', 'list');
wrong(3, 'tls rule', 'delete', 7);

# Lists.
my %entry = (whitelist => [ '192.0.2.1', 'smtp=True' ], map { $_ => [ '192.0.2.1' ] } qw(blacklist auth-bypass ip-bypass));
for my $list (sort keys %entry) {
	right('done', "$list add", @{ $entry{$list} });
	wrong(1, "$list add", 'nonsense');
	right('rows', "$list list");
	wrong(2, "$list list", 'x');
	right('rows', "$list show", '192.0.2.1');
	wrong(3, "$list show", '198.51.100.1');
	right('done', "$list edit", '192.0.2.1', 'address=192.0.2.2');
	wrong(3, "$list edit", '198.51.100.1', 'address=192.0.2.3');
	right('done', "$list delete", '192.0.2.2');
	wrong(3, "$list delete", '192.0.2.2');
}
right('rows', 'bindings list');
wrong(2, 'bindings list', 'x');
right('rows', 'bindings show', $pb->port('smtp'));
wrong(3, 'bindings show', 1);
my $spare = Pillarbox::free_ports(1);
right('done', 'bindings add', $spare, 'service=smtp');
wrong(1, 'bindings add', $spare, 'service=smtp');
right('done', 'bindings edit', $spare, 'service=smtps');
wrong(3, 'bindings edit', 1, 'service=smtp');
right('done', 'bindings delete', $spare);
wrong(3, 'bindings delete', 1);
($code, $value) = call('bindings', 'check');
is(ref $value, 'ARRAY', "bindings check: rows, exit $code");
$seen{'bindings check'}{right} = 1;
wrong(2, 'bindings check', 'x');
right('done', 'block add', '192.0.2.9');
wrong(2, 'block add', 'nonsense');
right('rows', 'block list');
wrong(2, 'block list', 'x');
right('rows', 'block show', '192.0.2.9');
wrong(3, 'block show', '192.0.2.8');
right('done', 'block delete', '192.0.2.9');
wrong(3, 'block delete', '192.0.2.9');
right('done', 'abuse add', 'kind=dos');
wrong(1, 'abuse add', 'kind=nonsense');
right('rows', 'abuse list');
wrong(2, 'abuse list', 'x');
right('rows', 'abuse show', 1);
wrong(3, 'abuse show', 9);
right('done', 'abuse edit', 1, 'timeFrame=6');
wrong(3, 'abuse edit', 9, 'timeFrame=6');
right('done', 'abuse delete', 1);
wrong(3, 'abuse delete', 9);
right('done', 'gateway add', 'address=192.0.2.7', 'domains=far.example');
wrong(1, 'gateway add', 'port=99999');
right('rows', 'gateway list');
wrong(2, 'gateway list', 'x');
right('done', 'gateway edit', 1, 'port=2525');
wrong(3, 'gateway edit', 9, 'port=2525');
right('done', 'gateway delete', 1);
wrong(3, 'gateway delete', 9);
right('done', 'trusted add', 'example.com', 'friend@far.example');
wrong(3, 'trusted add', 'other.example', 'friend@far.example');
right('rows', 'trusted list', 'example.com');
wrong(3, 'trusted list', 'other.example');
right('done', 'trusted delete', 'example.com', 'friend@far.example');
wrong(3, 'trusted delete', 'other.example', 'friend@far.example');

# Greylisting, which runs only when it is on.
wrong(75, "greylist $_->[0]", @{ $_ }[1 .. $#$_])
	for [ 'stats' ], [ 'list' ], [ 'why', '192.0.2.1' ], [ 'delete', '--all' ];
wrong(75, 'expect', 'alice@example.com');
$pb->set('greylisting/enabled' => 'True');
my $end = time + 20;
sleep 0.1 while ($pb->ctl('greylist', 'stats'))[0] == 75 && time < $end;
right('rows', 'greylist stats');
right('rows', 'greylist list');
right('rows', 'greylist why', '192.0.2.1');
($code, $value) = call('greylist', 'delete', '--all');
ok(ref $value && $code == 0, 'greylist delete');
$seen{'greylist delete'}{right} = 1;
right('rows', 'expect', 'alice@example.com');

# The rest.
($code, $value) = call('try', '--from', 'a@far.example', '--to', 'alice@example.com', '--ip', '192.0.2.1');
is(ref $value, 'ARRAY', "try: rows, exit $code");
$seen{try}{right} = 1;
wrong(2, 'try');
($code, $value) = call('check');
is(ref $value, 'ARRAY', "check: rows, exit $code");
$seen{check}{right} = 1;
wrong(2, 'check', 'x');
right('rows', 'advise');
wrong(2, 'advise', 'x');
right('done', 'reindex');
right('done', 'user delete', 'bob@example.com', '--yes');
wrong(3, 'user delete', 'bob@example.com', '--yes');
wrong(1, 'domain delete', 'example.com');
right('done', 'domain delete', 'example.com', '--yes');

# The shell: a value for each line.
($code, $out) = $pb->run_input("get hostName\nset smtpMaxBadCommands 7\nstaged\ncommit\nget nonsense\n",
	$pb->program('mailctl'), '-r', $pb->dir, '--json', 'shell');
my @values = eval { JSON::PP->new->utf8->incr_parse($out) };
is(join(' ', map { ref $_ eq 'ARRAY' ? 'rows' : exists $_->{count} ? "count=$_->{count}" : $_->{done} ? 'done' : 'error' } @values),
	'rows done rows count=1 error', 'each line of the shell has its value') or diag($out);
$seen{shell} = { right => 1, wrong => 1 };
right('done', 'service stop');
delete $pb->{started};
is(join(', ', grep { !$seen{$_}{right} } map { $_->{command} } @$help), '', 'every command was called');
is(join(', ', grep { !$seen{$_}{wrong} } map { $_->{command} } @$help), '', 'and called in a wrong way');
done_testing;
