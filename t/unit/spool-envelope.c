/* Envelopes: both kinds, every truncation, every flipped bit, every limit. */
#include "base/base.h"
#include "tap.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/mem.h"
#include "spool/envelope.h"
#include "spool/envelope_line.h"

static const struct verdict delivered = { .kind = VERDICT_OK, .code = 250, .status = "2.0.0", .text = "Delivered" };
static const struct verdict later = { .kind = VERDICT_TEMP, .code = 451, .status = "4.4.1", .text = "Try later" };
static const struct verdict never = { .kind = VERDICT_PERM, .code = 550, .status = "5.1.1", .text = "No such user" };

/* Parse a copy of exact size, so that a sanitizer sees any read past its end. */
static enum envelope_error
parse(struct span text, struct envelope **out)
{
	char *copy = malloc(text.n == 0 ? 1 : text.n);
	enum envelope_error error;

	memcpy(copy, text.p, text.n);
	error = envelope_parse(span_make(copy, text.n), out);
	free(copy);
	return error;
}

static struct envelope *
sample(void)
{
	struct envelope *e = envelope_new();

	e->id = 100000000042;
	e->sender = SPAN("bob@example.com");
	e->from = SPAN("Bob@example.com");
	e->auth = SPAN("bob@example.com");
	e->helo = SPAN("client");
	e->ip = SPAN("192.0.2.10");
	e->host = SPAN("client.example.com");
	e->session = SPAN("123456789012");
	e->envid = SPAN("QQ314159");
	e->ret = SPAN("HDRS");
	e->created = 1795255200;
	e->priority = 7;
	e->kind = ENVELOPE_LIST;
	e->kind_of = SPAN("news@example.com");
	e->smtputf8 = e->requiretls = true;
	e->mt_priority = -4;
	e->hold = 1795342500;
	e->by = 1795346100;
	e->by_mode = 'R';
	e->by_trace = true;
	e->size = 4096;
	e->crc32c = 0x1a2b3c4d;
	e->has_size = true;
	envelope_add(e, SPAN("alice@example.net"))->notify = SPAN("failure,delay");
	envelope_add(e, SPAN("\"a,b\"@example.net"))->orcpt = SPAN("rfc822;ab@example.net");
	envelope_add(e, SPAN("alice@example.net"))->notify = SPAN("never");
	return e;
}

static void
print_sample(struct buf *out)
{
	struct envelope *e = sample();

	buf_init(out, LIMIT_ENVELOPE);
	ok(envelope_print(e, out), "an envelope is printed");
	envelope_free(&e);
}

static void
add_lines(struct buf *b, uint32_t seed)
{
	struct envelope_to to[2] = {
		{ TARGET_MAILBOX, SPAN("alice@example.net") }, { TARGET_REMOTE, SPAN("\"x y\"@example.org") }
	};
	uint32_t numbers[2] = { 1, 3 };

	envelope_line_to(b, seed, 1, 4, to, 2);
	envelope_line_retry(b, seed, 4, 2, 1795342500, &later);
	envelope_line_done(b, seed, 2, &delivered);
	envelope_line_fail(b, seed, 3, &never);
	envelope_line_fail(b, seed, 1, &never);
	envelope_line_bounce(b, seed, 1, numbers, 2);
	envelope_line_bounced(b, seed, 1, 1000100000000042);
}

static uint32_t
seed_of(const struct buf *b)
{
	struct envelope *e;
	uint32_t seed = 0;

	if (parse(buf_view(b), &e) == ENVELOPE_OK)
		seed = e->line_seed;
	envelope_free(&e);
	return seed;
}

