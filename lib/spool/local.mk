# lib/spool
libpillarbox_a_SOURCES += lib/spool/control.h
libpillarbox_a_SOURCES += lib/spool/envelope.c lib/spool/envelope.h lib/spool/envelope_line.c \
	lib/spool/envelope_line.h lib/spool/envelope_parse.c lib/spool/envelope_parse_lines.c \
	lib/spool/envelope_parts.h lib/spool/envelope_read.h \
	lib/spool/envelope_print.c
libpillarbox_a_SOURCES += lib/spool/spool.c lib/spool/spool.h lib/spool/spool_id.c \
	lib/spool/spool_id.h lib/spool/spool_parts.h lib/spool/spool_put.c lib/spool/spool_put.h \
	lib/spool/spool_read.c lib/spool/spool_read.h lib/spool/spool_writer.c \
	lib/spool/spool_outcome.c lib/spool/spool_outcome.h lib/spool/spool_finish.c \
	lib/spool/spool_finish.h lib/spool/spool_scan.c lib/spool/spool_scan.h \
	lib/spool/spool_scan_parts.h lib/spool/spool_scan_queued.c lib/spool/spool_scan_received.c \
	lib/spool/spool_corrupt.c lib/spool/spool_release.c lib/spool/spool_release.h
libpillarbox_a_SOURCES += lib/spool/body_writer.c lib/spool/body_writer.h \
	lib/spool/intake_client.c lib/spool/intake_client.h lib/spool/intake_record.c \
	lib/spool/intake_record.h
