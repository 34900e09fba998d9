# t/unit/mail.mk
check_PROGRAMS += t/unit/mail-dsn
t_unit_mail_dsn_SOURCES = t/unit/mail-dsn.c t/unit/tap.h
check_PROGRAMS += t/unit/mail-mime t/unit/mail-text
t_unit_mail_mime_SOURCES = t/unit/mail-mime.c t/unit/tap.h
t_unit_mail_text_SOURCES = t/unit/mail-text.c t/unit/tap.h
check_PROGRAMS += t/unit/mail-trace
t_unit_mail_trace_SOURCES = t/unit/mail-trace.c t/unit/exact.h t/unit/tap.h
check_PROGRAMS += t/unit/mail-status
t_unit_mail_status_SOURCES = t/unit/mail-status.c t/unit/tap.h
check_PROGRAMS += t/unit/mail-dkim
t_unit_mail_dkim_SOURCES = t/unit/mail-dkim.c t/unit/tap.h
