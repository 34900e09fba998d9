/*
 * index_private: the database below the files of index: keys, values and records.
 *
 * What fails here ends the process (see index.h).  A key that is too long to be one
 * is SPAN_NONE: it is not found, and nothing is written under it.
 */
#ifndef AUTH_CHECK_INDEX_PRIVATE_H
#define AUTH_CHECK_INDEX_PRIVATE_H

#include "index.h"

#include "base/record.h"
#include "state/state.h"

struct index {
	struct state *db;
	uint64_t version;
	uint64_t *shown;		/* the same for other processes; 0: nothing is to be kept now */
	bool is_hidden;
	bool offers_known;		/* the next two are up to date */
	struct index_offers offers;
	char value[STATE_VALUE_MAX];	/* the value at hand */
};

/* Holds the bytes of a key. */
struct index_key {
	char text[STATE_KEY_MAX];
	struct buf b;
};

/* KIND/FIRST, or KIND/FIRST/SECOND unless second is SPAN_NONE; valid as long as *k. */
struct span index_key(struct index_key *k, char kind, struct span first, struct span second);

/* The value, valid until the next call; false when there is none. */
bool index_get(struct index *ix, struct span key, struct span *value);
/* The record under key, when it is there and is one; then record_free is the caller's. */
bool index_get_record(struct index *ix, struct span key, struct record *out);

/* These make a new version; index_write makes none. */
void index_put(struct index *ix, struct span key, struct span value);
void index_drop(struct index *ix, struct span key);
/* The key itself and all that begin with it. */
void index_drop_prefix(struct index *ix, struct span prefix);
void index_write(struct index *ix, struct span key, struct span value);

struct index_next {
	struct span prefix;
	struct span after;	/* whole key */
	struct index_key found;
	bool has;
};

/* The first key with this prefix behind `after`, in n->found; false when there is none. */
bool index_next_key(struct index *ix, struct index_next *n, struct span prefix, struct span after);

/* Parts of records. */
void index_add_stamp(struct buf *out, const struct stamp *st);
bool index_read_stamp(const struct record *r, struct stamp *out);
void index_add_flag(struct buf *out, const char *key, bool on);
bool index_flag(const struct record *r, const char *key);

/* t/DOMAIN/USER/PATTERN; with an empty pattern the beginning of all of that user. */
struct span index_trusted_key(struct index_key *k, struct span domain, struct span user, struct span pattern);

#endif
