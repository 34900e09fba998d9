check_PROGRAMS += t/unit/state-records t/unit/state-damage
t_unit_state_records_SOURCES = t/unit/state-records.c t/unit/tap.h
t_unit_state_damage_SOURCES = t/unit/state-damage.c t/unit/tap.h
check_PROGRAMS += t/unit/greylist-judge t/unit/greylist-records
t_unit_greylist_judge_SOURCES = t/unit/greylist-judge.c bin/greylist-check/judge.c bin/greylist-check/judge.h t/unit/tap.h
t_unit_greylist_records_SOURCES = t/unit/greylist-records.c t/unit/tap.h \
	bin/greylist-check/expect.c bin/greylist-check/judge.c bin/greylist-check/records.c bin/greylist-check/records_counts.c bin/greylist-check/records_walk.c bin/greylist-check/record_value.c
check_PROGRAMS += t/unit/greylist-cost
t_unit_greylist_cost_SOURCES = t/unit/greylist-cost.c t/unit/tap.h t/unit/tmpdir.h t/bench/greylist-fill.c t/bench/greylist-fill.h \
	bin/greylist-check/judge.c bin/greylist-check/records.c bin/greylist-check/records_counts.c bin/greylist-check/records_walk.c bin/greylist-check/record_value.c
check_PROGRAMS += t/unit/auth-space
t_unit_auth_space_SOURCES = t/unit/auth-space.c t/unit/tap.h t/unit/tmpdir.h \
	bin/auth-check/index.c bin/auth-check/index.h bin/auth-check/index_names.c bin/auth-check/index_own.c \
	bin/auth-check/index_private.h bin/auth-check/index_records.c bin/auth-check/space.c bin/auth-check/space.h \
	bin/auth-check/spaces.c bin/auth-check/spaces.h
