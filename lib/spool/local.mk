# lib/spool
libpillarbox_a_SOURCES += lib/spool/control.h
