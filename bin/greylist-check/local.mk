pkglibexec_PROGRAMS += prog/greylist-check
prog_greylist_check_SOURCES = bin/greylist-check/main.c bin/greylist-check/greylist.h \
	bin/greylist-check/control.c bin/greylist-check/judge.c bin/greylist-check/judge.h \
	bin/greylist-check/milter.c bin/greylist-check/rules.c bin/greylist-check/rules.h
prog_greylist_check_LDADD = libpillarbox.a $(ALL_LIBS) $(MILTER_LIBS)
