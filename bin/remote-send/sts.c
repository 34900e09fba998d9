/*
 * sts: see sts.h.
 *
 * What is fetched and when (RFC 8461 3.3, 5.1): a policy whose id is not the one
 * that we have is fetched before the message goes on; one that is a day old is
 * fetched again beside it.  When nothing can be fetched the policy that we have
 * holds until its time is over, also when the domain announces none any more.
 *
 * Invariants:
 * 1. A domain has at most one work; whoever waits for it stands in its list.
 * 2. At most LIMIT_STS_FETCHES works have a process; the others wait in order.
 * 3. What failed is not tried again for RETRY_MS.
 */
#include "base/base.h"
#include "sts.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sts_cache.h"
#include "sts_fetch.h"
#include "sys/clock.h"

#define RETRY_MS (5 * 60 * 1000)
#define REFRESH_S 86400
#define CLEAN_MS (24 * 3600 * 1000)
#define FAILED_MAX 256		/* failures remembered; the oldest makes room */
#define WEB_ADDRS 8
#define RECORD_MAX 1024

struct failed {
	char domain[DNS_NAME_MAX];
	char id[STS_ID_MAX];
	uint64_t until;			/* clock_ms */
	enum sts_fault fault;
};

struct sts {
	struct service *svc;
	struct loop *loop;
	struct dns *dns;
	int dir;
	const struct tls_client *cas;
	bool allow_loopback;
	struct work *works;		/* newest first */
	size_t fetches;
	uint64_t numbers;
	struct failed failed[FAILED_MAX];
	size_t failed_next;
};

/* One policy on its way. */
struct work {
	struct sts *sts;
	struct work *next;
	uint64_t number;		/* smaller: waits longer for a process */
	char domain[DNS_NAME_MAX];
	char id[STS_ID_MAX];
	size_t questions;		/* without answer */
	struct addr addrs[WEB_ADDRS];
	size_t addr_count;
	bool is_ready;			/* all addresses are known; waits for a process or has one */
	struct sts_fetch *fetch;
	struct sts_ask *waiting;
};

struct sts_ask {
	struct sts *sts;
	struct sts_ask *next;		/* in work->waiting */
	struct work *work;		/* NULL: waits for DNS */
	uint64_t query;
	char domain[DNS_NAME_MAX];
	sts_call *call;
	void *ctx;
};

static int64_t
now_s(void)
{
	return clock_wall_ms() / 1000;
}

static void
clean(void *ctx)
{
	struct sts *s = ctx;

	sts_cache_clean(s->dir, now_s());
	(void)loop_timer(s->loop, CLEAN_MS, clean, s);
}

struct sts *
sts_new(struct service *svc, struct loop *loop, struct dns *dns, int dir, const struct tls_client *cas,
	bool allow_loopback)
{
	struct sts *s = mem_new(sizeof(*s));

	*s = (struct sts){ .svc = svc, .loop = loop, .dns = dns, .dir = dir, .cas = cas,
		.allow_loopback = allow_loopback };
	clean(s);
	return s;
}

/* -- what failed lately ---------------------------------------------------- */

static const struct failed *
find_failed(const struct sts *s, const char *domain, const char *id)
{
	for (size_t i = 0; i < FAILED_MAX; i++)
		if (s->failed[i].until > clock_ms() && strcmp(s->failed[i].domain, domain) == 0 &&
		    strcmp(s->failed[i].id, id) == 0)
			return &s->failed[i];
	return NULL;
}

static void
note_failed(struct sts *s, const struct work *w, enum sts_fault fault)
{
	struct failed *f = &s->failed[s->failed_next++ % FAILED_MAX];

	*f = (struct failed){ .until = clock_ms() + RETRY_MS, .fault = fault };
	memcpy(f->domain, w->domain, sizeof(f->domain));
	memcpy(f->id, w->id, sizeof(f->id));
}

/* -- answers --------------------------------------------------------------- */

/* With what is on disk, which may be nothing; announced: DNS says that there is a policy. */
static void
answer(struct sts_ask *a, bool announced, enum sts_fault fault)
{
	struct sts_found found = { .mode = announced ? TLS_STS_UNKNOWN : TLS_STS_NONE, .fault = fault };
	struct sts_cached *c = mem_new(sizeof(*c));

	if (sts_cache_read(a->sts->dir, a->domain, now_s(), c)) {
		found.mode = c->policy.mode;
		found.policy = &c->policy;
	}
	a->call(a->ctx, &found);
	free(c);
	free(a);
}

