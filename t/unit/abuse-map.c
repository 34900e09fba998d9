/* abuse-map: blocks published in sealed memory. */
#include "base/base.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "check/abuse_map.h"

#define ADDRESSES 1000000

static struct abuse_map *map;
static int map_fd;
static uint64_t seed[2];

/* What a reader's copy of a slot is to hold that the writer was changing: NULL for nothing. */
static const struct abuse_slot *torn;
static unsigned reads;

ssize_t __real_pread(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at);

ssize_t
__wrap_pread(int fd, void *p, size_t n, off_t at)
{
	ssize_t got = __real_pread(fd, p, n, at);
	struct abuse_slot *row = p;

	if (torn == NULL || reads++ > 0)
		return got;
	for (size_t i = 0; i < n / sizeof(*row); i++)
		if (row[i].sequence == torn->sequence)
			row[i] = *torn;
	return got;
}

static bool
key_of(const char *ip, uint8_t key[16])
{
	struct addr a;

	if (!addr_parse(span_of(ip), &a))
		return false;
	abuse_key(&a, key);
	return true;
}

/* The same answer from the writer's and the reader's side; -2 when they differ. */
static int
asks(const char *ip, int service, int64_t now)
{
	uint8_t key[16];
	int writer, reader;

	if (!key_of(ip, key))
		return -1;
	writer = abuse_map_is_blocked(map, key, service, now);
	reader = abuse_map_asks(map_fd, seed, key, service, now);
	return writer == reader ? writer : -2;
}

/* True when another block gave way. */
static bool
block(const char *ip, int service, int64_t until, int64_t now)
{
	uint8_t key[16], lost[16];

	return key_of(ip, key) && abuse_map_block(map, key, service, until, now, lost);
}

static void
lift(const char *ip, int service)
{
	uint8_t key[16];

	if (key_of(ip, key))
		abuse_map_lift(map, key, service);
}

static bool
goes_round(const char *ip, const char *back)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;
	uint8_t key[16];

	if (!key_of(ip, key))
		return false;
	abuse_key_addr(key, &a);
	return strcmp(addr_print(&a, text, sizeof(text)), back) == 0;
}

static void
blocks(void)
{
	is_num(asks("192.0.2.1", ABUSE_SMTP, 1000), 0, "nobody is blocked at first");
	block("192.0.2.1", ABUSE_SMTP, 1060, 1000);
	is_num(asks("192.0.2.1", ABUSE_SMTP, 1000), 1, "a block");
	is_num(asks("192.0.2.1", ABUSE_POP, 1000), 0, "is for its service");
	is_num(asks("192.0.2.2", ABUSE_SMTP, 1000), 0, "and its address");
	is_num(asks("::ffff:192.0.2.1", ABUSE_SMTP, 1000), 1, "also when that is written as IPv6");
	is_num(asks("192.0.2.1", ABUSE_SMTP, 1059), 1, "until it ends");
	is_num(asks("192.0.2.1", ABUSE_SMTP, 1060), 0, "and no longer");
	block("192.0.2.1", ABUSE_SMTP, 1030, 1010);
	is_num(asks("192.0.2.1", ABUSE_SMTP, 1050), 1, "a second block does not shorten the first");
	block("192.0.2.1", ABUSE_POP, 1030, 1010);
	is_num(asks("192.0.2.1", ABUSE_POP, 1020), 1, "another service joins");
	is_num(asks("192.0.2.1", ABUSE_POP, 1030), 0, "for its own time");
	is_num(asks("192.0.2.1", ABUSE_SMTP, 1050), 1, "and leaves the other its");
	block("2001:db8:1:2::1", ABUSE_IMAP, 1060, 1000);
	is_num(asks("2001:db8:1:2:ffff::9", ABUSE_IMAP, 1001), 1, "IPv6 is blocked by /64");
	is_num(asks("2001:db8:1:3::1", ABUSE_IMAP, 1001), 0, "and the next /64 is free");
	lift("192.0.2.1", ABUSE_SMTP);
	is_num(asks("192.0.2.1", ABUSE_SMTP, 1001), 0, "a block is lifted");
	is_num(asks("192.0.2.1", ABUSE_POP, 1001), 1, "and the other stays");
	lift("192.0.2.9", ABUSE_SMTP);
	ok(goes_round("192.0.2.1", "192.0.2.1") && goes_round("2001:db8:1:2:3::4", "2001:db8:1:2::"),
	   "a key tells its network");
}