static void
test_round_trip(void)
{
	struct buf text, again;
	struct envelope *e;

	print_sample(&text);
	ok(span_starts(buf_view(&text), SPAN("Written \r\nbob@example.com\r\n"
		"alice@example.net,\"a,b\"@example.net,alice@example.net\r\n")), "the first three lines are as others read them");
	ok(parse(buf_view(&text), &e) == ENVELOPE_OK, "and read again");
	is_num(e->count, 3, "three recipients");
	ok(span_is(e->rcpts[1].address, "\"a,b\"@example.net"), "a comma in quotes separates nothing");
	ok(span_is(e->rcpts[0].notify, "failure,delay") && span_is(e->rcpts[2].notify, "never"),
		"notify goes to the right one of two equal addresses");
	ok(span_is(e->rcpts[1].orcpt, "rfc822;ab@example.net"), "orcpt is kept");
	ok(!e->foreign && e->has_size && e->size == 4096 && e->crc32c == 0x1a2b3c4d && e->priority == 7,
		"numbers are kept");
	ok(e->kind == ENVELOPE_LIST && span_is(e->kind_of, "news@example.com") && !e->priority_by_hand, "what made it");
	ok(e->smtputf8 && e->requiretls && e->mt_priority == -4 && e->hold == 1795342500 &&
		e->by == 1795346100 && e->by_mode == 'R' && e->by_trace, "so is what the sender asked of the transport");
	buf_init(&again, LIMIT_ENVELOPE);
	ok(envelope_print(e, &again) && span_eq(buf_view(&text), buf_view(&again)),
		"printed again it is the same text");
	envelope_free(&e);
	buf_free(&text);
	buf_free(&again);
}

/* Values that cannot be obeyed are damage; NOTIFY of further targets; groups and their notices. */
static void
test_demands(void)
{
	struct envelope *e = sample();
	struct envelope_rcpt r = { .number = 2, .original = 1, .notify = SPAN("SUCCESS,FAILURE") };
	int n;

	ok(envelope_by_parse(SPAN("11/22/2026 10:15:00;N"), e) && e->by_mode == 'N' && !e->by_trace, "by without trace");
	ok(!envelope_by_parse(SPAN("11/22/2026 10:15:00"), e) && !envelope_by_parse(SPAN("11/22/2026 10:15:00;X"), e) &&
		!envelope_by_parse(SPAN("11/22/2026 10:15:00;RX"), e) && !envelope_by_parse(SPAN(";R"), e), "by that is none");
	ok(envelope_mt_priority_parse(SPAN("-9"), &n) && n == -9 && !envelope_mt_priority_parse(SPAN("10"), &n) &&
		!envelope_mt_priority_parse(SPAN("-"), &n), "mtPriority");
	ok(envelope_kind_parse(SPAN("report example.com"), e) && e->kind == ENVELOPE_REPORT && span_is(e->kind_of, "example.com"),
		"kind, for a domain");
	ok(!envelope_kind_parse(SPAN("report"), e) && !envelope_kind_parse(SPAN("person a@example.com"), e) &&
		!envelope_kind_parse(SPAN(""), e) && !envelope_kind_parse(SPAN("list a b"), e), "kind that is none");
	ok(span_is(envelope_notify(&r), "FAILURE"), "SUCCESS stays with the first target");
	r.notify = SPAN("SUCCESS");
	ok(span_is(envelope_notify(&r), "NEVER"), "alone it leaves silence");
	r.number = 1;
	ok(span_is(envelope_notify(&r), "SUCCESS"), "the first keeps it");
	r.state = RCPT_DONE;
	ok(envelope_rcpt_is_finished(&r), "delivered and nobody to be told: over");
	r.bounce = 1;
	ok(!envelope_rcpt_is_finished(&r), "with a notice due it is not");
	r.bounced = true;
	ok(envelope_rcpt_is_finished(&r), "until that is told");
	envelope_free(&e);
}

/* A delay that was told of does not stand for the failure that follows. */
static void
test_delay_then_failure(void)
{
	uint32_t numbers[1] = { 2 };
	struct buf text;
	struct envelope *e;
	uint32_t seed;

	print_sample(&text);
	seed = seed_of(&text);
	envelope_line_retry(&text, seed, 2, 1, 1795342500, &later);
	envelope_line_bounce(&text, seed, 3, numbers, 1);
	envelope_line_bounced(&text, seed, 3, 7);
	ok(parse(buf_view(&text), &e) == ENVELOPE_OK && e->rcpts[1].state == RCPT_OPEN && e->rcpts[1].bounced &&
		e->groups == 3, "a told delay leaves the recipient open");
	envelope_free(&e);
	envelope_line_fail(&text, seed, 2, &never);
	ok(parse(buf_view(&text), &e) == ENVELOPE_OK && e->rcpts[1].state == RCPT_FAILED && !e->rcpts[1].bounced &&
		e->rcpts[1].bounce == 0, "its failure is to be told of anew");
	envelope_free(&e);
	buf_free(&text);
}

