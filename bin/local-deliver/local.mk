pkglibexec_PROGRAMS += prog/local-deliver
prog_local_deliver_SOURCES = bin/local-deliver/main.c \
	bin/local-deliver/agent.c bin/local-deliver/agent.h \
	bin/local-deliver/counter.c bin/local-deliver/counter.h \
	bin/local-deliver/domain_space.c bin/local-deliver/domain_space.h \
	bin/local-deliver/warning.c bin/local-deliver/warning.h \
	bin/local-deliver/job.c bin/local-deliver/job.h \
	bin/local-deliver/nearly_full.c bin/local-deliver/nearly_full.h bin/local-deliver/limits.c bin/local-deliver/limits.h \
	bin/local-deliver/mailbox.c bin/local-deliver/mailbox.h \
	bin/local-deliver/place.c bin/local-deliver/place.h

check_PROGRAMS += t/unit/deliver-job
t_unit_deliver_job_SOURCES = t/unit/deliver-job.c bin/local-deliver/job.c bin/local-deliver/mailbox.c t/unit/tap.h
dist_man_MANS += man/local-deliver.8
