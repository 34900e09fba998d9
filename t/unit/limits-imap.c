/* Limits of memory in lib/imap: a command taken apart, and what is kept of one message. */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "imap/lex.h"
#include "imap/set.h"
#include "imap/summary.h"
#include "tap.h"

/* Parse the largest set there may be when `used` bytes of the arena are taken. */
static bool
set_is_parsed(size_t used)
{
	struct arena *a = imap_lex_arena();
	struct imap_lex x = { .arena = a };
	struct imap_set s;
	struct buf b;
	bool parsed;

	ok(used == 0 || arena_get(a, used) != NULL, "%zu bytes of the arena are taken", used);
	buf_init(&b, 2 * LIMIT_IMAP_RANGES + 10);
	for (int i = 0; i < LIMIT_IMAP_RANGES; i++)
		buf_text_put(&b, i > 0 ? ",1" : "1");
	x.rest = buf_view(&b);
	parsed = imap_set_parse(&x, &s);
	buf_free(&b);
	arena_free(&a);
	return parsed;
}

static void
arena(void)
{
	struct arena *a = imap_lex_arena();

	ok(arena_get(a, LIMIT_IMAP_ARENA) != NULL, "an arena at LIMIT_IMAP_ARENA");
	ok(arena_get(a, 1) == NULL, "over LIMIT_IMAP_ARENA there is no more");
	arena_free(&a);
	ok(set_is_parsed(0), "the largest set fits");
	ok(!set_is_parsed(LIMIT_IMAP_ARENA - 1000), "a set that does not fit any more is refused");
}

/* A summary of a message with a field of n bytes, in a buffer that is large enough for any. */
static bool
summary_is_made(size_t n, size_t *size)
{
	struct imap_summary s;
	struct buf message, out;
	bool made;
	char *at;

	buf_init(&message, n + 100);
	buf_text_put(&message, "Lines: ");
	at = buf_reserve(&message, n);
	memset(at, '1', n);
	buf_commit(&message, n);
	buf_text_put(&message, "\r\n\r\nx\r\n");
	buf_init(&out, 2 * LIMIT_IMAP_SUMMARY);
	made = imap_summary_make(buf_view(&message), &out);
	if (made)
		ok(imap_summary_read(buf_view(&out), &s), "one that is made can be read");
	*size = out.n;
	buf_free(&out);
	buf_free(&message);
	return made;
}

static void
summary(void)
{
	const size_t some = 1000000;	/* its length is written with as many digits as the limit */
	size_t size = 0, n;

	ok(summary_is_made(some, &size), "a summary of a long field");
	n = some + LIMIT_IMAP_SUMMARY - size;
	ok(summary_is_made(n, &size), "a summary at LIMIT_IMAP_SUMMARY");
	is_num(size, LIMIT_IMAP_SUMMARY, "has as many bytes");
	ok(!summary_is_made(n + 1, &size), "over LIMIT_IMAP_SUMMARY it is not kept");
}

int
main(void)
{
	arena();
	summary();
	return done();
}
