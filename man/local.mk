# Pages of programs are added here as dist_man_MANS; mailconfig(5) is made.
dist_man_MANS += man/mailctl.1
dist_man_MANS += man/auth-check.8 man/greylist-check.8
nodist_man_MANS = man/mailconfig.5
EXTRA_DIST += man/mailconfig.5.head
CLEANFILES += man/mailconfig.5 etc/mailconfig.xml.sample
noinst_PROGRAMS += man/settings-doc
man_settings_doc_SOURCES = man/settings-doc.c
pkgdata_DATA = etc/mailconfig.xml.sample

man/mailconfig.5: man/settings-doc$(EXEEXT) $(top_srcdir)/man/mailconfig.5.head
	$(AM_V_GEN)$(MKDIR_P) man && man/settings-doc $(top_srcdir)/man/mailconfig.5.head >$@.tmp && mv $@.tmp $@

etc/mailconfig.xml.sample: man/settings-doc$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) etc && man/settings-doc --sample >$@.tmp && mv $@.tmp $@
