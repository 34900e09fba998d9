pkglibexec_PROGRAMS += prog/abuse-check
prog_abuse_check_SOURCES = bin/abuse-check/main.c bin/abuse-check/abuse.h bin/abuse-check/blocks.c \
	bin/abuse-check/clients.c bin/abuse-check/control.c bin/abuse-check/count.c bin/abuse-check/decided.c \
	bin/abuse-check/hours.c \
	bin/abuse-check/logins.c bin/abuse-check/messages.c \
	bin/abuse-check/notice.c bin/abuse-check/notice.h bin/abuse-check/notice_post.c bin/abuse-check/notice_text.c \
	bin/abuse-check/request.c bin/abuse-check/request.h bin/abuse-check/rules.c \
	bin/abuse-check/table.c bin/abuse-check/users.c bin/abuse-check/table.h
dist_man_MANS += man/abuse-check.8
