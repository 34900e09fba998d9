# t/unit/io.mk
check_PROGRAMS += t/unit/io-stream
t_unit_io_stream_SOURCES = t/unit/io-stream.c
t_unit_io_stream_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=free
check_PROGRAMS += t/unit/io-door
t_unit_io_door_SOURCES = t/unit/io-door.c t/unit/tap.h
t_unit_io_door_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=accept4
