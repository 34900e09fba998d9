/*
 * filter_private: the milters of a session, shared by filter.c (the
 * session), filter_envelope.c, filter_message.c (the message at its end) and
 * filter_macros.c.
 *
 * State of a milter in a session: OFF (not connected, or failed, or it
 * accepted the whole session), IDLE (between messages), BUSY (in a message),
 * PASSED (it accepted or discarded this message and is asked no more about it).
 */
#ifndef SMTP_LISTEN_FILTER_PRIVATE_H
#define SMTP_LISTEN_FILTER_PRIVATE_H

#include "base/base.h"
#include "check/milter.h"
#include "filter.h"
#include "smtp.h"

enum filter_state { FILTER_OFF, FILTER_IDLE, FILTER_BUSY, FILTER_PASSED };

struct filter {
	const struct config_milter *config;
	struct milter *milter;		/* NULL: to be connected */
	enum filter_state state;
	bool failed;			/* in this session: failMode decides ... */
	bool is_told;			/* ... and how is in the log */
};

struct filters {
	struct smtp *c;			/* the session being served; for macros */
	const struct smtp_rcpt *rcpt;	/* while RCPT is asked about */
	const struct verdict *refused;	/* ... and the server's own no to it */
	struct buf words;		/* a milter's reply, lines parted by LF, until it is said */
	char text[3 * LIMIT_ADDRESS + 64];	/* the last macro that had to be printed */
	size_t count;
	struct filter list[];
};

/* milter_macro of a struct filters. */
const char *filter_macro(void *filters, const char *name);

/* NULL when there are none; else they belong to this session from now on. */
struct filters *filters_of(struct smtp *c);

/*
 * False when the milter has failed in this session and failMode lets nothing
 * pass that it was not asked about; *out is the reply.
 */
bool filter_may_pass(struct smtp *c, struct filter *f, struct verdict *out) PB_MUST_CHECK;

/*
 * Take a milter's answer to a step.  True: go on.  False: *out says what to
 * reply; code 0 means that the message is to be discarded.
 */
bool filter_take(struct smtp *c, struct filter *f, enum milter_outcome o, struct verdict *out) PB_MUST_CHECK;

/* Say no as the milter wants it; always false. */
bool filter_refuse(struct smtp *c, const struct filter *f, const char *step, const struct verdict *v);

#endif