/* Whatever is done with the descriptor, the memory stays as it is. */
static void
sealed(void)
{
	char path[64];
	int again;

	errno = 0;
	ok(write(map_fd, "xxxxxxxx", 8) < 0 && errno == EPERM, "a reader cannot write");
	ok(pwrite(map_fd, "xxxxxxxx", 8, 64) < 0 && errno == EPERM, "anywhere");
	ok(ftruncate(map_fd, 0) < 0 && errno == EPERM, "nor cut it");
	ok(ftruncate(map_fd, 1 << 24) < 0 && errno == EPERM, "nor make it longer");
	ok(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0) == MAP_FAILED, "nor map it for writing");
	ok(fcntl(map_fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0, "nor change the seals");
	ok(fallocate(map_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0, "nor punch holes");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", map_fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	ok(again < 0 || (write(again, "xxxxxxxx", 8) < 0 && ftruncate(again, 0) < 0), "nor by opening it again");
	if (again >= 0)
		close(again);
}

static void
flood(void)
{
	struct stat st;
	char ip[32];
	uint32_t blocked = 0, lost = 0, still = 0;

	lift("192.0.2.1", ABUSE_POP);
	lift("2001:db8:1:2::1", ABUSE_IMAP);
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		snprintf(ip, sizeof(ip), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		lost += block(ip, ABUSE_SMTP, 2000 + i, 1000);
		blocked += asks(ip, ABUSE_SMTP, 1001) == 1;
	}
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		char other[32];

		snprintf(other, sizeof(other), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		still += asks(other, ABUSE_SMTP, 1001) == 1;
	}
	is_num(blocked, ADDRESSES, "each of a million is blocked when it is put in");
	is_num(still, ADDRESSES - lost, "and every one that gave way was told of");
	ok(still <= ABUSE_MAP_SLOTS + ABUSE_MAP_PROBE && still > ABUSE_MAP_SLOTS / 2, "the map is full of the others");
	is_num(asks(ip, ABUSE_SMTP, 1001), 1, "the last one still is");
	is_num(fstat(map_fd, &st) == 0 ? st.st_size : -1, (long long)sizeof(struct abuse_map), "in the memory of the start");
}

/* The key of a block that gave way, with the time of the one that took its place. */
static void
torn_copies(void)
{
	const int64_t now = 3000000;
	struct abuse_slot mixed = { .until_s = { now + 60 } };
	uint8_t key[16], other[16];

	ok(key_of("198.51.100.1", key) && key_of("198.51.100.2", other), "two addresses");
	(void)abuse_map_block(map, key, ABUSE_SMTP, now + 60, now, mixed.key);
	for (size_t i = 0; i < ABUSE_MAP_SLOTS + ABUSE_MAP_PROBE; i++)
		if (memcmp(map->slots[i].key, key, 16) == 0 && map->slots[i].until_s[ABUSE_SMTP] == now + 60) {
			map->slots[i].sequence += 2 * ABUSE_MAP_SLOTS;		/* a number that no other has */
			memcpy(map->slots[i].key, other, 16);
			mixed.sequence = map->slots[i].sequence;
		}
	memcpy(mixed.key, key, 16);
	torn = &mixed;
	reads = 0;
	is_num(abuse_map_asks(map_fd, seed, key, ABUSE_SMTP, now), 0, "a slot that was changed while it was read blocks nobody");
	is_num(reads, 2, "which a second look tells");
	torn = NULL;
}

int
main(void)
{
	map = abuse_map_new(&map_fd);
	if (map == NULL || !abuse_map_seed(map_fd, seed))
		return 1;
	blocks();
	sealed();
	flood();
	torn_copies();
	is_num(abuse_service_named(SPAN("pop")), ABUSE_POP, "POP has two names");
	is_num(abuse_service_named(SPAN("smtpx")), -1, "other names are none");
	return done();
}
