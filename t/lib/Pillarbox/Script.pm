package Pillarbox::Script;

# Pillarbox::Script: runs scripted IMAP tests in the format of imaptest
# (docs/scripted_test.md there): a header, then commands with the untagged
# replies that must (*) or must not (!) come.  Written from that description.
#
#	my @failures = Pillarbox::Script->new($pb, $path, user => ..., password => ...)->run;
#	# a text each; or ('skip: needs X')
use strict;
use warnings;

my %COMMANDS = map { $_ => 1 } qw(append authenticate capability check close copy create delete enable examine expunge
	fetch id idle list login logout lsub move namespace noop rename search select starttls status store subscribe uid
	unselect unsubscribe);

sub new {
	my ($class, $pb, $path, %o) = @_;
	return bless { pb => $pb, path => $path, box => 'imaptest', %o }, $class;
}

sub slurp {
	my ($path) = @_;
	open my $f, '<', $path or return;
	binmode $f;
	local $/;
	return scalar <$f>;
}

# -- messages ----------------------------------------------------------------

my @MONTHS = qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);

sub read_mbox {
	my ($path) = @_;
	my @messages;
	for my $m (split /^(?=From )/m, slurp($path) // '') {
		$m =~ s/^From (.*)\n//;
		my $date = '';
		$date = sprintf '"%02d-%s-%d %s %s" ', $2, $1, $4, $3, $5 || '+0000'
			if $1 =~ /(\w{3})\s+(\d+) (\d\d:\d\d:\d\d) (\d{4})(?: ([-+]\d{4}))?\s*$/;
		$m =~ s/\r?\n/\r\n/g;
		push @messages, { date => $date, text => $m };
	}
	return @messages;
}

sub next_message {
	my ($self) = @_;
	my $n = $self->{next}++ % @{ $self->{messages} };
	return $self->{messages}[$n];
}

# -- connections -------------------------------------------------------------

sub send_command {
	my ($self, $c, $tag, $text) = @_;
	# {{{ text }}} is a literal.
	my @parts = split /(\{\{\{\n.*?\n\}\}\})/s, $text;
	my $line = "$tag ";
	for my $part (@parts) {
		if ($part =~ /^\{\{\{\n(.*)\n\}\}\}$/s) {
			(my $literal = $1) =~ s/\r?\n/\r\n/g;
			$c->send_raw(sprintf "%s{%d+}\r\n", $line, length $literal);
			$line = $literal;
		} else {
			$line .= $part;
		}
	}
	$c->send_raw("$line\r\n");
}

# One response with its literals in place, or undef at the end.
sub response {
	my ($c) = @_;
	my $text = $c->line;
	return if $text eq '' && $c->{buf} eq '';
	while ($text =~ /\{(\d+)\}$/) {
		my $n = $1;
		$text .= "\r\n" . $c->bytes($n) . $c->line;
	}
	return $text;
}

sub quiet {
	my ($self, $c, $text) = @_;
	my $tag = 'q' . ++$self->{tag};
	$self->send_command($c, $tag, $text);
	my @lines;
	while (defined(my $l = response($c))) {
		return ($l =~ /^\Q$tag\E (\S+)/ ? lc $1 : '', @lines) if $l =~ /^\Q$tag\E /;
		push @lines, $l;
	}
	return ('end', @lines);
}

# -- words -------------------------------------------------------------------

