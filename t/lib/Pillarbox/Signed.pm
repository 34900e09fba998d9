package Pillarbox::Signed;

# Pillarbox::Signed: zones with DNSSEC for a test, and the anchors to trust them by.
#
#	my $zone = Pillarbox::Signed->new(signed => { 'signed.example' => "@ MX 10 mx\n..." },
#		plain => { 'plain.example' => '...' }, forge => sub { my ($name, $text) = @_; return $text });
#	my $out = Pillarbox::Outbound->new(dns => $zone->address, settings => { dnsTrustAnchor => $zone->anchor });
#
# forge changes the text of a zone after it was signed.  nsd serves, ldns signs.
use strict;
use warnings;
use parent -norequire, 'Pillarbox::Zone';
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use Pillarbox::Outbound;
use Pillarbox::Zone;

sub available { return -x '/usr/sbin/nsd' && -x '/usr/bin/ldns-signzone' }

my @dirs;

sub new {
	my ($class, %o) = @_;
	my $dir = tempdir('pillarbox-keys-XXXXXX', TMPDIR => 1);
	push @dirs, [ $$, $dir ];
	chmod 0755, $dir;
	my $self = Pillarbox::Zone::new($class, %{ $o{signed} }, %{ $o{plain} || {} });
	@{$self}{qw(keys forge)} = ($dir, $o{forge});
	my $anchors = '';
	for my $name (sort keys %{ $o{signed} }) {
		my $key = `cd $dir && ldns-keygen -a ECDSAP256SHA256 -k $name`;
		chomp $key;
		$self->{key}{$name} = $key;
		my ($anchor) = Pillarbox::Outbound::slurp("$dir/$key.key") =~ /^(\S+\s[^;]*)/m or die "no key for $name\n";
		$anchors .= "$anchor\n";
	}
	Pillarbox::Outbound::write_file("$dir/anchor", $anchors);
	$self->sign($_) for sort keys %{ $o{signed} };
	$self->stop;
	$self->start;
	return $self;
}

sub anchor { return "$_[0]{keys}/anchor" }

sub sign {
	my ($self, $name) = @_;
	my $file = "$self->{dir}/$name.zone";
	system("cd $self->{keys} && ldns-signzone -f signed $file $self->{key}{$name}") == 0 or die "ldns-signzone: exit $?\n";
	my $text = Pillarbox::Outbound::slurp("$self->{keys}/signed");
	$text = $self->{forge}->($name, $text) if $self->{forge};
	Pillarbox::Outbound::write_file($file, $text);
}

# Other records in a signed zone, from now on.
sub publish {
	my ($self, $name, $records) = @_;
	$self->write_zone($name, $records);
	$self->sign($name);
	$self->stop;
	$self->start;
}

END {
	my $code = $?;
	remove_tree($_->[1]) for grep { $_->[0] == $$ } @dirs;
	$? = $code;
}

1;
