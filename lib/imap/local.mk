libpillarbox_a_SOURCES += \
	lib/imap/command.h lib/imap/fetch.h lib/imap/lex.h lib/imap/print.h \
	lib/imap/search.h lib/imap/set.h lib/imap/summary.h
