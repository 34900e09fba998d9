/*
 * pool: see pool.h.
 *
 * Trust: an agent talks to hostile servers and may be theirs; its records are
 * bounded, and an answer counts only for the job that it was given.
 *
 * Invariants:
 * 1. An agent is in the table exactly while its socket is open.
 * 2. What an agent wrote counts, also when it has ended since: its socket is
 *    read to the end before its job is given up, for the message may be sent.
 */
#include "base/base.h"
#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "agent.h"
#include "base/die.h"
#include "base/mem.h"
#include "sys/descriptors.h"
#include "sys/fdpass.h"

struct work {
	struct work *next;
	const struct job *job;
	int fd;
	pool_call *call;
	void *ctx;
};

struct worker {
	struct pool *pool;
	pid_t pid;
	int sock;
	struct loop_fd *watch;
	struct work *work;		/* NULL: idle */
	uint64_t number;		/* of the job, as the agent knows it */
	struct addr kept;		/* family 0: no connection */
	uint64_t idle_order;		/* greater: idle since later */
	bool is_ended;			/* the process is gone: it gets no further job */
};

struct pool {
	struct loop *loop;
	const struct options *o;
	struct worker **workers;
	size_t count, max;
	struct work *first, **last;	/* waiting */
	uint64_t numbers, idle_orders;
	pool_sign *sign;
	void *sign_ctx;
	bool stopping;
};

struct pool *
pool_new(struct loop *loop, const struct options *o, size_t max, pool_sign *sign, void *sign_ctx)
{
	struct pool *p = mem_new(sizeof(*p));

	*p = (struct pool){ .loop = loop, .o = o, .max = max, .sign = sign, .sign_ctx = sign_ctx };
	p->workers = mem_array(max, sizeof(*p->workers));
	p->last = &p->first;
	return p;
}

/* In the child: only its socket, the log and the standard descriptors stay open. */
static void
become_agent(struct pool *p, int sock)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	descriptors_close_all_but((int[]){ sock, p->o->svc->log.fd }, 2);
	_exit(agent_run(p->o, sock));
}

static void on_agent(void *ctx, int fd, unsigned events);

static struct worker *
start_worker(struct pool *p)
{
	struct worker *w;
	int pair[2];
	pid_t pid;

	if (p->count == p->max || p->stopping ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return NULL;
	log_flush(p->o->svc, false);
	pid = fork();
	if (pid == 0)
		become_agent(p, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		log_failure(p->o->svc, NULL, NULL, "event=agent-not-started error=%d", errno);
		close(pair[0]);
		return NULL;
	}
	w = mem_new(sizeof(*w));
	*w = (struct worker){ .pool = p, .pid = pid, .sock = pair[0] };
	w->watch = loop_fd(p->loop, w->sock, LOOP_READ, on_agent, w);
	if (w->watch == NULL)
		die(EXIT_TRY_LATER, "event=agent state=cannot-watch");
	p->workers[p->count++] = w;
	return w;
}

static void
finish(struct worker *w, const struct record *answer)
{
	struct work *work = w->work;

	w->work = NULL;
	w->idle_order = ++w->pool->idle_orders;
	if (work == NULL)
		return;
	work->call(work->ctx, answer);
	free(work);
}

static void
drop_worker(struct worker *w)
{
	struct pool *p = w->pool;

	for (size_t i = 0; i < p->count; i++)
		if (p->workers[i] == w)
			p->workers[i] = p->workers[--p->count];
	loop_fd_drop(&w->watch);
	close(w->sock);
	finish(w, NULL);
	free(w);
}

/* How well an idle agent suits: 3 holds the connection, 2 holds none, 1 another. */
static int
suits(const struct worker *w, const struct job *j)
{
	if (w->work != NULL || w->is_ended)
		return 0;
	if (w->kept.family == 0)
		return 2;
	if (j->asks)
		return 1;		/* it takes a connection of its own */
	for (size_t i = 0; i < j->target_count; i++)
		if (j->target[i].preference == j->target[0].preference &&
		    addr_eq(&j->target[i].addr, &w->kept))
			return 3;
	return 1;
}

static struct worker *
choose(struct pool *p, const struct job *j)
{
	struct worker *best = NULL, *fresh;
	int best_suits = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct worker *w = p->workers[i];
		int s = suits(w, j);

		if (s > best_suits || (s > 0 && s == best_suits && w->idle_order < best->idle_order)) {
			best = w;
			best_suits = s;
		}
	}
	if (best_suits >= 2)
		return best;
	fresh = start_worker(p);
	return fresh != NULL ? fresh : best;
}

