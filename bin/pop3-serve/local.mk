pkglibexec_PROGRAMS += prog/pop3-serve
prog_pop3_serve_SOURCES = bin/pop3-serve/main.c bin/pop3-serve/session.c bin/pop3-serve/session.h \
	bin/pop3-serve/login.c bin/pop3-serve/message.c
dist_man_MANS += man/pop3-serve.8
