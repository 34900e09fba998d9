# lib/check
libpillarbox_a_SOURCES += lib/check/delegate.c lib/check/delegate.h lib/check/milter.c lib/check/milter.h lib/check/milter_answer.c \
	lib/check/milter_private.h lib/check/milter_wire.c lib/check/milter_wire.h
libpillarbox_a_SOURCES += lib/check/abuse_client.c lib/check/abuse_client.h lib/check/abuse_map.c lib/check/abuse_map.h
libpillarbox_a_SOURCES += lib/check/scan_result.c lib/check/scan_result.h lib/check/scan_client.c lib/check/scan_client.h
libpillarbox_a_SOURCES += lib/check/spf.c lib/check/spf.h lib/check/spf_macro.c lib/check/spf_macro.h lib/check/spf_record.c lib/check/spf_record.h
libpillarbox_a_SOURCES += lib/check/origin.c lib/check/origin.h
libpillarbox_a_SOURCES += lib/check/scan_fact.c lib/check/scan_fact.h
