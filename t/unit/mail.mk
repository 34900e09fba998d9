# t/unit/mail.mk
check_PROGRAMS += t/unit/mail-dsn
t_unit_mail_dsn_SOURCES = t/unit/mail-dsn.c t/unit/tap.h
