/*
 * priority: in which order messages go out, from 1 (last) to 10 (first).
 */
#ifndef POLICY_PRIORITY_H
#define POLICY_PRIORITY_H

#include "base/base.h"

#define POLICY_PRIORITY_NORMAL 5

/* What made the message, when no person did. */
enum policy_kind { POLICY_PERSON, POLICY_LIST, POLICY_AUTO_RESPONSE, POLICY_REPORT, POLICY_EVENT, POLICY_KINDS };

/* Rules of the sender's domain; 0: there is none. */
struct policy_priority_rules {
	uint32_t kind[POLICY_KINDS];	/* POLICY_PERSON: all mail that no other rule is for */
	uint32_t over_size;		/* for messages of more than over_size_bytes */
	uint64_t over_size_bytes;
	uint32_t second, third;		/* after one failed attempt, after more */
};

struct policy_priority {
	const struct policy_priority_rules *rules;	/* NULL: the sender is not of ours */
	enum policy_kind kind;
	uint64_t size;		/* bytes */
	uint32_t attempts;	/* that failed */
	uint32_t wish;		/* the sender's (RFC 6710), in our numbers; 5: none */
	uint32_t by_hand;	/* an administrator's; 0: none */
};

/* The most specific wins: by hand, attempt, size, wish, kind, standard; else 5. */
uint32_t policy_priority(const struct policy_priority *f);

#endif
