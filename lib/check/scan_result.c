/*
 * scan_result: see scan_result.h.
 */
#include "base/base.h"
#include "check/scan_result.h"

static const char *const spf[] = { "unknown", "none", "neutral", "pass", "fail", "softfail", "temperror", "permerror" };
static const char *const domain[] = { "unknown", "resolves", "nxdomain", "no-host", "null-mx", "temperror" };
static const char *const mx[] = { "unknown", "yes", "no", "temperror" };
static const char *const reverse[] = { "unknown", "confirmed", "unconfirmed", "none", "temperror" };
static const char *const helo[] = { "unknown", "matches", "resolves", "nxdomain", "no-host", "invalid", "temperror" };

/* Text of r and value of a word, over one of the tables above. */
#define WORDS(name, type)							\
	const char *								\
	scan_##name##_text(type r)						\
	{									\
		return name[(size_t)r < PB_COUNT(name) ? (size_t)r : 0];	\
	}									\
	type									\
	scan_##name##_of(struct span word)					\
	{									\
		return (type)find(name, PB_COUNT(name), word);			\
	}

static size_t
find(const char *const *table, size_t n, struct span word)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(word, table[i]))
			return i;
	return 0;
}

WORDS(spf, enum scan_spf_result)
WORDS(domain, enum scan_domain_result)
WORDS(mx, enum scan_mx_result)
WORDS(reverse, enum scan_reverse_result)
WORDS(helo, enum scan_helo_result)
