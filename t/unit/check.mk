# t/unit/check.mk
check_PROGRAMS += t/unit/check-milter
t_unit_check_milter_SOURCES = t/unit/check-milter.c t/unit/tap.h
# Driven by t/smtp/milter.t
noinst_PROGRAMS += t/smtp/test-milter
t_smtp_test_milter_SOURCES = t/smtp/test-milter.c
t_smtp_test_milter_LDADD = $(MILTER_LIBS)
# libmilter's header wants writable strings.
t_smtp_test_milter_CFLAGS = $(AM_CFLAGS) -Wno-write-strings
check_PROGRAMS += t/unit/abuse-table t/unit/abuse-map
t_unit_abuse_table_SOURCES = t/unit/abuse-table.c bin/abuse-check/table.c t/unit/tap.h
t_unit_abuse_map_SOURCES = t/unit/abuse-map.c t/unit/tap.h
t_unit_abuse_map_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pread

check_PROGRAMS += t/unit/check-origin
t_unit_check_origin_SOURCES = t/unit/check-origin.c

check_PROGRAMS += t/unit/check-delegate
t_unit_check_delegate_SOURCES = t/unit/check-delegate.c t/unit/tap.h