/* A call may begin or forget others, but none of this list: each has its own message. */
static void
answer_all(struct sts_ask *a, enum sts_fault fault)
{
	while (a != NULL) {
		struct sts_ask *next = a->next;

		answer(a, true, fault);
		a = next;
	}
}

static void start_waiting(struct sts *s);

static void
end_work(struct work *w, enum sts_fault fault)
{
	struct sts *s = w->sts;
	struct sts_ask *waiting = w->waiting;

	for (struct work **at = &s->works; *at != NULL; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			break;
		}
	if (fault != STS_FINE)
		note_failed(s, w, fault);
	free(w);
	answer_all(waiting, fault);
	start_waiting(s);
}

/* -- one policy ------------------------------------------------------------ */

static void
log_fault(struct work *w, const char *why)
{
	struct buf line;

	buf_init(&line, 1024);
	buf_printf(&line, "event=sts-failed domain=%s", w->domain);
	log_value(&line, "why", span_of(why));
	log_line(w->sts->svc, "", NULL, "%s", buf_text(&line));
	buf_free(&line);
}

static enum sts_fault
take_policy(struct work *w, const struct sts_fetched *r)
{
	struct sts_policy *p = mem_new(sizeof(*p));
	const char *why = r->why;
	enum sts_fault fault = r->certificate ? STS_CERTIFICATE_FAULT : STS_FETCH_FAULT;

	if (r->is_there)
		fault = sts_policy_parse(r->text, p, &why) ? STS_FINE : STS_POLICY_FAULT;
	if (fault == STS_FINE && sts_cache_write(w->sts->dir, w->domain, w->id, now_s(), r->text) < 0) {
		fault = STS_FETCH_FAULT;
		why = strerror(errno);
	}
	if (fault != STS_FINE)
		log_fault(w, why);
	else
		log_line(w->sts->svc, "", NULL, "event=sts-policy domain=%s id=%s mode=%s max-age=%u hosts=%zu", w->domain,
			w->id, tls_sts_text(p->mode), (unsigned)p->max_age, p->mx_count);
	free(p);
	return fault;
}

static void
on_fetched(void *ctx, const struct sts_fetched *r)
{
	struct work *w = ctx;

	w->sts->fetches--;
	w->fetch = NULL;
	end_work(w, take_policy(w, r));
}

static void
fail_work(struct work *w, const char *why)
{
	log_fault(w, why);
	end_work(w, STS_FETCH_FAULT);
}

static void
start_fetch(struct work *w)
{
	char host[DNS_NAME_MAX + 16];

	snprintf(host, sizeof(host), "mta-sts.%s", w->domain);
	w->fetch = sts_fetch_begin(w->sts->loop, w->sts->cas, host, w->addrs, w->addr_count, on_fetched, w);
	if (w->fetch == NULL)
		fail_work(w, "no process can be made");
	else
		w->sts->fetches++;
}

static void
start_waiting(struct sts *s)
{
	struct work *first = NULL;

	if (s->fetches >= LIMIT_STS_FETCHES)
		return;
	for (struct work *w = s->works; w != NULL; w = w->next)
		if (w->is_ready && w->fetch == NULL && (first == NULL || w->number < first->number))
			first = w;
	if (first != NULL)
		start_fetch(first);
}

static void
take_addrs(struct work *w, enum dns_type type, const struct dns_answer *answer)
{
	for (size_t i = 0, got = 0; i < answer->count && got < WEB_ADDRS / 2 && w->addr_count < WEB_ADDRS; i++) {
		struct addr *a = &w->addrs[w->addr_count];

		if (!dns_read_addr(&answer->records[i], type, a) || addr_is_unspecified(a) || addr_is_multicast(a) ||
		    (addr_is_loopback(a) && !w->sts->allow_loopback))
			continue;
		w->addr_count++;
		got++;
	}
}

static void
answered(struct work *w)
{
	if (--w->questions > 0)
		return;
	w->is_ready = true;
	if (w->addr_count == 0)
		fail_work(w, "the host of the policy has no address");
	else
		start_waiting(w->sts);
}

static void
on_a(void *ctx, const struct dns_answer *answer)
{
	take_addrs(ctx, DNS_A, answer);
	answered(ctx);
}

static void
on_aaaa(void *ctx, const struct dns_answer *answer)
{
	take_addrs(ctx, DNS_AAAA, answer);
	answered(ctx);
}

