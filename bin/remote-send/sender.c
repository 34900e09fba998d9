/*
 * sender: see sender.h.
 *
 * A task lives from the record of a client to its answer.  A client that goes
 * away leaves its tasks behind: they run to their end, since agents may be at
 * the final dot, and their answers are dropped.
 *
 * An answer that the client does not take at once waits for it: it may be of a
 * message that was sent, and would be sent again.  Whoever has answers to take
 * gives no further jobs, so there are never more than LIMIT_SEND_JOBS.
 *
 * Trust: callers are checked by uid; a record that is no job ends the
 * connection that it came from.
 */
#include "base/base.h"
#include "sender.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/die.h"
#include "base/mem.h"
#include "question.h"
#include "sys/fdpass.h"
#include "sys/peer.h"

struct answer {
	struct answer *next;
	size_t n;
	char text[];
};

struct client {
	struct sender *sender;
	int fd;				/* -1: gone */
	struct loop_fd *watch;
	size_t tasks;			/* that point here */
	struct answer *first, **last;	/* not taken yet */
};

struct task {
	struct client *client;
	struct record record;		/* what job points into */
	struct job job;
	int fd;				/* -1: only a question */
	struct buf why;			/* of a question */
};

static void
forget_client(struct client *c)
{
	if (c->fd < 0 && c->tasks == 0)
		free(c);
}

/* Where c stands in the table; with NULL a free place. */
static struct client **
client_place(struct sender *s, const struct client *c)
{
	size_t i = 0;

	while (s->client[i] != c)
		if (++i == LIMIT_SEND_CLIENTS)
			bug("remote-send: client table");
	return &s->client[i];
}

static void
drop_answer(struct client *c)
{
	struct answer *a = c->first;

	c->first = a->next;
	if (c->first == NULL)
		c->last = &c->first;
	free(a);
	c->sender->unsent--;
}

static void
close_client(struct client *c)
{
	if (c->fd < 0)
		return;
	while (c->first != NULL)
		drop_answer(c);
	loop_fd_drop(&c->watch);
	close(c->fd);
	c->fd = -1;
	*client_place(c->sender, c) = NULL;
	if (c->sender->clients-- == LIMIT_SEND_CLIENTS && c->sender->door != NULL)
		door_hold(c->sender->door, false);
}

/* With LIMIT_SEND_JOBS at work nothing is read: schedule keeps its jobs. */
static void
watch(const struct client *c)
{
	if (c->first != NULL)
		loop_fd_events(c->watch, LOOP_WRITE);
	else
		loop_fd_events(c->watch, c->sender->jobs < LIMIT_SEND_JOBS ? LOOP_READ : 0);
}

static void
watch_all(const struct sender *s)
{
	for (size_t i = 0; i < LIMIT_SEND_CLIENTS; i++)
		if (s->client[i] != NULL)
			watch(s->client[i]);
}

static void
end_when_idle(struct sender *s)
{
	if (s->stopping && s->jobs == 0 && s->unsent == 0)
		loop_stop(s->loop);
}

static void
keep_answer(struct client *c, const struct buf *text)
{
	struct answer *a = mem_new(sizeof(*a) + text->n);

	a->n = text->n;
	memcpy(a->text, text->p, text->n);
	*c->last = a;
	c->last = &a->next;
	c->sender->unsent++;
	watch(c);
}

static void
tell(struct client *c, const struct buf *text)
{
	if (c->fd < 0)
		return;
	if (c->first == NULL && fdpass_send(c->fd, text->p, text->n, NULL, 0) >= 0)
		return;
	if (c->first == NULL && errno != EAGAIN)
		close_client(c);
	else
		keep_answer(c, text);
}

/* As many as the client takes now; false: it is gone. */
static bool
send_answers(struct client *c)
{
	while (c->first != NULL) {
		if (fdpass_send(c->fd, c->first->text, c->first->n, NULL, 0) >= 0) {
			drop_answer(c);
		} else if (errno == EAGAIN) {
			break;
		} else {
			close_client(c);
			return false;
		}
	}
	watch(c);
	return true;
}

static void
free_task(struct task *t)
{
	struct client *c = t->client;
	struct sender *s = c->sender;

	if (t->fd >= 0)
		close(t->fd);
	job_forget_secrets(&t->job);
	record_free(&t->record);
	buf_free(&t->why);
	free(t);
	c->tasks--;
	if (s->jobs-- == LIMIT_SEND_JOBS)
		watch_all(s);
	forget_client(c);
	end_when_idle(s);
}

