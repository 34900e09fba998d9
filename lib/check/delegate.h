/*
 * delegate: our side of Postfix's policy delegation protocol
 * (SMTPD_POLICY_README): one request of name=value lines and an empty line,
 * one answer "action=..." and an empty line; the connection is kept.
 *
 * Trust: a policy server may be broken.  Its answer has a deadline, a limit
 * (LIMIT_DELEGATE_ANSWER), and a grammar; what is none is a failure.
 */
#ifndef CHECK_DELEGATE_H
#define CHECK_DELEGATE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "base/verdict.h"
#include "io/stream.h"

enum delegate_kind {
	DELEGATE_DUNNO,		/* no opinion: ask the next */
	DELEGATE_OK,		/* taken: ask no more of them */
	DELEGATE_REFUSED,	/* verdict is the reply */
	DELEGATE_DEFER_IF_REJECT,	/* ask the next; verdict is the reply when that refuses for good */
	DELEGATE_DISCARD,	/* take the message and forget it */
	DELEGATE_HOLD,		/* take it and quarantine it */
	DELEGATE_PREPEND	/* text is a header field, without a line end */
};

struct delegate_answer {
	enum delegate_kind kind;
	struct verdict verdict;
	struct span text;	/* of the action given: behind its word */
};

/* Append one attribute; what cannot stand on a line becomes "?". */
void delegate_put(struct buf *request, const char *name, struct span value);

/* Empty buffers for requests and answers, as large as these may be. */
void delegate_buffers(struct buf *request, struct buf *answer);

/*
 * The value of "action": DUNNO, OK, REJECT, DEFER, DEFER_IF_PERMIT,
 * DEFER_IF_REJECT, DISCARD, HOLD, PREPEND, or a reply code of 4xx or 5xx; words in any letter case, text behind
 * them.  False for everything else (WARN and INFO are DUNNO, as nobody reads them here).
 */
bool delegate_parse(struct span action, struct delegate_answer *out) PB_MUST_CHECK;

/*
 * Send a request (attributes; the empty line is added) and read its answer, within
 * timeout_ms.  NULL, or why it failed: the connection is then of no more use.
 * out->text lives in `answer` (its maximum is LIMIT_DELEGATE_ANSWER).
 */
const char *delegate_ask(struct stream *io, const struct buf *request, uint64_t timeout_ms, struct buf *answer,
	struct delegate_answer *out) PB_MUST_CHECK;

#endif
