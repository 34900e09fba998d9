# lib/sys
# Rights and descriptors
libpillarbox_a_SOURCES += lib/sys/fdpass.c lib/sys/fdpass.h lib/sys/peer.c lib/sys/peer.h \
	lib/sys/user.c lib/sys/user.h lib/sys/sandbox.c lib/sys/sandbox.h lib/sys/sandbox_paths.c \
	lib/sys/sandbox_roles.c lib/sys/sandbox_roles.h
