pkglibexec_PROGRAMS += prog/scan-check
prog_scan_check_SOURCES = bin/scan-check/main.c bin/scan-check/scan.h bin/scan-check/cache.c bin/scan-check/cache.h \
	bin/scan-check/clients.c bin/scan-check/task.c bin/scan-check/task.h
dist_man_MANS += man/scan-check.8