# A text as a tree: [kind, value]; kinds: atom, string, list.
sub parse {
	my ($text) = @_;
	my @stack = ([]);
	pos($text) = 0;
	while (pos($text) < length $text) {
		if ($text =~ /\G\s+/gc) { next }
		if ($text =~ /\G\(/gc) { push @stack, []; next }
		if ($text =~ /\G\)/gc) {
			last if @stack == 1;
			my $list = pop @stack;
			push @{ $stack[-1] }, [ 'list', $list ];
			next;
		}
		if ($text =~ /\G"((?:[^"\\]|\\.)*)"/gcs) {
			(my $s = $1) =~ s/\\(.)/$1/gs;
			push @{ $stack[-1] }, [ 'string', $s ];
			next;
		}
		if ($text =~ /\G(~?)\{\{\{\n(.*?)\n\}\}\}/gcs) {
			my ($binary, $s) = ($1, $2);
			$s =~ s/\r?\n/\r\n/g unless $binary;
			push @{ $stack[-1] }, [ 'string', $s ];
			next;
		}
		if ($text =~ /\G\{(\d+)\}\r\n/gc) {
			push @{ $stack[-1] }, [ 'string', substr $text, pos($text), $1 ];
			pos($text) += $1;
			next;
		}
		$text =~ /\G((?:\$\{[^}]*\}|[^\s()"])+)/gc or $text =~ /\G(.)/gcs;
		push @{ $stack[-1] }, [ 'atom', $1 ];
	}
	return $stack[0];
}

# The regular expression of an expected word; names of its free variables in @$free.
sub word_re {
	my ($self, $word, $vars, $free) = @_;
	my $re = '';
	while ($word =~ /\G(?:(?<dollar>\$\$)|\$\{case:([^}]*)\}|\$\{(\w+)\}|\$(\w+)|(\$)|([^\$]+))/g) {
		if (defined $+{dollar}) { $re .= '\$'; next }
		my $name = $3 // $4;
		if (defined $2) { $re .= "(?-i:\Q$2\E)" }
		elsif (defined $5) { $re .= '.*?' }
		elsif (defined $6) { $re .= quotemeta $6 }
		elsif (defined $vars->{$name}) { $re .= quotemeta $vars->{$name} }
		else { push @$free, $name; $re .= '(.*?)' }
	}
	return $re;
}

sub match_word {
	my ($self, $want, $got, $vars, $orig) = @_;
	if ($want->[0] eq 'atom' && $want->[1] =~ /^\$(\d+)$/) {
		return defined $orig && $orig == $1;
	}
	return 1 if $want->[0] eq 'atom' && $want->[1] eq '$';
	return 0 if $got->[0] eq 'list' || $want->[0] eq 'list';
	return 0 if (lc $want->[1] eq 'nil' && $want->[0] eq 'atom') != (lc $got->[1] eq 'nil' && $got->[0] eq 'atom')
		&& ($want->[1] !~ /\$/);
	my @free;
	my $re = $self->word_re($want->[1], $vars, \@free);
	my @values = $got->[1] =~ /^$re$/is or return 0;
	@$vars{@free} = @values if @free;
	return 1;
}

sub match_list {
	my ($self, $want, $got, $vars, $rule, $path) = @_;
	my @want = @$want;
	my %rule = %$rule;
	if (@want && $want[0][0] eq 'atom' && $want[0][1] =~ /^\$!/) {
		%rule = ();
		while (@want && $want[0][0] eq 'atom' && $want[0][1] =~ /^\$!(\w+)(?:=(.*))?$/) {
			$rule{$1} = $2 // 1;
			shift @want;
		}
	}
	if (!$rule{unordered}) {
		return 0 if @want != @$got;
		for my $i (0 .. $#want) {
			return 0 unless $self->match_item($want[$i], $got->[$i], $vars, $i > 0 ? $want[$i - 1][1] : '', $path);
		}
		return 1;
	}
	my $n = $rule{unordered};
	my @left = map { [ @$got[$_ * $n .. ($_ + 1) * $n - 1] ] } 0 .. int(@$got / $n) - 1;
	CHAIN: while (my @chain = splice @want, 0, $n) {
		for my $k (0 .. $#left) {
			my %try = %$vars;
			next if grep { !$self->match_item($chain[$_], $left[$k][$_], \%try, $_ > 0 ? $chain[$_ - 1][1] : '', $path) } 0 .. $#chain;
			%$vars = %try;
			splice @left, $k, 1;
			next CHAIN;
		}
		return 0;
	}
	my $ignore = $rule{ignore} // '';
	@left = grep { $_->[0][0] eq 'list' || lc $_->[0][1] ne lc $ignore } @left;
	return !($rule{noextra} && @left);
}

