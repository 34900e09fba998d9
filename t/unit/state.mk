check_PROGRAMS += t/unit/state-records t/unit/state-damage
t_unit_state_records_SOURCES = t/unit/state-records.c t/unit/tap.h
t_unit_state_damage_SOURCES = t/unit/state-damage.c t/unit/tap.h
