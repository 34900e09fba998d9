libpillarbox_a_SOURCES += lib/policy/smtp_in.c lib/policy/smtp_in.h
