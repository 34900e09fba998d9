/*
 * abuse_map: blocks in sealed shared memory.
 *
 * Trust: readers cannot write or resize it (memfd seals), and whatever the
 * writer puts there, a look-up is one read of fixed size, and a second one of a
 * block that was found.
 */
#include "base/base.h"
#include "check/abuse_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "sys/random.h"
#include "sys/shared_page.h"

static const char *const names[ABUSE_SERVICES] = { "smtp", "pop3", "imap" };

int
abuse_service_named(struct span name)
{
	for (int i = 0; i < ABUSE_SERVICES; i++)
		if (span_is(name, names[i]))
			return i;
	return span_is(name, "pop") ? ABUSE_POP : -1;
}

const char *
abuse_service_name(int service)
{
	return names[service];
}

void
abuse_key(const struct addr *ip, uint8_t key[16])
{
	struct addr counted = addr_prefix(ip, 32, 64);

	memset(key, 0, 16);
	if (counted.family == AF_INET6) {
		memcpy(key, counted.ip, 16);
		return;
	}
	key[10] = key[11] = 0xff;
	memcpy(key + 12, counted.ip, 4);
}

void
abuse_key_addr(const uint8_t key[16], struct addr *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	*out = (struct addr){ .family = AF_INET6 };
	memcpy(out->ip, key, 16);
	if (memcmp(key, mapped, sizeof(mapped)) != 0)
		return;
	*out = (struct addr){ .family = AF_INET };
	memcpy(out->ip, key + 12, 4);
}

/* Two rounds of folded multiplication; the seed is secret and random. */
uint64_t
abuse_hash(const uint64_t seed[2], const uint8_t key[16], uint64_t purpose)
{
	uint64_t part[2];
	unsigned __int128 product;
	uint64_t h;

	memcpy(part, key, 16);
	product = (unsigned __int128)(part[0] ^ seed[0]) * (part[1] ^ seed[1] ^ 0x9e3779b97f4a7c15u);
	h = (uint64_t)product ^ (uint64_t)(product >> 64);
	product = (unsigned __int128)(h ^ seed[1]) * (purpose ^ seed[0] ^ 0xd1b54a32d192ed03u);
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

struct abuse_map *
abuse_map_new(int *fd_out)
{
	struct abuse_map *m = shared_page_new("abuse-blocks", sizeof(*m), fd_out);

	if (m == NULL)
		return NULL;
	random_fill(m->seed, sizeof(m->seed));
	return m;
}

/* The first of a key's ABUSE_MAP_PROBE places. */
static size_t
first_place(const uint64_t seed[2], const uint8_t key[16])
{
	return abuse_hash(seed, key, 0) % ABUSE_MAP_SLOTS;
}

static void
write_slot(struct abuse_slot *slot, const struct abuse_slot *value)
{
	uint64_t sequence = __atomic_load_n(&slot->sequence, __ATOMIC_RELAXED);

	__atomic_store_n(&slot->sequence, sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);	/* it is odd before anything changes */
	memcpy(slot->until_s, value->until_s, sizeof(slot->until_s));
	memcpy(slot->key, value->key, 16);
	__atomic_store_n(&slot->sequence, sequence + 2, __ATOMIC_RELEASE);
}

/* When the last block of a slot ends; 0: the slot is free. */
static int64_t
end_of(const struct abuse_slot *slot)
{
	int64_t end = 0;

	for (int i = 0; i < ABUSE_SERVICES; i++)
		if (slot->until_s[i] > end)
			end = slot->until_s[i];
	return end;
}

static struct abuse_slot *
find(struct abuse_map *m, const uint8_t key[16])
{
	struct abuse_slot *slot = &m->slots[first_place(m->seed, key)];

	for (size_t i = 0; i < ABUSE_MAP_PROBE; i++, slot++)
		if (end_of(slot) != 0 && memcmp(slot->key, key, 16) == 0)
			return slot;
	return NULL;
}

/* A free or expired slot ends before any other. */
static struct abuse_slot *
first_to_end(struct abuse_slot *row)
{
	struct abuse_slot *first = row;

	for (size_t i = 1; i < ABUSE_MAP_PROBE; i++)
		if (end_of(&row[i]) < end_of(first))
			first = &row[i];
	return first;
}

bool
abuse_map_block(struct abuse_map *m, const uint8_t key[16], int service, int64_t until_s, int64_t now_s,
	uint8_t lost[16])
{
	struct abuse_slot *slot = find(m, key), value = { .sequence = 0 };
	bool gives_way = false;

	if (slot == NULL) {
		slot = first_to_end(&m->slots[first_place(m->seed, key)]);
		gives_way = end_of(slot) > now_s;
		memcpy(lost, slot->key, 16);
	} else {
		value = *slot;
	}
	for (int i = 0; i < ABUSE_SERVICES; i++)
		if (value.until_s[i] <= now_s)
			value.until_s[i] = 0;
	if (value.until_s[service] < until_s)
		value.until_s[service] = until_s;
	memcpy(value.key, key, 16);
	write_slot(slot, &value);
	return gives_way;
}

void
abuse_map_lift(struct abuse_map *m, const uint8_t key[16], int service)
{
	struct abuse_slot *slot = find(m, key), value;

	if (slot == NULL)
		return;
	value = *slot;
	value.until_s[service] = 0;
	write_slot(slot, &value);
}

/* The place of the slot that blocks the key; -1: none. */
static int
blocking_slot(const struct abuse_slot *row, const uint8_t key[16], int service, int64_t now_s)
{
	for (int i = 0; i < ABUSE_MAP_PROBE; i++)
		if (!(row[i].sequence & 1) && row[i].until_s[service] > now_s && memcmp(row[i].key, key, 16) == 0)
			return i;
	return -1;
}

bool
abuse_map_is_blocked(const struct abuse_map *m, const uint8_t key[16], int service, int64_t now_s)
{
	return blocking_slot(&m->slots[first_place(m->seed, key)], key, service, now_s) >= 0;
}

bool
abuse_map_seed(int fd, uint64_t seed[2])
{
	return pread(fd, seed, sizeof(uint64_t) * 2, 0) == sizeof(uint64_t) * 2;
}

int
abuse_map_asks(int fd, const uint64_t seed[2], const uint8_t key[16], int service, int64_t now_s)
{
	struct abuse_slot row[ABUSE_MAP_PROBE], again;
	size_t at = offsetof(struct abuse_map, slots) + first_place(seed, key) * sizeof(row[0]);
	int i;

	if (pread(fd, row, sizeof(row), (off_t)at) != sizeof(row))
		return -1;
	i = blocking_slot(row, key, service, now_s);
	if (i < 0)
		return 0;
	/*
	 * The copy may hold parts of two blocks.  What was read whole is there still, with
	 * the same number: a slot never gets one twice.
	 */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (pread(fd, &again, sizeof(again), (off_t)(at + (size_t)i * sizeof(again))) != sizeof(again))
		return -1;
	return memcmp(&again, &row[i], sizeof(again)) == 0;
}
