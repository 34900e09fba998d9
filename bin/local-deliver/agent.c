/*
 * agent: serve the jobs of one connection.
 *
 * Invariants:
 *  1. An answer that says 250 leaves only after the link is durable.
 *  2. When a sync fails the whole batch is answered 451: Linux may have dropped
 *     what it could not write, so a second sync would prove nothing.
 *  3. Between batches the agent holds no descriptor of any message.
 *
 * What makes a batch durable: on ext4 with a journal one fsync of the message
 * that was linked last commits every link before it; elsewhere each new/ is
 * synced.  A message that an earlier job had linked already is synced by
 * itself, since that link may still wait in a younger or older commit.
 *
 * Crash: dying anywhere is safe; jobs that were not answered are repeated.
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
#include "base/mem.h"
#include "job.h"
#include "mailbox.h"
#include "service/service.h"
#include "sys/file.h"

#define BATCH_MAX 64
#define FOLDERS_MAX (4 * LIMIT_JOB_RECIPIENTS)	/* folders that one batch leaves to be synced */
#define LOG_WAIT_MS 1000

struct batch_job {
	uint64_t number;
	size_t count;
	uint32_t rcpt[LIMIT_JOB_RECIPIENTS];
	struct buf answer;
};

struct batch {
	size_t count;
	struct batch_job job[BATCH_MAX];
	int last;		/* descriptor of the message linked last, or -1 */
	size_t folder_count;
	int folder[FOLDERS_MAX];
	bool failed;		/* a sync failed */
};

static struct batch batch;
static char packet[LIMIT_RECORD];

static void
sync_message(struct batch *b, int fd)
{
	if (file_fsync(fd) < 0)
		b->failed = true;
}

static void
sync_folder(struct batch *b, int fd)
{
	if (file_fsync_dir(fd) < 0)
		b->failed = true;
}

static void
keep_folder(struct batch *b, int dir)
{
	if (b->folder_count < FOLDERS_MAX) {
		b->folder[b->folder_count++] = dir;
		return;
	}
	sync_folder(b, dir);
	file_close(&dir);
}

