/*
 * story: the log lines that belong to one message, session or address.
 *
 * A ticket names a session and an id a message; lines of all programs carry
 * one of them or both.  A story begins with the lines that the key hits and
 * takes in all that share a ticket or an id with them, and the notices
 * (bounces) made of its messages.
 */
#ifndef MAILCTL_STORY_H
#define MAILCTL_STORY_H

#include "base/base.h"
#include "logs.h"

struct story_line {
	char *when;		/* "2026.11.22 10:15:00.123" */
	char *ip;		/* "" when the line has none */
	char *ticket;		/* likewise */
	char *text;
};

struct words {
	char **at;		/* sorted, each once */
	size_t count, cap;
};

struct story {
	struct story_line *lines;	/* in the order of time */
	size_t count, cap;
	struct words tickets, ids;
};

enum story_key { STORY_NUMBER, STORY_MESSAGE_ID, STORY_ADDRESS };

/* "<x@y>" is a Message-ID, digits are a ticket or an id, the rest with "@" an address. */
bool story_key(const char *text, enum story_key *out);

/* An exit code; story_free in any case.  Nothing found: EXIT_DONE with no lines. */
int story_read(const struct ctl *c, const char *key, enum story_key kind, unsigned days, struct story *out);
void story_free(struct story *s);

/* What a line says, in a sentence for people. */
void story_say(const struct story_line *line, struct buf *out);

#endif
