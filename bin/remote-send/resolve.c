/*
 * resolve: see resolve.h.
 *
 * Order: gateways, a fixed route or an address literal need no MX; else MX, then A and
 * AAAA of the first hosts, all at once, then the TLSA records of those hosts that
 * DNSSEC vouches for.  Beside all that the MTA-STS policy.  The object ends when
 * the last answer is in or when its time is over, whichever comes first.
 */
#include "base/base.h"
#include "resolve.h"

#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "sys/random.h"

#define RESOLVE_SECONDS 30

struct question {
	struct resolve *owner;
	uint64_t id;
	size_t host;
	enum dns_type type;
	bool open;
};

struct resolve {
	struct resolver *r;
	struct job *job;
	resolve_call *call;
	void *ctx;
	struct loop_timer *timer;
	uint16_t port;
	struct mx mx;
	struct question mx_question;
	struct question question[LIMIT_MX_HOSTS * 2];
	struct dane dane[LIMIT_MX_HOSTS];
	size_t open;			/* questions without answer */
	bool hosts_known;		/* with their addresses and TLSA records */
	struct sts_ask *sts;		/* NULL: nothing is asked, or the answer is there */
	enum tls_sts sts_mode;
	struct sts_policy sts_policy;
	struct verdict why;		/* what the domain gets unless DNS answers nobody */
};

/* Nothing is asked any more. */
static void
quiet(struct resolve *v)
{
	if (v->mx_question.open)
		dns_cancel(v->r->dns, v->mx_question.id);
	v->mx_question.open = false;
	for (size_t i = 0; i < PB_COUNT(v->question); i++) {
		if (v->question[i].open)
			dns_cancel(v->r->dns, v->question[i].id);
		v->question[i].open = false;
	}
	for (size_t i = 0; i < PB_COUNT(v->dane); i++)
		dane_cancel(&v->dane[i]);
	sts_forget(&v->sts);
	loop_timer_drop(&v->timer);
}

static void
end(struct resolve *v, const struct verdict *failed, bool dns)
{
	resolve_call *call = v->call;
	void *ctx = v->ctx;

	quiet(v);
	free(v);
	call(ctx, failed, dns);
}

/* Where DNS answers nobody the domain is not to blame. */
static void
on_probe(void *ctx, bool works)
{
	struct resolve *v = ctx;
	struct verdict why = works ? v->why :
	    verdict_make(451, "4.4.3", "the DNS servers that this server asks do not answer");

	end(v, &why, works);
}

/* No answer came. */
static void
blame(struct resolve *v, const struct verdict *why)
{
	v->why = *why;
	quiet(v);
	if (v->r->probe == NULL)
		on_probe(v, true);
	else
		probe_ask(v->r->probe, on_probe, v);
}

static void
fail(struct resolve *v, enum dns_outcome outcome)
{
	struct verdict why = mx_verdict(outcome, v->job->domain);

	if (outcome == DNS_FAIL)
		blame(v, &why);
	else
		end(v, &why, true);
}

/* What the policy says of each host. */
static void
add_sts(struct resolve *v)
{
	for (size_t i = 0; i < v->job->tls_count; i++) {
		struct target_tls *t = &v->job->tls[i];

		t->facts.sts = v->sts_mode;
		t->facts.sts_has_host = sts_policy_has(&v->sts_policy, span_of(t->host));
	}
}

/* When all is known. */
static void
finish(struct resolve *v)
{
	struct verdict why;
	bool dns = false;

	v->hosts_known = true;
	if (v->sts != NULL)
		return;
	add_sts(v);
	if (v->job->gateway_count > 0)
		v->job->target_count = mx_gateway_targets(&v->mx, &v->r->self, v->job->target, &why);
	else
		v->job->target_count = mx_targets(&v->mx, &v->r->self, v->port, v->job->target, &why, &dns);
	v->job->is_backup = v->mx_question.owner != NULL && v->mx.was_self;
	if (v->job->target_count == 0 && dns && strcmp(why.status, "4.4.3") == 0)
		blame(v, &why);
	else
		end(v, v->job->target_count == 0 ? &why : NULL, dns);
}

static void
on_sts(void *ctx, const struct sts_found *found)
{
	struct resolve *v = ctx;

	v->sts = NULL;
	v->sts_mode = found->mode;
	tls_report_policy(v->r->report, v->job->domain, found->fault);
	if (found->policy != NULL)
		v->sts_policy = *found->policy;
	if (v->hosts_known)
		finish(v);
}

/* A policy that does not come in time counts as one that cannot be had. */
static void
on_timeout(void *ctx)
{
	struct resolve *v = ctx;

	v->timer = NULL;
	if (!v->hosts_known && v->job->gateway_count == 0) {
		fail(v, DNS_FAIL);
		return;
	}
	if (v->sts != NULL)
		v->sts_mode = TLS_STS_UNKNOWN;
	sts_forget(&v->sts);
	finish(v);		/* of gateways with those that are known */
}

static void
on_dane(struct dane *d)
{
	struct resolve *v = d->ctx;

	if (--v->open == 0)
		finish(v);
}

