/*
 * asker: ask auth-check from an event loop.
 *
 * Questions are pipelined over one connection to run/pub/lookup (socketmap.h)
 * and answered in their order.  A lost connection answers all that are open
 * with nothing; the next question connects anew.
 *
 * Answers can be kept: auth-check hands out a page with the version of the
 * directory, and an answer is used again as long as this number stands.
 */
#ifndef DIRECTORY_ASKER_H
#define DIRECTORY_ASKER_H

#include "base/base.h"
#include "base/span.h"
#include "io/loop.h"

struct asker;

/* What the program does for its asker; lives as long. */
struct asker_owner {
	int (*connect)(void *ctx);	/* a non-blocking stream to auth-check that becomes the asker's; -1: none now */
	void (*silent)(void *ctx, size_t questions);	/* to so many there was no answer in time */
	void *ctx;
};

struct asker *asker_new(struct loop *loop, const struct asker_owner *owner, bool keeps);

/*
 * A question.  tell gets it back with the reply ("OK ...", "NOTFOUND ..." and so
 * on, borrowed for the call; p == NULL: none came), never before asker_ask has
 * returned.  The rest is the caller's.
 */
struct asker_question {
	void (*tell)(const struct asker_question *q, struct span reply);
	void (*call)(void);	/* any function, to be cast back by tell */
	void *ctx;
	uint32_t number;
};

/* The key and *q are copied. */
void asker_ask(struct asker *a, const char *map, struct span key, const struct asker_question *q);

/* No call for ctx comes any more. */
void asker_forget(struct asker *a, const void *ctx);

#endif
