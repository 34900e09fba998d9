/*
 * Envelopes: what is accepted prints to a text that is accepted and prints the
 * same; recipients are numbered in a row; good_size ends a line; and with a
 * good checksum in front no appended byte brings another recipient in.
 */
#include "base/base.h"
#include "base/limits.h"
#include "spool/envelope.h"
#include "fuzz.h"

static void
check(const struct envelope *e, struct span text)
{
	FUZZ_CHECK(e->count >= 1 && e->count <= LIMIT_TARGETS && e->rcpt_count <= e->count);
	FUZZ_CHECK(e->good_size <= text.n && e->good_size >= 2 && text.p[e->good_size - 1] == '\n');
	for (uint32_t i = 0; i < e->count; i++) {
		FUZZ_CHECK(e->rcpts[i].number == i + 1);
		FUZZ_CHECK(e->rcpts[i].original >= 1 && e->rcpts[i].original <= e->rcpt_count);
		FUZZ_CHECK(envelope_address_is_valid(e->rcpts[i].address));
	}
}

static void
check_print(struct envelope *e)
{
	struct envelope *again;
	struct buf first, second;

	e->id = e->id == 0 ? 1 : e->id;
	e->has_size = true;
	buf_init(&first, LIMIT_ENVELOPE);
	buf_init(&second, LIMIT_ENVELOPE);
	if (envelope_print(e, &first)) {
		FUZZ_CHECK(envelope_parse(buf_view(&first), &again) == ENVELOPE_OK);
		FUZZ_CHECK(again->rcpt_count == e->rcpt_count && span_eq(again->sender, e->sender));
		FUZZ_CHECK(envelope_print(again, &second) && span_eq(buf_view(&first), buf_view(&second)));
		envelope_free(&again);
	}
	buf_free(&first);
	buf_free(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct envelope *e;

	if (envelope_parse(text, &e) != ENVELOPE_OK)
		return 0;
	check(e, text);
	check_print(e);
	envelope_free(&e);
	return 0;
}
