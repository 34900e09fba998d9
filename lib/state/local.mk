libpillarbox_a_SOURCES += \
	lib/state/state.c lib/state/state.h lib/state/state_private.h \
	lib/state/state_mark.c lib/state/state_open.c lib/state/state_walk.c
