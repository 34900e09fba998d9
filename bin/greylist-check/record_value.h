/*
 * record_value: the bytes of one record of greylist-check's database.
 *
 *	0	kind: w waiting, p passed, r received-from, t wrote-to
 *	1	1 when it stands for its delivery in the counters, else 0
 *	2	first contact, 4 bytes, seconds since 1970, little end first (until 2106)
 *	6	last noted use, the same
 *	10	origin NUL sender NUL recipient NUL, each at most RECORD_TEXT_MAX bytes, for lists
 */
#ifndef GREYLIST_CHECK_RECORD_VALUE_H
#define GREYLIST_CHECK_RECORD_VALUE_H

#include "base/base.h"
#include "base/span.h"

#define RECORD_KEY_SIZE 17	/* the letter and 16 bytes */
#define RECORD_CONTACT 'g'
#define RECORD_KNOWN 'k'
#define RECORD_TEXT_MAX 100
#define RECORD_VALUE_MAX (10 + 3 * (RECORD_TEXT_MAX + 1))

struct record_key { char bytes[RECORD_KEY_SIZE]; };

enum record_kind { RECORD_WAITING = 'w', RECORD_PASSED = 'p', RECORD_RECEIVED = 'r', RECORD_WROTE = 't' };

struct record_value {
	enum record_kind kind;
	bool is_counted;
	int64_t first_s, last_s;
	struct span origin, sender, recipient;	/* cut when written; as they are kept when read */
};

/* Returns the length. */
size_t record_value_write(const struct record_value *v, unsigned char out[RECORD_VALUE_MAX]);
/* False for bytes we did not write.  Texts point into raw. */
bool record_value_read(struct span raw, struct record_value *out) PB_MUST_CHECK;

const char *record_kind_name(enum record_kind k);

#endif