static void
test_lines(void)
{
	struct buf text;
	struct envelope *e;

	print_sample(&text);
	add_lines(&text, seed_of(&text));
	ok(parse(buf_view(&text), &e) == ENVELOPE_OK, "appended lines are read");
	is_num(e->count, 4, "an alias with two targets makes one more recipient");
	ok(e->rcpts[3].original == 1 && e->rcpts[3].target == TARGET_REMOTE &&
		span_is(e->rcpts[3].notify, "failure,delay"), "which inherits what its sender asked for");
	ok(e->rcpts[3].attempts == 2 && e->rcpts[3].retry_at == 1795342500 && e->rcpts[3].state == RCPT_OPEN,
		"retry is read");
	ok(e->rcpts[1].state == RCPT_DONE && span_is(e->rcpts[1].outcome, "250 2.0.0 Delivered"), "done is read");
	ok(e->rcpts[2].state == RCPT_FAILED && e->rcpts[2].bounced && e->rcpts[0].bounced, "the bounce is read");
	ok(!envelope_is_finished(e), "not finished");
	is_num(e->good_size, text.n, "all of it is good");
	envelope_line_done(&text, e->line_seed, 4, &delivered);
	envelope_free(&e);
	ok(parse(buf_view(&text), &e) == ENVELOPE_OK && envelope_is_finished(e), "the last line wins: finished");
	envelope_free(&e);
	buf_free(&text);
}

/* Q09: a shorter file is never another envelope. */
/* Hold, priority and another address, by an administrator's word. */
static void
test_changes(void)
{
	struct envelope_to again[2] = { { TARGET_REMOTE, SPAN("al@example.com") }, { TARGET_MAILBOX, SPAN("li@example.com") } };
	struct buf text;
	struct envelope *e;
	uint32_t seed;

	print_sample(&text);
	seed = seed_of(&text);
	add_lines(&text, seed);
	ok(parse(buf_view(&text), &e) == ENVELOPE_OK && !e->held && !e->priority_by_hand, "nothing was changed by hand");
	envelope_free(&e);
	envelope_line_held(&text, seed, true);
	envelope_line_priority(&text, seed, 9);
	envelope_line_redirect(&text, seed, 4, SPAN("al@example.com"));
	ok(parse(buf_view(&text), &e) == ENVELOPE_OK && e->held && e->priority_by_hand && e->priority == 9, "held, and its priority set");
	ok(e->rcpts[3].state == RCPT_OPEN && e->rcpts[3].target == TARGET_UNKNOWN && e->rcpts[3].attempts == 0 &&
		e->rcpts[3].retry_at == 0 && e->rcpts[3].outcome.n == 0 && span_is(e->rcpts[3].address, "al@example.com"),
		"a redirected recipient begins anew at its address");
	envelope_free(&e);
	envelope_line_held(&text, seed, false);
	is_num(envelope_line_to(&text, seed, 4, 5, again, 2), 6, "and can be expanded again");
	ok(parse(buf_view(&text), &e) == ENVELOPE_OK && !e->held && e->count == 5, "released");
	ok(e->rcpts[3].target == TARGET_REMOTE && e->rcpts[4].original == 1 && e->rcpts[4].target == TARGET_MAILBOX,
		"... to targets of the recipient that it came from");
	envelope_free(&e);
	envelope_line_redirect(&text, seed, 2, SPAN("x@example.com"));
	ok(parse(buf_view(&text), &e) == ENVELOPE_DAMAGED, "what is delivered is redirected nowhere");
	buf_free(&text);
	print_sample(&text);
	envelope_line_redirect(&text, seed, 1, SPAN("a b"));
	ok(text.overflow, "an address that is none is not written");
	buf_free(&text);
	buf_init(&text, LIMIT_ENVELOPE);
	envelope_line_priority(&text, seed, 11);
	ok(text.overflow, "nor a priority");
	buf_free(&text);
}

