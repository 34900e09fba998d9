/*
 * helpers: the queue of password checks and the questions to the parser.
 *
 * A job belongs to the queue or to a helper's slot until its answer has come;
 * a job whose asker is gone stays (its helper is busy anyway) but calls nobody.
 */
#include "base/base.h"
#include "helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "directory/jwt.h"
#include "helper_process.h"
#include "sys/clock.h"
#include "sys/fdpass.h"

struct hash_job {
	struct hash_job *next;
	char *hash;
	char *password;
	size_t password_n;
	struct hash_asker asker;
	const struct jwt_rules *rules;	/* of a token, which is `password`; NULL: a password */
	int keys_fd;			/* its key set, else -1 */
	bool is_forgotten;		/* nobody asks any more, ctx is freed with the job */
	hash_done *done;
	token_done *token_done;
	void *ctx;
};

struct slot {
	struct helpers *owner;
	int sock;
	uint64_t id;		/* of the question at the helper: an answer to an older one is none */
	struct hash_job *job;	/* at the helper now */
};

struct queue {
	struct hash_job *first, **last;
};

#define CROWD_TURN 4

/* Names and addresses that were wrong lately; another one in its place gives way to a newer. */
#define FAILED_PLACES 4096
#define FAILED_MS 600000

struct failed {
	uint64_t who;
	uint64_t since_ms;
	unsigned count;
};

struct helpers {
	unsigned hashers;
	struct slot slots[HELPERS_MAX];
	int parser, signer;
	uint64_t parse_id, sign_id;
	struct queue fair, crowd;	/* crowd: askers that ask much */
	unsigned turn;			/* one question in CROWD_TURN is the crowd's */
	size_t waiting;
	struct failed failed[FAILED_PLACES];
	char answer[HELPER_ANSWER_MAX];
};

static void
make_pair(int *near_out, int *far_out)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die(EXIT_TRY_LATER, "socketpair: %m");
	*near_out = pair[0];
	*far_out = pair[1];
}

PB_NORETURN static void
become_nursery(const int *far, size_t n, pid_t parent)
{
	int kept[HELPERS_MAX + 2];

	/* Low numbers first, so that everything above them can be closed. */
	for (size_t i = 0; i < n; i++) {
		kept[i] = fcntl(far[i], F_DUPFD_CLOEXEC, 512);
		if (kept[i] < 0)
			die(EXIT_TRY_LATER, "cannot keep a socket: %m");
	}
	die_set_sink(NULL);
	if (close_range(3, 511, 0) < 0)
		die(EXIT_TRY_LATER, "close_range: %m");
	for (size_t i = 0; i < n; i++) {
		if (dup3(kept[i], (int)(3 + i), O_CLOEXEC) < 0)
			die(EXIT_TRY_LATER, "dup3: %m");
		kept[i] = (int)(3 + i);
	}
	if (close_range((unsigned)(3 + n), ~0U, 0) < 0)
		die(EXIT_TRY_LATER, "close_range: %m");
	close(0);
	close(1);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EXIT_TRY_LATER);
	nursery_run(kept, n);
}

struct helpers *
helpers_start(unsigned hashers)
{
	struct helpers *h = mem_new(sizeof(*h));
	int far[HELPERS_MAX + 2];
	pid_t parent = getpid(), pid;

	if (hashers == 0 || hashers > HELPERS_MAX)
		bug("%u password helpers", hashers);
	h->hashers = hashers;
	h->fair.last = &h->fair.first;
	h->crowd.last = &h->crowd.first;
	for (unsigned i = 0; i < hashers; i++) {
		h->slots[i].owner = h;
		make_pair(&h->slots[i].sock, &far[i]);
	}
	make_pair(&h->signer, &far[hashers]);
	make_pair(&h->parser, &far[hashers + 1]);
	pid = fork();
	if (pid < 0)
		die(EXIT_TRY_LATER, "fork: %m");
	if (pid == 0)
		become_nursery(far, hashers + 2, parent);
	for (unsigned i = 0; i < hashers + 2; i++)
		close(far[i]);
	return h;
}

/* -- password checks ------------------------------------------------------ */

static unsigned
failures_of(const struct helpers *h, uint64_t who)
{
	const struct failed *f = &h->failed[who % FAILED_PLACES];

	return who != 0 && f->who == who && clock_ms() - f->since_ms < FAILED_MS ? f->count : 0;
}

