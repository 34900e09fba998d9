/*
 * signer: see signer.h.
 *
 * Trust: an agent may be in the hands of another host.  It gets signatures only
 * for the domain of the job that it was given, and by the keys of that job.
 */
#include "base/base.h"
#include "signer.h"

#include <sys/socket.h>

#include "base/mem.h"
#include "directory/asker.h"
#include "directory/dkim_key.h"
#include "directory/socketmap.h"

struct signer {
	struct service *svc;
	struct asker_owner owner;
	struct asker *asker;
	struct pool *pool;
};

static int
connect_lookup(void *ctx)
{
	struct signer *s = ctx;

	return owner_connect(s->svc, "lookup", SOCK_STREAM | SOCK_NONBLOCK);
}

static void
on_silent(void *ctx, size_t questions)
{
	struct signer *s = ctx;

	log_failure(s->svc, NULL, NULL, "event=directory-silent questions=%zu", questions);
}

struct signer *
signer_new(struct service *svc, struct loop *loop)
{
	struct signer *s = mem_new(sizeof(*s));

	s->svc = svc;
	s->owner = (struct asker_owner){ .connect = connect_lookup, .silent = on_silent, .ctx = s };
	s->asker = asker_new(loop, &s->owner, false);
	return s;
}

void
signer_answers(struct signer *s, struct pool *pool)
{
	s->pool = pool;
}

struct keys_question {
	struct job *job;
	signer_call *call;
	void *ctx;
};

/* A question with two words; *about is copied. */
static void
ask_of(struct signer *s, const char *map, struct span first, struct span second,
	void (*tell)(const struct asker_question *q, struct span reply), const struct keys_question *about)
{
	struct keys_question *k = mem_new(sizeof(*k));
	struct buf key;

	*k = *about;
	buf_init(&key, 2 * LIMIT_ADDRESS + 8);
	buf_printf(&key, "%.*s %.*s", SPAN_ARG(first), SPAN_ARG(second));
	asker_ask(s->asker, map, buf_view(&key), &(struct asker_question){ .tell = tell, .ctx = k });
	buf_free(&key);
}

/* "-" stands for none. */
static struct span
selector(struct span word)
{
	return span_is(word, "-") ? SPAN_NONE : word;
}

static void
on_keys(const struct asker_question *q, struct span reply)
{
	struct keys_question *k = q->ctx;
	struct span data = SPAN_NONE;
	enum socketmap_kind kind = reply.p != NULL ? socketmap_answer(reply, &data) : SOCKETMAP_BAD;

	if (kind == SOCKETMAP_OK) {
		snprintf(k->job->kept, sizeof(k->job->kept), "%.*s", SPAN_ARG(data));
		data = span_of(k->job->kept);
		k->job->sign = span_word(&data);
		k->job->selector[DKIM_RSA] = selector(span_word(&data));
		k->job->selector[DKIM_ED25519] = selector(span_word(&data));
	}
	k->call(k->ctx, kind == SOCKETMAP_OK || kind == SOCKETMAP_NOTFOUND);
	free(k);
}

static void
on_sender(const struct asker_question *q, struct span reply)
{
	struct keys_question *k = q->ctx;
	struct job *j = k->job;
	struct span data = SPAN_NONE;
	enum socketmap_kind kind = reply.p != NULL ? socketmap_answer(reply, &data) : SOCKETMAP_BAD;

	if (kind == SOCKETMAP_OK && data.n > 0 && data.n < sizeof(j->rewritten)) {
		snprintf(j->rewritten, sizeof(j->rewritten), "%.*s", SPAN_ARG(data));
		j->from = span_of(j->rewritten);
	}
	k->call(k->ctx, kind == SOCKETMAP_OK || kind == SOCKETMAP_NOTFOUND);
	free(k);
}

void
signer_sender(struct signer *s, struct job *job, signer_call *call, void *ctx)
{
	ask_of(s, "srs", job->forwarder, job->from, on_sender, &(struct keys_question){ job, call, ctx });
}

void
signer_keys(struct signer *s, struct job *job, signer_call *call, void *ctx)
{
	ask_of(s, "dkim", job->auth, job->author, on_keys, &(struct keys_question){ job, call, ctx });
}

struct wanted {
	struct signer *signer;
	uint64_t number;
};

static void
on_signature(const struct asker_question *q, struct span reply)
{
	struct wanted *w = q->ctx;
	struct span data = SPAN_NONE;

	if (reply.p == NULL || socketmap_answer(reply, &data) != SOCKETMAP_OK)
		data = SPAN_NONE;
	pool_signed(w->signer->pool, w->number, data);
	free(w);
}

void
signer_sign(void *ctx, const struct job *job, uint64_t number, struct span wanted, struct span digest)
{
	struct signer *s = ctx;
	struct wanted *w;
	struct buf key;
	bool ours = false;

	for (int i = 0; i < JOB_KEYS; i++)
		ours = ours || (job->selector[i].n > 0 && span_eq(job->selector[i], wanted));
	if (!ours || digest.n != 2 * DKIM_DIGEST || span_find(digest, ' ') >= 0) {
		pool_signed(s->pool, number, SPAN_NONE);
		return;
	}
	w = mem_new(sizeof(*w));
	*w = (struct wanted){ s, number };
	buf_init(&key, LIMIT_SOCKETMAP);
	buf_printf(&key, "%.*s %.*s %.*s", SPAN_ARG(job->sign), SPAN_ARG(wanted), SPAN_ARG(digest));
	asker_ask(s->asker, "dkim-sign", buf_view(&key), &(struct asker_question){ .tell = on_signature, .ctx = w });
	buf_free(&key);
}
