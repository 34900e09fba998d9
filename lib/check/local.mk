# lib/check
libpillarbox_a_SOURCES += lib/check/milter.c lib/check/milter.h lib/check/milter_wire.c lib/check/milter_wire.h
