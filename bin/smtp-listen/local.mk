pkglibexec_PROGRAMS += prog/smtp-listen
smtp_listen_sources = bin/smtp-listen/data_check.c bin/smtp-listen/data_store.c bin/smtp-listen/data_wait.c bin/smtp-listen/line.c bin/smtp-listen/refusals.c \
	bin/smtp-listen/cmd_auth.c bin/smtp-listen/cmd_bdat.c bin/smtp-listen/cmd_data.c \
	bin/smtp-listen/cmd_etrn.c bin/smtp-listen/cmd_xqueue.c bin/smtp-listen/data.h bin/smtp-listen/demands.c bin/smtp-listen/demands.h \
	bin/smtp-listen/cmd_helo.c \
	bin/smtp-listen/cmd_mail.c bin/smtp-listen/cmd_misc.c bin/smtp-listen/cmd_rcpt.c \
	bin/smtp-listen/cmd_starttls.c bin/smtp-listen/config.c bin/smtp-listen/config.h \
	bin/smtp-listen/edit.c bin/smtp-listen/edit.h bin/smtp-listen/filter.c bin/smtp-listen/filter.h \
	bin/smtp-listen/facts.c bin/smtp-listen/facts.h bin/smtp-listen/delegates.c bin/smtp-listen/delegates.h bin/smtp-listen/delegate_request.c bin/smtp-listen/delegate_request.h bin/smtp-listen/envelope_edit.c bin/smtp-listen/envelope_edit.h \
	bin/smtp-listen/filter_envelope.c bin/smtp-listen/filter_macros.c bin/smtp-listen/filter_message.c bin/smtp-listen/filter_private.h \
	bin/smtp-listen/message.c bin/smtp-listen/message.h bin/smtp-listen/peer_name.c bin/smtp-listen/peer_name.h bin/smtp-listen/reply.c \
	bin/smtp-listen/session.c bin/smtp-listen/welcome.c bin/smtp-listen/cmd_xclient.c bin/smtp-listen/origin.c bin/smtp-listen/smtp.h \
	bin/smtp-listen/callout.c bin/smtp-listen/gateways.c bin/smtp-listen/gateways.h bin/smtp-listen/try.c
prog_smtp_listen_SOURCES = bin/smtp-listen/main.c $(smtp_listen_sources)
dist_man_MANS += man/smtp-listen.8
