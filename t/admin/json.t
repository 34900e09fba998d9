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

# One command, called rightly and then wrongly: with other arguments, or with the same again.
sub both {
	my ($kind, $command, $right, $code, $wrong) = @_;
	right($kind, $command, @$right);
	wrong($code, $command, @{ $wrong // $right });
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
both('done', 'service reload', [ 'imap' ], 3, [ 'nonsense' ]);

# Accounts and settings.
both('done', 'domain add', [ 'example.com', '--admin', 'postmaster', '--password', $pw ], 1);
both('rows', 'domain list', [], 2, [ 'x' ]);
both('rows', 'domain show', [ 'example.com' ], 3, [ 'other.example' ]);
both('done', 'domain edit', [ 'example.com', 'maxUsers=50' ], 1, [ 'example.com', 'maxUsers=many' ]);
both('done', 'domain-alias add', [ 'example.com', 'also.example' ], 1);
both('rows', 'domain-alias list', [], 3, [ 'other.example' ]);
both('done', 'domain-alias delete', [ 'example.com', 'also.example' ], 3);
right('done', 'user add', "$_\@example.com", '--password', $pw) for qw(alice bob);
wrong(1, 'user add', 'carol@example.com', '--password', 'short');
both('rows', 'user list', [], 3, [ 'other.example' ]);
both('rows', 'user show', [ 'alice@example.com' ], 3, [ 'nobody@example.com' ]);
both('done', 'user edit', [ 'alice@example.com', 'mailboxSizeMB=5' ], 3, [ 'alice@example.com', 'nonsense=5' ]);
both('done', 'user passwd', [ 'alice@example.com', '--password', $pw ], 3, [ 'nobody@example.com', '--password', $pw ]);
both('done', 'alias add', [ 'sales@example.com', 'alice' ], 1, [ 'sales@example.com', 'bob' ]);
both('done', 'alias edit', [ 'sales@example.com', 'bob' ], 3, [ 'nothing@example.com', 'bob' ]);
both('rows', 'alias list', [], 3, [ 'other.example' ]);
both('done', 'alias delete', [ 'sales@example.com' ], 3);
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
both('rows', 'spool shape', [], 2, [ '-w', 'age>' ]);
my ($one, $two) = sort { $b->{encoding} cmp $a->{encoding} } map { right('rows', 'spool view', $_)->[0] } @ids;
(my $want = $text) =~ s/\n/\r\n/g;
is("$one->{encoding} " . substr($one->{message}, -length $want), "utf-8 $want", 'text is text');
is($one->{size}, length $one->{message}, 'with its size');
($want = $bytes) =~ s/\n/\r\n/g;
is("$two->{encoding} " . substr(decode_base64($two->{message}), -length $want), "base64 $want", 'bytes are base64');
is(scalar @{ right('rows', 'spool view', @ids) }, 2, 'several messages are rows of one value');
wrong(3, 'spool view', $ids[0], 12345);
both('rows', 'spool show', \@ids, 3, [ $ids[0], 12345 ]);
both('rows', 'spool recipients', \@ids, 3, [ 12345 ]);
$pb->ctl_ok('start', 'spool');
both('count', 'spool reset-retries', [ $ids[0] ], 3, [ 12345 ]);
is(right('count', 'spool force', @ids)->{count}, 2, 'both are forced');
both('count', 'spool hold', \@ids, 3, [ 12345 ]);
both('count', 'spool release', \@ids, 3, [ 12345 ]);
both('count', 'spool priority', [ 7, @ids ], 3, [ 7, 12345 ]);
both('count', 'spool requeue', [ @ids, '--to', 'else.invalid' ], 3, [ 12345, '--to', 'else.invalid' ]);
both('rows', 'dest', [ 'remote.invalid' ], 2, []);
right('rows', 'spool delete', '--all', '--dry-run');
is(right('count', 'spool delete', '--all')->{count}, 2, 'both are deleted');
like(wrong(3, 'spool delete', 12345)->{error}, qr/12345/, 'an id that is not there is named');
both('rows', 'quarantine list', [], 2, [ '-w', 'age>' ]);
right('rows', 'quarantine list', '-w', 'age>1h');
right('count', 'quarantine release', '--all');
right('count', 'quarantine delete', '--all');
wrong(3, "quarantine $_", 12345) for qw(show view release delete);
$seen{"quarantine $_"}{right} = 1 for qw(show view);	# with a message: t/queue/quarantine.t

# Logs, sessions, certificates.
both('rows', 'log show', [ 'administrative' ], 3, [ 'nonsense' ]);
both('rows', 'explain', [ 'alice@example.com' ], 3, [ 'nobody@nowhere.example' ]);
both('rows', 'connections', [], 2, [ 'nonsense' ]);
right('rows', 'sessions list');
both('rows', 'tls show', [], 2, [ 'x' ]);
both('rows', 'tls rule', [ 'list' ], 3, [ 'delete', 7 ]);

# Lists.
my %entry = (whitelist => [ '192.0.2.1', 'smtp=True' ], map { $_ => [ '192.0.2.1' ] } qw(blacklist auth-bypass ip-bypass));
for my $list (sort keys %entry) {
	both('done', "$list add", [ @{ $entry{$list} } ], 1, [ 'nonsense' ]);
	both('rows', "$list list", [], 2, [ 'x' ]);
	both('rows', "$list show", [ '192.0.2.1' ], 3, [ '198.51.100.1' ]);
	both('done', "$list edit", [ '192.0.2.1', 'address=192.0.2.2' ], 3, [ '198.51.100.1', 'address=192.0.2.3' ]);
	both('done', "$list delete", [ '192.0.2.2' ], 3);
}
both('rows', 'bindings list', [], 2, [ 'x' ]);
both('rows', 'bindings show', [ $pb->port('smtp') ], 3, [ 1 ]);
my $spare = Pillarbox::free_ports(1);
both('done', 'bindings add', [ $spare, 'service=smtp' ], 1);
both('done', 'bindings edit', [ $spare, 'service=smtps' ], 3, [ 1, 'service=smtp' ]);
both('done', 'bindings delete', [ $spare ], 3, [ 1 ]);
($code, $value) = call('bindings', 'check');
is(ref $value, 'ARRAY', "bindings check: rows, exit $code");
$seen{'bindings check'}{right} = 1;
wrong(2, 'bindings check', 'x');
both('done', 'block add', [ '192.0.2.9' ], 2, [ 'nonsense' ]);
both('rows', 'block list', [], 2, [ 'x' ]);
both('rows', 'block show', [ '192.0.2.9' ], 3, [ '192.0.2.8' ]);
both('done', 'block delete', [ '192.0.2.9' ], 3);
both('done', 'abuse add', [ 'kind=dos' ], 1, [ 'kind=nonsense' ]);
both('rows', 'abuse list', [], 2, [ 'x' ]);
both('rows', 'abuse show', [ 1 ], 3, [ 9 ]);
both('done', 'abuse edit', [ 1, 'timeFrame=6' ], 3, [ 9, 'timeFrame=6' ]);
both('done', 'abuse delete', [ 1 ], 3, [ 9 ]);
both('done', 'gateway add', [ 'address=192.0.2.7', 'domains=far.example' ], 1, [ 'port=99999' ]);
both('rows', 'gateway list', [], 2, [ 'x' ]);
both('done', 'gateway edit', [ 1, 'port=2525' ], 3, [ 9, 'port=2525' ]);
both('done', 'gateway delete', [ 1 ], 3, [ 9 ]);
both('done', 'outgoing add', [ 'address=192.0.2.7' ], 1, [ 'port=99999' ]);
both('rows', 'outgoing list', [], 2, [ 'x' ]);
both('done', 'outgoing edit', [ 1, 'port=2525' ], 3, [ 9, 'port=2525' ]);
both('done', 'outgoing delete', [ 1 ], 3, [ 9 ]);
both('rows', 'route show', [ 'a@far.example' ], 2, []);
both('done', 'trusted add', [ 'example.com', 'friend@far.example' ], 3, [ 'other.example', 'friend@far.example' ]);
both('rows', 'trusted list', [ 'example.com' ], 3, [ 'other.example' ]);
both('done', 'trusted delete', [ 'example.com', 'friend@far.example' ], 3, [ 'other.example', 'friend@far.example' ]);

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
both('rows', 'advise', [], 2, [ 'x' ]);
both('rows', 'role show', [], 3, [ 'x' ]);
both('rows', 'role advise', [ 'primary' ], 3, [ 'x' ]);
right('done', 'reindex');
my @ed25519 = ('example.com', '--type', 'ed25519', '--selector');
both('rows', 'dkim add', [ @ed25519, 's1' ], 1);
both('rows', 'dkim list', [], 3, [ 'nowhere.example' ]);
both('rows', 'dkim show', [ 'example.com' ], 3, [ 'nowhere.example' ]);
both('done', 'dkim use', [ 'example.com', '--selector', 's1' ], 3, [ 'example.com', '--selector', 'nonsense' ]);
right('rows', 'dkim add', @ed25519, 's2');
both('done', 'dkim delete', [ 'example.com', 's2-ed25519' ], 3);
both('rows', 'lockdown', [ 'bob@example.com' ], 3, [ 'nobody@example.com' ]);
both('done', 'user delete', [ 'bob@example.com', '--yes' ], 3);
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