static void
test_truncation(void)
{
	struct buf text;
	size_t head, bad = 0;

	print_sample(&text);
	head = text.n;
	add_lines(&text, seed_of(&text));
	for (size_t n = 0; n < text.n; n++) {
		struct envelope *e;
		enum envelope_error error = parse(span_first(buf_view(&text), n), &e);

		if (n < head ? error != ENVELOPE_UNFINISHED : error != ENVELOPE_OK || e->good_size > n || e->rcpt_count != 3)
			bad++;
		if (error == ENVELOPE_OK && e->good_size < n && memchr(text.p + e->good_size, '\n', n - e->good_size) != NULL)
			bad++;
		envelope_free(&e);
	}
	is_num(bad, 0, "cut at every length: unfinished, or whole up to its last complete line");
	buf_free(&text);
}

/* Q09: a flipped bit is found, or changes nothing. */
static void
test_flips(void)
{
	struct buf text, whole, flipped;
	struct envelope *e;
	size_t bad = 0, found = 0, last;

	print_sample(&text);
	buf_init(&whole, LIMIT_ENVELOPE);
	buf_init(&flipped, LIMIT_ENVELOPE);
	if (parse(buf_view(&text), &e) != ENVELOPE_OK || !envelope_print(e, &whole))
		bad++;
	envelope_free(&e);
	add_lines(&text, seed_of(&text));
	last = (size_t)span_rfind(span_first(buf_view(&text), text.n - 2), '\n') + 1;
	for (size_t bit = 0; bit < text.n * 8; bit++) {
		text.p[bit / 8] ^= (char)(1 << bit % 8);
		if (parse(buf_view(&text), &e) != ENVELOPE_OK) {
			found++;
		} else {
			buf_clear(&flipped);
			/* The end of the last line lost: it counts as torn.  Letter case of a key: the same. */
			if (!envelope_print(e, &flipped) || !span_eq(buf_view(&whole), buf_view(&flipped)) ||
			    (e->good_size != text.n && e->good_size != last))
				bad++;
		}
		envelope_free(&e);
		text.p[bit / 8] ^= (char)(1 << bit % 8);
	}
	is_num(bad, 0, "every bit flipped: damaged, or the same envelope");
	ok(found > text.n * 7, "nearly all of them are found (%zu of %zu)", found, text.n * 8);
	buf_free(&text);
	buf_free(&whole);
	buf_free(&flipped);
}

static void
test_torn(void)
{
	struct buf text;
	struct envelope *e;
	size_t good;

	print_sample(&text);
	good = text.n;
	for (int i = 0; i < 40; i++)
		buf_char(&text, '\0');
	envelope_line_done(&text, seed_of(&text), 1, &delivered);
	ok(parse(buf_view(&text), &e) == ENVELOPE_OK && e->good_size == good && e->rcpts[0].state == RCPT_OPEN,
		"zeros of a power cut and what follows them are passed over");
	envelope_free(&e);
	buf_free(&text);
}

static void
test_foreign(void)
{
	static const char text[] = "Written \r\n<bob@example.com>\r\nalice@example.net, \"c,d\"@example.org\r\n"
		"retry: 0;01/02/2026 03:04:05\r\nspamcheck: _DMARC=0,skipped\r\nnotify: alice@example.net=failure,delay\r\n"
		"CONNECTEDIP: 192.0.2.10\r\ncontainsLocalDeliveries: False\r\n\r\n";
	struct envelope *e;
	struct buf more;

	ok(envelope_parse(span_of(text), &e) == ENVELOPE_OK && e->foreign, "a pair of another program is taken");
	ok(span_is(e->sender, "bob@example.com") && e->count == 2 && span_is(e->rcpts[1].address, "\"c,d\"@example.org"),
		"its sender and recipients are read");
	ok(span_is(e->rcpts[0].notify, "failure,delay") && span_is(e->ip, "192.0.2.10"), "its keys are read in any case");
	is_num(e->extra_count, 4, "what we do not know is kept");
	envelope_free(&e);
	buf_init(&more, 4096);
	buf_text_put(&more, text);
	envelope_line_body(&more, 0, 10, 7);
	envelope_line_done(&more, 0, 1, &delivered);
	ok(parse(buf_view(&more), &e) == ENVELOPE_OK && e->has_size && e->size == 10 && e->crc32c == 7 &&
		e->rcpts[0].state == RCPT_DONE, "and it is completed by appended lines");
	envelope_free(&e);
	buf_free(&more);
	ok(envelope_parse(SPAN("Written \r\na@b\r\nc@d\r\n"), &e) == ENVELOPE_UNFINISHED, "without its empty line it is not finished");
	ok(envelope_parse(SPAN("Failed \r\n\r\nc@d\r\n\r\n"), &e) == ENVELOPE_OK && e->status == ENVELOPE_FAILED &&
		e->sender.n == 0, "Failed, and the null sender");
	envelope_free(&e);
}

