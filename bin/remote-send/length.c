/*
 * length: see length.h.
 *
 * Invariant: a gateway is asked once at a time, and LENGTH_AGAIN_S after its last
 * answer at the earliest.  One that does not answer is silent until it does.
 */
#include "base/base.h"
#include "length.h"

#include "base/mem.h"
#include "directory/socketmap.h"
#include "sys/clock.h"

#define LENGTH_AGAIN_S 10

struct place {
	struct lengths *lengths;
	size_t i;
	bool is_asking, is_known;
	uint64_t asked_at;		/* clock_ms; 0 never */
	struct gateway_url url;
	struct job *job;		/* while it is asked */
};

struct lengths {
	struct service *svc;
	struct resolver *resolver;
	struct pool *pool;
	struct asker *asker;
	const struct gateway_server *server;
	struct policy_load *load;
	struct place *place;
};

struct lengths *
lengths_new(struct service *svc, struct resolver *r, struct pool *pool, struct asker *asker,
	const struct gateway_server *server, struct policy_load *load, size_t count)
{
	struct lengths *l = mem_new(sizeof(*l));

	*l = (struct lengths){ svc, r, pool, asker, server, load, mem_array(count, sizeof(*l->place)) };
	for (size_t i = 0; i < count; i++) {
		struct gateway_url *u = &l->place[i].url;

		l->place[i].lengths = l;
		l->place[i].i = i;
		if (server[i].url[0] == '\0' || !gateway_url_parse(span_of(server[i].url), u)) {
			snprintf(u->host, sizeof(u->host), "%s", server[i].address);
			u->port = server[i].port;
			u->implicit_tls = server[i].implicit_tls;
		}
	}
	return l;
}

bool
lengths_is_known(const struct lengths *l, size_t i)
{
	return l->place[i].is_known;
}

/* -- answers -------------------------------------------------------------------------- */

static void
end(struct place *p)
{
	job_forget_secrets(p->job);
	free(p->job);
	p->job = NULL;
	p->is_asking = false;
	p->asked_at = clock_ms();
}

static void
silent(struct place *p, struct span why)
{
	struct lengths *l = p->lengths;
	struct buf line;

	buf_init(&line, LIMIT_RECORD);
	buf_text_put(&line, "event=gateway-silent");
	log_value(&line, "gateway", span_of(l->server[p->i].address));
	log_value(&line, "text", why);
	log_failure(l->svc, NULL, NULL, "%s", buf_text(&line));
	buf_free(&line);
	l->load[p->i].silent = true;
	p->is_known = false;
	end(p);
}

static void
on_asked(void *ctx, const struct record *answer)
{
	struct place *p = ctx;
	struct lengths *l = p->lengths;
	struct policy_load *load = &l->load[p->i];
	uint64_t queue;

	if (answer == NULL || !record_get_num(answer, "queue", UINT32_MAX, &queue)) {
		silent(p, answer != NULL ? record_get(answer, "failed") : SPAN("the agent died"));
		return;
	}
	load->silent = false;
	load->queue = queue;
	load->given = 0;
	p->is_known = true;
	if (log_wants(l->svc, LOG_DETAILED)) {
		struct buf line;

		buf_init(&line, LIMIT_RECORD);
		buf_text_put(&line, "event=gateway-queue");
		log_value(&line, "gateway", span_of(l->server[p->i].address));
		log_detail(l->svc, NULL, NULL, "%s port=%u messages=%llu", buf_text(&line), (unsigned)l->server[p->i].port,
			(unsigned long long)queue);
		buf_free(&line);
	}
	end(p);
}

/* -- questions -------------------------------------------------------------------------- */

static void
on_resolved(void *ctx, const struct verdict *failed, bool dns)
{
	struct place *p = ctx;

	(void)dns;
	if (failed != NULL)
		silent(p, span_of(failed->text));
	else
		pool_send(p->lengths->pool, p->job, -1, on_asked, p);
}

static void
on_password(const struct asker_question *q, struct span reply)
{
	struct place *p = q->ctx;
	struct job_gateway *g = &p->job->gateway[0];
	struct span password;

	if (reply.p == NULL || socketmap_answer(reply, &password) != SOCKETMAP_OK || password.n == 0 ||
	    password.n >= sizeof(g->password)) {
		silent(p, SPAN("the password of adminUserName is not known"));
		return;
	}
	memcpy(g->password, password.p, password.n);
	g->password[password.n] = '\0';
	resolve_begin(p->lengths->resolver, p->job, on_resolved, p);
}

/* Never in clear text, and at least as well protected as messages to it. */
static enum tls_rule
rule_of(const struct gateway_server *server)
{
	enum tls_rule rule = tls_rule_named(span_of(server->tls));

	return rule == TLS_RULE_DANE || rule == TLS_RULE_VERIFY ? rule : TLS_RULE_ENCRYPT;
}

static void
ask(struct place *p)
{
	struct lengths *l = p->lengths;
	const struct gateway_server *s = &l->server[p->i];
	char key[LIMIT_SOCKETMAP];

	p->is_asking = true;
	p->job = mem_new(sizeof(*p->job));
	p->job->asks = true;
	p->job->domain = span_of(p->url.host);
	p->job->priority = 5;
	p->job->gateway_count = 1;
	p->job->gateway[0] = (struct job_gateway){ .address = p->url.host, .port = p->url.port, .tls = rule_of(s),
		.implicit_tls = p->url.implicit_tls };
	snprintf(p->job->gateway[0].user, sizeof(p->job->gateway[0].user), "%s", s->admin);
	snprintf(key, sizeof(key), "%s %u %s %s", s->address, (unsigned)s->port, s->url[0] != '\0' ? s->url : "-", s->admin);
	asker_ask(l->asker, "gateway-admin", span_of(key), &(struct asker_question){ .tell = on_password, .ctx = p });
}

void
lengths_want(struct lengths *l, size_t i)
{
	struct place *p = &l->place[i];
	const struct gateway_server *s = &l->server[i];

	if (s->enabled && s->is_ours && s->admin[0] != '\0' && !p->is_asking &&
	    (p->asked_at == 0 || clock_ms() - p->asked_at >= LENGTH_AGAIN_S * 1000))
		ask(p);
}
