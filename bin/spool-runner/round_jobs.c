/*
 * round_jobs: the jobs of one round.
 *
 * Mailboxes go to local-deliver, at most LIMIT_JOB_RECIPIENTS in a job; other
 * recipients to remote-send, one domain in a job.  A destination has a limited
 * number of jobs at once, so that none takes all places (schedule.c).
 *
 * Trust: answers are records of our own programs; a result for a recipient
 * that the round does not have is passed over.
 */
#include "base/base.h"
#include "round_jobs.h"

#include <errno.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/route.h"
#include "rank.h"
#include "round_log.h"
#include "spool/spool_id.h"
#include "spool/spool_read.h"

#define NOTIFY_MAX 32		/* "SUCCESS,FAILURE,DELAY" and more room than it needs */
#define RCPT_FIELDS_MAX (2 * (LIMIT_ADDRESS + LIMIT_ORCPT + NOTIFY_MAX) + 128)	/* of one recipient, escaped */
#define BLOCKED_MAX 32		/* destinations without a place before the round looks no further */

struct job {
	struct round *round;
	uint32_t dest;
	size_t count;
	uint32_t number[LIMIT_JOB_RECIPIENTS];
};

void
round_set_outcome(struct round *r, uint32_t number, struct span text, bool dns)
{
	char *copy = arena_copy(r->env->arena, text);

	r->out[number - 1].text = copy != NULL ? span_make(copy, text.n) : SPAN("451 4.3.0 too much was said");
	r->out[number - 1].dns = dns;
	r->out[number - 1].lost = false;
}

bool
round_is_due(const struct round *r, const struct envelope_rcpt *p)
{
	return p->state == RCPT_OPEN && (r->forced || r->turn || p->retry_at <= r->now);
}

static bool
is_startable(const struct round *r, uint32_t i, enum envelope_target target)
{
	const struct envelope_rcpt *p = &r->env->rcpts[i];

	return p->target == target && !r->out[i].taken && !r->out[i].held && r->out[i].text.p == NULL &&
	    round_is_due(r, p);
}

/* -- answers ------------------------------------------------------------------- */

static void
copy_same(struct round *r)
{
	for (uint32_t i = 0; i < r->env->count; i++) {
		uint32_t same = r->out[i].same;

		if (same > 0 && r->out[i].text.p == NULL)
			r->out[i].text = r->out[same - 1].text;
	}
}

static void
end_job(struct round *r)
{
	if (--r->jobs > 0)
		return;
	copy_same(r);
	round_jobs_done(r);
}

static bool
is_in_job(const struct job *j, uint32_t number)
{
	for (size_t i = 0; i < j->count; i++)
		if (j->number[i] == number)
			return true;
	return false;
}

static void
take_results(struct job *j, const struct record *answer)
{
	bool dns = span_is(record_get(answer, "dns"), "1");

	for (size_t i = 0; i < answer->count; i++) {
		struct span value = answer->fields[i].value;
		uint32_t number;

		if (span_is(answer->fields[i].key, "dsn") && num_parse_u32(value, UINT32_MAX, &number) &&
		    is_in_job(j, number))
			j->round->out[number - 1].dsn_passed = true;
		else if (span_is(answer->fields[i].key, "by") && num_parse_u32(value, UINT32_MAX, &number) &&
		    is_in_job(j, number))
			j->round->out[number - 1].by_passed = true;
		else if (span_is(answer->fields[i].key, "result") && num_parse_u32(span_word(&value), UINT32_MAX, &number) &&
		    is_in_job(j, number))
			round_set_outcome(j->round, number, span_trim(value), dns);
	}
}

/* Recipients of whom the answer says nothing were lost with the deliverer. */
static void
mark_lost(struct job *j)
{
	struct round *r = j->round;

	for (size_t i = 0; i < j->count; i++) {
		if (r->out[j->number[i] - 1].text.p != NULL)
			continue;
		round_set_outcome(r, j->number[i], SPAN("451 4.3.0 the delivery was interrupted"), false);
		r->out[j->number[i] - 1].lost = true;
		r->lost = true;
	}
}