static void
test_hostile(void)
{
	static const char *const bad[] = {
		"Written \r\na@b\r\n\r\n\r\n", "Written \r\na@b\r\n,,\r\n\r\n", "Wrotten \r\na@b\r\nc@d\r\n\r\n",
		"Written \r\na b@c\r\nc@d\r\n\r\n", "Written \r\na@b\r\nc@d\r\nno colon\r\n\r\n",
		"Written \na@b\nc@d\n\n", "Written \r\na@b\r\nc@d\r\n\r\ndone: 1 250 2.0.0 x\r\n",
		"Written \r\na@b\r\n\"c@d\r\n\r\n", "Written \r\na@b\r\nc\x01@d\r\n\r\n"
	};
	struct envelope *e;

	for (size_t i = 0; i < PB_COUNT(bad); i++)
		ok(envelope_parse(span_of(bad[i]), &e) == ENVELOPE_DAMAGED && e == NULL, "refused: case %zu", i + 1);
	ok(envelope_parse(span_make("Written \r\na@b\r\nc@d\0e\r\n\r\n", 25), &e) != ENVELOPE_OK, "refused: NUL");
}

/* What is said about another program's .hdr with `rest` behind its first lines. */
static enum envelope_error
read_with(const struct buf *rest)
{
	struct envelope *e;
	enum envelope_error error;
	struct buf text;

	buf_init(&text, rest->n + 100);
	buf_text_put(&text, "Written \r\na@b\r\nc@d\r\n");
	buf_span(&text, buf_view(rest));
	buf_text_put(&text, "\r\n");
	error = envelope_parse(buf_view(&text), &e);
	envelope_free(&e);
	buf_free(&text);
	return error;
}

static void
put_line(struct buf *b, size_t n)
{
	char *at = buf_reserve(b, n + 2);

	memset(at, 'v', n);
	memcpy(at, "x: ", 3);
	memcpy(at + n, "\r\n", 2);
	buf_commit(b, n + 2);
}

/* One of n bytes in all, in lines that are no longer than one may be. */
static enum envelope_error
read_of_size(size_t n)
{
	size_t left = n - strlen("Written \r\na@b\r\nc@d\r\n\r\n");
	enum envelope_error error;
	struct buf rest;

	buf_init(&rest, n);
	for (; left > LIMIT_ENVELOPE_LINE; left -= LIMIT_ENVELOPE_LINE / 2)
		put_line(&rest, LIMIT_ENVELOPE_LINE / 2 - 2);
	put_line(&rest, left - 2);
	error = read_with(&rest);
	buf_free(&rest);
	return error;
}

static enum envelope_error
read_with_line(size_t n)
{
	enum envelope_error error;
	struct buf rest;

	buf_init(&rest, n + 2);
	put_line(&rest, n);
	error = read_with(&rest);
	buf_free(&rest);
	return error;
}

static enum envelope_error
read_with_extras(size_t n)
{
	enum envelope_error error;
	struct buf rest;

	buf_init(&rest, 6 * n);
	for (size_t i = 0; i < n; i++)
		put_line(&rest, 4);
	error = read_with(&rest);
	buf_free(&rest);
	return error;
}

