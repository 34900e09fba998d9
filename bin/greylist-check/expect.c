/* expect: see expect.h.  Key "e" and the mailbox; the value is empty, its expiry is the end. */
#include "base/base.h"
#include "expect.h"

#include <errno.h>
#include <pthread.h>
#include "base/buf.h"

struct waiting {
	char mailbox[LIMIT_ADDRESS + 1];
	int64_t until;
};

static struct {
	pthread_mutex_t lock;
	struct state *db;
	size_t count;
	int64_t last;		/* the latest `until` */
	struct waiting at[LIMIT_EXPECTED];
} waiting = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct span
make_key(struct span mailbox, char storage[LIMIT_ADDRESS + 2])
{
	struct buf b;

	buf_init_fixed(&b, storage, LIMIT_ADDRESS + 2);
	buf_char(&b, 'e');
	buf_span(&b, span_first(mailbox, LIMIT_ADDRESS));
	return buf_view(&b);
}

/* Under the lock, as all of the following. */
static struct waiting *
find(struct span mailbox)
{
	for (size_t i = 0; i < waiting.count; i++)
		if (span_is(mailbox, waiting.at[i].mailbox))
			return &waiting.at[i];
	return NULL;
}

static void
drop(struct waiting *w)
{
	*w = waiting.at[--waiting.count];
}

static void
drop_ended(int64_t now)
{
	for (size_t i = waiting.count; i > 0; i--)
		if (waiting.at[i - 1].until <= now)
			drop(&waiting.at[i - 1]);
}

static bool
note(struct span mailbox, int64_t until)
{
	struct waiting *w = find(mailbox);

	if (w == NULL && waiting.count == LIMIT_EXPECTED)
		return false;
	if (w == NULL)
		w = &waiting.at[waiting.count++];
	snprintf(w->mailbox, sizeof(w->mailbox), "%.*s", SPAN_ARG(mailbox));
	w->until = until;
	if (until > waiting.last)
		waiting.last = until;
	return true;
}

static int
load_one(struct span key, struct span value PB_UNUSED, int64_t until, void *ctx PB_UNUSED)
{
	if (key.n < 2 || key.p[0] != 'e')
		return 1;
	return note(span_from(key, 1), until) ? 0 : 1;
}

int
expect_open(struct state *db, int64_t now)
{
	waiting.db = db;
	return state_each(db, SPAN("e"), now, load_one, NULL) < 0 ? -1 : 0;
}

int
expect_add(struct span mailbox, int64_t until, int64_t now)
{
	char storage[LIMIT_ADDRESS + 2];
	struct span key = make_key(mailbox, storage);
	int result = -1;

	pthread_mutex_lock(&waiting.lock);
	drop_ended(now);
	if (!note(span_from(key, 1), until))
		errno = ENOSPC;
	else
		result = state_put(waiting.db, key, SPAN(""), until);
	pthread_mutex_unlock(&waiting.lock);
	return result;
}

int
expect_end(struct span mailbox, int64_t now)
{
	char storage[LIMIT_ADDRESS + 2];
	struct span key = make_key(mailbox, storage);
	struct waiting *w;
	int result = 0;

	pthread_mutex_lock(&waiting.lock);
	drop_ended(now);
	w = find(span_from(key, 1));
	if (w != NULL) {
		drop(w);
		result = state_delete(waiting.db, key) < 0 ? -1 : 1;
	}
	pthread_mutex_unlock(&waiting.lock);
	return result;
}

int64_t
expect_until(const char *mailbox, int64_t now)
{
	const struct waiting *w;
	int64_t until = 0;

	pthread_mutex_lock(&waiting.lock);
	w = find(span_of(mailbox));
	if (w != NULL && w->until > now)
		until = w->until;
	pthread_mutex_unlock(&waiting.lock);
	return until;
}

bool
expect_any(int64_t now)
{
	bool any;

	pthread_mutex_lock(&waiting.lock);
	any = waiting.count > 0 && waiting.last > now;
	pthread_mutex_unlock(&waiting.lock);
	return any;
}

void
expect_each(int64_t now, expect_fn *fn, void *ctx)
{
	pthread_mutex_lock(&waiting.lock);
	drop_ended(now);
	for (size_t i = 0; i < waiting.count; i++)
		fn(waiting.at[i].mailbox, waiting.at[i].until, ctx);
	pthread_mutex_unlock(&waiting.lock);
}
