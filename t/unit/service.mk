# t/unit/service.mk
# Driven by t/service/*.t and t/design/*.t
noinst_PROGRAMS += t/service/pool-server t/service/control-ask
t_service_pool_server_SOURCES = t/service/pool-server.c
t_service_control_ask_SOURCES = t/service/control-ask.c

check_PROGRAMS += t/unit/io-loop t/unit/service-control t/unit/service-log
t_unit_io_loop_SOURCES = t/unit/io-loop.c t/unit/tap.h
t_unit_service_control_SOURCES = t/unit/service-control.c t/unit/tap.h
t_unit_service_log_SOURCES = t/unit/service-log.c t/unit/tap.h

check_PROGRAMS += t/unit/master-backoff
t_unit_master_backoff_SOURCES = t/unit/master-backoff.c bin/mail-master/backoff.c t/unit/tap.h
t_unit_master_backoff_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/mail-master

check_PROGRAMS += t/unit/service-master
t_unit_service_master_SOURCES = t/unit/service-master.c t/unit/tap.h
