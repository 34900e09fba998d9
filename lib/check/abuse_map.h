/*
 * abuse_map: the present blocks, published by abuse-check to all who listen,
 * as a table in shared memory that only abuse-check can write.
 *
 * A look-up is one pread of ABUSE_MAP_PROBE slots, and another of the slot that
 * blocks, to see that it was not changed meanwhile: sessions may not map files
 * shared (a writable mapping of a message would outlive its descriptor), and
 * a call costs less than a question.  Addresses are blocked as they are
 * counted: IPv4 whole, IPv6 by /64.
 */
#ifndef CHECK_ABUSE_MAP_H
#define CHECK_ABUSE_MAP_H

#include "base/base.h"
#include "net/addr.h"

#define ABUSE_MAP_SLOTS 16384
#define ABUSE_MAP_PROBE 16

/* Services as bits and as array index. */
enum abuse_service { ABUSE_SMTP = 0, ABUSE_POP = 1, ABUSE_IMAP = 2, ABUSE_SERVICES = 3 };
/* "smtp", "pop3" or "pop", "imap"; -1 for another name. */
int abuse_service_named(struct span name);
const char *abuse_service_name(int service);

struct abuse_slot {
	uint64_t sequence;	/* odd while it is being written */
	int64_t until_s[ABUSE_SERVICES];	/* wall clock; 0: not blocked for that service */
	uint8_t key[16];
};

struct abuse_map {
	uint64_t seed[2];	/* so that nobody can choose addresses that share slots */
	/* The last ones repeat no first ones: a key's places are in one row. */
	struct abuse_slot slots[ABUSE_MAP_SLOTS + ABUSE_MAP_PROBE];
};

/* The network that an address is counted by, as 16 bytes (IPv4 mapped into IPv6). */
void abuse_key(const struct addr *ip, uint8_t key[16]);
/* The address of a key: of IPv6 the first of its /64. */
void abuse_key_addr(const uint8_t key[16], struct addr *out);
/* A hash with a secret seed: equal keys and purposes give equal numbers. */
uint64_t abuse_hash(const uint64_t seed[2], const uint8_t key[16], uint64_t purpose);

/*
 * For abuse-check: a new map, and in *fd_out a descriptor to be handed to
 * readers, which can neither write nor resize it (memfd seals).  NULL with errno.
 */
struct abuse_map *abuse_map_new(int *fd_out) PB_MUST_CHECK;
/*
 * Block for one service until then, or as long as it is blocked already.  When all
 * slots of its place are in use the one that ends first gives way: then true,
 * and its key in `lost`.
 */
bool abuse_map_block(struct abuse_map *m, const uint8_t key[16], int service, int64_t until_s, int64_t now_s,
	uint8_t lost[16]);
/* Lift one block; nothing happens when there is none. */
void abuse_map_lift(struct abuse_map *m, const uint8_t key[16], int service);

bool abuse_map_is_blocked(const struct abuse_map *m, const uint8_t key[16], int service, int64_t now_s);

/*
 * For readers.  seed: the first bytes of the map, read once by abuse_map_seed
 * (false with errno).  asks: 1 blocked, 0 not, -1 with errno.  A slot that is
 * just being written counts as free: abuse-check itself is asked next.
 */
bool abuse_map_seed(int fd, uint64_t seed[2]) PB_MUST_CHECK;
int abuse_map_asks(int fd, const uint64_t seed[2], const uint8_t key[16], int service, int64_t now_s) PB_MUST_CHECK;

#endif
