/*
 * wire: a stream socket to auth-check with a deadline for everything, and the
 * descriptors that may come along.  For lib/directory only.
 *
 * After any failure the wire is dead for good: answers could belong to an
 * older question.
 */
#ifndef DIRECTORY_WIRE_H
#define DIRECTORY_WIRE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

struct wire {
	int fd;			/* owned; -1: there is none */
	bool dead;
	int passed;		/* the last descriptor that came, -1: none; owned */
	struct buf in;		/* received and not yet used */
};

void wire_init(struct wire *w, int fd, size_t max_in);
void wire_close(struct wire *w);
/* Write everything before deadline (clock_ms); false and dead when that fails. */
bool wire_send(struct wire *w, struct span data, uint64_t deadline) PB_MUST_CHECK;
/* Wait for more bytes in w->in; false and dead at the deadline, the end, or an error. */
bool wire_more(struct wire *w, uint64_t deadline) PB_MUST_CHECK;
/* The next line without its LF, valid until wire_used(w, line.n + 1). */
bool wire_line(struct wire *w, size_t max, uint64_t deadline, struct span *line) PB_MUST_CHECK;
void wire_used(struct wire *w, size_t n);
/* Take over the descriptor that came; -1 when there was none. */
int wire_take_passed(struct wire *w);
void wire_fail(struct wire *w);

#endif