/* The best that the destination said tells how it is. */
static void
learn(const struct job *j)
{
	struct verdict best, v;
	bool any = false, dns = false;

	for (size_t i = 0; i < j->count; i++) {
		const struct outcome *o = &j->round->out[j->number[i] - 1];

		if (o->lost || !verdict_parse(o->text, &v) || (any && v.kind != VERDICT_OK))
			continue;
		best = v;
		dns = o->dns;
		any = true;
	}
	if (any)
		schedule_answered(j->round->s, j->dest, &best, dns);
}

static void
on_answer(void *ctx, const struct record *answer)
{
	struct job *j = ctx;
	struct round *r = j->round;

	if (answer != NULL)
		take_results(j, answer);
	mark_lost(j);
	if (j->dest >= DEST_FIRST)
		learn(j);
	schedule_job_ends(r->s, j->dest);
	free(j);
	end_job(r);
}

/* -- jobs ------------------------------------------------------------------------- */

static struct job *
new_job(struct round *r, uint32_t dest)
{
	struct job *j = mem_new(sizeof(*j));

	j->round = r;
	j->dest = dest;
	r->jobs++;
	queue_goes(r->s->queue, r->entry);
	schedule_job_begins(r->s, dest);
	return j;
}

static void
add_rcpt(struct job *j, struct buf *b, uint32_t i)
{
	const struct envelope_rcpt *p = &j->round->env->rcpts[i];
	char text[LIMIT_ADDRESS + 16];

	snprintf(text, sizeof(text), "%u %.*s", p->number, SPAN_ARG(p->address));
	record_add_text(b, "rcpt", text);
	j->number[j->count++] = p->number;
	j->round->out[i].taken = true;
}

static struct buf *
record_for_job(void)
{
	static struct buf b;

	if (b.max == 0)
		buf_init(&b, LIMIT_RECORD);
	return &b;
}

/* Number of the recipient of this job with the same mailbox, 0 when there is none. */
static uint32_t
find_same(const struct job *j, struct span address)
{
	for (size_t i = 0; i < j->count; i++)
		if (span_eq(j->round->env->rcpts[j->number[i] - 1].address, address))
			return j->number[i];
	return 0;
}

static void
send_local(struct round *r)
{
	char folder[SPOOL_SUB_NAME_SIZE], name[SPOOL_NAME_SIZE], file[SPOOL_SUB_NAME_SIZE + SPOOL_NAME_SIZE];
	struct job *j = new_job(r, DEST_LOCAL);
	struct buf *b = record_for_job();
	uint64_t number = deliverer_begin(r->s->local, on_answer, j);

	spool_sub_name(r->s->spool, r->ref.sub, folder);
	spool_id_name(r->ref.id, SPOOL_EML, name);
	snprintf(file, sizeof(file), "%s/%s", folder, name);
	record_begin(b, "deliver");
	record_add_num(b, "job", number);
	record_add_num(b, "id", r->ref.id);
	record_add_text(b, "file", file);
	record_add(b, "session", r->env->session);
	for (uint32_t i = 0; i < r->env->count && j->count < LIMIT_JOB_RECIPIENTS; i++) {
		if (!is_startable(r, i, TARGET_MAILBOX))
			continue;
		r->out[i].same = find_same(j, r->env->rcpts[i].address);
		if (r->out[i].same > 0)
			r->out[i].taken = true;
		else
			add_rcpt(j, b, i);
	}
	deliverer_send(r->s->local, number, b, -1);
}

static struct span
domain_of(struct span address)
{
	return span_from(address, (size_t)(span_rfind(address, '@') + 1));
}

/* DEST_LOCAL, DEST_ANY, or DEST_FIRST with *domain. */
static uint32_t
kind_of_destination(const struct envelope *e, struct span *domain)
{
	uint32_t kind = DEST_LOCAL;

	for (uint32_t i = 0; i < e->count; i++) {
		const struct envelope_rcpt *p = &e->rcpts[i];
		struct span its = domain_of(p->address);

		if (p->state != RCPT_OPEN || p->target == TARGET_MAILBOX)
			continue;
		if (p->target == TARGET_UNKNOWN || (kind == DEST_FIRST && !span_eq_nocase(its, *domain)))
			return DEST_ANY;
		kind = DEST_FIRST;
		*domain = its;
	}
	return kind;
}

