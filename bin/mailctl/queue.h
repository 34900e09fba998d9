/*
 * queue: the messages in the spool as mailctl sees them.
 *
 * What waits and when it is tried next is asked of the scheduler; while the
 * Spool service is stopped the folders are read instead.  Envelopes are read
 * from the .hdr files in both cases.
 */
#ifndef MAILCTL_QUEUE_H
#define MAILCTL_QUEUE_H

#include "base/base.h"
#include "ctl.h"
#include "spool/envelope.h"

struct queue_entry {
	uint64_t id;
	uint32_t sub;
	char status[16];
	uint64_t attempts;
	int64_t next;		/* seconds since 1970, 0 = now */
	uint32_t priority;	/* 1 to 10; 0: the scheduler does not tell */
};

struct queue {
	struct queue_entry *entries;
	size_t count;
	uint64_t total;		/* in the spool, as far as known */
};

/* All messages in the order of their ids, at most max; an exit code. */
int queue_read(const struct ctl *c, size_t max, struct queue *out);
void queue_free(struct queue *q);

/* One message; EXIT_NO_OBJECT after a message when there is none of that id. */
int queue_find(const struct ctl *c, uint64_t id, struct queue_entry *out);

/* The same without a message: *found tells. */
int queue_look(const struct ctl *c, uint64_t id, struct queue_entry *out, bool *found);

/*
 * Those in quarantine, whom the scheduler does not know: found in the folders,
 * status "quarantined"; an exit code.
 */
int queue_read_quarantine(const struct ctl *c, struct queue *out);
/* One of them; EXIT_NO_OBJECT after a message when there is none of that id. */
int queue_find_quarantined(const struct ctl *c, uint64_t id, struct queue_entry *out);

/* The envelope; NULL when it cannot be read (*why tells).  envelope_free. */
struct envelope *queue_envelope(const struct ctl *c, const struct queue_entry *e, const char **why);
/* The message for reading; -1 with errno.  Size in *size_out. */
int queue_body(const struct ctl *c, const struct queue_entry *e, uint64_t *size_out);

/* Local time "2026-11-22 10:15:00"; "" for 0. */
#define QUEUE_TIME_MAX 32
void queue_time_text(int64_t seconds, char out[QUEUE_TIME_MAX]);

#endif
