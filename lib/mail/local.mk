libpillarbox_a_SOURCES += \
	lib/mail/dsn.c lib/mail/dsn.h \
	lib/mail/address.h lib/mail/charset.h lib/mail/date.h lib/mail/header.h \
	lib/mail/mime.h lib/mail/mime_param.h
libpillarbox_a_SOURCES += lib/mail/trace.c lib/mail/trace.h