/* Answer what is decided; the client takes recipients without result as lost. */
static void
end_task(struct task *t, bool dns)
{
	struct buf out;

	buf_init(&out, LIMIT_RECORD);
	job_answer(&t->job, &out);
	if (dns)
		record_add_text(&out, "dns", "1");
	if (out.overflow)
		bug("answer over LIMIT_RECORD");
	tell(t->client, &out);
	buf_free(&out);
	free_task(t);
}

static void
end_question(struct task *t, const struct way *w)
{
	struct buf out;

	buf_init(&out, LIMIT_RECORD);
	question_answer(&t->job, w, buf_view(&t->why), &out);
	if (out.overflow)
		bug("answer over LIMIT_RECORD");
	tell(t->client, &out);
	buf_free(&out);
	free_task(t);
}

static void
on_sent(void *ctx, const struct record *answer)
{
	struct task *t = ctx;

	if (answer != NULL)
		job_take_answer(&t->job, answer);
	tls_report_job(t->client->sender->resolver.report, &t->job);
	end_task(t, false);
}

/* Recipients that no agent will see: logged here. */
static void
log_unresolved(struct sender *s, const struct job *j, const struct verdict *v)
{
	struct buf line;

	buf_init(&line, LIMIT_RECORD);
	buf_printf(&line, "event=%s id=%llu rcpts=%zu", v->kind == VERDICT_PERM ? "failed" : "deferred",
		(unsigned long long)j->id, j->count);
	log_value(&line, "domain", j->domain.n > 0 ? j->domain : j->host);
	buf_printf(&line, " code=%d status=%s", v->code, v->status);
	log_value(&line, "text", span_of(v->text));
	log_line(&s->svc, j->session, NULL, "%s", buf_text(&line));
	buf_free(&line);
}

/* What the directory says of a message decides how it goes; while that is silent it waits. */
static void
wait_for_directory(struct task *t)
{
	struct verdict silent = verdict_make(451, "4.3.0", "the directory does not say how the message is to be sent");

	log_unresolved(t->client->sender, &t->job, &silent);
	job_decide(&t->job, &silent);
	end_task(t, false);
}

static void
on_keys(void *ctx, bool known)
{
	struct task *t = ctx;
	struct sender *s = t->client->sender;

	if (!known)
		wait_for_directory(t);
	else if (s->stopping)
		end_task(t, false);
	else
		pool_send(s->pool, &t->job, t->fd, on_sent, t);
}

/* Its way and its sender are known. */
static void
prepare(struct task *t)
{
	struct sender *s = t->client->sender;

	if (t->job.auth.n > 0)
		signer_keys(s->signer, &t->job, on_keys, t);
	else
		pool_send(s->pool, &t->job, t->fd, on_sent, t);
}

static void
log_rewritten(struct sender *s, const struct job *j)
{
	struct buf line;

	buf_init(&line, LIMIT_RECORD);
	buf_printf(&line, "event=sender-rewritten id=%llu", (unsigned long long)j->id);
	log_value(&line, "as", j->from);
	log_line(&s->svc, j->session, NULL, "%s", buf_text(&line));
	buf_free(&line);
}

static void
on_rewritten(void *ctx, bool known)
{
	struct task *t = ctx;

	if (known && t->job.from.p == t->job.rewritten)
		log_rewritten(t->client->sender, &t->job);
	if (!known)
		wait_for_directory(t);
	else if (t->client->sender->stopping)
		end_task(t, false);
	else
		prepare(t);
}

/* Which way and why: the decision of each message, for who wants to know. */
static void
log_way(struct sender *s, const struct job *j, const struct way *w)
{
	struct buf line;

	if (w->kind == POLICY_WAY_MX || !log_wants(&s->svc, LOG_DETAILED))
		return;
	buf_init(&line, LIMIT_RECORD);
	buf_printf(&line, "event=way id=%llu way=%s priority=%u", (unsigned long long)j->id,
		policy_way_name(w->kind), j->priority);
	log_value(&line, "domain", j->domain);
	for (size_t i = 0; i < j->gateway_count; i++)
		log_value(&line, "gateway", span_of(j->gateway[i].address));
	log_detail(&s->svc, j->session, NULL, "%s", buf_text(&line));
	buf_free(&line);
}

static void
on_way(void *ctx, const struct way *w)
{
	struct task *t = ctx;
	struct sender *s = t->client->sender;

	if (t->fd < 0) {
		end_question(t, w);
		return;
	}
	log_way(s, &t->job, w);
	if (w->failed != NULL) {
		log_unresolved(s, &t->job, w->failed);
		job_decide(&t->job, w->failed);
		end_task(t, w->dns);
		return;
	}
	if (s->stopping)
		end_task(t, false);
	else if (t->job.forwarder.n > 0)
		signer_sender(s->signer, &t->job, on_rewritten, t);
	else
		prepare(t);
}

