# t/unit/scan.mk: scan-check and what it evaluates
check_PROGRAMS += t/unit/scan-client t/unit/scan-cache
t_unit_scan_client_SOURCES = t/unit/scan-client.c t/unit/tap.h
t_unit_scan_cache_SOURCES = t/unit/scan-cache.c bin/scan-check/cache.c t/unit/tap.h
t_unit_scan_cache_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/scan-check

# Driven by t/scan/*.t
noinst_PROGRAMS += t/scan/spf-zone t/scan/scan-ask
t_scan_spf_zone_SOURCES = t/scan/spf-zone.c
t_scan_scan_ask_SOURCES = t/scan/scan-ask.c
