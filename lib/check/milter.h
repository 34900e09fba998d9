/*
 * milter: our side of the milter protocol, version 6: one connection to one
 * milter (the room lib/check measures; it yields facts and decides nothing).
 *
 * Order of use: milter_new, milter_negotiate once; then per session
 * milter_connect, milter_helo, and per message milter_mail, milter_rcpt (any
 * number), milter_data, milter_header (any number), milter_eoh, milter_body,
 * milter_end; milter_abort ends a message early.  milter_quit ends the session
 * and keeps the connection for the next one when the milter allows that.
 * Steps that the milter does not want cost nothing.
 *
 * Trust: a milter may be broken.  Every answer has a deadline, every packet a
 * limit; after MILTER_FAILED the connection is dead and every later call fails.
 */
#ifndef CHECK_MILTER_H
#define CHECK_MILTER_H

#include "base/base.h"
#include "base/span.h"
#include "base/verdict.h"
#include "net/addr.h"
#include "smtp/reply.h"

struct milter;

enum milter_outcome {
	MILTER_CONTINUE,
	MILTER_ACCEPT,		/* no more questions: about the message, or at connect and helo the session */
	MILTER_DISCARD,		/* say 250 and forget the message */
	MILTER_REFUSED,		/* milter_verdict tells the reply */
	MILTER_FAILED		/* milter_error tells why */
};

/* Value of a macro ("i", "{auth_authen}"), NULL when it is not known now. */
typedef const char *milter_macro(void *ctx, const char *name);

/*
 * What a milter may change at the end of a message.  Values are what stands
 * behind the colon, the blank there included, without the last line end; folded
 * ones hold CRLF and a blank.  Each returns false when that is
 * more than the server takes, which counts as a failure of the milter.
 */
struct milter_edits {
	void *ctx;
	bool (*add)(void *ctx, struct span name, struct span value);
	/* index: its place from 0, counting the server's own Received field and those the milter was shown */
	bool (*insert)(void *ctx, uint32_t index, struct span name, struct span value);
	/* the index-th (from 1) field of that name; an empty value deletes it */
	bool (*change)(void *ctx, uint32_t index, struct span name, struct span value);
	/* the next piece of a new body; `first` begins it */
	bool (*body)(void *ctx, struct span piece, bool first);
	bool (*quarantine)(void *ctx, struct span reason);

	/* Addresses as the milter wrote them, perhaps in angle brackets; args: ESMTP parameters. */
	void *envelope;
	bool (*add_rcpt)(void *envelope, struct span path, struct span args);
	bool (*delete_rcpt)(void *envelope, struct span path);
	bool (*change_from)(void *envelope, struct span path, struct span args);
};

/*
 * fd: a connected stream socket, owned from now on.  timeout_ms: for each
 * answer; "in progress" begins it anew, but not past LIMIT_MILTER_TOTAL_MS.
 */
struct milter *milter_new(int fd, uint64_t timeout_ms, milter_macro *macro, void *macro_ctx);
void milter_free(struct milter **m);

/* Agree on version and steps: MILTER_CONTINUE or MILTER_FAILED. */
enum milter_outcome milter_negotiate(struct milter *m) PB_MUST_CHECK;

/* host: the client's name, or its address in brackets when it has none. */
enum milter_outcome milter_connect(struct milter *m, struct span host, const struct addr *peer) PB_MUST_CHECK;
enum milter_outcome milter_helo(struct milter *m, struct span name) PB_MUST_CHECK;
/* path: with angle brackets; args: the parameters as typed, blanks between. */
enum milter_outcome milter_mail(struct milter *m, struct span path, struct span args) PB_MUST_CHECK;
enum milter_outcome milter_rcpt(struct milter *m, struct span path, struct span args) PB_MUST_CHECK;
/*
 * The same for a recipient that the server refused, which only milters hear
 * of that asked for it (others: no question, MILTER_CONTINUE).  Whatever such
 * a milter says, it stays refused.
 */
enum milter_outcome milter_refused_rcpt(struct milter *m, struct span path, struct span args) PB_MUST_CHECK;
/* A line that is no command of the server. */
enum milter_outcome milter_unknown(struct milter *m, struct span line) PB_MUST_CHECK;
enum milter_outcome milter_data(struct milter *m) PB_MUST_CHECK;
/* value: everything behind the colon, folding included, last line end left off. */
enum milter_outcome milter_header(struct milter *m, struct span name, struct span value) PB_MUST_CHECK;
enum milter_outcome milter_eoh(struct milter *m) PB_MUST_CHECK;
/* The next piece of the body; *enough when the milter wants no more of it. */
enum milter_outcome milter_body(struct milter *m, struct span piece, bool *enough) PB_MUST_CHECK;
enum milter_outcome milter_end(struct milter *m, const struct milter_edits *edits) PB_MUST_CHECK;

/* What it wants cannot be done: MILTER_FAILED, now and in all later calls. */
enum milter_outcome milter_give_up(struct milter *m, const char *why);

/* The message ends without milter_end (also when milter_mail was refused). */
void milter_abort(struct milter *m);
/* The session ends.  True: the connection may serve another, from milter_connect on. */
bool milter_quit(struct milter *m);

/* After MILTER_REFUSED: the reply in one line, and its text as the milter parted it, by LF. */
const struct verdict *milter_verdict(const struct milter *m);
struct span milter_text(const struct milter *m);
const char *milter_error(const struct milter *m);	/* one line for the log */

#endif