/* False when no agent is free. */
static bool
assign(struct pool *p, struct work *work)
{
	for (;;) {
		struct worker *w = choose(p, work->job);
		struct buf out;
		ssize_t sent;

		if (w == NULL)
			return false;
		buf_init(&out, LIMIT_RECORD);
		w->number = ++p->numbers;
		job_print(work->job, w->number, &out);
		if (out.overflow)
			bug("job over LIMIT_RECORD");
		sent = fdpass_send(w->sock, out.p, out.n, &work->fd, work->fd >= 0);
		mem_wipe(out.p, out.n);
		buf_free(&out);
		if (sent >= 0) {
			w->work = work;
			return true;
		}
		drop_worker(w);		/* it has died; its place is free for another */
	}
}

static void
assign_waiting(struct pool *p)
{
	while (p->first != NULL) {
		struct work *work = p->first;

		if (!assign(p, work))
			return;
		p->first = work->next;
		if (p->first == NULL)
			p->last = &p->first;
	}
}

void
pool_send(struct pool *p, const struct job *job, int fd, pool_call *call, void *ctx)
{
	struct work *work = mem_new(sizeof(*work));

	*work = (struct work){ .job = job, .fd = fd, .call = call, .ctx = ctx };
	*p->last = work;
	p->last = &work->next;
	assign_waiting(p);
}

/* What the agent says; false when it is nonsense. */
static bool
take(struct worker *w, const struct record *r)
{
	uint64_t number;
	struct span kept = record_get(r, "kept");

	if (span_is(r->verb, "free")) {
		w->kept = (struct addr){ .family = 0 };
		return true;
	}
	if (w->work == NULL || !record_get_num(r, "job", UINT64_MAX, &number) || number != w->number)
		return false;
	if (span_is(r->verb, "sign") && w->work->job->sign.n > 0) {
		w->pool->sign(w->pool->sign_ctx, w->work->job, number, record_get(r, "selector"), record_get(r, "digest"));
		return true;
	}
	if (!span_is(r->verb, w->work->job->asks ? "asked" : "sent"))
		return false;
	if (kept.n == 0 || !addr_parse_port(kept, 0, &w->kept))
		w->kept = (struct addr){ .family = 0 };
	finish(w, r);
	return true;
}

void
pool_signed(struct pool *p, uint64_t number, struct span signature)
{
	struct buf out;

	buf_init(&out, LIMIT_RECORD);
	record_begin(&out, "signature");
	record_add_num(&out, "job", number);
	if (signature.n > 0)
		record_add(&out, "text", signature);
	/* One that has ended meanwhile is seen by its socket. */
	for (size_t i = 0; i < p->count; i++)
		if (p->workers[i]->work != NULL && p->workers[i]->number == number)
			(void)fdpass_send(p->workers[i]->sock, out.p, out.n, NULL, 0);
	buf_free(&out);
}

/* One record of the agent; -1 when there is none now, 1 when it was good, 0 when none will come. */
static int
hear(struct worker *w)
{
	static char text[LIMIT_RECORD];
	struct service *svc = w->pool->o->svc;
	int pid = (int)w->pid, nfds = 0;
	struct record r;
	ssize_t n = fdpass_recv(w->sock, text, sizeof(text), NULL, &nfds);
	bool good = false;

	if (n < 0 && errno == EAGAIN)
		return -1;
	if (n > 0 && record_parse(span_make(text, (size_t)n), LIMIT_JOB_FIELDS, &r)) {
		good = take(w, &r);
		record_free(&r);
	}
	if (n > 0 && !good)
		log_failure(svc, NULL, NULL, "event=agent-nonsense pid=%d", pid);
	return good;
}

static void
on_agent(void *ctx, int fd, unsigned events)
{
	struct worker *w = ctx;
	struct pool *p = w->pool;

	(void)fd, (void)events;
	if (hear(w) == 0)
		drop_worker(w);
	assign_waiting(p);
}

/* SIGCHLD may be seen before the last that the agent wrote; its end is closed, so this waits for nothing. */
static void
bury(struct worker *w)
{
	w->is_ended = true;
	while (hear(w) > 0)
		;
	drop_worker(w);
}

void
pool_reap(struct pool *p, pid_t pid)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->workers[i]->pid == pid) {
			bury(p->workers[i]);
			assign_waiting(p);
			return;
		}
}

void
pool_stop(struct pool *p)
{
	struct work *work;

	p->stopping = true;
	while ((work = p->first) != NULL) {
		p->first = work->next;
		work->call(work->ctx, NULL);
		free(work);
	}
	p->last = &p->first;
	for (size_t i = 0; i < p->count; i++)
		(void)shutdown(p->workers[i]->sock, SHUT_WR);
}
