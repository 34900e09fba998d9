package Pillarbox;

# Pillarbox: what end-to-end tests stand on.
#
#	use Pillarbox;
#	my $pb = Pillarbox->new;		# instance in a temporary folder, free ports
#	$pb->user('alice@example.com');		# adds the domain too; password is $Pillarbox::PASSWORD
#	$pb->set(smtpMaxBadCommands => 3);
#	$pb->start;				# waits until every port answers
#	my $c = $pb->smtp;			# a connected client, greeting read
#	$c->ok('MAIL FROM:<a@b>', qr/^250/, 'MAIL is taken');
#	transcript($pb, 'smtp', "S: 220 ...\nC: QUIT\nS: 221 ...\n", 'name');
#
# Everything that a test starts is ended at its end, by process id.
use strict;
use warnings;

1;