/* What is known of each host's TLS; its TLSA records are asked for. */
static void
ask_dane(struct resolve *v)
{
	for (size_t i = 0; i < v->mx.count; i++) {
		const struct mx_host *h = &v->mx.host[i];
		struct dane *d = &v->dane[i];
		size_t known = v->job->tls_count;
		struct target_tls *tls = job_tls(v->job, h->name);

		if (tls == NULL)
			bug("more mail hosts than LIMIT_MX_HOSTS");
		tls->facts.is_named_safely = v->mx.secure;
		/* of two gateways that are one host the stricter rule holds for both */
		if (v->job->gateway_count > 0 && v->job->gateway[i].tls > tls->facts.rule)
			tls->facts.rule = v->job->gateway[i].tls;
		*d = (struct dane){ .dns = v->r->dns, .job = v->job, .call = on_dane, .ctx = v };
		v->open += v->mx.secure && v->job->tls_count > known && h->name[0] != '[' &&
			dane_begin(d, tls, h, h->port != 0 ? h->port : v->port);
	}
	if (v->open == 0)
		finish(v);
}

static void
on_addrs(void *ctx, const struct dns_answer *answer)
{
	struct question *q = ctx;
	struct resolve *v = q->owner;

	q->open = false;
	v->open--;
	mx_add_addrs(&v->mx, q->host, q->type, answer);
	if (v->open == 0)
		ask_dane(v);
}

static void
ask(struct resolve *v, struct question *q, struct span name, dns_cb *cb)
{
	q->owner = v;
	q->id = dns_query(v->r->dns, name, q->type, cb, q);
	q->open = q->id != 0;
	v->open += q->open;
}

static void
ask_addrs(struct resolve *v)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA };

	for (size_t i = 0; i < v->mx.count; i++)
		for (size_t t = 0; t < PB_COUNT(types) && v->mx.host[i].addr_count == 0; t++) {
			struct question *q = &v->question[i * PB_COUNT(types) + t];

			*q = (struct question){ .host = i, .type = types[t] };
			ask(v, q, span_of(v->mx.host[i].name), on_addrs);
			v->mx.host[i].failed |= !q->open;
		}
	if (v->open == 0)
		ask_dane(v);
}

static void
on_mx(void *ctx, const struct dns_answer *answer)
{
	struct question *q = ctx;
	struct resolve *v = q->owner;

	q->open = false;
	v->open--;
	switch (answer->outcome) {
	case DNS_OK:
		mx_sort(answer, &v->r->self, random_u64(), &v->mx);
		break;
	case DNS_NO_DATA:
		mx_implicit(v->job->domain, &v->r->self, &v->mx);
		v->mx.secure = answer->secure;
		break;
	case DNS_NO_NAME:
	case DNS_FAIL:
	case DNS_BOGUS:
	default:
		fail(v, answer->outcome);
		return;
	}
	ask_addrs(v);
}

/* An address needs no look-up. */
static void
set_addr(struct mx_host *h, const struct addr *a)
{
	char ip[ADDR_TEXT_MAX];

	h->addrs[0] = *a;
	h->addr_count = 1;
	snprintf(h->name, sizeof(h->name), "[%s]", addr_print(a, ip, sizeof(ip)));
}

static void
take_addr(struct resolve *v, const struct addr *a)
{
	struct mx_host *h = &v->mx.host[0];

	v->mx.count = 1;
	set_addr(h, a);
	job_tls(v->job, h->name)->facts.is_named_safely = true;
	finish(v);
}

static void
take_gateways(struct resolve *v)
{
	for (size_t i = 0; i < v->job->gateway_count; i++) {
		const struct job_gateway *g = &v->job->gateway[i];
		struct mx_host *h = &v->mx.host[i];
		struct addr a;

		h->preference = (uint16_t)i;
		h->port = g->port;
		if (addr_parse(span_of(g->address), &a))
			set_addr(h, &a);
		else
			snprintf(h->name, sizeof(h->name), "%s", g->address);
	}
	v->mx.count = v->job->gateway_count;
	v->mx.secure = true;
	ask_addrs(v);
}

/* "HOST", "HOST:PORT", "IP", "IP:PORT", "[IP]:PORT" of a fixed route. */
static void
take_route(struct resolve *v)
{
	struct span name = v->job->host, port = name;
	struct addr a;
	uint32_t number;

	if (addr_parse_port(name, v->port, &a)) {
		v->port = a.port;
		take_addr(v, &a);
		return;
	}
	name = span_cut(&port, ':');
	if (port.p != NULL && num_parse_u32(port, UINT16_MAX, &number))
		v->port = (uint16_t)number;
	if (name.n == 0 || name.n >= DNS_NAME_MAX) {
		fail(v, DNS_NO_NAME);
		return;
	}
	memcpy(v->mx.host[0].name, name.p, name.n);
	v->mx.count = 1;
	v->mx.secure = true;
	ask_addrs(v);
}

void
resolve_begin(struct resolver *r, struct job *job, resolve_call *call, void *ctx)
{
	struct resolve *v = mem_new(sizeof(*v));
	struct addr a;

	*v = (struct resolve){ .r = r, .job = job, .call = call, .ctx = ctx, .port = r->port };
	v->timer = loop_timer(r->loop, RESOLVE_SECONDS * 1000, on_timeout, v);
	if (job->gateway_count > 0) {
		take_gateways(v);
	} else if (job->host.n > 0) {
		take_route(v);
	} else if (addr_parse_literal(job->domain, &a)) {
		take_addr(v, &a);
	} else {
		v->mx_question.type = DNS_MX;
		if (r->sts != NULL)
			v->sts = sts_begin(r->sts, job->domain, on_sts, v);
		ask(v, &v->mx_question, job->domain, on_mx);
		if (!v->mx_question.open)
			fail(v, DNS_NO_NAME);
	}
}

void
resolver_start(struct resolver *r)
{
	r->dns_loop = dns_loop_start(r->loop, r->dns, NULL, NULL);
}