static int
open_message(const struct agent *a, const struct job *job, struct message *m)
{
	*m = (struct message){ .spool = a->spool, .file = job->file, .id = job->id };
	m->fd = file_openat(a->spool, job->file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (m->fd < 0)
		return -1;
	if (fstat(m->fd, &m->st) == 0 && S_ISREG(m->st.st_mode))
		return 0;
	file_close(&m->fd);
	errno = EINVAL;
	return -1;
}

static void
log_trouble(const struct agent *a, const struct job *job, const struct job_rcpt *r,
	const struct placed *p)
{
	struct buf line;

	buf_init(&line, LIMIT_RECORD);
	buf_printf(&line, "event=%s id=%llu rcpt=%u", p->copied ? "mailbox-copied" : "mailbox-refused",
	    (unsigned long long)job->id, r->number);
	log_value(&line, "to", r->address);
	if (p->copied)
		buf_text_put(&line, " reason=no-link");
	else
		log_value(&line, "text", span_of(p->verdict.text));
	log_failure(a->svc, job->session, NULL, "%s", buf_text(&line));
	buf_free(&line);
}

static void
deliver_one(struct agent *a, struct batch *b, const struct job *job, const struct message *m,
	const struct job_rcpt *r, struct batch_job *bj, bool *old_link)
{
	struct placed p;

	mailbox_place(a->domains, m, r->number, r->address, a->sync_folders, &p);
	if (p.dir >= 0)
		keep_folder(b, p.dir);
	if (p.verdict.kind != VERDICT_OK || p.copied)
		log_trouble(a, job, r, &p);
	if (p.linked) {
		if (b->last >= 0 && b->last != m->fd)
			file_close(&b->last);
		b->last = m->fd;
	} else if (p.verdict.kind == VERDICT_OK && !p.copied) {
		*old_link = true;
	}
	bj->rcpt[bj->count++] = r->number;
	job_answer_result(&bj->answer, r->number, &p.verdict);
}

static void
deliver_job(struct agent *a, struct batch *b, const struct job *job)
{
	struct batch_job *bj = &b->job[b->count++];
	struct message m;
	bool old_link = false;

	bj->number = job->number;
	bj->count = 0;
	job_answer_begin(&bj->answer, job->number);
	if (open_message(a, job, &m) < 0) {
		struct verdict v = verdict_make(451, "4.3.0", "the message cannot be read");

		log_failure(a->svc, job->session, NULL, "event=message-unreadable id=%llu file=%s error=%d",
		    (unsigned long long)job->id, job->file, errno);
		for (size_t i = 0; i < job->count; i++)
			job_answer_result(&bj->answer, job->rcpt[i].number, &v);
		return;
	}
	for (size_t i = 0; i < job->count; i++)
		deliver_one(a, b, job, &m, &job->rcpt[i], bj, &old_link);
	if (old_link)
		sync_message(b, m.fd);
	if (b->last != m.fd)
		file_close(&m.fd);
}

static void
make_durable(struct batch *b)
{
	if (b->last >= 0) {
		sync_message(b, b->last);
		file_close(&b->last);
	}
	for (size_t i = 0; i < b->folder_count; i++) {
		sync_folder(b, b->folder[i]);
		file_close(&b->folder[i]);
	}
	b->folder_count = 0;
}

static void
take_back(struct batch_job *bj)
{
	struct verdict v = verdict_make(451, "4.3.0", "the mailbox could not be synced to disk");

	job_answer_begin(&bj->answer, bj->number);
	for (size_t i = 0; i < bj->count; i++)
		job_answer_result(&bj->answer, bj->rcpt[i], &v);
}

/* False when the caller is gone. */
static bool
answer(struct agent *a, struct batch *b)
{
	if (b->failed)
		log_failure(a->svc, NULL, NULL, "event=sync-failed jobs=%zu", b->count);
	for (size_t i = 0; i < b->count; i++) {
		struct batch_job *bj = &b->job[i];

		if (b->failed && bj->count > 0)
			take_back(bj);
		if (bj->answer.overflow)
			bug("the answer to a job does not fit a record");
		if (send(a->conn, bj->answer.p, bj->answer.n, MSG_NOSIGNAL) < 0)
			return false;
	}
	b->count = 0;
	b->failed = false;
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

/* Log lines do not rest longer than a second while nothing comes in. */
static void
wait_for_jobs(struct agent *a)
{
	struct pollfd p = { .fd = a->conn, .events = POLLIN };

	if (a->svc->log.pending.n > 0 && poll(&p, 1, LOG_WAIT_MS) == 0)
		log_flush(a->svc, false);
}

/* The first record of a batch may be waited for, and only there SIGTERM may end us. */
static ssize_t
receive(struct agent *a, bool first)
{
	sigset_t term;
	ssize_t n;

	if (!first)
		return recv(a->conn, packet, sizeof(packet), MSG_TRUNC | MSG_DONTWAIT);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	wait_for_jobs(a);
	n = recv(a->conn, packet, sizeof(packet), MSG_TRUNC);
	sigprocmask(SIG_BLOCK, &term, NULL);
	return n;
}

int
agent_run(struct agent *a)
{
	for (size_t i = 0; i < BATCH_MAX; i++)
		buf_init(&batch.job[i].answer, LIMIT_RECORD);
	batch.last = -1;
	for (;;) {
		ssize_t n = receive(a, batch.count == 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n > (ssize_t)sizeof(packet) || (n > 0 && !take(a, &batch, (size_t)n))) {
			log_failure(a->svc, NULL, NULL, "event=bad-job size=%zd", n);
			break;
		}
		if (n > 0 && batch.count < BATCH_MAX)
			continue;
		if (n <= 0 && batch.count == 0)
			break;
		make_durable(&batch);
		if (!answer(a, &batch) || n == 0)
			break;
	}
	log_flush(a->svc, true);
	return EXIT_DONE;
}
