check_PROGRAMS += t/unit/spool-envelope
t_unit_spool_envelope_SOURCES = t/unit/spool-envelope.c t/unit/tap.h
