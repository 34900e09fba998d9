libpillarbox_a_SOURCES += lib/policy/smtp_in.c lib/policy/smtp_in.h
libpillarbox_a_SOURCES += lib/policy/greeting.c lib/policy/greeting.h
libpillarbox_a_SOURCES += lib/policy/pattern.c lib/policy/pattern.h
libpillarbox_a_SOURCES += lib/policy/selector.c lib/policy/selector.h
libpillarbox_a_SOURCES += lib/policy/sum.c lib/policy/sum.h
libpillarbox_a_SOURCES += lib/policy/envelope.c lib/policy/envelope.h
libpillarbox_a_SOURCES += lib/policy/greylist.c lib/policy/greylist.h
libpillarbox_a_SOURCES += lib/policy/mechanism.c lib/policy/mechanism.h