/* The work for this domain, begun if there is none; NULL when nothing can be asked. */
static struct work *
work_for(struct sts *s, const char *domain, const char *id)
{
	char host[DNS_NAME_MAX + 16];
	struct work *w;

	for (w = s->works; w != NULL; w = w->next)
		if (strcmp(w->domain, domain) == 0)
			return w;
	w = mem_new(sizeof(*w));
	*w = (struct work){ .sts = s, .next = s->works, .number = ++s->numbers };
	snprintf(w->domain, sizeof(w->domain), "%s", domain);
	snprintf(w->id, sizeof(w->id), "%s", id);
	snprintf(host, sizeof(host), "mta-sts.%s", domain);
	w->questions += dns_query(s->dns, span_of(host), DNS_A, on_a, w) != 0;
	w->questions += dns_query(s->dns, span_of(host), DNS_AAAA, on_aaaa, w) != 0;
	if (w->questions == 0) {
		free(w);
		return NULL;
	}
	s->works = w;
	return w;
}

/* -- one question ---------------------------------------------------------- */

/* The id that the domain announces, by one record of this kind and no more (RFC 8461 3.1). */
static bool
announced_id(const struct dns_answer *answer, char id[STS_ID_MAX], enum sts_fault *fault)
{
	size_t records = 0;
	bool is_good = false;

	for (size_t i = 0; i < answer->count; i++) {
		char one[STS_ID_MAX];
		bool is_sts = false;
		struct buf text;

		buf_init(&text, RECORD_MAX);
		if (dns_read_text(&answer->records[i], &text) && sts_record_parse(buf_view(&text), one, &is_sts)) {
			memcpy(id, one, STS_ID_MAX);
			is_good = true;
		}
		records += is_sts;
		buf_free(&text);
	}
	*fault = records > 0 && (records > 1 || !is_good) ? STS_POLICY_FAULT : STS_FINE;
	return records == 1 && is_good;
}

static void
wait_for(struct sts_ask *a, const char *id)
{
	struct work *w = work_for(a->sts, a->domain, id);

	if (w == NULL) {
		answer(a, true, STS_FETCH_FAULT);
		return;
	}
	a->work = w;
	a->next = w->waiting;
	w->waiting = a;
}

static void
on_record(void *ctx, const struct dns_answer *record)
{
	struct sts_ask *a = ctx;
	struct sts *s = a->sts;
	char id[STS_ID_MAX];
	enum sts_fault fault;
	struct sts_cached *c;
	const struct failed *failed;
	bool has;

	a->query = 0;
	if (!announced_id(record, id, &fault)) {
		answer(a, false, fault);
		return;
	}
	c = mem_new(sizeof(*c));
	has = sts_cache_read(s->dir, a->domain, now_s(), c) && strcmp(c->id, id) == 0;
	failed = find_failed(s, a->domain, id);
	/* one that is a day old is fetched again, and nobody waits for it */
	if (has && failed == NULL && now_s() >= c->fetched + REFRESH_S)
		(void)work_for(s, a->domain, id);
	free(c);
	if (has || failed != NULL)
		answer(a, true, failed != NULL ? failed->fault : STS_FINE);
	else
		wait_for(a, id);
}

struct sts_ask *
sts_begin(struct sts *s, struct span domain, sts_call *call, void *ctx)
{
	struct sts_ask *a;
	char name[DNS_NAME_MAX + 16];

	if (!sts_cache_takes(domain))
		return NULL;
	a = mem_new(sizeof(*a));
	*a = (struct sts_ask){ .sts = s, .call = call, .ctx = ctx };
	for (size_t i = 0; i < domain.n; i++)
		a->domain[i] = char_lower(domain.p[i]);
	a->domain[domain.n] = '\0';
	snprintf(name, sizeof(name), "_mta-sts.%s", a->domain);
	a->query = dns_query(s->dns, span_of(name), DNS_TXT, on_record, a);
	if (a->query != 0)
		return a;
	free(a);
	return NULL;
}

void
sts_forget(struct sts_ask **ask)
{
	struct sts_ask *a = *ask;

	*ask = NULL;
	if (a == NULL)
		return;
	if (a->query != 0)
		dns_cancel(a->sts->dns, a->query);
	for (struct sts_ask **at = a->work != NULL ? &a->work->waiting : NULL; at != NULL && *at != NULL; at = &(*at)->next)
		if (*at == a) {
			*at = a->next;
			break;
		}
	free(a);
}

void
sts_give_up(struct sts *s)
{
	for (struct work *w = s->works; w != NULL; w = w->next) {
		struct sts_ask *waiting = w->waiting;

		w->waiting = NULL;
		answer_all(waiting, STS_FETCH_FAULT);
	}
}
