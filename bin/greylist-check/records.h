/*
 * records: what greylist-check remembers, in its database.
 *
 * Keys are a letter and 16 bytes of an HMAC under a secret of the database: the same size
 * whatever a client sends, and not to be guessed.
 *
 *	g	a contact: network (or address), sender and recipient; or the domain for
 *		which SPF passed, and recipient: a domain that proved itself is one sender,
 *		whatever stands left of its "@" (mailing lists write a new name there each time)
 *	k	a sender from whom a recipient received mail, or to whom it wrote
 *	e	a user who waits for mail (expect.h)
 *	c, s	counters; the secret
 *
 * The beginning of what a key was made of stands in its value, for those who list
 * records.  All functions may be called by several threads; those that return int
 * give 0 (or what they say), or -1 with errno when the database failed.
 */
#ifndef GREYLIST_CHECK_RECORDS_H
#define GREYLIST_CHECK_RECORDS_H

#include <pthread.h>
#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"
#include "judge.h"
#include "net/addr.h"
#include "state/state.h"

/* Since the database was begun; read and written as one struct under counts_lock. */
struct counts {
	uint64_t delayed, passed, skipped;	/* decisions */
	uint64_t first, back, gave_up;		/* contacts begun; come back in time; never come back */
	uint64_t waiting, known_good;		/* contacts that wait now; that have passed */
};

struct records {
	struct state *db;
	unsigned char secret[32];
	pthread_mutex_t counts_lock;
	struct counts counts;
	bool counts_changed;
};

/* Opens what is in db, which stays the caller's. */
int records_open(struct records *r, struct state *db) PB_MUST_CHECK;

/* How a delivery is known.  Texts as in the envelope, without brackets; letter case does not matter. */
struct triple {
	struct addr client;
	bool by_address;		/* the plain triple: not the network, and no domain */
	struct span sender, recipient;
	struct span domain;		/* for which SPF passed; empty: none */
};

/* Longest text of an origin: a domain, or a network. */
#define ORIGIN_TEXT_MAX (LIMIT_DOMAIN + 1)
/* What stands for the client: "192.0.2.0/24", "2001:db8::/64", "example.org". */
void records_origin(const struct triple *c, char out[ORIGIN_TEXT_MAX]);

struct found {
	struct seen seen;
	bool is_counted;		/* stands for the delivery in the counters */
};

/* Both records of a contact; domain_out says SEEN_NOT without a domain. */
int records_find(struct records *r, const struct triple *c, struct found *network_out,
	struct found *domain_out) PB_MUST_CHECK;
/* Carry out what was judged over what was found; counts too. */
int records_write(struct records *r, const struct triple *c, const struct periods *p,
	const struct judged *j, const struct found *network, const struct found *domain) PB_MUST_CHECK;
/* Forget a contact, and that the sender is known: how many records there were. */
int records_forget(struct records *r, const struct triple *c) PB_MUST_CHECK;

/* How a recipient knows a sender. */
enum known { KNOWN_NOT, KNOWN_RECEIVED, KNOWN_WROTE };
int records_known(struct records *r, struct span sender, struct span recipient, int64_t now,
	int64_t keep_s, enum known *out) PB_MUST_CHECK;
int records_learn(struct records *r, struct span sender, struct span recipient, enum known how,
	int64_t now, int64_t keep_s) PB_MUST_CHECK;

/* Counters. */
void records_count(struct records *r, size_t field_offset);
#define RECORDS_COUNT(r, field) records_count(r, offsetof(struct counts, field))
struct counts records_counts(struct records *r);
int records_save_counts(struct records *r) PB_MUST_CHECK;

/* One record as it is listed.  Texts are hostile, and may be cut. */
struct row {
	struct span key;
	const char *state;		/* "waiting", "passed", "received-from", "wrote-to" */
	struct span origin, sender, recipient;
	int64_t first_s, last_s, expires_s;
};

/* 0: go on; 1: end here, and begin with this record the next time; 2: remove it and go on. */
typedef int row_fn(const struct row *row, void *ctx);
/*
 * Call fn for the records from key `from` (SPAN_NONE: all) on, expired ones left out, until
 * RECORDS_STEP were looked at: so that a walk holds up nobody.  next_out
 * (STATE_KEY_MAX bytes) gets the key at which to go on.  Returns its length, 0 at the end.
 */
#define RECORDS_STEP 4000
int records_walk(struct records *r, struct span from, int64_t now, row_fn *fn, void *ctx,
	char *next_out) PB_MUST_CHECK;

#endif
