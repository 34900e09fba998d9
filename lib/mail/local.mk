libpillarbox_a_SOURCES += \
	lib/mail/binary.c lib/mail/binary.h lib/mail/dsn.c lib/mail/dsn.h lib/mail/dsn_parts.h lib/mail/dsn_words.c \
	lib/mail/address.c lib/mail/address.h \
	lib/mail/charset.c lib/mail/charset.h \
	lib/mail/date.c lib/mail/date.h \
	lib/mail/header.c lib/mail/header.h \
	lib/mail/mime.c lib/mail/mime.h \
	lib/mail/mime_param.c lib/mail/mime_param.h \
	lib/mail/utf7.c lib/mail/utf7.h
libpillarbox_a_SOURCES += lib/mail/trace.c lib/mail/trace.h
libpillarbox_a_SOURCES += lib/mail/received.c lib/mail/received.h
libpillarbox_a_SOURCES += lib/mail/unitext.c lib/mail/unitext.h
libpillarbox_a_SOURCES += lib/mail/status.c lib/mail/status.h
libpillarbox_a_SOURCES += lib/mail/said.c lib/mail/said.h
libpillarbox_a_SOURCES += lib/mail/dkim.c lib/mail/dkim.h
