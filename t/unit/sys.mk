# t/unit/sys.mk
check_PROGRAMS += t/unit/sys-fdpass
t_unit_sys_fdpass_SOURCES = t/unit/sys-fdpass.c
check_PROGRAMS += t/unit/sys-sandbox
t_unit_sys_sandbox_SOURCES = t/unit/sys-sandbox.c

# Driven by t/design/forbidden.t
noinst_PROGRAMS += t/design/forbidden-acts
t_design_forbidden_acts_SOURCES = t/design/forbidden-acts.c t/design/forbidden_acts.c \
	t/design/forbidden_acts.h
check_PROGRAMS += t/unit/sys-file
t_unit_sys_file_SOURCES = t/unit/sys-file.c t/unit/tap.h t/unit/trace.h

# Used by t/design/no-landlock.t
noinst_PROGRAMS += t/tool/without-landlock
t_tool_without_landlock_SOURCES = t/tool/without-landlock.c

check_PROGRAMS += t/unit/sys-user
t_unit_sys_user_SOURCES = t/unit/sys-user.c

check_PROGRAMS += t/unit/sys-heap
t_unit_sys_heap_SOURCES = t/unit/sys-heap.c t/unit/tap.h
check_PROGRAMS += t/unit/sys-descriptors
t_unit_sys_descriptors_SOURCES = t/unit/sys-descriptors.c t/unit/tap.h
