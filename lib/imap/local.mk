libpillarbox_a_SOURCES += \
	lib/imap/command.c lib/imap/command.h \
	lib/imap/fetch.c lib/imap/fetch.h \
	lib/imap/lex.c lib/imap/lex.h \
	lib/imap/print.c lib/imap/print.h \
	lib/imap/search.c lib/imap/search.h \
	lib/imap/set.c lib/imap/set.h \
	lib/imap/structure.c \
	lib/imap/summary.c lib/imap/summary.h
