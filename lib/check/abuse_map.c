/*
 * abuse_map: blocks in sealed shared memory.
 *
 * Trust: readers trust the writer, abuse-check, only so far: whatever stands
 * in the map, a look-up ends after ABUSE_MAP_PROBE slots, and the seals rule
 * out that the memory shrinks under them.
 */
#include "base/base.h"
#include "check/abuse_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sys/random.h"

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
	int fd = memfd_create("abuse-blocks", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct abuse_map *m;

	if (fd < 0)
		return NULL;
	m = ftruncate(fd, sizeof(*m)) == 0 ? mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (m == MAP_FAILED ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return NULL;
	}
	random_fill(m->seed, sizeof(m->seed));
	*fd_out = fd;
	return m;
}

const struct abuse_map *
abuse_map_attach(int fd)
{
	const int need = F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *m;

	if (seals < 0 || fstat(fd, &st) != 0)
		return NULL;
	if ((seals & need) != need || st.st_size != sizeof(struct abuse_map)) {
		errno = EPERM;
		return NULL;
	}
	m = mmap(NULL, sizeof(struct abuse_map), PROT_READ, MAP_SHARED, fd, 0);
	return m != MAP_FAILED ? m : NULL;
}

static size_t
place(const struct abuse_map *m, const uint8_t key[16], size_t probe)
{
	return (abuse_hash(m->seed, key, 0) + probe) % ABUSE_MAP_SLOTS;
}

static void
write_slot(struct abuse_slot *slot, const struct abuse_slot *value)
{
	uint32_t sequence = __atomic_load_n(&slot->sequence, __ATOMIC_RELAXED);

	__atomic_store_n(&slot->sequence, sequence + 1, __ATOMIC_SEQ_CST);
	slot->services = value->services;
	slot->until_s = value->until_s;
	memcpy(slot->key, value->key, 16);
	__atomic_store_n(&slot->sequence, sequence + 2, __ATOMIC_SEQ_CST);
}

/* A consistent copy; false while the writer is at it. */
static bool
read_slot(const struct abuse_slot *slot, struct abuse_slot *out)
{
	uint32_t before = __atomic_load_n(&slot->sequence, __ATOMIC_SEQ_CST);

	if (before & 1)
		return false;
	memcpy(out, slot, sizeof(*out));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&slot->sequence, __ATOMIC_SEQ_CST) == before;
}

static struct abuse_slot *
find(struct abuse_map *m, const uint8_t key[16])
{
	for (size_t i = 0; i < ABUSE_MAP_PROBE; i++) {
		struct abuse_slot *slot = &m->slots[place(m, key, i)];

		if (slot->until_s != 0 && memcmp(slot->key, key, 16) == 0)
			return slot;
	}
	return NULL;
}

void
abuse_map_block(struct abuse_map *m, const uint8_t key[16], uint32_t services, int64_t until_s, int64_t now_s)
{
	struct abuse_slot value = { .services = services, .until_s = until_s };
	struct abuse_slot *slot = find(m, key);

	if (slot != NULL && slot->until_s > now_s) {
		value.services |= slot->services;
		value.until_s = slot->until_s > until_s ? slot->until_s : until_s;
	}
	for (size_t i = 0; slot == NULL && i < ABUSE_MAP_PROBE; i++)
		if (m->slots[place(m, key, i)].until_s <= now_s)
			slot = &m->slots[place(m, key, i)];
	if (slot == NULL) {
		slot = &m->slots[place(m, key, 0)];
		for (size_t i = 1; i < ABUSE_MAP_PROBE; i++)
			if (m->slots[place(m, key, i)].until_s < slot->until_s)
				slot = &m->slots[place(m, key, i)];
	}
	memcpy(value.key, key, 16);
	write_slot(slot, &value);
}

bool
abuse_map_lift(struct abuse_map *m, const uint8_t key[16])
{
	struct abuse_slot *slot = find(m, key);
	struct abuse_slot none = { 0 };

	if (slot == NULL)
		return false;
	write_slot(slot, &none);
	return true;
}

bool
abuse_map_is_blocked(const struct abuse_map *m, const uint8_t key[16], int service, int64_t now_s)
{
	for (size_t i = 0; i < ABUSE_MAP_PROBE; i++) {
		struct abuse_slot slot;

		if (!read_slot(&m->slots[place(m, key, i)], &slot) || slot.until_s <= now_s)
			continue;
		if (memcmp(slot.key, key, 16) == 0)
			return slot.services >> service & 1;
	}
	return false;
}