sub match_item {
	my ($self, $want, $got, $vars, $before, $path) = @_;
	return 0 unless defined $got;
	return 1 if $want->[0] eq 'atom' && $want->[1] eq '$';
	return $self->match_word($want, $got, $vars) if $want->[0] ne 'list';
	return 0 if $got->[0] ne 'list';
	my %rule;
	%rule = (unordered => 1, noextra => 1, ignore => '\\recent') if $path eq 'fetch' && lc $before eq 'flags';
	return $self->match_list($want->[1], $got->[1], $vars, \%rule, '');
}

# Does an untagged response match?  Variables are set only when it does.
sub match_reply {
	my ($self, $want, $got, $vars) = @_;
	my @want = @{ $want->{words} };
	my @got = @{ $got->{words} };
	my %try = %$vars;
	my $kind = lc(($want[1] && $want[1][0] ne 'list' && $want[1][1] =~ /^(?:fetch)$/i) ? 'fetch' : $want[0] ? $want[0][1] : '');
	my $prefix = $kind =~ /^(?:ok|no|bad|bye|preauth)$/;
	return 0 if @want > @got || (!$prefix && @want != @got);
	for my $i (0 .. $#want) {
		my $good;
		if ($want[$i][0] eq 'list' && $got[$i][0] eq 'list') {
			my %rule;
			%rule = (unordered => 2) if ($kind eq 'fetch' && $i == 2) || ($kind eq 'status' && $i == 2);
			%rule = (unordered => 1) if $kind =~ /^(?:list|lsub)$/ && $i == 1;
			$good = $self->match_list($want[$i][1], $got[$i][1], \%try, \%rule, $kind);
		} else {
			$good = $self->match_word($want[$i], $got[$i], \%try, $i == 0 ? $got->{orig} : undef);
		}
		return 0 unless $good;
	}
	%$vars = %try;
	return 1;
}

# -- the script --------------------------------------------------------------