void
round_set_destination(struct schedule *s, uint32_t entry, const struct envelope *e)
{
	struct span domain;
	uint32_t dest = kind_of_destination(e, &domain);

	if (dest == DEST_FIRST)
		dest = schedule_dest(s, domain);
	schedule_set_dest(s, entry, dest);
	schedule_dest_put(s, dest);
}

/* A domain that is forwarded to a server of its own does not go by MX. */
static void
add_route(const struct settings *set, struct span domain, struct buf *b)
{
	struct buf host;

	buf_init(&host, LIMIT_DOMAIN + 16);
	if (route_find(set, domain, &host))
		record_add(b, "host", buf_view(&host));
	buf_free(&host);
}

/* What the sender asked of the transport, for the next host. */
static void
add_demands(const struct envelope *e, struct buf *b)
{
	char text[16];

	if (e->smtputf8)
		record_add_num(b, "smtputf8", 1);
	if (e->requiretls)
		record_add_num(b, "requiretls", 1);
	if (e->mt_priority != 0) {
		snprintf(text, sizeof(text), "%d", e->mt_priority);
		record_add_text(b, "mt-priority", text);
	}
	if (e->by != 0) {
		record_add_num(b, "by", (uint64_t)e->by);
		record_add_text(b, "by-mode", e->by_mode == 'R' ? e->by_trace ? "RT" : "R" : e->by_trace ? "NT" : "N");
	}
}

static bool
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7f)
			return false;
	return true;
}

/*
 * RFC 3461 4.2: an address that an alias replaced goes with the message, so that
 * its sender is told of what he wrote.
 */
static void
add_given(const struct envelope_rcpt *p, struct buf *b)
{
	char text[LIMIT_ADDRESS + 32];

	if (span_eq_nocase(p->given, p->address) || span_find(p->given, '@') < 0)
		return;
	snprintf(text, sizeof(text), "%u %s;%.*s", p->number, is_ascii(p->given) ? "rfc822" : "utf-8", SPAN_ARG(p->given));
	record_add_text(b, "orcpt", text);
}

/* NOTIFY and ORCPT; what is too long for a command was not taken by SMTP and is left out. */
static void
add_dsn(const struct envelope_rcpt *p, struct buf *b)
{
	char text[LIMIT_ORCPT + 16];
	struct span notify = envelope_notify(p);

	if (notify.n > 0 && notify.n <= NOTIFY_MAX) {
		snprintf(text, sizeof(text), "%u %.*s", p->number, SPAN_ARG(notify));
		record_add_text(b, "notify", text);
	}
	if (p->orcpt.n > 0 && p->orcpt.n <= LIMIT_ORCPT) {
		snprintf(text, sizeof(text), "%u %.*s", p->number, SPAN_ARG(p->orcpt));
		record_add_text(b, "orcpt", text);
	} else if (p->orcpt.n == 0) {
		add_given(p, b);
	}
}

/*
 * The domain of the alias that passes the message on to this recipient, when its
 * sender is to be rewritten for that (SRS); else SPAN_NONE.
 */
static struct span
forwarder_of(const struct round *r, const struct envelope_rcpt *p)
{
	if (r->env->sender.n == 0 || !settings_bool(r->s->svc->settings, "srs") ||
	    span_find(p->given, '@') < 0 || span_eq_nocase(p->given, p->address))
		return SPAN_NONE;
	return domain_of(p->given);
}