static void
begin_task(struct client *c, struct task *t)
{
	struct sender *s = c->sender;

	t->client = c;
	c->tasks++;
	if (++s->jobs == LIMIT_SEND_JOBS)
		watch_all(s);
	way_find(s->ways, &t->job, t->fd < 0 ? &t->why : NULL, on_way, t);
}

static void
hang_up(struct client *c)
{
	close_client(c);
	forget_client(c);
}

/* A job has the descriptor of its message, a question none. */
static bool
understand(struct task *t, int nfds)
{
	if (nfds == 0)
		return question_read(&t->record, &t->job);
	return job_read(&t->record, &t->job) && !t->job.asks && t->job.target_count == 0 && t->job.gateway_count == 0;
}

/* One record with its descriptor; NULL when it is neither. */
static struct task *
read_task(const char *text, size_t n, int fd, int nfds)
{
	struct task *t = mem_new(sizeof(*t));

	buf_init(&t->why, LIMIT_RECORD / 4);
	/* the rest of the record's room is for what the agent is told besides */
	if (n <= LIMIT_RECORD - LIMIT_JOB_ROUTE && record_parse(span_make(text, n), LIMIT_JOB_FIELDS, &t->record)) {
		if (understand(t, nfds)) {
			t->fd = nfds == 1 ? fd : -1;
			return t;
		}
		record_free(&t->record);
	}
	if (nfds == 1)
		close(fd);
	free(t);
	return NULL;
}

static void
take_job(struct client *c)
{
	static char text[LIMIT_RECORD];
	struct sender *s = c->sender;
	struct task *t;
	int message = -1, nfds = 1;
	ssize_t n = fdpass_recv(c->fd, text, sizeof(text), &message, &nfds);

	if (n < 0 && errno == EAGAIN)
		return;
	t = n > 0 ? read_task(text, (size_t)n, message, nfds) : NULL;
	if (t != NULL) {
		begin_task(c, t);
		return;
	}
	if (n != 0)
		log_failure(&s->svc, NULL, NULL, "event=job-refused jobs=%zu", s->jobs);
	hang_up(c);
}

static void
on_client(void *ctx, int fd, unsigned events)
{
	struct client *c = ctx;
	struct sender *s = c->sender;

	(void)fd;
	if (c->first == NULL)
		take_job(c);
	else if (!send_answers(c) || events == LOOP_HANGUP)
		hang_up(c);
	end_when_idle(s);
}

static void
on_accept_failed(void *ctx, int error)
{
	struct sender *s = ctx;

	log_failure(&s->svc, NULL, NULL, "event=accept-failed error=%s", strerrorname_np(error));
}

static void
on_connection(void *ctx, int conn)
{
	struct sender *s = ctx;
	struct client *c;

	if (!peer_is_allowed(conn, s->callers, PB_COUNT(s->callers))) {
		log_failure(&s->svc, NULL, NULL, "event=caller-refused");
		close(conn);
		return;
	}
	c = mem_new(sizeof(*c));
	*c = (struct client){ .sender = s, .fd = conn };
	c->last = &c->first;
	c->watch = loop_fd(s->loop, conn, LOOP_READ, on_client, c);
	if (c->watch == NULL)
		die(EXIT_TRY_LATER, "event=client state=cannot-watch");
	*client_place(s, NULL) = c;
	watch(c);
	if (++s->clients == LIMIT_SEND_CLIENTS)
		door_hold(s->door, true);
}

void
sender_listen(struct sender *s, int fd)
{
	s->door = door_open(s->loop, fd, SOCK_NONBLOCK, on_connection, on_accept_failed, s);
	if (s->door == NULL)
		die(EXIT_TRY_LATER, "event=listen state=cannot-watch");
}

void
sender_stop(struct sender *s)
{
	s->stopping = true;
	door_close(&s->door);
	pool_stop(s->pool);
	sts_give_up(s->resolver.sts);
	end_when_idle(s);
}

void
sender_reap(struct sender *s)
{
	int status;
	pid_t pid;

	/* the resolver's process is among them; resolve.c sees its socket end */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		pool_reap(s->pool, pid);
		if (!s->stopping && status != 0)
			log_failure(&s->svc, NULL, NULL, "event=child-died pid=%d status=%d", (int)pid, status);
	}
	log_flush(&s->svc, false);
}
