pkglibexec_PROGRAMS += prog/remote-send
prog_remote_send_SOURCES = bin/remote-send/main.c bin/remote-send/sender.c bin/remote-send/sender.h \
	bin/remote-send/pool.c bin/remote-send/pool.h bin/remote-send/agent.c bin/remote-send/agent.h \
	bin/remote-send/transaction.c bin/remote-send/transaction.h bin/remote-send/connection.c \
	bin/remote-send/connection.h bin/remote-send/resolve.c bin/remote-send/resolve.h \
	bin/remote-send/mx.c bin/remote-send/mx.h bin/remote-send/dane.c bin/remote-send/dane.h \
	bin/remote-send/login.c bin/remote-send/login.h bin/remote-send/question.c bin/remote-send/question.h \
	bin/remote-send/way.c bin/remote-send/way.h bin/remote-send/length.c bin/remote-send/length.h \
	bin/remote-send/sign.c bin/remote-send/sign.h bin/remote-send/signer.c bin/remote-send/signer.h \
	bin/remote-send/secure.c bin/remote-send/secure.h bin/remote-send/rules.c bin/remote-send/rules.h \
	bin/remote-send/waiver.c bin/remote-send/waiver.h bin/remote-send/body.c bin/remote-send/body.h bin/remote-send/probe.c bin/remote-send/probe.h \
	bin/remote-send/tls_report.c bin/remote-send/tls_report.h bin/remote-send/sts.c bin/remote-send/sts.h \
	bin/remote-send/sts_cache.c bin/remote-send/sts_cache.h bin/remote-send/sts_fetch.c bin/remote-send/sts_fetch.h \
	bin/remote-send/self.c bin/remote-send/self.h bin/remote-send/job.c bin/remote-send/job.h
prog_remote_send_LDADD = $(LDADD) $(CURL_LIBS)
dist_man_MANS += man/remote-send.8