static void
send_remote(struct round *r, uint32_t first, uint32_t dest, int body)
{
	struct span domain = domain_of(r->env->rcpts[first].address), forwarder = forwarder_of(r, &r->env->rcpts[first]);
	struct job *j = new_job(r, dest);
	struct buf *b = record_for_job();
	uint64_t number = deliverer_begin(r->s->remote, on_answer, j);

	record_begin(b, "send");
	record_add_num(b, "job", number);
	record_add_num(b, "id", r->ref.id);
	record_add(b, "session", r->env->session);
	record_add(b, "from", r->env->sender);
	record_add_num(b, "size", r->env->size);
	record_add(b, "envid", r->env->envid);
	record_add(b, "ret", r->env->ret);
	record_add(b, "domain", domain);
	if (forwarder.n > 0)
		record_add(b, "forwarder", forwarder);
	if (r->env->auth.n > 0 && r->env->from.n > 0) {
		record_add(b, "auth", r->env->auth);
		record_add(b, "author", r->env->from);
	}
	add_demands(r->env, b);
	add_route(r->s->svc->settings, domain, b);
	record_add_num(b, "priority", r->has_rules ? rank_of(r->env, &r->rules, rank_attempts(r->env)) : r->env->priority);
	for (uint32_t i = first; i < r->env->count && j->count < LIMIT_JOB_RECIPIENTS &&
	    b->n < LIMIT_RECORD - RCPT_FIELDS_MAX - LIMIT_JOB_ROUTE; i++)
		if (is_startable(r, i, TARGET_REMOTE) &&
		    span_eq_nocase(domain_of(r->env->rcpts[i].address), domain) &&
		    span_eq_nocase(forwarder_of(r, &r->env->rcpts[i]), forwarder)) {
			add_rcpt(j, b, i);
			add_dsn(&r->env->rcpts[i], b);
		}
	deliverer_send(r->s->remote, number, b, body);
}

static void
block(struct round *r, uint32_t dest)
{
	if (r->blocked)
		schedule_dest_put(r->s, r->blocked_dest);
	destination_keep(r->s->dests, dest);
	r->blocked = true;
	r->blocked_dest = dest;
}

static void
start_local(struct round *r)
{
	for (uint32_t i = 0; i < r->env->count; i++) {
		if (!is_startable(r, i, TARGET_MAILBOX))
			continue;
		if (!schedule_has_place(r->s, DEST_LOCAL)) {
			block(r, DEST_LOCAL);
			return;
		}
		send_local(r);
	}
}

/* The hosts of the domain of recipient `first` could not be reached just before: neither can they now. */
static bool
is_dead(struct round *r, uint32_t first, uint32_t dest)
{
	struct span domain = domain_of(r->env->rcpts[first].address);
	char text[VERDICT_TEXT_MAX + 32];
	struct verdict v;
	const char *words;

	if (r->forced || r->turn || !destination_is_dead(r->s->dests, dest, schedule_now(), &words) ||
	    !verdict_parse(span_of(words), &v))
		return false;
	v = verdict_make(v.code, v.status, "%s (asked just before for another message)", v.text);
	verdict_print(&v, text, sizeof(text));
	for (uint32_t i = first; i < r->env->count; i++)
		if (is_startable(r, i, TARGET_REMOTE) && span_eq_nocase(domain_of(r->env->rcpts[i].address), domain))
			round_set_outcome(r, i + 1, span_of(text), false);
	return true;
}

/* False when nothing more can be started. */
static bool
start_domain(struct round *r, uint32_t first, uint32_t dest)
{
	int body;

	if (is_dead(r, first, dest))
		return true;
	if (!schedule_has_place(r->s, dest)) {
		block(r, dest);
		return true;
	}
	body = spool_read_body(r->s->spool, r->ref);
	if (body < 0) {
		round_log_trouble(r, "body", errno);
		return false;
	}
	send_remote(r, first, dest, body);
	return true;
}

static void
start_remote(struct round *r)
{
	uint32_t blocked[BLOCKED_MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < r->env->count && n < BLOCKED_MAX; i++) {
		uint32_t dest;
		bool more, seen = false;

		if (!is_startable(r, i, TARGET_REMOTE))
			continue;
		dest = schedule_dest(r->s, domain_of(r->env->rcpts[i].address));
		for (size_t k = 0; k < n; k++)
			seen = seen || blocked[k] == dest;
		more = seen || start_domain(r, i, dest);
		if (!seen && r->blocked && r->blocked_dest == dest)
			blocked[n++] = dest;
		schedule_dest_put(r->s, dest);
		if (!more)
			return;
	}
}

void
round_release_place(struct round *r)
{
	if (r->has_reserved)
		schedule_job_ends(r->s, r->reserved_dest);
	r->has_reserved = false;
}

void
round_jobs_start(struct round *r)
{
	r->jobs = 1;	/* our own, so that the last answer comes after the last job */
	round_release_place(r);
	start_local(r);
	start_remote(r);
	end_job(r);
}
