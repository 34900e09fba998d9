libpillarbox_a_SOURCES += lib/base/base64.c lib/base/base64.h lib/base/buf.c lib/base/die.c lib/base/mem.c lib/base/num.c \
	lib/base/record.c lib/base/span.c lib/base/verdict.c lib/base/banned.h lib/base/base.h \
	lib/base/buf.h lib/base/die.h lib/base/limits.h lib/base/mem.h lib/base/num.h \
	lib/base/record.h lib/base/span.h lib/base/verdict.h
libpillarbox_a_SOURCES += lib/base/crc32c.c lib/base/crc32c.h lib/base/hash.c lib/base/hash.h
