libpillarbox_a_SOURCES += lib/policy/smtp_in.c lib/policy/smtp_in.h
libpillarbox_a_SOURCES += lib/policy/greeting.c lib/policy/greeting.h
