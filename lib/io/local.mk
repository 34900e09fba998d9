# lib/io
libpillarbox_a_SOURCES += lib/io/stream.c lib/io/stream.h
libpillarbox_a_SOURCES += lib/io/loop.c lib/io/loop.h
libpillarbox_a_SOURCES += lib/io/door.c lib/io/door.h
