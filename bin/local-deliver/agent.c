/*
 * agent: serve the jobs of one connection.
 *
 * Invariants:
 *  1. An answer that says 250 leaves only after maildir_batch_sync.
 *  2. When the sync fails the whole batch is answered 451: Linux may have dropped
 *     what it could not write, so a second sync would prove nothing.
 *  3. Between batches the agent holds no descriptor of any message.
 *
 * Crash: dying anywhere is safe; jobs that were not answered are repeated, and
 * find what is there (lib/store/maildir_deliver.h).
 */
#include "base/base.h"
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/die.h"
#include "base/limits.h"
#include "job.h"
#include "limits.h"
#include "place.h"
#include "service/service.h"
#include "store/maildir_deliver.h"
#include "sys/file.h"

#define BATCH_MAX 64
#define LOG_WAIT_MS 1000

struct batch_job {
	uint64_t number;
	size_t count;
	uint32_t rcpt[LIMIT_JOB_RECIPIENTS];
	struct buf answer;
};

struct batch {
	struct maildir_batch *links;
	size_t count;
	struct batch_job job[BATCH_MAX];
};

static struct batch batch;
static char packet[LIMIT_RECORD];

static int
open_message(const struct agent *a, const struct job *job, struct maildir_message *m)
{
	struct stat st;

	*m = (struct maildir_message){ .dirfd = a->spool, .name = job->file, .id = job->id,
		.is_late = job->is_late };
	m->fd = file_openat(a->spool, job->file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (m->fd < 0)
		return -1;
	if (fstat(m->fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	file_close(&m->fd);
	errno = EINVAL;
	return -1;
}

static void
log_mailbox(const struct agent *a, const struct job *job, const struct job_rcpt *r, const char *event,
	const char *reason)
{
	struct buf line;

	buf_init(&line, LIMIT_RECORD);
	buf_printf(&line, "event=%s id=%llu rcpt=%u", event, (unsigned long long)job->id, r->number);
	log_value(&line, "to", r->address);
	log_value(&line, "reason", span_of(reason));
	log_failure(a->svc, job->session, NULL, "%s", buf_text(&line));
	buf_free(&line);
}

/* A folder that was deleted meanwhile is as good as none. */
static int
put_message(const struct agent *a, struct batch *b, const struct maildir_message *m, const struct place *place,
	uint32_t number, enum maildir_how *how)
{
	if (place->folder[0] != '\0') {
		int result = maildir_batch_add(b->links, m, a->domains, place->folder, number, how);

		if (result == 0 || errno != ENOENT)
			return result;
	}
	return maildir_batch_add(b->links, m, a->domains, place->inbox, number, how);
}

static struct verdict
deliver_one(struct agent *a, struct batch *b, const struct job *job, const struct maildir_message *m,
	const struct job_rcpt *r)
{
	struct place place;
	bool is_place = place_find(a->domains, r->address, &place);
	enum maildir_how how;
	bool is_limited = false;

	switch (is_place ? limits_allow(a->limits, a->domains, place.inbox, span_of(place.account), m->fd, &is_limited) :
		LIMITS_ROOM) {
	case LIMITS_MAILBOX_FULL:
		log_mailbox(a, job, r, "mailbox-full", "it has no room for this message");
		return verdict_make(552, "5.2.2", "the mailbox is full");
	case LIMITS_DOMAIN_FULL:
		log_mailbox(a, job, r, "domain-full", "the domain has no room for this message");
		return verdict_make(552, "5.2.2", "the domain has no room for this message");
	case LIMITS_ROOM:
		break;
	}
	errno = EINVAL;
	if (!is_place || put_message(a, b, m, &place, r->number, &how) < 0) {
		int error = errno;

		log_mailbox(a, job, r, "mailbox-refused", strerror(error));
		return maildir_deliver_verdict(error);
	}
	if (how != MAILDIR_WAS_THERE)
		limits_count(a->limits, a->domains, place.inbox, span_of(place.account), m->fd, is_limited);
	if (how == MAILDIR_COPIED)
		log_mailbox(a, job, r, "mailbox-copied", "the file system makes no link there");
	return verdict_make(250, "2.0.0", "delivered to mailbox");
}

static void
deliver_job(struct agent *a, struct batch *b, const struct job *job)
{
	struct verdict unreadable = verdict_make(451, "4.3.0", "the message cannot be read");
	struct batch_job *bj = &b->job[b->count++];
	struct maildir_message m;
	bool good = open_message(a, job, &m) == 0;

	if (!good)
		log_failure(a->svc, job->session, NULL, "event=message-unreadable id=%llu file=%s error=%d",
		    (unsigned long long)job->id, job->file, errno);
	bj->number = job->number;
	job_answer_begin(&bj->answer, job->number);
	for (bj->count = 0; bj->count < job->count; bj->count++) {
		const struct job_rcpt *r = &job->rcpt[bj->count];
		struct verdict v = good ? deliver_one(a, b, job, &m, r) : unreadable;

		bj->rcpt[bj->count] = r->number;
		job_answer_result(&bj->answer, r->number, &v);
	}
	file_close(&m.fd);
}

static void
take_back(struct batch_job *bj)
{
	struct verdict v = verdict_make(451, "4.3.0", "the mailbox could not be synced to disk");

	job_answer_begin(&bj->answer, bj->number);
	for (size_t i = 0; i < bj->count; i++)
		job_answer_result(&bj->answer, bj->rcpt[i], &v);
}

/* Sync the batch, then answer its jobs; false when the caller is gone. */
static bool
answer(struct agent *a, struct batch *b)
{
	bool failed = maildir_batch_sync(b->links) < 0;

	if (failed)
		log_failure(a->svc, NULL, NULL, "event=sync-failed jobs=%zu error=%d", b->count, errno);
	for (size_t i = 0; i < b->count; i++) {
		struct batch_job *bj = &b->job[i];

		if (failed)
			take_back(bj);
		if (bj->answer.overflow)
			bug("the answer to a job does not fit a record");
		if (send(a->conn, bj->answer.p, bj->answer.n, MSG_NOSIGNAL) < 0)
			return false;
	}
	b->count = 0;
	return true;
}

/* Add the record in `packet` to the batch; false when it is no job. */
static bool
take(struct agent *a, struct batch *b, size_t n)
{
	static struct job job;
	struct record r;
	bool good;

	if (!record_parse(span_make(packet, n), LIMIT_JOB_RECIPIENTS + 8, &r))
		return false;
	good = job_read(&r, &job);
	if (good)
		deliver_job(a, b, &job);
	record_free(&r);
	return good;
}

/*
 * Wait for a job; log lines do not rest longer than a second while none comes.
 * Only here SIGTERM may end us, and ppoll lets it in for one call instead of three.
 */
static void
wait_for_jobs(struct agent *a)
{
	struct pollfd p = { .fd = a->conn, .events = POLLIN };
	struct timespec rest = { .tv_sec = LOG_WAIT_MS / 1000 };
	sigset_t none;

	sigemptyset(&none);
	while (ppoll(&p, 1, a->svc->log.pending.n > 0 || limits_look(a->limits, -1) ? &rest : NULL, &none) == 0) {
		log_flush(a->svc, false);
		(void)limits_look(a->limits, a->domains);
	}
}

/* The first record of a batch is waited for, the others are taken if they are there. */
static ssize_t
receive(struct agent *a, bool first)
{
	if (first)
		wait_for_jobs(a);
	return recv(a->conn, packet, sizeof(packet), MSG_TRUNC | MSG_DONTWAIT);
}

int
agent_run(struct agent *a)
{
	for (size_t i = 0; i < BATCH_MAX; i++)
		buf_init(&batch.job[i].answer, LIMIT_RECORD);
	batch.links = maildir_batch_new(a->sync_always);
	a->limits = limits_new(a->svc);
	for (;;) {
		ssize_t n = receive(a, batch.count == 0);

		if (n < 0 && (errno == EINTR || (errno == EAGAIN && batch.count == 0)))
			continue;
		if (n > (ssize_t)sizeof(packet) || (n > 0 && !take(a, &batch, (size_t)n))) {
			log_failure(a->svc, NULL, NULL, "event=bad-job size=%zd", n);
			break;
		}
		if (n > 0 && batch.count < BATCH_MAX)
			continue;
		if (n <= 0 && batch.count == 0)
			break;
		if (!answer(a, &batch) || n == 0)
			break;
	}
	log_flush(a->svc, true);
	return EXIT_DONE;
}
