libpillarbox_a_SOURCES += lib/smtp/command.c lib/smtp/command.h lib/smtp/data.c lib/smtp/data.h \
	lib/smtp/extension.c lib/smtp/extension.h lib/smtp/path.c lib/smtp/path.h lib/smtp/reply.c lib/smtp/reply.h \
	lib/smtp/xtext.c lib/smtp/xtext.h
libpillarbox_a_SOURCES += lib/smtp/xclient.c lib/smtp/xclient.h
