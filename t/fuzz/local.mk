# Each target is a plain test over its corpus; `make fuzz` builds it with clang's
# libFuzzer instead and runs it for SECONDS.
fuzz_driver = t/fuzz/driver.c t/fuzz/fuzz.h
EXTRA_DIST += t/fuzz/corpus

fuzz_programs = t/fuzz/smtp-command t/fuzz/smtp-data t/fuzz/smtp-reply t/fuzz/milter-peer
fuzz_programs += t/fuzz/envelope t/fuzz/smtp-transfer
t_fuzz_smtp_transfer_SOURCES = t/fuzz/smtp-transfer.c $(fuzz_driver)
# The session with its commands; what stands in for owners of state goes before the library's own.
fuzz_programs += t/fuzz/smtp-session
t_fuzz_smtp_session_SOURCES = t/fuzz/smtp-session.c $(smtp_listen_sources) $(fuzz_driver)
t_fuzz_smtp_session_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/smtp-listen
t_fuzz_smtp_session_LDFLAGS = $(AM_LDFLAGS) -Wl,--allow-multiple-definition
fuzz_programs += t/fuzz/delegate-peer
t_fuzz_delegate_peer_SOURCES = t/fuzz/delegate-peer.c $(fuzz_driver)
t_fuzz_envelope_SOURCES = t/fuzz/envelope.c $(fuzz_driver)
fuzz_programs += t/fuzz/jwt
t_fuzz_jwt_SOURCES = t/fuzz/jwt.c $(fuzz_driver)
fuzz_programs += t/fuzz/directory-wire
t_fuzz_directory_wire_SOURCES = t/fuzz/directory-wire.c $(fuzz_driver)
fuzz_programs += t/fuzz/mail-dkim
t_fuzz_mail_dkim_SOURCES = t/fuzz/mail-dkim.c $(fuzz_driver)
fuzz_programs += t/fuzz/srs
t_fuzz_srs_SOURCES = t/fuzz/srs.c $(fuzz_driver)
check_PROGRAMS += $(fuzz_programs)
t_fuzz_smtp_command_SOURCES = t/fuzz/smtp-command.c $(fuzz_driver)
t_fuzz_smtp_data_SOURCES = t/fuzz/smtp-data.c $(fuzz_driver)
t_fuzz_smtp_reply_SOURCES = t/fuzz/smtp-reply.c $(fuzz_driver)
t_fuzz_milter_peer_SOURCES = t/fuzz/milter-peer.c $(fuzz_driver)

fuzz_store = t/fuzz/mail-mime t/fuzz/mail-convert t/fuzz/mail-header t/fuzz/imap-command t/fuzz/store-journal
check_PROGRAMS += $(fuzz_store)
t_fuzz_mail_convert_SOURCES = t/fuzz/mail-convert.c $(fuzz_driver)
t_fuzz_mail_mime_SOURCES = t/fuzz/mail-mime.c $(fuzz_driver)
t_fuzz_mail_header_SOURCES = t/fuzz/mail-header.c $(fuzz_driver)
t_fuzz_imap_command_SOURCES = t/fuzz/imap-command.c $(fuzz_driver)
t_fuzz_store_journal_SOURCES = t/fuzz/store-journal.c $(fuzz_driver)

fuzz_net = t/fuzz/net-text t/fuzz/net-dns t/fuzz/send-job t/fuzz/policy-sts t/fuzz/net-proxy t/fuzz/mail-received
check_PROGRAMS += $(fuzz_net)
t_fuzz_net_proxy_SOURCES = t/fuzz/net-proxy.c $(fuzz_driver)
t_fuzz_mail_received_SOURCES = t/fuzz/mail-received.c $(fuzz_driver)
t_fuzz_net_text_SOURCES = t/fuzz/net-text.c $(fuzz_driver)
t_fuzz_net_dns_SOURCES = t/fuzz/net-dns.c bin/remote-send/mx.c $(fuzz_driver)
t_fuzz_net_dns_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/remote-send
t_fuzz_policy_sts_SOURCES = t/fuzz/policy-sts.c $(fuzz_driver)
t_fuzz_send_job_SOURCES = t/fuzz/send-job.c bin/remote-send/job.c $(fuzz_driver)
t_fuzz_send_job_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/remote-send

fuzz_ipc = t/fuzz/record t/fuzz/settings-text t/fuzz/settings-xml t/fuzz/imap-summary t/fuzz/pop3-command \
	t/fuzz/log-datagram t/fuzz/deliver-job t/fuzz/selector
check_PROGRAMS += $(fuzz_ipc)
t_fuzz_selector_SOURCES = t/fuzz/selector.c $(fuzz_driver)
t_fuzz_record_SOURCES = t/fuzz/record.c $(fuzz_driver)
t_fuzz_settings_text_SOURCES = t/fuzz/settings-text.c $(fuzz_driver)
t_fuzz_settings_xml_SOURCES = t/fuzz/settings-xml.c $(fuzz_driver)
t_fuzz_imap_summary_SOURCES = t/fuzz/imap-summary.c $(fuzz_driver)
t_fuzz_pop3_command_SOURCES = t/fuzz/pop3-command.c $(fuzz_driver)
t_fuzz_log_datagram_SOURCES = t/fuzz/log-datagram.c bin/event-log/datagram.c $(fuzz_driver)
t_fuzz_log_datagram_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/event-log
t_fuzz_deliver_job_SOURCES = t/fuzz/deliver-job.c bin/local-deliver/job.c bin/local-deliver/mailbox.c $(fuzz_driver)
t_fuzz_deliver_job_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/local-deliver

fuzz_scan = t/fuzz/scan-spf t/fuzz/scan-request
check_PROGRAMS += $(fuzz_scan)
t_fuzz_scan_spf_SOURCES = t/fuzz/scan-spf.c $(fuzz_driver)
t_fuzz_scan_request_SOURCES = t/fuzz/scan-request.c bin/scan-check/task.c bin/scan-check/cache.c $(fuzz_driver)
t_fuzz_scan_request_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/scan-check

fuzz_abuse = t/fuzz/abuse-request
check_PROGRAMS += $(fuzz_abuse)
t_fuzz_abuse_request_SOURCES = t/fuzz/abuse-request.c bin/abuse-check/request.c bin/abuse-check/notice_text.c \
	bin/abuse-check/rules.c $(fuzz_driver)
t_fuzz_abuse_request_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/abuse-check

# libFuzzer on all of them, in a tree of its own: make fuzz [SECONDS=60] [TARGETS=t/fuzz/record]
fuzz_targets = $(fuzz_programs) $(fuzz_store) $(fuzz_net) $(fuzz_ipc) $(fuzz_scan) $(fuzz_abuse)
SECONDS = 60
TARGETS = $(fuzz_targets)
EXTRA_DIST += t/fuzz/run

fuzz:
	'$(top_srcdir)/t/fuzz/run' '$(abs_top_srcdir)' '$(abs_top_builddir)/fuzz' '$(SECONDS)' $(TARGETS)

.PHONY: fuzz
