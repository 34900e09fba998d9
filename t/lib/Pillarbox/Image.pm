package Pillarbox::Image;

# Pillarbox::Image: a file system of a test's own, ext4 with a journal, in a file
# mounted by loop.  For root.  The test gets a mount namespace of its own: another
# test that makes one meanwhile would copy the mount, and keep it alive.
#
#	use Pillarbox::Image;		# before Pillarbox: it is unmounted after instances were stopped
#	use Pillarbox;
#	my $why = Pillarbox::Image::lacking();
#	my $image = Pillarbox::Image->new('256M');
#	my $pb = Pillarbox->new(under => $image->{fs});
#	$image->cut;		# as a power cut: what was not written by now never will be
#	$image->unmount;	# once every process is gone
#	$image->mount;
use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl qw(O_RDONLY O_DIRECTORY);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use Time::HiRes qw(sleep);

# FS_IOC_SHUTDOWN of the kernel, _IOR('X', 125, __u32), without writing the journal out.
my $FS_IOC_SHUTDOWN = 0x8004587d;
my $NO_LOG_FLUSH = 2;

my @live;

# Why there can be none here, or ''.  Before anything else in a test: it begins anew.
sub lacking {
	return 'a loop mount needs root' if $> != 0;
	for my $tool (qw(mkfs.ext4 mount umount unshare)) {
		return "$tool is not installed" unless grep { -x "$_/$tool" } split(/:/, $ENV{PATH}), '/sbin', '/usr/sbin';
	}
	if (!$ENV{PB_OWN_MOUNTS}) {
		return 'no mount namespace can be made here' if system('unshare --mount true 2>/dev/null') != 0;
		$ENV{PB_OWN_MOUNTS} = 1;
		exec 'unshare', '--mount', '--propagation', 'private', $^X, (map { "-I$_" } @INC), abs_path($0);
	}
	my $self = eval { __PACKAGE__->new('8M') } or return 'no ext4 image can be mounted here';
	$self->remove;
	return '';
}

sub new {
	my ($class, $size, @mkfs) = @_;		# @mkfs: options of mkfs.ext4
	my $top = tempdir('pillarbox-image-XXXXXX', TMPDIR => 1);
	chmod 0755, $top;
	my $self = bless { top => $top, fs => "$top/fs", pid => $$ }, $class;
	push @live, $self;
	mkdir $self->{fs};
	local $ENV{PATH} = "$ENV{PATH}:/sbin:/usr/sbin";
	if (system("truncate -s $size $top/image && mkfs.ext4 -q -F @mkfs $top/image >/dev/null 2>&1") != 0 || !$self->mount) {
		$self->remove;
		die "no ext4 in $top\n";
	}
	return $self;
}

sub mount {
	my ($self) = @_;
	$self->{mounted} = system("mount -o loop $self->{top}/image $self->{fs} 2>/dev/null") == 0;
	return $self->{mounted};
}

sub cut {
	my ($self) = @_;
	sysopen(my $dir, $self->{fs}, O_RDONLY | O_DIRECTORY) or die "$self->{fs}: $!";
	ioctl($dir, $FS_IOC_SHUTDOWN, pack('L', $NO_LOG_FLUSH)) or die "FS_IOC_SHUTDOWN: $!";
}

# What was killed lets go of its files a little later.
sub unmount {
	my ($self) = @_;
	for (1 .. 200) {
		return delete $self->{mounted} if system("umount $self->{fs} 2>/dev/null") == 0;
		sleep 0.05;
	}
	die "$self->{fs} cannot be unmounted\n";
}

sub remove {
	my ($self) = @_;
	system("umount $self->{fs} 2>/dev/null || umount -l $self->{fs}") if delete $self->{mounted};
	remove_tree($self->{top});
	@live = grep { $_ != $self } @live;
}

END {
	my $code = $?;
	$_->remove for grep { $_->{pid} == $$ } @live;
	$? = $code;
}

1;
