/*
 * body_writer: writes a message into a descriptor that intake handed over, and
 * keeps its size and checksum.  Order: init, put any number of times, finish
 * once.  Errors are sticky: later calls do nothing and finish reports the first.
 */
#ifndef SPOOL_BODY_WRITER_H
#define SPOOL_BODY_WRITER_H

#include "base/base.h"
#include "base/span.h"

#define BODY_WRITER_BUFFER 65536

/* How a message leaves its writer: durable, or on its way to the device. */
enum body_end { BODY_SYNCED, BODY_STARTED };

struct body_writer {
	int fd;			/* owned from init to finish */
	int error;		/* first errno, 0 so far */
	uint64_t size;		/* of the message so far */
	uint64_t max;
	uint32_t crc32c;
	bool rewound;		/* the file may be longer than size: cut at finish */
	size_t used;
	char *buffer;
};

/* max: bytes the message may have; one more gives EFBIG. */
void body_writer_init(struct body_writer *w, int fd, uint64_t max);
/* The final form: CRLF line ends, trace headers first, not dot-stuffed. */
void body_writer_put(struct body_writer *w, struct span data);
/*
 * Everything put so far stands in the file and can be read there by pread.
 * 0, or -1 with the first errno.
 */
int body_writer_flush(struct body_writer *w) PB_MUST_CHECK;
/*
 * After a flush: begin again at the first byte but leave the old content, for
 * a caller that reads it while it writes the new.  It must read each part
 * before it is written over; what is left of the old at finish is cut off.
 */
void body_writer_rewind(struct body_writer *w);
/*
 * Flush, fsync (or only start the writing, when whoever gave the descriptor
 * makes the file durable before anything is promised) and close.  0, and size and crc32c are those of the file; or -1
 * with errno, and the message must be aborted (never fsync again after EIO).
 */
int body_writer_finish(struct body_writer *w, enum body_end end) PB_MUST_CHECK;
/* Close without flush, for a message that is given up. */
void body_writer_abandon(struct body_writer *w);

#endif
