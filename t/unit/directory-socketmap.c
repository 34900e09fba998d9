/* socketmap: netstrings whole, in pieces and hostile. */
#include "base/base.h"
#include "tap.h"

#include "directory/socketmap.h"

static void
questions(void)
{
	struct span payload, map, key;
	struct buf b;
	size_t used;

	buf_init(&b, 1000);
	socketmap_put_question(&b, "rcpt", SPAN("a b@c"));
	is_text(buf_text(&b), "10:rcpt a b@c,", "a question is a netstring");
	for (size_t n = 0; n < b.n; n++)
		ok(socketmap_take(span_first(buf_view(&b), n), 100, &payload, &used) == 0, "%zu bytes are not whole", n);
	is_num(socketmap_take(buf_view(&b), 100, &payload, &used), 1, "all are");
	is_num(used, b.n, "and all are used");
	ok(socketmap_question(payload, &map, &key), "it splits");
	is_span(map, "rcpt", "at the first blank");
	is_span(key, "a b@c", "only");
	is_num(socketmap_take(buf_view(&b), 9, &payload, &used), -1, "a longer one than allowed is refused");
	buf_free(&b);
}

static const char *const hostile[] = {
	"x", ":", "-1:", "+1:a,", " 1:a,", "01:a,", "99999999999999999999:", "12345678", "1:ab", "1;a,", "4294967297:a,",
};

int
main(void)
{
	struct span payload, data;
	size_t used;

	questions();
	for (size_t i = 0; i < PB_COUNT(hostile); i++)
		ok(socketmap_take(span_of(hostile[i]), 1000, &payload, &used) == -1, "%s is refused", hostile[i]);
	is_num(socketmap_take(SPAN("0:,"), 10, &payload, &used), 1, "an empty one is whole");
	is_num(socketmap_answer(SPAN("OK x y"), &data), SOCKETMAP_OK, "OK");
	is_span(data, "x y", "has data");
	is_num(socketmap_answer(SPAN("OK"), &data), SOCKETMAP_OK, "or none");
	is_num(socketmap_answer(SPAN("NOTFOUND "), &data), SOCKETMAP_NOTFOUND, "NOTFOUND");
	is_num(socketmap_answer(SPAN("OKAY x"), &data), SOCKETMAP_BAD, "another word is bad");
	return done();
}
