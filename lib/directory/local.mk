libpillarbox_a_SOURCES += \
	lib/directory/asker.c lib/directory/asker.h lib/directory/auth.c lib/directory/auth_line.c lib/directory/auth_line.h \
	lib/directory/board.c lib/directory/board.h \
	lib/directory/directory.c lib/directory/directory.h lib/directory/directory_private.h \
	lib/directory/kept.c lib/directory/kept.h \
	lib/directory/secret.c lib/directory/secret.h \
	lib/directory/socketmap.c lib/directory/socketmap.h \
	lib/directory/wire.c lib/directory/wire.h
libpillarbox_a_SOURCES += lib/directory/account.c lib/directory/space.c
libpillarbox_a_SOURCES += lib/directory/jwk.c lib/directory/jwk.h lib/directory/jwt.c lib/directory/jwt.h \
	lib/directory/oauthbearer.c lib/directory/oauthbearer.h
libpillarbox_a_SOURCES += lib/directory/auth_channel.c lib/directory/auth_channel.h
libpillarbox_a_SOURCES += lib/directory/sending.c lib/directory/sending.h
libpillarbox_a_SOURCES += lib/directory/dkim_key.c lib/directory/dkim_key.h
libpillarbox_a_SOURCES += lib/directory/srs.c lib/directory/srs.h
