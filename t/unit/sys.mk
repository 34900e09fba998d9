# t/unit/sys.mk
check_PROGRAMS += t/unit/sys-fdpass
t_unit_sys_fdpass_SOURCES = t/unit/sys-fdpass.c
