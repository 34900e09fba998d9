/*
 * task: see task.h.
 *
 * A task drives one state machine (lib/check/spf.h or scan_fact.h): it asks DNS
 * what the machine wants to know, one question at a time, until the result
 * stands or the time is over.
 *
 * What comes out is kept for the least TTL of its answers, between
 * KEEP_LEAST_S and KEEP_MOST_S; what DNS could not answer for KEEP_FAILED_S, so
 * that a client that retries at once costs nothing.
 *
 * Trust: records come from listeners that may have been taken over, names from
 * anybody, answers from any DNS server.
 */
#include "base/base.h"
#include "task.h"

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "check/scan_fact.h"
#include "check/spf.h"
#include "sys/clock.h"

/* RFC 7208 4.6.4 asks for at least 20 seconds. */
#define SPF_MS 20000
#define FACT_MS 10000
#define KEEP_LEAST_S 30
#define KEEP_MOST_S 3600
#define KEEP_FAILED_S 10

struct task {
	struct scan *scan;
	struct spf *spf;		/* this ... */
	struct scan_fact *fact;		/* ... or that */
	uint64_t query;			/* open at DNS; 0: none */
	struct loop_timer *timer;
	uint32_t ttl;			/* least of the answers, seconds; UINT32_MAX: none yet */
	struct buf key;			/* for the cache */
	task_done *done;
	void *ctx;
};

static void
free_task(struct task *t)
{
	if (t->query != 0)
		dns_cancel(t->scan->dns, t->query);
	loop_timer_drop(&t->timer);
	spf_free(&t->spf);
	scan_fact_free(&t->fact);
	buf_free(&t->key);
	t->scan->tasks--;
	free(t);
}

void
task_cancel(struct task **t)
{
	if (*t != NULL)
		free_task(*t);
	*t = NULL;
}

/* -- the end -------------------------------------------------------------- */

/* True when DNS failed on the way. */
static bool
put_result(const struct task *t, struct buf *fields)
{
	if (t->fact != NULL) {
		record_add_text(fields, "result", scan_fact_word(t->fact));
		record_add_text(fields, "name", scan_fact_name(t->fact));
		return scan_fact_failed(t->fact);
	}
	record_add_text(fields, "result", scan_spf_text(spf_result(t->spf)));
	record_add_text(fields, "domain", spf_domain(t->spf));
	record_add_text(fields, "problem", spf_problem(t->spf));
	return spf_result(t->spf) == SCAN_SPF_TEMPERROR;
}

static uint64_t
keep_ms(const struct task *t, bool failed)
{
	uint32_t s = t->ttl < KEEP_LEAST_S ? KEEP_LEAST_S : t->ttl > KEEP_MOST_S ? KEEP_MOST_S : t->ttl;

	return (failed ? KEEP_FAILED_S : (uint64_t)s) * 1000;
}

static void
finish(struct task *t)
{
	struct scan *s = t->scan;
	task_done *done = t->done;
	void *ctx = t->ctx;
	struct buf fields;
	uint64_t now = clock_ms();
	bool failed;

	buf_init(&fields, LIMIT_SCAN_RECORD);
	failed = put_result(t, &fields);
	if (fields.overflow)
		bug("an answer over LIMIT_SCAN_RECORD");
	if (s->cache != NULL && !t->key.overflow && t->ttl != UINT32_MAX)
		cache_put(s->cache, buf_view(&t->key), buf_view(&fields), now, now + keep_ms(t, failed));
	free_task(t);
	done(ctx, buf_view(&fields));
	buf_free(&fields);
}

/* -- on the way ----------------------------------------------------------- */

static const struct dns_question *
question_of(const struct task *t)
{
	return t->spf != NULL ? spf_question(t->spf) : scan_fact_question(t->fact);
}

static void
tell(struct task *t, const struct dns_answer *answer)
{
	if (t->spf != NULL)
		spf_answer(t->spf, answer);
	else
		scan_fact_answer(t->fact, answer);
}

/*
 * The name as libunbound reads it: a backslash begins an escape there, and what
 * is not printable has to be one.  Names that get too long by that are not asked.
 */
static bool
escape_name(const char *name, struct buf *out)
{
	for (; *name != '\0'; name++) {
		unsigned char c = (unsigned char)*name;

		if (c <= ' ' || c > '~' || c == '\\' || c == '"' || c == '(' || c == ')' || c == ';' || c == '@' || c == '$')
			buf_printf(out, "\\%03u", c);
		else
			buf_char(out, (char)c);
	}
	return !out->overflow;
}

static void on_answer(void *ctx, const struct dns_answer *answer);

/* Ask until an answer has to be waited for; false: the result stands. */
static bool
ask(struct task *t)
{
	static const struct dns_answer no_name = { .outcome = DNS_NO_NAME, .why = "" };
	const struct dns_question *q;
	char text[DNS_NAME_MAX];
	struct buf name;

	while ((q = question_of(t)) != NULL) {
		buf_init_fixed(&name, text, sizeof(text));
		if (escape_name(q->name, &name))
			t->query = dns_query(t->scan->dns, buf_view(&name), q->type, on_answer, t);
		if (t->query != 0)
			return true;
		tell(t, &no_name);
	}
	return false;
}

static void
on_answer(void *ctx, const struct dns_answer *answer)
{
	struct task *t = ctx;

	t->query = 0;
	if (answer->ttl < t->ttl)
		t->ttl = answer->ttl;
	tell(t, answer);
	if (!ask(t))
		finish(t);
}

