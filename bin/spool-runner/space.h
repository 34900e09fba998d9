/*
 * space: is there room for more mail?
 *
 * A message is refused (452 4.3.1) while the spool's file system has less
 * than the reserve left, so that what is queued can still be delivered.
 */
#ifndef SPOOL_RUNNER_SPACE_H
#define SPOOL_RUNNER_SPACE_H

#include "base/base.h"

struct space {
	int fd;			/* a folder of the file system */
	uint64_t reserve;	/* bytes; 0 = no limit */
	uint64_t asked_ms;	/* when the kernel was asked last */
	uint64_t room;		/* bytes above the reserve then; 0 also when files run out */
};

/* reserve_mb: setting spoolReserveMB. */
void space_init(struct space *s, int fd, uint64_t reserve_mb);

/*
 * Bytes that may be taken in before the reserve is touched; UINT64_MAX without
 * a reserve.  Asks the kernel at most twice a second.  now_ms: clock_ms.
 */
uint64_t space_room(struct space *s, uint64_t now_ms);

#endif
