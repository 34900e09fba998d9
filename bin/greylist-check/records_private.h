/* records_private: what the files records*.c share. */
#ifndef GREYLIST_CHECK_RECORDS_PRIVATE_H
#define GREYLIST_CHECK_RECORDS_PRIVATE_H

#include "base/base.h"
#include "record_value.h"
#include "records.h"

/* Expired or not: the times in a record are judged by the settings of now. */
#define ANY_AGE INT64_MIN

static inline struct span
record_key_view(const struct record_key *k)
{
	return span_make(k->bytes, sizeof(k->bytes));
}

/* A record is gone; gave_up: because its sender did not come back. */
void records_uncount(struct records *r, bool is_counted, bool is_passed, bool gave_up);
/* What was found becomes what was judged, for each of the two records that is counted. */
void records_count_write(struct records *r, const struct judged *j, const struct found *a, bool a_counts,
	const struct found *b, bool b_counts);
/* 0, or -1 with errno. */
int records_load_counts(struct records *r) PB_MUST_CHECK;
/* For state_on_expire; ctx: the struct records. */
int records_on_expire(struct span key, struct span value, int64_t expires, void *ctx);

#endif
