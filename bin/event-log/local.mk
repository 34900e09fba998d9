# bin/event-log
pkglibexec_PROGRAMS += prog/event-log
prog_event_log_SOURCES = bin/event-log/main.c bin/event-log/event_log.h \
	bin/event-log/datagram.c bin/event-log/logfile.c bin/event-log/syslog_out.c \
	bin/event-log/expire.c
dist_man_MANS += man/event-log.8
