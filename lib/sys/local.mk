# lib/sys
# Rights and descriptors
libpillarbox_a_SOURCES += lib/sys/fdpass.c lib/sys/fdpass.h lib/sys/peer.c lib/sys/peer.h \
	lib/sys/user.c lib/sys/user.h lib/sys/sandbox.c lib/sys/sandbox.h lib/sys/sandbox_paths.c \
	lib/sys/sandbox_roles.c lib/sys/sandbox_roles.h
# Durable files, locks, time and chance
libpillarbox_a_SOURCES += lib/sys/file.c lib/sys/file.h lib/sys/durable.c lib/sys/durable.h \
	lib/sys/lock.c lib/sys/lock.h lib/sys/clock.c lib/sys/clock.h lib/sys/heap.c lib/sys/heap.h lib/sys/random.c \
	lib/sys/random.h lib/sys/filesystem.c lib/sys/filesystem.h lib/sys/shared_page.c lib/sys/shared_page.h
libpillarbox_a_SOURCES += lib/sys/descriptors.c lib/sys/descriptors.h
