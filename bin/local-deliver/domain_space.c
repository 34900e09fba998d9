/*
 * domain_space: see domain_space.h.
 *
 * Two domains in one slot replace each other, after what is owed for the first was
 * told; when it cannot be told it is lost to the sum until the next count.
 */
#include "base/base.h"
#include "domain_space.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "directory/directory.h"
#include "sys/clock.h"
#include "sys/random.h"

#define SLOTS 1024
/* Agents that may use of the same room at once. */
#define SHARERS LIMIT_DELIVER_AGENTS

struct slot {
	char domain[LIMIT_DOMAIN + 1];	/* "": free */
	uint64_t owed;			/* bytes delivered and not told yet */
	uint64_t left;			/* what the domain takes, as of asked_ms */
	uint64_t share;			/* what is ours of it without asking again */
	uint64_t asked_ms;		/* 0: not asked yet */
};

struct domain_space {
	uint64_t seed;			/* so that nobody outside chooses who shares a slot */
	size_t owing;			/* slots with something owed */
	struct slot slots[SLOTS];
};

struct domain_space *
domain_space_new(void)
{
	struct domain_space *w = mem_new(sizeof(*w));

	w->seed = random_u64();
	return w;
}

bool
domain_space_owes(const struct domain_space *w)
{
	return w->owing > 0;
}

/* False, and nothing changed, when nobody answers. */
static bool
ask(struct domain_space *w, struct directory *d, struct slot *s)
{
	if (d == NULL || directory_tell_space(d, span_of(s->domain), s->owed, &s->left) != 0)
		return false;
	w->owing -= s->owed > 0;
	s->owed = 0;
	s->share = s->left / SHARERS;
	s->asked_ms = clock_ms();
	return true;
}

/* NULL for a name that is too long to be a domain. */
static struct slot *
find(struct domain_space *w, struct directory *d, struct span domain)
{
	struct slot *s = &w->slots[hash_keyed(w->seed, domain) % SLOTS];

	if (domain.n == 0 || domain.n > LIMIT_DOMAIN)
		return NULL;
	if (span_is(domain, s->domain))
		return s;
	if (s->owed > 0 && !ask(w, d, s))
		w->owing--;
	*s = (struct slot){ .owed = 0 };
	memcpy(s->domain, domain.p, domain.n);
	return s;
}

bool
domain_space_allows(struct domain_space *w, struct directory *d, struct span domain, uint64_t bytes)
{
	struct slot *s = find(w, d, domain);

	if (s == NULL)
		return true;	/* delivering will say what is wrong with it */
	if (s->asked_ms != 0 && clock_ms() - s->asked_ms < DOMAIN_SPACE_MS && bytes <= s->share)
		return true;
	return !ask(w, d, s) || bytes <= s->left;
}

void
domain_space_count(struct domain_space *w, struct directory *d, struct span domain, uint64_t bytes)
{
	struct slot *s = find(w, d, domain);

	if (s == NULL || bytes == 0)
		return;
	w->owing += s->owed == 0;
	s->owed += bytes;
	if (bytes <= s->share)
		s->share -= bytes;
	else
		(void)ask(w, d, s);	/* what is owed stays owed when nobody answers */
}

void
domain_space_tell(struct domain_space *w, struct directory *d)
{
	uint64_t now = clock_ms();

	for (size_t i = 0; i < SLOTS && w->owing > 0; i++) {
		struct slot *s = &w->slots[i];

		if (s->owed > 0 && (s->asked_ms == 0 || now - s->asked_ms >= DOMAIN_SPACE_MS) && !ask(w, d, s))
			return;
	}
}
