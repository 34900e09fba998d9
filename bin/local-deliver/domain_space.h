/*
 * domain_space: is there room in a domain for one more message?  (LIMIT-01)
 *
 * auth-check owns the sums (bin/auth-check/spaces.h).  An agent tells it what it put
 * into a domain and hears what that still takes, at most once a second: of
 * that it may use a part by itself, so that all agents together cannot pass the
 * limit.  A domain with little room is asked about before each message and told
 * of after it.  The answers are kept in a table of fixed size; no file is touched.
 *
 * A limit is a brake and not a promise: while auth-check is away mail is
 * delivered without it, and what was delivered then is told later, or
 * found by the next count.
 */
#ifndef LOCAL_DELIVER_DOMAIN_SPACE_H
#define LOCAL_DELIVER_DOMAIN_SPACE_H

#include "base/base.h"
#include "base/span.h"

#define DOMAIN_SPACE_MS 1000

struct directory;
struct domain_space;

struct domain_space *domain_space_new(void);

/* d may be NULL: auth-check is away.  Both take the real name of the domain. */
bool domain_space_allows(struct domain_space *w, struct directory *d, struct span domain, uint64_t bytes) PB_MUST_CHECK;
void domain_space_count(struct domain_space *w, struct directory *d, struct span domain, uint64_t bytes);

/* True while something is to be told; domain_space_tell does so where a second has passed. */
bool domain_space_owes(const struct domain_space *w);
void domain_space_tell(struct domain_space *w, struct directory *d);

#endif
