# lib/mail
libpillarbox_a_SOURCES += lib/mail/dsn.c lib/mail/dsn.h