static void
count_failure(struct helpers *h, uint64_t who)
{
	struct failed *f = &h->failed[who % FAILED_PLACES];

	if (who == 0)
		return;
	if (failures_of(h, who) == 0)
		*f = (struct failed){ .who = who, .since_ms = clock_ms() };
	f->count++;
}

static bool
has_failed(const struct helpers *h, const struct hash_asker *asker)
{
	return failures_of(h, asker->name) >= HELPERS_FAIR_FAILURES ||
	       failures_of(h, asker->address) >= HELPERS_FAIR_FAILURES;
}

static void
job_free(struct hash_job *job)
{
	mem_wipe(job->password, job->password_n);
	mem_wipe(job->hash, strlen(job->hash));
	if (job->keys_fd >= 0)
		close(job->keys_fd);
	free(job->password);
	free(job->hash);
	free(job);
}

static bool
send_job(struct slot *s, const struct hash_job *job)
{
	struct buf out;
	bool sent;

	buf_init(&out, LIMIT_RECORD);
	record_begin(&out, job->rules != NULL ? "token" : "check");
	record_add_num(&out, "id", ++s->id);
	if (job->rules != NULL) {
		record_add_text(&out, "issuer", job->rules->issuer);
		record_add_text(&out, "audience", job->rules->audience);
		record_add_text(&out, "claim", job->rules->user_claim);
	} else {
		record_add_text(&out, "hash", job->hash);
	}
	record_add(&out, job->rules != NULL ? "token" : "password", span_make(job->password, job->password_n));
	sent = !out.overflow && fdpass_send(s->sock, out.p, out.n, &job->keys_fd, job->keys_fd >= 0 ? 1 : 0) == (ssize_t)out.n;
	mem_wipe(out.p, out.n);
	buf_free(&out);
	return sent;
}

static void
finish(struct hash_job *job, enum hash_result result, struct span text)
{
	if (job->is_forgotten)
		free(job->ctx);
	else if (job->rules != NULL)
		job->token_done(job->ctx, result, text);
	else
		job->done(job->ctx, result);
	job_free(job);
}

static struct hash_job *
take_first(struct queue *q)
{
	struct hash_job *job = q->first;

	if (job == NULL)
		return NULL;
	q->first = job->next;
	if (q->first == NULL)
		q->last = &q->first;
	job->next = NULL;
	return job;
}

static void
put_last(struct queue *q, struct hash_job *job)
{
	*q->last = job;
	q->last = &job->next;
}

/* The first of the fair; those that became known for failing since they came join the crowd. */
static struct hash_job *
take_fair(struct helpers *h)
{
	struct hash_job *job;

	while ((job = take_first(&h->fair)) != NULL && has_failed(h, &job->asker))
		put_last(&h->crowd, job);
	return job;
}

/* The next in turn: the crowd is slowed down, never starved. */
static struct hash_job *
take_next(struct helpers *h)
{
	bool crowd_first = h->turn++ % CROWD_TURN == CROWD_TURN - 1;
	struct hash_job *job = crowd_first ? take_first(&h->crowd) : NULL;

	if (job == NULL)
		job = take_fair(h);
	if (job == NULL)
		job = take_first(&h->crowd);
	if (job != NULL)
		h->waiting--;
	return job;
}

/* Give the idle helper of s the next question that still has an asker. */
static void
feed(struct helpers *h, struct slot *s)
{
	struct hash_job *job;

	while (s->job == NULL && (job = take_next(h)) != NULL) {
		if (job->is_forgotten)
			finish(job, HASH_TROUBLE, SPAN_NONE);
		else if (!send_job(s, job))
			die(EXIT_TRY_LATER, "a password helper cannot be asked: %m");
		else
			s->job = job;
	}
}

/* False for an answer to an older question, whose helper died after answering. */
static bool
read_answer(const struct slot *s, struct span in, enum hash_result *result, struct buf *text)
{
	uint64_t match, id;
	struct record r;
	bool ours = true;

	*result = HASH_TROUBLE;
	if (!record_parse(in, 4, &r))
		return true;
	if (span_is(r.verb, "checked") && record_get_num(&r, "match", 1, &match)
	    && record_get_num(&r, "id", UINT64_MAX, &id)) {
		*result = match == 1 ? HASH_MATCH : HASH_DIFFERS;
		ours = id == s->id;
		if (!buf_span(text, record_get(&r, "text")))
			*result = HASH_TROUBLE;
	}
	record_free(&r);
	return ours;
}

