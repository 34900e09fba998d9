/* rooms: see rooms.h. */
#include "base/base.h"
#include "rooms.h"

#include "base/hash.h"
#include "base/mem.h"
#include "sys/random.h"

#define SLOTS 8192

struct room {
	uint64_t hash, until_ms, bytes;
};

struct rooms {
	uint64_t seed;		/* so that nobody outside chooses who shares a slot */
	struct room slots[SLOTS];
};

struct rooms *
rooms_new(void)
{
	struct rooms *r = mem_new(sizeof(*r));

	r->seed = random_u64();
	return r;
}

void
rooms_note(struct rooms *r, struct span address, uint64_t bytes, uint64_t now_ms)
{
	uint64_t hash = hash_keyed(r->seed, address);

	r->slots[hash % SLOTS] = (struct room){ hash, now_ms + ROOMS_KEEP_MS, bytes };
}

void
rooms_forget(struct rooms *r, struct span address)
{
	uint64_t hash = hash_keyed(r->seed, address);

	if (r->slots[hash % SLOTS].hash == hash)
		r->slots[hash % SLOTS].until_ms = 0;
}

bool
rooms_find(const struct rooms *r, struct span address, uint64_t now_ms, uint64_t *bytes_out)
{
	uint64_t hash = hash_keyed(r->seed, address);
	const struct room *at = &r->slots[hash % SLOTS];

	*bytes_out = at->bytes;
	return at->hash == hash && at->until_ms > now_ms;
}
