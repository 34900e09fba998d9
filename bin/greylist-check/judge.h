/*
 * judge: may this delivery pass, or must it come again later?  (GREY-02 to GREY-05)
 *
 * A record stands for one network (/24 of IPv4, /64 of IPv6), sender and recipient.
 * Its key is an HMAC of the three under a secret of the database: 16 bytes whatever
 * a client sends, and not to be guessed; their beginning is in the value, for lists.  It is waiting from the first contact on; a
 * delivery after the block period and within the pass period makes it passed, and
 * each use prolongs that.  A delivery after the pass period is a first contact.
 */
#ifndef GREYLIST_CHECK_JUDGE_H
#define GREYLIST_CHECK_JUDGE_H

#include "base/base.h"
#include "base/span.h"
#include "net/addr.h"
#include "state/state.h"

struct periods {
	int64_t block_s, pass_s, keep_s;
};

enum judgement {
	JUDGED_PASS,
	JUDGED_LATER,
	JUDGED_FAILED		/* the database failed: the caller lets the mail pass, and ends */
};

struct judge {
	struct state *db;
	unsigned char secret[32];
};

/* Read or make the secret.  0, or -1 with errno. */
int judge_init(struct judge *j, struct state *db) PB_MUST_CHECK;

/*
 * sender and recipient: as in the envelope, without brackets; compared in small
 * letters.  now: wall seconds.  With JUDGED_LATER *earliest_out is the wall second from
 * which a retry is taken.  May be called by several threads.
 */
enum judgement judge_delivery(struct judge *j, const struct periods *p, const struct addr *client,
	struct span sender, struct span recipient, int64_t now, int64_t *earliest_out);

/* Forget one record: 1, or 0 when there is none, or -1 with errno. */
int judge_forget(struct judge *j, const struct addr *client, struct span sender, struct span recipient,
	int64_t now) PB_MUST_CHECK;
/* Forget all.  0, or -1 with errno. */
int judge_forget_all(struct judge *j, int64_t now) PB_MUST_CHECK;

struct judge_record {
	struct span key;		/* opaque; judge_each begins with it */
	struct addr network;		/* without family in records made by an older version */
	struct span sender, recipient;	/* hostile text; may be cut */
	bool is_passed;
	int64_t since_s;		/* first contact; of a passed one its last noted use */
	int64_t expires_s;
};

/*
 * Call fn for every record from key `from` on (SPAN_NONE: all) until it returns
 * other than 0; it may not call judge_ functions.  0, or -1 with errno.
 */
typedef int judge_record_fn(const struct judge_record *r, void *ctx);
int judge_each(struct judge *j, struct span from, int64_t now, judge_record_fn *fn, void *ctx) PB_MUST_CHECK;

#endif