static void
test_limits(void)
{
	struct envelope *e = sample();
	struct buf text;
	bool added = true;

	for (int i = 3; i < LIMIT_RECIPIENTS; i++)
		added = added && envelope_add(e, SPAN("x@y")) != NULL;
	ok(added, "recipients at LIMIT_RECIPIENTS are added");
	ok(envelope_add(e, SPAN("x@y")) == NULL, "over LIMIT_RECIPIENTS no more");
	buf_init(&text, LIMIT_ENVELOPE);
	ok(envelope_print(e, &text), "that many are printed");
	envelope_free(&e);
	ok(envelope_parse(buf_view(&text), &e) == ENVELOPE_OK && e->count == LIMIT_RECIPIENTS, "and read");
	envelope_free(&e);
	buf_free(&text);
	is_num(read_of_size(LIMIT_ENVELOPE), ENVELOPE_OK, "a file at LIMIT_ENVELOPE is read");
	is_num(read_of_size(LIMIT_ENVELOPE + 1), ENVELOPE_DAMAGED, "over LIMIT_ENVELOPE it is not");
	is_num(read_with_line(LIMIT_ENVELOPE_LINE), ENVELOPE_OK, "a line at LIMIT_ENVELOPE_LINE");
	is_num(read_with_line(LIMIT_ENVELOPE_LINE + 1), ENVELOPE_DAMAGED, "over LIMIT_ENVELOPE_LINE");
	is_num(read_with_extras(LIMIT_ENVELOPE_EXTRAS), ENVELOPE_OK, "lines of other programs at LIMIT_ENVELOPE_EXTRAS");
	is_num(read_with_extras(LIMIT_ENVELOPE_EXTRAS + 1), ENVELOPE_DAMAGED, "over LIMIT_ENVELOPE_EXTRAS");
	buf_init(&text, LIMIT_ENVELOPE);
	buf_text_put(&text, "Written \r\na@b\r\nc@d\r\n\r\n");
	{
		static struct envelope_to to[LIMIT_TARGETS + 1];

		for (size_t i = 0; i <= LIMIT_TARGETS; i++)
			to[i] = (struct envelope_to){ TARGET_MAILBOX, SPAN("e@f") };
		envelope_line_to(&text, 0, 1, 2, to, LIMIT_TARGETS);
		ok(!text.overflow && envelope_parse(buf_view(&text), &e) == ENVELOPE_OK && e->count == LIMIT_TARGETS,
			"targets at LIMIT_TARGETS are read");
		envelope_free(&e);
		buf_cut(&text, strlen("Written \r\na@b\r\nc@d\r\n\r\n"));
		envelope_line_to(&text, 0, 1, 2, to, LIMIT_TARGETS + 1);
		ok(envelope_parse(buf_view(&text), &e) == ENVELOPE_DAMAGED, "over LIMIT_TARGETS they are not");
	}
	buf_free(&text);
}

static void
test_small(void)
{
	char text[ENVELOPE_TIME_SIZE];
	struct buf b;
	int64_t t;
	struct envelope *e = sample();

	is_num(crc32c(0, "123456789", 9), 0xe3069283, "crc32c of the standard text");
	is_num(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283, "and in two pieces");
	envelope_time_print(1795342500, text);
	is_text(text, "11/22/2026 10:15:00", "a time is printed");
	ok(envelope_time_parse(span_of(text), &t) && t == 1795342500, "and read");
	ok(!envelope_time_parse(SPAN("02/30/2026 10:15:00"), &t), "30 February is no date");
	ok(!envelope_time_parse(SPAN("11/22/2026 24:15:00"), &t), "24:15 is no time");
	buf_init(&b, LIMIT_ENVELOPE);
	e->helo = SPAN("x\r\nrcpt: 4 evil@example.com");
	ok(!envelope_print(e, &b), "a value with a line end is refused");
	e->helo = SPAN("x");
	e->rcpts[0].address = SPAN("a@b\r\nx");
	buf_clear(&b);
	ok(!envelope_print(e, &b), "so is an address");
	envelope_free(&e);
	buf_free(&b);
}

int
main(void)
{
	test_round_trip();
	test_demands();
	test_delay_then_failure();
	test_lines();
	test_changes();
	test_truncation();
	test_flips();
	test_torn();
	test_foreign();
	test_hostile();
	test_limits();
	test_small();
	return done();
}
