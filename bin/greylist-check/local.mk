pkglibexec_PROGRAMS += prog/greylist-check
prog_greylist_check_SOURCES = bin/greylist-check/main.c bin/greylist-check/greylist.h \
	bin/greylist-check/ask.c bin/greylist-check/ask.h \
	bin/greylist-check/control.c bin/greylist-check/control_list.c bin/greylist-check/control_why.c \
	bin/greylist-check/decide.c bin/greylist-check/decide.h \
	bin/greylist-check/expect.c bin/greylist-check/expect.h \
	bin/greylist-check/judge.c bin/greylist-check/judge.h \
	bin/greylist-check/milter.c bin/greylist-check/milter_socket.c bin/greylist-check/milter_socket.h \
	bin/greylist-check/record_value.c bin/greylist-check/record_value.h \
	bin/greylist-check/records.c bin/greylist-check/records.h bin/greylist-check/records_private.h \
	bin/greylist-check/records_counts.c bin/greylist-check/records_walk.c \
	bin/greylist-check/rules.c bin/greylist-check/rules.h
prog_greylist_check_LDADD = libpillarbox.a $(ALL_LIBS) $(MILTER_LIBS)
