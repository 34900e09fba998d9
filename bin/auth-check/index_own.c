/*
 * index_own: what the index keeps for itself, beside what the files say: how much mail a domain
 * holds, stamps of files, the pepper.
 */
#include "base/base.h"
#include "index_private.h"

#include "base/record.h"
#include "sys/random.h"

/* -- space --------------------------------------------------------------- */

void
index_get_space(struct index *ix, struct span domain, struct index_space *out)
{
	uint64_t warned = 0;
	struct record r;
	struct index_key k;

	*out = (struct index_space){ .used = 0 };
	if (!index_get_record(ix, index_key(&k, 'q', domain, SPAN_NONE), &r))
		return;
	out->is_counted = record_get_num(&r, "used", INT64_MAX, &out->used) && index_flag(&r, "counted");
	if (record_get_num(&r, "warned", INT64_MAX, &warned))
		out->warned_s = (int64_t)warned;
	record_free(&r);
}

void
index_put_space(struct index *ix, struct span domain, const struct index_space *space)
{
	struct buf out;
	struct index_key k;

	buf_init(&out, 256);
	record_begin(&out, "space");
	record_add_num(&out, "used", space->used);
	record_add_num(&out, "warned", (uint64_t)space->warned_s);
	index_add_flag(&out, "counted", space->is_counted);
	/* No answer is computed from it, so the version stays. */
	index_write(ix, index_key(&k, 'q', domain, SPAN_NONE), buf_view(&out));
	buf_free(&out);
}

/* -- stamps and the pepper ------------------------------------------------- */

bool
index_get_stamp(struct index *ix, const char *name, struct stamp *out)
{
	struct record r;
	struct index_key k;
	bool good;

	if (!index_get_record(ix, index_key(&k, 's', span_of(name), SPAN_NONE), &r))
		return false;
	good = index_read_stamp(&r, out);
	record_free(&r);
	return good;
}

void
index_put_stamp(struct index *ix, const char *name, const struct stamp *st)
{
	struct buf out;
	struct index_key k;

	buf_init(&out, 256);
	record_begin(&out, "stamp");
	index_add_stamp(&out, st);
	index_put(ix, index_key(&k, 's', span_of(name), SPAN_NONE), buf_view(&out));
	buf_free(&out);
}

void
index_pepper(struct index *ix, unsigned char out[32])
{
	struct span value;
	struct index_key k;
	struct span key = index_key(&k, 's', SPAN("pepper"), SPAN_NONE);

	if (index_get(ix, key, &value) && value.n == 32) {
		memcpy(out, value.p, 32);
		return;
	}
	random_fill(out, 32);
	index_put(ix, key, span_make(out, 32));
}
