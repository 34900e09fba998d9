/* Rewritten senders: there and back, none that others made, none that is too old or too long. */
#include "base/base.h"
#include "directory/srs.h"

#include "base/limits.h"
#include "tap.h"

#define NOW INT64_C(1796122972)
#define DAY INT64_C(86400)

static const struct span key = SPAN("a key of ours");

static struct span
forward(const char *sender, struct buf *out)
{
	buf_clear(out);
	return srs_forward(key, span_of(sender), SPAN("ours.example"), NOW, out) ? buf_view(out) : SPAN_NONE;
}

static struct span
local_of(struct span address)
{
	return span_first(address, (size_t)span_rfind(address, '@'));
}

static bool
back(struct span local, int64_t now, struct buf *out)
{
	buf_clear(out);
	return srs_reverse(key, local, now, out);
}

static void
round_trip(const char *sender, struct buf *there, struct buf *again)
{
	struct span a = forward(sender, there);

	ok(a.n > 0 && span_ends_nocase(a, SPAN("@ours.example")), "%s is rewritten", sender);
	ok(back(local_of(a), NOW + 5 * DAY, again), "and comes back");
	is_span(buf_view(again), sender, "as it was");
}

static void
there_and_back(struct buf *a, struct buf *b)
{
	static const char *const senders[] = { "bob@example.org", "Bob.Smith+x=y@Example.ORG", "a=b=c@x.example", "%!#$@x.example" };
	char lower[LIMIT_ADDRESS];
	struct span s;

	for (size_t i = 0; i < PB_COUNT(senders); i++)
		round_trip(senders[i], a, b);
	s = local_of(forward("Bob@Example.org", a));
	for (size_t i = 0; i < s.n; i++)
		lower[i] = char_lower(s.p[i]);
	ok(back(span_make(lower, s.n), NOW, b), "another host may change the case of letters");
	ok(span_starts(forward("SRS0=abcd=ef=x.example=b@hop.example", a), SPAN("SRS1=")), "the sender of a forwarder");
	ok(back(local_of(buf_view(a)), NOW + 500 * DAY, b), "comes back");
	is_span(buf_view(b), "SRS0=abcd=ef=x.example=b@hop.example", "to it");
	ok(forward("SRS1=zzzzzz=first.example==abcd=ef=x.example=b@second.example", a).n > 0 && back(local_of(buf_view(a)), NOW, b),
		"and of one behind it");
	is_span(buf_view(b), "SRS0=abcd=ef=x.example=b@first.example", "to the first");
}

static void
refused(struct buf *a, struct buf *b)
{
	char copy[LIMIT_ADDRESS];
	struct span s = local_of(forward("bob@example.org", a));
	size_t taken = 0;

	ok(!back(s, NOW + 22 * DAY, b), "one that is too old is none");
	ok(back(s, NOW + 21 * DAY, b), "until then it is");
	ok(!back(s, NOW - DAY, b), "nor is one of tomorrow");
	buf_clear(b);
	ok(!srs_reverse(SPAN("another key"), s, NOW, b), "nor one made with another key");
	for (size_t i = 5; i < s.n; i++) {	/* each byte of it counts */
		memcpy(copy, s.p, s.n);
		copy[i] = copy[i] == 'q' ? 'r' : 'q';
		taken += back(span_make(copy, s.n), NOW, b);
	}
	is_num(taken, 0, "nor one that was changed anywhere");
	for (size_t n = 0; n < s.n; n++)
		taken += back(span_first(s, n), NOW, b);
	is_num(taken, 0, "nor a part of one");
	ok(!back(SPAN("SRS0======"), NOW, b) && !back(SPAN("SRS1=aaaaaa"), NOW, b) && !back(SPAN("SRS2=aaaaaa=b=c"), NOW, b) &&
		!back(SPAN("bob"), NOW, b) && !back(SPAN(""), NOW, b), "nor what only looks like one");
	ok(forward("", a).n == 0 && forward("@x.example", a).n == 0 && forward("bob", a).n == 0, "what is no address is not rewritten");
	ok(forward("\"a b\"@x.example", a).n == 0 && forward("j\xc3\xb6@x.example", a).n == 0, "nor what needs quotes, or is not ASCII");
	ok(forward("bob@x=y.example", a).n == 0 && forward("SRS1=abcd=first@x.example", a).n == 0 &&
		forward("SRS1=abcd==x@x.example", a).n == 0, "nor what could not be told apart again");
}

static void
lengths(struct buf *a, struct buf *b)
{
	char sender[128];
	size_t longest = 0;

	for (size_t n = 1; n <= 64; n++) {
		memset(sender, 'x', n);
		memcpy(sender + n, "@far.example", 13);
		if (forward(sender, a).n == 0)
			continue;
		longest = local_of(buf_view(a)).n;
		if (longest > LIMIT_LOCAL_PART || !back(local_of(buf_view(a)), NOW, b))
			longest = 0;
	}
	is_num(longest, LIMIT_LOCAL_PART, "the longest has a local part as long as one may be");
}

int
main(void)
{
	struct buf a, b;

	buf_init(&a, 2 * LIMIT_ADDRESS);
	buf_init(&b, 2 * LIMIT_ADDRESS);
	there_and_back(&a, &b);
	refused(&a, &b);
	lengths(&a, &b);
	buf_free(&a);
	buf_free(&b);
	return done();
}
