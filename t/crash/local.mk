CRASH_RIG = t/crash/harness.c t/crash/harness.h t/crash/recover.c t/crash/rig.c t/crash/rig.h \
	t/crash/story.c t/crash/world.c t/crash/world.h t/unit/tap.h
check_PROGRAMS += t/crash/stop
t_crash_stop_SOURCES = t/crash/stop.c $(CRASH_RIG)
check_PROGRAMS += t/crash/replay
t_crash_replay_SOURCES = t/crash/replay.c t/crash/model.c t/crash/model.h $(CRASH_RIG)
check_PROGRAMS += t/crash/power
t_crash_power_SOURCES = t/crash/power.c $(CRASH_RIG)
