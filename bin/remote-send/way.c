/*
 * way: see way.h.
 *
 * Order: by MX first where this server may be a backup MX of the domain, for
 * then no gateway is used (policy/route.h); else the gateways in the order of
 * their turns, as many as a job holds; their passwords; their addresses.  Where
 * a password does not come that gateway is left out, and without any the job
 * waits: it never goes by MX instead.
 */
#include "base/base.h"
#include "way.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "config/gateway.h"
#include "config/route.h"
#include "directory/asker.h"
#include "directory/socketmap.h"
#include "length.h"
#include "policy/sum.h"

struct ways {
	struct service *svc;
	struct resolver *resolver;
	struct asker_owner owner;
	struct asker *asker;		/* NULL: no gateway wants a log-in */
	bool may_be_backup;		/* settings name servers whose backup MX this is */
	size_t count;
	struct gateway_server *server;
	struct policy_gateway *rule;
	struct policy_load *load;
	struct lengths *lengths;	/* NULL: there is nobody to ask */
	uint64_t turns;
};

struct search {
	struct ways *w;
	struct job *job;
	struct buf *why;
	way_call *call;
	void *ctx;
	enum policy_way kind;
	size_t questions;		/* to auth-check, not answered yet */
	bool silent;			/* it did not answer one */
};

/* -- set-up ------------------------------------------------------------------------- */

static int
connect_directory(void *svc)
{
	return owner_connect(svc, "lookup", SOCK_STREAM | SOCK_NONBLOCK);
}

static void
on_silence(void *svc, size_t questions)
{
	log_failure(svc, NULL, NULL, "event=directory-silent questions=%zu", questions);
}

static bool
may_be_backup(const struct settings *s)
{
	for (size_t i = 0; i < settings_count(s, "incomingGateways/gateway"); i++)
		if (route_is_backup(s, i))
			return true;
	return settings_count(s, "smartHosts/host") > 0;
}

struct ways *
ways_new(struct service *svc, struct resolver *r, struct pool *pool)
{
	struct ways *w = mem_new(sizeof(*w));
	bool asks = false;

	*w = (struct ways){ .svc = svc, .resolver = r, .owner = { connect_directory, on_silence, svc },
		.may_be_backup = may_be_backup(svc->settings), .count = gateway_server_count(svc->settings) };
	w->server = mem_array(w->count, sizeof(*w->server));
	w->rule = mem_array(w->count, sizeof(*w->rule));
	w->load = mem_array(w->count, sizeof(*w->load));
	for (size_t i = 0; i < w->count; i++) {
		struct gateway_server *g = &w->server[i];

		gateway_server_get(svc->settings, i, g);
		w->rule[i] = (struct policy_gateway){ g->enabled, g->priority_min, g->priority_max };
		asks |= g->enabled && g->is_ours;
		if ((g->user[0] != '\0' || asks) && w->asker == NULL)
			w->asker = asker_new(r->loop, &w->owner, false);
	}
	if (asks)
		w->lengths = lengths_new(svc, r, pool, w->asker, w->server, w->load, w->count);
	return w;
}

/* -- the end of a search --------------------------------------------------------------- */

static void
end(struct search *s, const struct verdict *failed, bool dns)
{
	struct way way = { s->kind, failed, dns };
	way_call *call = s->call;
	void *ctx = s->ctx;

	free(s);
	call(ctx, &way);
}

static void
on_resolved(void *ctx, const struct verdict *failed, bool dns)
{
	end(ctx, failed, dns);
}

/* -- gateways ---------------------------------------------------------------------------- */

static void
resolve_gateways(struct search *s)
{
	struct verdict v = verdict_make(451, "4.3.0", s->silent ? "the directory does not answer" :
		"the password of the gateway is not known (any more)");
	struct job *j = s->job;
	size_t kept = 0;

	/* Those that want a log-in and have no password now are left out. */
	for (size_t i = 0; i < j->gateway_count; i++)
		if (s->why != NULL || j->gateway[i].user[0] == '\0' || j->gateway[i].password[0] != '\0')
			j->gateway[kept++] = j->gateway[i];
	j->gateway_count = kept;
	if (kept == 0)
		end(s, &v, false);
	else
		resolve_begin(s->w->resolver, j, on_resolved, s);
}

static void
answered(struct search *s)
{
	if (--s->questions == 0)
		resolve_gateways(s);
}

static void
on_password(const struct asker_question *q, struct span reply)
{
	struct search *s = q->ctx;
	struct job_gateway *g = &s->job->gateway[q->number];
	struct span password;

	s->silent |= reply.p == NULL;
	if (reply.p != NULL && socketmap_answer(reply, &password) == SOCKETMAP_OK && password.n < sizeof(g->password)) {
		memcpy(g->password, password.p, password.n);
		g->password[password.n] = '\0';
	}
	answered(s);
}

