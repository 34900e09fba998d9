check_PROGRAMS += t/unit/spool-envelope
t_unit_spool_envelope_SOURCES = t/unit/spool-envelope.c t/unit/tap.h
check_PROGRAMS += t/unit/spool-state
t_unit_spool_state_SOURCES = t/unit/spool-state.c t/unit/tap.h
check_PROGRAMS += t/unit/spool-intake
t_unit_spool_intake_SOURCES = t/unit/spool-intake.c t/unit/tap.h
check_PROGRAMS += t/unit/spool-release
t_unit_spool_release_SOURCES = t/unit/spool-release.c t/unit/tap.h t/unit/tmpdir.h
