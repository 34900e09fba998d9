/* hash: the same name and seed give the same number, another seed another, and names spread over slots. */
#include "base/base.h"
#include "tap.h"

#include "base/hash.h"

#define NAMES 4096
#define SLOTS 1024
/* Of 4 names a slot on average: a random choice reaches this in one of a million runs, and ours is no choice at all. */
#define MOST 20

static size_t
fullest(uint64_t seed)
{
	size_t count[SLOTS] = { 0 }, most = 0;
	char name[32];

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "user%d@example.com", i);
		size_t n = ++count[hash_keyed(seed, span_of(name)) % SLOTS];
		most = n > most ? n : most;
	}
	return most;
}

/* How many of all names share a slot with their neighbour under this seed. */
static size_t
neighbours(uint64_t seed)
{
	char a[32], b[32];
	size_t n = 0;

	for (int i = 0; i < NAMES; i++) {
		snprintf(a, sizeof(a), "user%d@example.com", i);
		snprintf(b, sizeof(b), "user%d@example.com", i + 1);
		n += hash_keyed(seed, span_of(a)) % SLOTS == hash_keyed(seed, span_of(b)) % SLOTS;
	}
	return n;
}

int
main(void)
{
	static const uint64_t seeds[] = { 0, 1, 2, 0x9e3779b97f4a7c15U, UINT64_MAX };

	ok(hash_keyed(7, SPAN("alice@example.com")) == hash_keyed(7, SPAN("alice@example.com")), "a name has one number");
	ok(hash_keyed(7, SPAN("alice@example.com")) != hash_keyed(7, SPAN("alice@example.co")), "a shorter one another");
	ok(hash_keyed(7, SPAN("alice@example.com")) != hash_keyed(9, SPAN("alice@example.com")), "and another under another seed");
	ok(hash_keyed(7, SPAN("")) != hash_keyed(9, SPAN("")), "even of no name at all");
	ok(hash_keyed(7, SPAN("a\xff")) != hash_keyed(7, SPAN("a\x7f")), "all eight bits of a byte count");
	for (size_t i = 0; i < PB_COUNT(seeds); i++) {
		ok(fullest(seeds[i]) <= MOST, "seed %zu: no slot has many names", i);
		ok(neighbours(seeds[i]) <= 4 * NAMES / SLOTS + MOST, "seed %zu: names that are alike do not share slots", i);
	}
	return done();
}
