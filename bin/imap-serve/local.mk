pkglibexec_PROGRAMS += prog/imap-serve
prog_imap_serve_SOURCES = bin/imap-serve/main.c bin/imap-serve/session.c bin/imap-serve/session.h \
	bin/imap-serve/read.c bin/imap-serve/message.c bin/imap-serve/message.h \
	bin/imap-serve/cmd_session.c bin/imap-serve/cmd_login.c bin/imap-serve/cmd_mailbox.c \
	bin/imap-serve/cmd_folder.c bin/imap-serve/cmd_list.c bin/imap-serve/cmd_append.c \
	bin/imap-serve/cmd_fetch.c bin/imap-serve/cmd_store.c bin/imap-serve/cmd_search.c \
	bin/imap-serve/cmd_idle.c
dist_man_MANS += man/imap-serve.8
