# bin/mail-master
pkglibexec_PROGRAMS += prog/mail-master
prog_mail_master_SOURCES = bin/mail-master/main.c bin/mail-master/master.h \
	bin/mail-master/units.c bin/mail-master/process.c bin/mail-master/generation.c bin/mail-master/backoff.c bin/mail-master/backoff.h \
	bin/mail-master/sockets.c bin/mail-master/sockets_tell.c bin/mail-master/tls_rules.c bin/mail-master/load.c bin/mail-master/requests.c \
	bin/mail-master/keep.c
dist_man_MANS += man/mail-master.8
