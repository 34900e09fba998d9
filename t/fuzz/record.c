/* Records between our programs: what is read can be written and is read to the same again. */
#include "base/base.h"
#include "base/mem.h"
#include "base/record.h"
#include "fuzz.h"

#define FIELDS 200

static void
check_field(const struct record *r, size_t i)
{
	char *key = mem_copy(r->fields[i].key);
	size_t before = 0;
	struct span nth;

	for (size_t k = 0; k < i; k++)
		before += span_eq(r->fields[k].key, r->fields[i].key);
	nth = record_get_nth(r, key, before);
	FUZZ_CHECK(nth.p == r->fields[i].value.p && nth.n == r->fields[i].value.n);
	free(key);
}

static void
put(const struct record *r, struct buf *out)
{
	char *verb = mem_copy(r->verb);

	record_begin(out, verb);
	free(verb);
	for (size_t i = 0; i < r->count; i++) {
		char *key = mem_copy(r->fields[i].key);

		record_add(out, key, r->fields[i].value);
		free(key);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record r, again;
	struct buf out;
	uint64_t n;

	if (!record_parse(span_make(data, size), FIELDS, &r))
		return 0;
	FUZZ_CHECK(r.count <= FIELDS && r.verb.n > 0);
	buf_init(&out, 2 * size + 16);
	put(&r, &out);
	FUZZ_CHECK(!out.overflow && record_parse(buf_view(&out), FIELDS, &again));
	FUZZ_CHECK(again.count == r.count && span_eq(again.verb, r.verb));
	for (size_t i = 0; i < r.count; i++) {
		FUZZ_CHECK(span_eq(again.fields[i].key, r.fields[i].key));
		FUZZ_CHECK(span_eq(again.fields[i].value, r.fields[i].value));
		check_field(&r, i);
	}
	if (record_get_num(&r, "id", 1000, &n))
		FUZZ_CHECK(n <= 1000 && record_get_nth(&r, "id", 1).p == NULL);
	record_free(&again);
	record_free(&r);
	buf_free(&out);
	return 0;
}