static void
on_timeout(void *ctx)
{
	struct task *t = ctx;

	t->timer = NULL;
	if (t->spf != NULL)
		spf_give_up(t->spf, "DNS took too long");
	else
		scan_fact_give_up(t->fact);
	finish(t);
}

/* -- the beginning -------------------------------------------------------- */

static bool
has_fields(const struct record *r, size_t count, const char *const *keys, size_t key_count)
{
	if (r->count != count)
		return false;
	for (size_t i = 0; i < key_count; i++)
		if (record_get(r, keys[i]).p == NULL)
			return false;
	return true;
}

#define HAS_FIELDS(r, ...) has_fields(r, PB_COUNT(((const char *const[]){ "n", __VA_ARGS__ })), \
	(const char *const[]){ "n", __VA_ARGS__ }, PB_COUNT(((const char *const[]){ "n", __VA_ARGS__ })))

static bool
read_text(const struct record *r, const char *key, struct span *out)
{
	*out = record_get(r, key);
	return out->n <= LIMIT_ADDRESS;
}

static bool
read_ip(const struct record *r, struct addr *out)
{
	return addr_parse(record_get(r, "ip"), out);
}

static bool
begin_spf(struct task *t, const struct record *r)
{
	struct span helo, from;
	struct addr ip;

	if (!HAS_FIELDS(r, "ip", "helo", "from") || !read_ip(r, &ip) || !read_text(r, "helo", &helo) ||
	    !read_text(r, "from", &from))
		return false;
	t->spf = spf_new(&ip, helo, from);
	return true;
}

static bool
begin_domain(struct task *t, const struct record *r)
{
	struct span name;

	if (!HAS_FIELDS(r, "name") || !read_text(r, "name", &name))
		return false;
	t->fact = scan_fact_domain_new(name);
	return true;
}

static bool
begin_mx(struct task *t, const struct record *r)
{
	struct addr_range ranges[LIMIT_SCAN_RANGES];
	size_t count = r->count - 2;
	struct span name;

	if (r->count < 2 || count > LIMIT_SCAN_RANGES || !read_text(r, "name", &name) || name.p == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!addr_range_parse(record_get_nth(r, "range", i), &ranges[i]))
			return false;
	t->fact = scan_fact_mx_new(name, ranges, count);
	return true;
}

static bool
begin_reverse(struct task *t, const struct record *r)
{
	struct addr ip;

	if (!HAS_FIELDS(r, "ip") || !read_ip(r, &ip))
		return false;
	t->fact = scan_fact_reverse_new(&ip);
	return true;
}

static bool
begin_helo(struct task *t, const struct record *r)
{
	struct span name;
	struct addr ip;

	if (!HAS_FIELDS(r, "name", "ip") || !read_text(r, "name", &name) || !read_ip(r, &ip))
		return false;
	t->fact = scan_fact_helo_new(name, &ip);
	return true;
}

static const struct verb {
	const char *name;
	bool (*begin)(struct task *t, const struct record *r);
	unsigned ms;
} verbs[] = {
	{ "spf", begin_spf, SPF_MS },
	{ "domain", begin_domain, FACT_MS },
	{ "mx", begin_mx, FACT_MS },
	{ "reverse", begin_reverse, FACT_MS },
	{ "helo", begin_helo, FACT_MS },
};

static const struct verb *
verb_named(struct span name)
{
	for (size_t i = 0; i < PB_COUNT(verbs); i++)
		if (span_is(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

/* The question without its number; overflows when it is too long to be kept. */
static void
make_key(const struct record *r, struct buf *key)
{
	buf_span(key, r->verb);
	for (size_t i = 0; i < r->count; i++) {
		if (span_is(r->fields[i].key, "n"))
			continue;
		buf_printf(key, "\n%zu ", r->fields[i].value.n);
		buf_span(key, r->fields[i].key);
		buf_char(key, '=');
		buf_span(key, r->fields[i].value);
	}
}

static struct task *
new_task(struct scan *s, const struct record *request, task_done *done, void *ctx)
{
	struct task *t = mem_new(sizeof(*t));

	*t = (struct task){ .scan = s, .ttl = UINT32_MAX, .done = done, .ctx = ctx };
	buf_init(&t->key, LIMIT_SCAN_CACHED);
	make_key(request, &t->key);
	s->tasks++;
	return t;
}

enum task_begun
task_begin(struct scan *s, const struct record *request, task_done *done, void *ctx, struct task **out)
{
	const struct verb *verb = verb_named(request->verb);
	struct task *t;
	struct span known;

	*out = NULL;
	if (verb == NULL)
		return TASK_REFUSED;
	t = new_task(s, request, done, ctx);
	known = s->cache != NULL && !t->key.overflow ? cache_get(s->cache, buf_view(&t->key), clock_ms()) : SPAN_NONE;
	if (known.p != NULL) {
		free_task(t);
		done(ctx, known);
		return TASK_ANSWERED;
	}
	if (!verb->begin(t, request)) {
		free_task(t);
		return TASK_REFUSED;
	}
	if (!ask(t)) {
		finish(t);
		return TASK_ANSWERED;
	}
	t->timer = loop_timer(s->loop, verb->ms, on_timeout, t);
	*out = t;
	return TASK_STARTED;
}
