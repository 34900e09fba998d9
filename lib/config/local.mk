libpillarbox_a_SOURCES += lib/config/bindings.c lib/config/bindings.h lib/config/bypass.c lib/config/bypass.h lib/config/compile.c lib/config/compile.h \
	lib/config/config_file.c lib/config/config_file.h lib/config/validate.c \
	lib/config/format.c lib/config/format.h lib/config/gateway.c lib/config/gateway.h \
	lib/config/manifest.c lib/config/manifest.h \
	lib/config/password.c lib/config/password.h \
	lib/config/route.c lib/config/route.h \
	lib/config/settings.c lib/config/settings.h lib/config/settings.def \
	lib/config/settings_parse.h \
	lib/config/settings_table.c lib/config/settings_table.h \
	lib/config/xml.c lib/config/xml.h
nodist_libpillarbox_a_SOURCES += lib/config/manifest_table.c
EXTRA_DIST += spool-layout/manifest spool-layout/manifest.awk spool-layout/README
CLEANFILES += lib/config/manifest_table.c

lib/config/manifest_table.c: $(top_srcdir)/spool-layout/manifest $(top_srcdir)/spool-layout/manifest.awk
	$(AM_V_GEN)$(MKDIR_P) lib/config && $(AWK) -f $(top_srcdir)/spool-layout/manifest.awk \
		$(top_srcdir)/spool-layout/manifest >$@.tmp && mv $@.tmp $@
