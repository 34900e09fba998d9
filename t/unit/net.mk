# t/unit/net.mk
check_PROGRAMS += t/unit/net-addr t/unit/net-dns-read t/unit/net-tls
t_unit_net_addr_SOURCES = t/unit/net-addr.c
t_unit_net_dns_read_SOURCES = t/unit/net-dns-read.c
t_unit_net_tls_SOURCES = t/unit/net-tls.c

# Used by t/outbound/*.t
noinst_PROGRAMS += t/outbound/send-job
t_outbound_send_job_SOURCES = t/outbound/send-job.c

check_PROGRAMS += t/unit/net-mx
t_unit_net_mx_SOURCES = t/unit/net-mx.c bin/remote-send/mx.c bin/remote-send/job.c \
	bin/remote-send/transaction.c bin/remote-send/body.c bin/remote-send/connection.c bin/remote-send/secure.c \
	bin/remote-send/login.c bin/remote-send/rules.c
t_unit_net_mx_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/remote-send

check_PROGRAMS += t/unit/net-proxy
t_unit_net_proxy_SOURCES = t/unit/net-proxy.c

check_PROGRAMS += t/unit/net-dns
t_unit_net_dns_SOURCES = t/unit/net-dns.c
t_unit_net_dns_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ub_resolve_async -Wl,--wrap=ub_resolve_free

check_PROGRAMS += t/unit/net-endpoint
t_unit_net_endpoint_SOURCES = t/unit/net-endpoint.c

check_PROGRAMS += t/unit/send-pool
t_unit_send_pool_SOURCES = t/unit/send-pool.c bin/remote-send/pool.c bin/remote-send/job.c
t_unit_send_pool_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/remote-send

check_PROGRAMS += t/unit/send-tls
t_unit_send_tls_SOURCES = t/unit/send-tls.c bin/remote-send/job.c bin/remote-send/secure.c \
	bin/remote-send/rules.c bin/remote-send/waiver.c
t_unit_send_tls_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/remote-send

check_PROGRAMS += t/unit/send-report
t_unit_send_report_SOURCES = t/unit/send-report.c bin/remote-send/tls_report.c
t_unit_send_report_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/remote-send

check_PROGRAMS += t/unit/send-body
t_unit_send_body_SOURCES = t/unit/send-body.c bin/remote-send/body.c
t_unit_send_body_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/remote-send
