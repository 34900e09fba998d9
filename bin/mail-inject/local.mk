bin_PROGRAMS += prog/mail-inject
prog_mail_inject_SOURCES = bin/mail-inject/main.c bin/mail-inject/head.c bin/mail-inject/head.h \
	bin/mail-inject/input.c bin/mail-inject/input.h bin/mail-inject/options.c bin/mail-inject/options.h \
	bin/mail-inject/queue.c bin/mail-inject/queue.h bin/mail-inject/submit.c bin/mail-inject/submit.h
dist_man_MANS += man/mail-inject.8
