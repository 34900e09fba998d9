# t/unit/io.mk
check_PROGRAMS += t/unit/io-stream
t_unit_io_stream_SOURCES = t/unit/io-stream.c
