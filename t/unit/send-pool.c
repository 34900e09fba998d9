/*
 * pool of remote-send: what an agent answered before it ended counts, also when
 * its end is noticed first; one that ended without an answer has none.
 */
#include "base/base.h"
#include "pool.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "sys/fdpass.h"
#include "tap.h"

/* In the place of bin/remote-send/agent.c: answers jobs with an even id, and ends at once. */
int
agent_run(const struct options *o, int parent)
{
	static char text[LIMIT_RECORD];
	int fds[FDPASS_MAX], count = 1;
	ssize_t n = fdpass_recv(parent, text, sizeof(text), fds, &count);
	uint64_t id, number;
	struct record job;
	struct buf out;

	(void)o;
	if (n <= 0 || !record_parse(span_make(text, (size_t)n), LIMIT_JOB_FIELDS, &job) ||
	    !record_get_num(&job, "id", UINT64_MAX, &id) || !record_get_num(&job, "job", UINT64_MAX, &number))
		return 1;
	if (id % 2 != 0)
		return 0;
	buf_init(&out, LIMIT_RECORD);
	record_begin(&out, "sent");
	record_add_num(&out, "job", number);
	record_add_text(&out, "result", "1 250 2.0.0 taken");
	record_add_text(&out, "kept", "192.0.2.1:25");
	(void)fdpass_send(parent, out.p, out.n, NULL, 0);
	buf_clear(&out);
	record_begin(&out, "free");
	(void)fdpass_send(parent, out.p, out.n, NULL, 0);
	return 0;
}

struct outcome {
	int calls;
	char result[64];	/* "" without an answer */
	struct pool *pool;
	const struct job *next;	/* to be sent from the callback, as a queue does */
	struct outcome *next_outcome;
};

static int message = -1;

static void
on_answer(void *ctx, const struct record *answer)
{
	struct outcome *o = ctx;

	o->calls++;
	if (answer != NULL)
		snprintf(o->result, sizeof(o->result), "%.*s", SPAN_ARG(record_get(answer, "result")));
	if (o->next != NULL)
		pool_send(o->pool, o->next, message, on_answer, o->next_outcome);
}

static struct job *
make_job(uint64_t id)
{
	struct job *j = mem_new(sizeof(*j));

	*j = (struct job){ .number = id, .id = id, .from = SPAN("a@b.example"), .domain = SPAN("c.example"),
		.count = 1, .target_count = 1 };
	j->rcpt[0] = (struct job_rcpt){ .number = 1, .address = SPAN("x@c.example") };
	if (!addr_parse_port(SPAN("192.0.2.1:25"), 25, &j->target[0].addr))
		_exit(99);
	return j;
}

/* The agent ends, and its end is noticed before what it wrote. */
static void
reap_one(struct pool *p)
{
	int status;
	pid_t pid = waitpid(-1, &status, 0);

	if (pid <= 0 || status != 0)
		bug("agent: pid %d, status %d", (int)pid, status);
	pool_reap(p, pid);
}

int
main(void)
{
	static struct service svc = { .master_fd = -1, .log.fd = -1 };
	static struct options options = { .svc = &svc };
	static struct pool *p;	/* lives as long as the process */
	struct job *answered = make_job(2), *silent = make_job(3), *last = make_job(4);
	struct outcome third = { .calls = 0 };
	struct outcome second = { .next = last, .next_outcome = &third };
	struct outcome first = { .next = silent, .next_outcome = &second };

	p = pool_new(loop_new(), &options, 1, NULL, NULL);
	first.pool = second.pool = third.pool = p;
	message = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pool_send(p, answered, message, on_answer, &first);
	reap_one(p);
	is_num(first.calls, 1, "a job is answered once");
	is_text(first.result, "1 250 2.0.0 taken", "what its agent answered before it ended counts");
	is_num(second.calls, 0, "a job that is sent from the call is not given to the agent that ended");
	reap_one(p);
	ok(second.calls == 1 && second.result[0] == '\0', "an agent that ends without an answer has none");
	reap_one(p);
	is_text(third.result, "1 250 2.0.0 taken", "the next one has again");
	is_num(first.calls + second.calls + third.calls, 3, "nobody is called twice");
	pool_stop(p);
	free(answered);
	free(silent);
	free(last);
	return done();
}
