# Limits of base/limits.h that have no better place: one file a room.
check_PROGRAMS += t/unit/limits-mail t/unit/limits-store t/unit/limits-config t/unit/limits-imap
t_unit_limits_mail_SOURCES = t/unit/limits-mail.c t/unit/fill.h t/unit/tap.h
t_unit_limits_store_SOURCES = t/unit/limits-store.c t/unit/tap.h t/unit/tmpdir.h
t_unit_limits_store_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fstat
t_unit_limits_config_SOURCES = t/unit/limits-config.c t/unit/fill.h t/unit/tap.h
t_unit_limits_imap_SOURCES = t/unit/limits-imap.c t/unit/tap.h

# The parts of a program that keep the limit are linked in.
check_PROGRAMS += t/unit/limits-milter t/unit/limits-log
t_unit_limits_milter_SOURCES = t/unit/limits-milter.c bin/smtp-listen/edit.c bin/smtp-listen/message.c
t_unit_limits_milter_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/smtp-listen
t_unit_limits_milter_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_ms
t_unit_limits_log_SOURCES = t/unit/limits-log.c bin/event-log/logfile.c bin/event-log/syslog_out.c
t_unit_limits_log_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/event-log

# Midnight, and the age of files, at the test's own time.
check_PROGRAMS += t/unit/log-days
t_unit_log_days_SOURCES = t/unit/log-days.c bin/event-log/logfile.c bin/event-log/syslog_out.c \
	bin/event-log/expire.c t/unit/tap.h t/unit/tmpdir.h
t_unit_log_days_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/event-log
t_unit_log_days_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=time -Wl,--wrap=clock_wall_ms

check_PROGRAMS += t/unit/log-syslog
t_unit_log_syslog_SOURCES = t/unit/log-syslog.c bin/event-log/logfile.c bin/event-log/syslog_out.c \
	t/unit/tap.h t/unit/tmpdir.h
t_unit_log_syslog_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/event-log
t_unit_log_syslog_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=owner_connect -Wl,--wrap=clock_ms

check_PROGRAMS += t/unit/limits-directory t/unit/limits-service t/unit/limits-send
t_unit_limits_directory_SOURCES = t/unit/limits-directory.c t/unit/tap.h
t_unit_limits_service_SOURCES = t/unit/limits-service.c t/unit/tap.h t/unit/tmpdir.h
t_unit_limits_send_SOURCES = t/unit/limits-send.c bin/remote-send/self.c
t_unit_limits_send_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/remote-send
t_unit_limits_send_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getifaddrs -Wl,--wrap=freeifaddrs

check_PROGRAMS += t/unit/limits-contact t/unit/limits-tls
t_unit_limits_contact_SOURCES = t/unit/limits-contact.c t/unit/tap.h t/unit/tmpdir.h
t_unit_limits_contact_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_ms -Wl,--wrap=clock_sleep_ms
t_unit_limits_tls_SOURCES = t/unit/limits-tls.c t/unit/tap.h