static void
on_answer(void *ctx, int fd, unsigned events PB_UNUSED)
{
	struct slot *s = ctx;
	struct helpers *h = s->owner;
	struct hash_job *job = s->job;
	enum hash_result result = HASH_TROUBLE;
	char text_storage[LIMIT_ADDRESS + 1];
	struct buf text;
	int none = 0;
	ssize_t n = fdpass_recv(fd, h->answer, sizeof(h->answer), NULL, &none);

	if (n == 0)
		die(EXIT_TRY_LATER, "the nursery of helpers is gone");
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	buf_init_fixed(&text, text_storage, sizeof(text_storage));
	if (job == NULL || (n > 0 && !read_answer(s, span_make(h->answer, (size_t)n), &result, &text)))
		return;
	s->job = NULL;
	if (result == HASH_DIFFERS) {
		count_failure(h, job->asker.name);
		count_failure(h, job->asker.address);
	}
	finish(job, result, buf_view(&text));
	feed(h, s);
}

void
helpers_attach(struct helpers *h, struct loop *loop)
{
	for (unsigned i = 0; i < h->hashers; i++)
		if (loop_fd(loop, h->slots[i].sock, LOOP_READ, on_answer, &h->slots[i]) == NULL)
			die(EXIT_TRY_LATER, "cannot watch a helper: %m");
}

static void
count_asker(const struct hash_job *job, const struct hash_asker *asker, unsigned *names, unsigned *addresses)
{
	for (; job != NULL; job = job->next) {
		*names += asker->name != 0 && job->asker.name == asker->name;
		*addresses += asker->address != 0 && job->asker.address == asker->address;
	}
}

/* Has this asker its share of questions already?  Counted anew each time: less than a hash costs. */
static bool
asks_much(const struct helpers *h, const struct hash_asker *asker)
{
	unsigned names = 0, addresses = 0;

	count_asker(h->fair.first, asker, &names, &addresses);
	count_asker(h->crowd.first, asker, &names, &addresses);
	for (unsigned i = 0; i < h->hashers; i++)
		count_asker(h->slots[i].job, asker, &names, &addresses);
	return names >= HELPERS_FAIR_NAME || addresses >= HELPERS_FAIR_ADDRESS || has_failed(h, asker);
}

/* A question for the queue; NULL when that is full. */
static struct hash_job *
job_new(const struct helpers *h, const char *hash, struct span password, const struct hash_asker *asker, void *ctx)
{
	struct hash_job *job;

	if (h->waiting >= HELPERS_QUEUE_MAX)
		return NULL;
	job = mem_new(sizeof(*job));
	job->hash = mem_text(hash);
	job->password = mem_copy(password);
	job->password_n = password.n;
	job->keys_fd = -1;
	job->ctx = ctx;
	job->asker = *asker;
	return job;
}

static struct hash_job *
enqueue(struct helpers *h, struct hash_job *job)
{
	put_last(asks_much(h, &job->asker) ? &h->crowd : &h->fair, job);
	h->waiting++;
	for (unsigned i = 0; i < h->hashers && h->waiting > 0; i++)
		feed(h, &h->slots[i]);
	return job;
}

struct hash_job *
helpers_verify(struct helpers *h, const char *hash, struct span password, const struct hash_asker *asker,
	hash_done *done, void *ctx)
{
	struct hash_job *job = job_new(h, hash, password, asker, ctx);

	if (job == NULL)
		return NULL;
	job->done = done;
	return enqueue(h, job);
}

struct hash_job *
helpers_token(struct helpers *h, struct span token, const struct jwt_rules *rules, int keys_fd,
	const struct hash_asker *asker, token_done *done, void *ctx)
{
	struct hash_job *job = job_new(h, "", token, asker, ctx);

	if (job == NULL) {
		close(keys_fd);
		return NULL;
	}
	job->rules = rules;
	job->keys_fd = keys_fd;
	job->token_done = done;
	return enqueue(h, job);
}

void
helpers_forget(struct hash_job **job)
{
	if (*job != NULL)
		(*job)->is_forgotten = true;
	*job = NULL;
}

/* -- the parser ----------------------------------------------------------- */

