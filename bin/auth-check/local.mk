pkglibexec_PROGRAMS += prog/auth-check
prog_auth_check_SOURCES = bin/auth-check/main.c \
	bin/auth-check/address.c bin/auth-check/auth_server.c bin/auth-check/auth_server.h \
	bin/auth-check/checkpassword.c bin/auth-check/checkpassword.h \
	bin/auth-check/client.c bin/auth-check/client.h \
	bin/auth-check/control.c bin/auth-check/control.h \
	bin/auth-check/exchange.c bin/auth-check/exchange.h \
	bin/auth-check/gateway.c bin/auth-check/gateway.h \
	bin/auth-check/helper_process.c bin/auth-check/helper_process.h bin/auth-check/helper_sign.c \
	bin/auth-check/helpers.c bin/auth-check/helpers.h \
	bin/auth-check/index.c bin/auth-check/index.h bin/auth-check/index_names.c bin/auth-check/index_own.c \
	bin/auth-check/index_private.h bin/auth-check/index_records.c \
	bin/auth-check/lookup.c bin/auth-check/lookup.h \
	bin/auth-check/mech_clear.c bin/auth-check/mech_cram_md5.c bin/auth-check/mech_external.c \
	bin/auth-check/mech_oauth.c bin/auth-check/oauth.c bin/auth-check/oauth.h \
	bin/auth-check/mech_scram.c \
	bin/auth-check/parse.c bin/auth-check/parse.h \
	bin/auth-check/refresh.c bin/auth-check/refresh.h bin/auth-check/refresh_domain.c bin/auth-check/refresh_file.c \
	bin/auth-check/refresh_list.c bin/auth-check/refresh_private.h bin/auth-check/refresh_user.c \
	bin/auth-check/room.c bin/auth-check/room.h bin/auth-check/rooms.c bin/auth-check/rooms.h bin/auth-check/resolve.c bin/auth-check/resolve.h \
	bin/auth-check/resolve_expand.c bin/auth-check/resolve_found.c bin/auth-check/resolve_found.h \
	bin/auth-check/returning.c bin/auth-check/returning.h bin/auth-check/signing.c bin/auth-check/signing.h \
	bin/auth-check/space.c bin/auth-check/space.h bin/auth-check/spaces.c bin/auth-check/spaces.h \
	bin/auth-check/verify.c bin/auth-check/verify.h
