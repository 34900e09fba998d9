/*
 * helper: child processes of schedule that do what waits for the disk.
 *
 * Crash: each request is safe to die in and safe to repeat; what was asked but
 * not answered is done again after the next start's scan.
 */
#include "base/base.h"
#include "helper.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/record.h"
#include "bounce.h"
#include "service/service.h"
#include "spool/spool_finish.h"
#include "spool/spool_outcome.h"
#include "spool/spool_release.h"
#include "sys/sandbox.h"

#define REFS_MAX 256

static const struct retry_rules *rules;		/* until when what is delayed will be tried */

static bool
get_ref(const struct record *r, struct spool_ref *out)
{
	uint64_t sub;

	if (!record_get_num(r, "id", UINT64_MAX, &out->id) || !record_get_num(r, "sub", UINT32_MAX, &sub))
		return false;
	out->sub = (uint32_t)sub;
	return true;
}

static int
do_append(struct spool *sp, const struct record *r, struct buf *answer)
{
	struct span text = record_get(r, "lines");
	struct spool_ref ref;
	struct buf lines;
	uint64_t good;
	int result;

	if (!get_ref(r, &ref) || !record_get_num(r, "good", UINT64_MAX, &good))
		bug("append without ref");
	buf_init(&lines, LIMIT_RECORD);
	buf_span(&lines, text);
	result = spool_outcome_append(sp, ref, &good, &lines);
	buf_free(&lines);
	record_add_num(answer, "good", good);
	return result;
}

static int
do_finish(struct spool *sp, const struct record *r, struct buf *answer)
{
	struct spool_ref refs[REFS_MAX];
	size_t n = 0;

	(void)answer;
	for (size_t i = 0; i < r->count && n < REFS_MAX; i++) {
		struct span value = r->fields[i].value, id = span_word(&value);
		uint64_t sub;

		if (!span_is(r->fields[i].key, "ref"))
			continue;
		if (!num_parse(id, UINT64_MAX, &refs[n].id) || !num_parse(span_trim(value), UINT32_MAX, &sub))
			bug("finish with a bad ref");
		refs[n++].sub = (uint32_t)sub;
	}
	return spool_finish(sp, refs, n);
}

static int
do_bounce(struct spool *sp, const struct record *r, struct buf *answer)
{
	char to[LIMIT_ADDRESS + 1], host[LIMIT_DOMAIN + 1];
	struct bounce_order order = { .to = to, .host = host, .rules = rules };
	struct spool_ref made;
	uint64_t group;

	if (!get_ref(r, &order.ref) || !record_get_num(r, "group", UINT32_MAX, &group))
		bug("bounce without ref");
	snprintf(to, sizeof(to), "%.*s", SPAN_ARG(record_get(r, "to")));
	snprintf(host, sizeof(host), "%.*s", SPAN_ARG(record_get(r, "host")));
	order.group = (uint32_t)group;
	if (bounce_send(sp, &order, &made) < 0)
		return -1;
	record_add_num(answer, "bounce", made.id);
	record_add_num(answer, "sub", made.sub);
	return 0;
}

static int
do_release(struct spool *sp, const struct record *r, struct buf *answer)
{
	struct spool_ref ref;

	(void)answer;
	if (!get_ref(r, &ref))
		bug("release without ref");
	return spool_release(sp, ref);
}

static const struct {
	const char *verb;
	int (*call)(struct spool *sp, const struct record *r, struct buf *answer);
} requests[] = {
	{ "append", do_append },
	{ "finish", do_finish },
	{ "bounce", do_bounce },
	{ "quarantine-release", do_release },
};

static void
serve(struct spool *sp, const struct record *r, struct buf *answer)
{
	uint64_t job;

	if (!record_get_num(r, "job", UINT64_MAX, &job))
		bug("a request without a job");
	record_begin(answer, "done");
	record_add_num(answer, "job", job);
	for (size_t i = 0; i < PB_COUNT(requests); i++)
		if (span_is(r->verb, requests[i].verb)) {
			if (requests[i].call(sp, r, answer) < 0)
				record_add_num(answer, "error", (uint64_t)errno);
			return;
		}
	bug("a request of no kind");
}

PB_NORETURN static void
run(struct spool *sp, int fd)
{
	static char packet[LIMIT_RECORD];
	struct buf answer;

	buf_init(&answer, LIMIT_RECORD);
	for (;;) {
		ssize_t n = recv(fd, packet, sizeof(packet), 0);
		struct record r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(EXIT_DONE);
		if (!record_parse(span_make(packet, (size_t)n), REFS_MAX + 16, &r))
			bug("a request that is no record");
		serve(sp, &r, &answer);
		record_free(&r);
		if (send(fd, answer.p, answer.n, MSG_NOSIGNAL) < 0)
			_exit(EXIT_DONE);
	}
}

void
helper_start(struct service *svc, struct spool *sp, const struct retry_rules *retry, int fds[HELPERS])
{
	rules = retry;
	for (int i = 0; i < HELPERS; i++) {
		int pair[2];
		pid_t pid;

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			die(EXIT_TRY_LATER, "cannot make a socketpair: %s", strerror(errno));
		pid = fork();
		if (pid < 0)
			die(EXIT_TRY_LATER, "cannot fork: %s", strerror(errno));
		if (pid == 0) {
			for (int k = 0; k < i; k++)
				close(fds[k]);
			close(pair[0]);
			if (svc->master_fd >= 0)
				close(svc->master_fd);
			/* It ends when schedule does, and not before what it was asked is done. */
			signal(SIGTERM, SIG_IGN);
			sandbox_seccomp(SANDBOX_SCHEDULE);
			run(sp, pair[1]);
		}
		close(pair[1]);
		fds[i] = pair[0];
	}
}
