# lib/io
libpillarbox_a_SOURCES += lib/io/stream.c lib/io/stream.h