sub read_script {
	my ($self) = @_;
	my $text = slurp($self->{path});
	my %header;
	while ($text =~ s/^(?:#[^\n]*|(\w+): *([^\n]*))\n//) {
		$header{$1} = $2 if defined $1;
	}
	my @lines;
	my @rest = split /\n/, $text;
	while (@rest) {
		my $l = shift @rest;
		next if $l =~ /^\s*(?:#|$)/;
		while (() = $l =~ /\{\{\{/g, (my $open = () = $l =~ /\{\{\{/g) > (my $close = () = $l =~ /\}\}\}/g)) {
			last unless @rest;
			$l .= "\n" . shift @rest;
		}
		push @lines, $l;
	}
	return (\%header, @lines);
}

sub groups {
	my ($self, $many, @lines) = @_;
	my (@groups, $g);
	for my $l (@lines) {
		if ($l =~ /^([*!]) ?(.*)$/s) {
			push @{ $g->{ $1 eq '*' ? 'want' : 'ban' } }, $2;
			next;
		}
		my $n = 1;
		$n = $1 if $many && $l =~ s/^(\d+) +//;
		if ($l =~ /^(ok|no|bad|"")(?: +(.*))?$/is) {
			my ($status, $rest) = (lc $1, $2 // '');
			$status = '' if $status eq '""';
			if ($g && $g->{open}) {
				@$g{qw(status prefix open)} = ($status, $rest, 0);
				next;
			}
			push @groups, $g = { conn => $n, status => $status, sends => [ [ '', $rest ] ], prefix => '' };
			next;
		}
		my ($first, $rest) = $l =~ /^(\S+)(?: +(.*))?$/s;
		if ($COMMANDS{ lc $first }) {
			push @groups, $g = { conn => $n, sends => [ [ '', $l ] ], open => 1 };
			next;
		}
		if ($g && $g->{tags} && $g->{tags}{$first} && $rest =~ /^(ok|no|bad)\b/i) {
			$g->{tags}{$first} = lc $1;
			$g->{closing} = 1;
			next;
		}
		push @groups, $g = { conn => $n, sends => [], tags => {} } if !$g || !$g->{tags} || $g->{closing};
		push @{ $g->{sends} }, [ $first, $rest ];
		$g->{tags}{$first} = 1;
	}
	return @groups;
}

sub substitute {
	my ($self, $text, $vars) = @_;
	$text =~ s/\$\$|\$\{(\w+)\}|\$(\w+)/my $n = $1 \/\/ $2; !defined $n ? '$' : defined $vars->{$n} ? $vars->{$n} : ($n eq 'root' ? '' : "\$$n")/ge;
	return $text;
}

# APPEND without a message takes the next one of the mbox.
sub complete_append {
	my ($self, $text) = @_;
	return $text unless $text =~ /^append\b(.*)$/is && $text !~ /\{\{\{/;
	my $args = $1;
	$args = " $self->{box}" if $args !~ /\S/;
	my $m = $self->next_message;
	return "append$args {{{\n$m->{text}\n}}}";
}

sub run_group {
	my ($self, $g, $vars) = @_;
	my $c = $self->{conns}[$g->{conn} - 1];
	my (%waiting, @got, @map, $status, $last);
	$self->{count}{$g->{conn}} //= 0;
	@map = (1 .. 2000);
	for my $send (@{ $g->{sends} }) {
		my $tag = $send->[0] ne '' ? $send->[0] : 'c' . ++$self->{tag};
		my $text = $self->complete_append($self->substitute($send->[1], $vars));
		$waiting{$tag} = $send->[0];
		$self->send_command($c, $tag, $text);
	}
	my @failures;
	my $name = join '; ', map { $_->[1] =~ s/\n.*//sr } @{ $g->{sends} };
	while (%waiting) {
		my $l = response($c);
		if (!defined $l) {
			push @failures, "$name: no answer, only\n    " . join("\n    ", map { $_->{text} } @got);
			return @failures;
		}
		if ($l =~ /^\* (.*)$/s) {
			my %reply = (text => $l, words => parse($1));
			if ($l =~ /^\* (\d+) (\w+)/) {
				$reply{orig} = $1 >= 1 && $1 <= @map ? $map[$1 - 1] : undef;
				splice @map, $1 - 1, 1 if lc $2 eq 'expunge' && $1 >= 1 && $1 <= @map;
			}
			push @got, \%reply;
			next;
		}
		next if $l =~ /^\+/;
		my ($tag, $word, $rest) = $l =~ /^(\S+) (\w+) ?(.*)$/s;
		next unless defined $tag && exists $waiting{$tag};
		my $expected = $waiting{$tag} ne '' ? $g->{tags}{$tag} : $g->{status};
		delete $waiting{$tag};
		push @failures, "$name: got $l" if $expected ne '' && lc $word ne $expected;
		push @failures, "$name: got $l, not $g->{prefix}"
			if ($g->{prefix} // '') ne '' && !$self->prefix_matches($g->{prefix}, $rest, $vars);
	}
	return @failures if @failures;
	for my $want (@{ $g->{want} || [] }) {
		my $w = { words => parse($want) };
		# One response may answer several.
		my $found = 0;
		for my $reply (@got) {
			last if $found = $self->match_reply($w, $reply, $vars);
		}
		push @failures, "$name: missing * $want among\n    " . join("\n    ", map { $_->{text} } @got) unless $found;
	}
	for my $ban (@{ $g->{ban} || [] }) {
		my %copy = %$vars;
		push @failures, "$name: unwanted $ban" if grep { $self->match_reply({ words => parse($ban) }, $_, \%copy) } @got;
	}
	return @failures;
}

sub prefix_matches {
	my ($self, $want, $got, $vars) = @_;
	my @want = @{ parse($want) };
	my @got = @{ parse($got) };
	return 0 if @want > @got;
	for my $i (0 .. $#want) {
		return 0 unless $self->match_word($want[$i], $got[$i], $vars);
	}
	return 1;
}

sub prepare {
	my ($self, $header) = @_;
	my $many = $header->{connections} || 1;
	my $state = $header->{state} || 'selected';
	my $mbox = -e "$self->{path}.mbox" ? "$self->{path}.mbox" : ($self->{path} =~ s{[^/]+$}{default.mbox}r);
	$self->{messages} = [ read_mbox($mbox) ];
	$self->{next} = 0;
	$self->{conns} = [ map { $self->{pb}->connect('imap') } 1 .. $many ];
	return 1 if $state eq 'nonauth';
	for my $c (@{ $self->{conns} }) {
		my ($status) = $self->quiet($c, qq(LOGIN "$self->{user}" "$self->{password}"));
		return 0 if $status ne 'ok';
	}
	my $c = $self->{conns}[0];
	my (undef, @list) = $self->quiet($c, 'LIST "" *');
	my (undef, @subscribed) = $self->quiet($c, 'LSUB "" *');
	for ([ DELETE => @list ], [ UNSUBSCRIBE => @subscribed ]) {
		my ($verb, @lines) = @$_;
		for my $l (reverse sort @lines) {
			my $name = (parse($l)->[4] || [])->[1] // next;
			$self->quiet($c, qq($verb "$name")) if $name =~ /^\Q$self->{box}\E/;
		}
	}
	return 1 if $state eq 'auth';
	return 0 if ($self->quiet($c, "CREATE $self->{box}"))[0] ne 'ok';
	return 1 if $state eq 'created';
	my $n = ($header->{messages} // 'all') eq 'all' ? @{ $self->{messages} } : $header->{messages};
	for (1 .. $n) {
		my $m = $self->next_message;
		my $tag = 'q' . ++$self->{tag};
		$c->send_raw(sprintf "%s APPEND %s %s{%d+}\r\n%s\r\n", $tag, $self->{box}, $m->{date}, length $m->{text}, $m->{text});
		while (defined(my $l = response($c))) {
			last if $l =~ /^\Q$tag\E OK/;
			return 0 if $l =~ /^\Q$tag\E /;
		}
	}
	return 1 if $state eq 'appended';
	for my $s (@{ $self->{conns} }) {
		return 0 if ($self->quiet($s, "SELECT $self->{box}"))[0] ne 'ok';
	}
	return 1;
}

sub run {
	my ($self) = @_;
	my ($header, @lines) = $self->read_script;
	my %vars = (mailbox => $self->{box}, user => $self->{user}, password => $self->{password});
	@vars{qw(username domain)} = split /@/, $self->{user};
	if ($header->{capabilities}) {
		my $c = $self->{pb}->connect('imap');
		$self->quiet($c, qq(LOGIN "$self->{user}" "$self->{password}"));
		my (undef, $caps) = $self->quiet($c, 'CAPABILITY');
		my %has = map { lc $_ => 1 } split ' ', $caps;
		$c->close;
		for my $need (split ' ', $header->{capabilities}) {
			return "skip: needs $need" unless $has{ lc $need };
		}
	}
	return 'cannot prepare the mailbox' unless $self->prepare($header);
	my @failures;
	for my $g ($self->groups(($header->{connections} || 1) > 1, @lines)) {
		push @failures, $self->run_group($g, \%vars);
		last if @failures > 5;
	}
	$_->close for @{ $self->{conns} };
	return @failures;
}

1;