/* The next record of that helper, of whatever question; false when there is none in time. */
static bool
next_record(struct helpers *h, int helper, uint64_t deadline, struct record *r)
{
	struct pollfd p = { .fd = helper, .events = POLLIN };
	uint64_t now = clock_ms();
	int none = 0;
	ssize_t n;

	if (now >= deadline || poll(&p, 1, (int)(deadline - now)) <= 0)
		return false;
	n = fdpass_recv(helper, h->answer, sizeof(h->answer), NULL, &none);
	return n > 0 && record_parse(span_make(h->answer, (size_t)n), LIMIT_RECORD, r);
}

/* 1 go on, 0 the end, -1 an error in why. */
static int
use_record(struct helpers *h, const struct record *r, parse_take *take, void *ctx, char *why, size_t size)
{
	uint64_t id;

	if (span_is(r->verb, "lost")) {
		snprintf(why, size, "the parser died");
		return -1;
	}
	if (!record_get_num(r, "id", UINT64_MAX, &id) || id != h->parse_id)
		return 1;
	if (span_is(r->verb, "end"))
		return 0;
	if (span_is(r->verb, "error")) {
		snprintf(why, size, "%.*s", SPAN_ARG(record_get(r, "text")));
		return -1;
	}
	take(ctx, r);
	return 1;
}

static bool
ask_parser(struct helpers *h, const char *kind, int fd)
{
	struct buf out;
	bool sent;

	buf_init(&out, 256);
	record_begin(&out, "parse");
	record_add_num(&out, "id", ++h->parse_id);
	record_add_text(&out, "kind", kind);
	sent = fdpass_send(h->parser, out.p, out.n, &fd, 1) == (ssize_t)out.n;
	buf_free(&out);
	return sent;
}

bool
helpers_parse(struct helpers *h, const char *kind, int fd, parse_take *take, void *ctx, char *why, size_t size)
{
	uint64_t deadline = clock_ms() + HELPERS_PARSE_MS;
	struct record r;
	int go_on = 1;

	if (!ask_parser(h, kind, fd)) {
		snprintf(why, size, "the parser cannot be asked");
		return false;
	}
	while (go_on == 1) {
		if (!next_record(h, h->parser, deadline, &r)) {
			snprintf(why, size, "the parser did not answer");
			return false;
		}
		go_on = use_record(h, &r, take, ctx, why, size);
		record_free(&r);
	}
	return go_on == 0;
}

/* -- the signer ----------------------------------------------------------- */

static bool
ask_signer(struct helpers *h, const char *kind, const char *stamp, int fd, struct span digest)
{
	struct buf out;
	bool sent;

	buf_init(&out, 1024);
	record_begin(&out, "sign");
	record_add_num(&out, "id", ++h->sign_id);
	record_add_text(&out, "kind", kind);
	record_add_text(&out, "stamp", stamp);
	record_add(&out, "digest", digest);
	sent = !out.overflow && fdpass_send(h->signer, out.p, out.n, &fd, 1) == (ssize_t)out.n;
	buf_free(&out);
	return sent;
}

/* False for an answer to an older question; else *good tells. */
static bool
take_signature(const struct helpers *h, const struct record *r, struct buf *out, char *why, size_t size, bool *good)
{
	struct span signature = record_get(r, "signature");
	uint64_t id;

	*good = false;
	if (span_is(r->verb, "lost")) {
		snprintf(why, size, "the signer died");
		return true;
	}
	if (!record_get_num(r, "id", UINT64_MAX, &id) || id != h->sign_id)
		return false;
	*good = signature.n > 0 && buf_span(out, signature);
	if (!*good)
		snprintf(why, size, "%.*s", SPAN_ARG(record_get(r, "error")));
	return true;
}

bool
helpers_sign(struct helpers *h, const char *kind, const char *stamp, int fd, struct span digest, struct buf *out,
	char *why, size_t size)
{
	uint64_t deadline = clock_ms() + HELPERS_SIGN_MS;
	bool good = false, ours = false;
	struct record r;

	if (!ask_signer(h, kind, stamp, fd, digest)) {
		snprintf(why, size, "the signer cannot be asked");
		return false;
	}
	while (!ours) {
		if (!next_record(h, h->signer, deadline, &r)) {
			snprintf(why, size, "the signer did not answer");
			return false;
		}
		ours = take_signature(h, &r, out, why, size, &good);
		record_free(&r);
	}
	return good;
}