static void
ask_password(struct search *s, size_t i)
{
	const struct job_gateway *g = &s->job->gateway[i];
	char key[LIMIT_SOCKETMAP];

	if (g->user[0] == '\0' || s->why != NULL)
		return;
	s->questions++;
	snprintf(key, sizeof(key), "%s %u %s", g->address, (unsigned)g->port, g->user);
	asker_ask(s->w->asker, "gateway-login", span_of(key),
		&(struct asker_question){ .tell = on_password, .ctx = s, .number = (uint32_t)i });
}

static int64_t
queue_of(const struct ways *w, size_t i)
{
	return w->lengths != NULL && lengths_is_known(w->lengths, i) ? (int64_t)w->load[i].queue : -1;
}

static void
add_gateway(struct job *j, const struct gateway_server *server, int64_t queue)
{
	struct job_gateway *g = &j->gateway[j->gateway_count++];

	*g = (struct job_gateway){ .address = server->address, .port = server->port, .queue = queue, .tls = tls_rule_named(span_of(server->tls)),
		.implicit_tls = server->implicit_tls };
	snprintf(g->user, sizeof(g->user), "%s", server->user);
}

/* For who wants to know; the decision is policy_route_order's. */
static void
explain_loads(const struct search *s, const size_t *match, size_t matches)
{
	struct policy_sum sum = { s->why, 0 };

	for (size_t i = 0; i < matches; i++)
		if (s->w->load[match[i]].silent)
			policy_sum_add_num(&sum, "gateway-silent", match[i] + 1, 0);
}

/* The gateways of match, in the order of their turns. */
static void
take_gateways(struct search *s, const size_t *match, size_t matches)
{
	struct ways *w = s->w;
	struct policy_load *load = mem_array(matches, sizeof(*load));
	size_t *order = mem_array(matches, sizeof(*order)), n;

	for (size_t i = 0; i < matches; i++)
		load[i] = w->load[match[i]];
	for (size_t i = 0; i < matches && matches > 1 && w->lengths != NULL && s->why == NULL; i++)
		lengths_want(w->lengths, match[i]);
	if (s->why != NULL)
		explain_loads(s, match, matches);
	n = policy_route_order(load, matches, order);
	for (size_t i = 0; i < n && s->job->gateway_count < PB_COUNT(s->job->gateway); i++)
		add_gateway(s->job, &w->server[match[order[i]]], queue_of(w, match[order[i]]));
	if (n > 0 && s->why == NULL) {
		w->load[match[order[0]]].given++;
		w->load[match[order[0]]].turn = ++w->turns;
	}
	free(order);
	free(load);
	s->questions = 1;	/* our own, so that the last answer comes after the last question */
	for (size_t i = 0; i < s->job->gateway_count; i++)
		ask_password(s, i);
	answered(s);
}

/* -- the decision ---------------------------------------------------------------------------- */

static struct policy_route
facts(const struct ways *w, const struct job *j)
{
	return (struct policy_route){ j->host.n > 0, j->is_backup, j->priority, w->rule, w->count };
}

/* Everything is known but the addresses. */
static void
decide(struct search *s)
{
	struct policy_route f = facts(s->w, s->job);
	size_t *match = mem_array(s->w->count, sizeof(*match)), matches;

	s->kind = policy_route(&f, match, &matches, s->why);
	if (s->kind == POLICY_WAY_GATEWAY)
		take_gateways(s, match, matches);
	else
		resolve_begin(s->w->resolver, s->job, on_resolved, s);
	free(match);
}

/* By MX, to see whether we are a backup MX: then that is the way, whatever came of it. */
static void
on_mx_known(void *ctx, const struct verdict *failed, bool dns)
{
	struct search *s = ctx;

	if (!s->job->is_backup) {
		job_forget_targets(s->job);
		decide(s);
		return;
	}
	if (s->why != NULL) {
		struct policy_route f = facts(s->w, s->job);
		size_t none;

		(void)policy_route(&f, NULL, &none, s->why);
	}
	end(s, failed, dns);
}

void
way_find(struct ways *w, struct job *job, struct buf *why, way_call *call, void *ctx)
{
	struct search *s = mem_new(sizeof(*s));
	struct policy_route f = facts(w, job);

	*s = (struct search){ .w = w, .job = job, .why = why, .call = call, .ctx = ctx, .kind = POLICY_WAY_MX };
	if (w->may_be_backup && policy_route_wants_mx(&f))
		resolve_begin(w->resolver, job, on_mx_known, s);
	else
		decide(s);
}
