/*
 * probe: see probe.h.
 *
 * Each question is a new one: an answer of a minute ago says nothing about now.
 * What changes is logged once.
 */
#include "base/base.h"
#include "probe.h"

#include "base/mem.h"
#include "sys/random.h"

struct waiter {
	struct waiter *next;
	probe_call *call;
	void *ctx;
};

struct probe {
	struct service *svc;
	struct loop *loop;
	struct dns *dns;
	struct loop_timer *timer;
	uint64_t query;			/* 0: none is open */
	struct waiter *waiting;
	bool was_silent;		/* as logged last */
};

struct probe *
probe_new(struct service *svc, struct loop *loop, struct dns *dns)
{
	struct probe *p = mem_new(sizeof(*p));

	*p = (struct probe){ .svc = svc, .loop = loop, .dns = dns };
	return p;
}

static void
finish(struct probe *p, bool works)
{
	struct waiter *w = p->waiting;

	p->query = 0;
	p->waiting = NULL;
	loop_timer_drop(&p->timer);
	if (works == p->was_silent)
		log_line(p->svc, "", NULL, "event=%s", works ? "resolver-answers" : "resolver-silent");
	p->was_silent = !works;
	while (w != NULL) {
		struct waiter *next = w->next;

		w->call(w->ctx, works);
		free(w);
		w = next;
	}
}

/* That the root is forged, or its answer cannot be proven, is an answer too. */
static void
on_answer(void *ctx, const struct dns_answer *answer)
{
	finish(ctx, answer->outcome != DNS_FAIL);
}

static void
on_timeout(void *ctx)
{
	struct probe *p = ctx;

	p->timer = NULL;
	if (p->query != 0)
		dns_cancel(p->dns, p->query);
	finish(p, false);
}

void
probe_ask(struct probe *p, probe_call *call, void *ctx)
{
	struct waiter *w = mem_new(sizeof(*w));
	char name[40];

	*w = (struct waiter){ .next = p->waiting, .call = call, .ctx = ctx };
	p->waiting = w;
	if (p->timer != NULL)
		return;
	snprintf(name, sizeof(name), "pillarbox-%016llx.", (unsigned long long)random_u64());
	p->query = dns_query(p->dns, span_of(name), DNS_A, on_answer, p);
	p->timer = loop_timer(p->loop, PROBE_WAIT_MS, on_timeout, p);
}
