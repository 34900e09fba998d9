/*
 * judge: what the times of a record mean for a delivery (GREY-02 to GREY-05).
 *
 * A record is waiting from its first contact on.  A delivery within the block
 * period is refused; one after that and within the pass period, both counted from
 * the first contact, makes it passed; one after the pass period is a first contact.
 * A passed record counts for the time of expiry since its last use.
 *
 * A delivery may be known by two records, that of its network and that of its
 * sender's domain: the better one counts, and both are kept alike, so that neither
 * a server farm with many networks nor a loss of SPF strands anybody.
 *
 * Pure: no clock, no database.
 */
#ifndef GREYLIST_CHECK_JUDGE_H
#define GREYLIST_CHECK_JUDGE_H

#include "base/base.h"

/* A use within this time of the last noted one is not written again. */
#define JUDGE_PROLONG_S 3600

/* All in seconds. */
struct periods {
	int64_t block_s, pass_s, keep_s;
};

enum seen_state { SEEN_NOT, SEEN_WAITING, SEEN_PASSED };

/* What a record says; SEEN_NOT: there is none. */
struct seen {
	enum seen_state state;
	int64_t first_s;		/* wall seconds of the first contact */
	int64_t last_s;			/* of the last noted use; of a waiting one the same as first_s */
};

struct judged {
	bool passes;
	const char *name;		/* "first-contact", "too-early", "too-late", "came-back", "passed-before" */
	int64_t earliest_s;		/* not passing: wall seconds from which a retry is taken */
	bool writes;			/* the records are to become `record` */
	struct seen record;
};

/*
 * domain: NULL when the sender's domain does not stand for the delivery.
 * A record from the future counts as none: the clock was set back, and waiting
 * for the old one could be endless.
 */
struct judged judge(const struct periods *p, const struct seen *network, const struct seen *domain,
	int64_t now_s) PB_MUST_CHECK;

/* When a record is of no more use. */
int64_t judge_expires(const struct periods *p, const struct seen *record);

#endif
