check_PROGRAMS += t/unit/base-record
t_unit_base_record_SOURCES = t/unit/base-record.c t/unit/tap.h
