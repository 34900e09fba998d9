/*
 * hash: FNV-1a from a start that the seed moves, then mixed by the seed.
 */
#include "base/base.h"
#include "base/hash.h"

#define FNV_START 0xcbf29ce484222325U
#define FNV_PRIME 0x100000001b3U

uint64_t
hash_keyed(uint64_t seed, struct span s)
{
	uint64_t h = seed ^ FNV_START;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * FNV_PRIME;
	h ^= h >> 32;
	h *= seed | 1;
	return h ^ h >> 29;
}
