# lib/service
libpillarbox_a_SOURCES += \
	lib/service/channel.h \
	lib/service/contact.c lib/service/contact.h \
	lib/service/control.c lib/service/control.h \
	lib/service/events.c \
	lib/service/instance.c lib/service/instance.h \
	lib/service/launch.c \
	lib/service/log.c lib/service/log.h \
	lib/service/master.c lib/service/master.h \
	lib/service/notify.c lib/service/notify.h \
	lib/service/owners.c lib/service/owners.h lib/service/owners_private.h \
	lib/service/pool.c lib/service/pool.h \
	lib/service/pool_contact.c lib/service/pool_control.c lib/service/pool_fds.c lib/service/pool_refuse.c lib/service/turn_away.c \
	lib/service/pool_stop.c lib/service/pool_watch.c \
	lib/service/programs.c lib/service/programs.h \
	lib/service/scoreboard.c lib/service/scoreboard.h \
	lib/service/service.c lib/service/service.h \
	lib/service/session.c lib/service/session.h \
	lib/service/worker.c
libpillarbox_a_SOURCES += lib/service/gate.c lib/service/gate.h lib/service/ip_list.c lib/service/ip_list.h \
	lib/service/pressure.c lib/service/pressure.h lib/service/pool_pressure.c lib/service/session_crowd.c
libpillarbox_a_SOURCES += lib/service/enter.c lib/service/enter.h
libpillarbox_a_SOURCES += lib/service/service_tls.c lib/service/service_tls.h
libpillarbox_a_SOURCES += lib/service/key_files.c lib/service/key_files.h
