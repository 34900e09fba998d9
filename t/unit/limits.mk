# Limits of base/limits.h that have no better place: one file a room.
check_PROGRAMS += t/unit/limits-mail t/unit/limits-store t/unit/limits-config t/unit/limits-imap
t_unit_limits_mail_SOURCES = t/unit/limits-mail.c t/unit/tap.h
t_unit_limits_store_SOURCES = t/unit/limits-store.c t/unit/tap.h t/unit/tmpdir.h
t_unit_limits_config_SOURCES = t/unit/limits-config.c t/unit/tap.h
t_unit_limits_imap_SOURCES = t/unit/limits-imap.c t/unit/tap.h

# The parts of a program that keep the limit are linked in.
check_PROGRAMS += t/unit/limits-milter t/unit/limits-log
t_unit_limits_milter_SOURCES = t/unit/limits-milter.c bin/smtp-listen/edit.c bin/smtp-listen/message.c
t_unit_limits_milter_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/smtp-listen
t_unit_limits_milter_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_ms
t_unit_limits_log_SOURCES = t/unit/limits-log.c bin/event-log/logfile.c
t_unit_limits_log_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/event-log

check_PROGRAMS += t/unit/limits-directory t/unit/limits-service t/unit/limits-send
t_unit_limits_directory_SOURCES = t/unit/limits-directory.c t/unit/tap.h
t_unit_limits_service_SOURCES = t/unit/limits-service.c t/unit/tap.h t/unit/tmpdir.h
t_unit_limits_send_SOURCES = t/unit/limits-send.c bin/remote-send/self.c
t_unit_limits_send_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/remote-send
t_unit_limits_send_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getifaddrs -Wl,--wrap=freeifaddrs
