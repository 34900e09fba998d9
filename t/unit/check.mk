# t/unit/check.mk
check_PROGRAMS += t/unit/check-milter
t_unit_check_milter_SOURCES = t/unit/check-milter.c t/unit/tap.h
