/*
 * limits: see limits.h.
 *
 * Two addresses in one slot replace each other; a slot is known by a 64-bit
 * hash under a random seed, so nobody outside chooses who shares one.
 */
#include "base/base.h"
#include "limits.h"
#include "domain_space.h"
#include "nearly_full.h"

#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "directory/directory.h"
#include "service/service.h"
#include "store/maildir.h"
#include "store/quota.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/random.h"

#define SLOTS 4096
/* After a failure auth-check is left alone for so long. */
#define RETRY_MS 5000

struct kept {
	uint64_t hash;
	uint64_t until_ms;	/* 0: the slot is free */
	uint64_t bytes;
};

struct limits {
	struct service *svc;
	struct directory *directory;	/* NULL: not connected */
	uint64_t retry_ms;		/* not before this time */
	uint64_t seed;
	struct nearly_full *nearly_full;
	struct domain_space *space;
	struct kept slots[SLOTS];
};

struct limits *
limits_new(struct service *svc)
{
	struct limits *l = mem_new(sizeof(*l));

	l->svc = svc;
	l->seed = random_u64();
	l->nearly_full = nearly_full_new();
	l->space = domain_space_new();
	return l;
}

static bool
is_connected(struct limits *l, uint64_t now)
{
	int fd;

	if (l->directory != NULL && directory_lookup_is_up(l->directory))
		return true;
	directory_free(&l->directory);
	if (now < l->retry_ms)
		return false;
	l->retry_ms = now + RETRY_MS;
	fd = owner_connect(l->svc, "lookup", SOCK_STREAM | SOCK_NONBLOCK);	/* mail does not wait for it */
	if (fd >= 0)
		l->directory = directory_new(fd, -1);
	return fd >= 0;
}

/* A limit that was taken back is taken out of the Maildir too. */
static void
forget_limit(struct limits *l, int domains, const char *path)
{
	struct quota q;
	int dir = maildir_open_dir(domains, path);
	int fd = dir < 0 ? -1 : maildir_open_file(dir, "maildirsize");

	if (fd >= 0 && quota_read(dir, &q) == 0 && q.limit_bytes > 0 && quota_set_limit(dir, 0, q.limit_count) != 0)
		log_failure(l->svc, NULL, NULL, "event=quota-not-written path=%s", path);
	file_close(&fd);
	file_close(&dir);
}

/* The limit of an address; 0 when it has none, or when nobody can say. */
static uint64_t
limit_of(struct limits *l, int domains, const char *path, struct span address)
{
	uint64_t now = clock_ms(), hash = hash_keyed(l->seed, address), bytes;
	struct kept *k = &l->slots[hash % SLOTS];

	if (k->hash == hash && k->until_ms > now)
		return k->bytes;
	if (!is_connected(l, now))
		return 0;
	if (directory_mailbox_limit(l->directory, address, &bytes) < 0) {
		l->retry_ms = clock_ms() + RETRY_MS;
		log_failure(l->svc, NULL, NULL, "event=limits-unknown");
		return 0;
	}
	if (bytes == 0)
		forget_limit(l, domains, path);
	*k = (struct kept){ .hash = hash, .until_ms = now + LIMITS_KEEP_MS, .bytes = bytes };
	return bytes;
}

static uint64_t
size_of(int message)
{
	struct stat st;

	return fstat(message, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

/* What will be left when `more` bytes are added. */
static void
note_room(struct limits *l, const struct quota *q, struct span address, const char *path, uint64_t more)
{
	uint64_t used = q->bytes + more;
	bool is_up = is_connected(l, clock_ms());

	nearly_full_note(l->nearly_full, is_up ? l->directory : NULL, address, path,
		used < q->limit_bytes ? q->limit_bytes - used : 0);
}

bool
limits_look(struct limits *l, int domains)
{
	if (domains >= 0 && nearly_full_any(l->nearly_full))
		nearly_full_look(l->nearly_full, is_connected(l, clock_ms()) ? l->directory : NULL, domains);
	if (domains >= 0 && domain_space_owes(l->space))
		domain_space_tell(l->space, is_connected(l, clock_ms()) ? l->directory : NULL);
	return nearly_full_any(l->nearly_full) || domain_space_owes(l->space);
}

/* Is there room in the mailbox itself? */
static bool
mailbox_allows(struct limits *l, int domains, const char *path, struct span address, int message, bool *is_limited)
{
	uint64_t limit = limit_of(l, domains, path, address);
	struct quota q;
	bool good = true;
	int dir;

	*is_limited = limit > 0;
	if (limit == 0 || (dir = maildir_open_dir(domains, path)) < 0)
		return true;	/* delivering will say what is wrong with it */
	if (quota_read(dir, &q) == 0) {
		/* The server programs read the limit from the Maildir. */
		if (q.limit_bytes != limit && quota_set_limit(dir, limit, q.limit_count) != 0)
			log_failure(l->svc, NULL, NULL, "event=quota-not-written path=%s", path);
		q.limit_bytes = limit;
		good = quota_has_room(&q, size_of(message), 1);
		note_room(l, &q, address, path, good ? size_of(message) : 0);
	}
	file_close(&dir);
	return good;
}

static struct span
domain_of(struct span address)
{
	return span_from(address, (size_t)(span_rfind(address, '@') + 1));
}

/* Does mail for postmaster of the account's domain come to it? */
static bool
is_postmaster(struct limits *l, struct span address)
{
	struct directory_targets targets;
	char text[LIMIT_DOMAIN + 16];
	bool found = false;

	snprintf(text, sizeof(text), "postmaster@%.*s", SPAN_ARG(span_first(domain_of(address), LIMIT_DOMAIN)));
	if (directory_expand(l->directory, span_of(text), &targets) == RCPT_TROUBLE)
		return false;
	for (size_t i = 0; i < targets.count; i++)
		found |= targets.at[i].is_mailbox && span_eq(address, span_of(targets.at[i].address));
	directory_targets_free(&targets);
	return found;
}

static struct directory *
directory_of(struct limits *l)
{
	return is_connected(l, clock_ms()) ? l->directory : NULL;
}

/* A connection that did not answer is left alone for a while. */
static void
note_silence(struct limits *l)
{
	if (l->directory != NULL && !directory_lookup_is_up(l->directory)) {
		l->retry_ms = clock_ms() + RETRY_MS;
		log_failure(l->svc, NULL, NULL, "event=limits-unknown");
	}
}

static bool
domain_allows(struct limits *l, struct span address, uint64_t bytes)
{
	if (domain_space_allows(l->space, directory_of(l), domain_of(address), bytes)) {
		note_silence(l);
		return true;
	}
	if (bytes <= LIMIT_POSTMASTER && is_postmaster(l, address))
		return true;
	if (directory_space_refused(l->directory, domain_of(address)) != 0)
		log_failure(l->svc, NULL, NULL, "event=limits-unknown");
	return false;
}

enum limits_answer
limits_allow(struct limits *l, int domains, const char *path, struct span address, int message, bool *is_limited)
{
	if (!mailbox_allows(l, domains, path, address, message, is_limited))
		return LIMITS_MAILBOX_FULL;
	return domain_allows(l, address, size_of(message)) ? LIMITS_ROOM : LIMITS_DOMAIN_FULL;
}

void
limits_count(struct limits *l, int domains, const char *path, struct span address, int message, bool is_limited)
{
	int dir = is_limited ? maildir_open_dir(domains, path) : -1;

	if (dir >= 0)
		quota_add(dir, (int64_t)size_of(message), 1);
	file_close(&dir);
	domain_space_count(l->space, directory_of(l), domain_of(address), size_of(message));
	note_silence(l);
}
