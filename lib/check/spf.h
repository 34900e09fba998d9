/*
 * spf: check_host() of RFC 7208 as a state machine without I/O, clock or log.
 *
 *	s = spf_new(&ip, helo, mail_from);
 *	while ((q = spf_question(s)) != NULL)
 *		spf_answer(s, answer of DNS to q);
 *	... spf_result(s), spf_problem(s) ...
 *	spf_free(&s);
 *
 * It asks one question at a time.  Limits (4.6.4): LIMIT_SPF_LOOKUPS terms that
 * need DNS, LIMIT_SPF_VOID of them without answer, LIMIT_SPF_HOSTS of an mx or
 * ptr, LIMIT_SPF_QUERIES in all; passing one is permerror.  Time is
 * the caller's: spf_give_up ends it as temperror.  Explanations (exp=) are
 * checked for syntax and never fetched.
 */
#ifndef CHECK_SPF_H
#define CHECK_SPF_H

#include "base/base.h"
#include "base/span.h"
#include "check/scan_result.h"
#include "net/addr.h"
#include "net/dns.h"

struct spf;

/*
 * The texts are copied.  mail_from without brackets; empty: postmaster@helo is
 * checked (2.4).  What has no domain with a dot gives none at once.
 */
struct spf *spf_new(const struct addr *ip, struct span helo, struct span mail_from);
void spf_free(struct spf **s);

/* What it wants to know next; NULL when the result stands. Valid until the answer. */
const struct dns_question *spf_question(const struct spf *s);
void spf_answer(struct spf *s, const struct dns_answer *answer);
/* End it as temperror because of `why`. */
void spf_give_up(struct spf *s, const char *why);

enum scan_spf_result spf_result(const struct spf *s);	/* a bug while a question is open */
const char *spf_problem(const struct spf *s);	/* of temperror and permerror, one line; "" else */
const char *spf_domain(const struct spf *s);	/* whose policy was asked for first; may be "" */

#endif
