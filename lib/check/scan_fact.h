/*
 * scan_fact: what DNS says of a name or an address, as state machines without
 * I/O, of the same shape as spf.h:
 *
 *	f = scan_fact_reverse_new(&ip);
 *	while ((q = scan_fact_question(f)) != NULL)
 *		scan_fact_answer(f, answer of DNS to q);
 *	... scan_fact_word(f) ...
 *	scan_fact_free(&f);
 *
 * Names come from peers as they are; texts are copied.  No more than
 * LIMIT_SCAN_HOSTS hosts of a domain, or names of an address, are looked at.
 */
#ifndef CHECK_SCAN_FACT_H
#define CHECK_SCAN_FACT_H

#include "base/base.h"
#include "base/span.h"
#include "check/scan_result.h"
#include "net/addr.h"
#include "net/dns.h"

struct scan_fact;

/* enum scan_domain_result of a sender's domain. */
struct scan_fact *scan_fact_domain_new(struct span domain);
/* enum scan_mx_result: is an address of an MX host of the domain in one of the ranges? */
struct scan_fact *scan_fact_mx_new(struct span domain, const struct addr_range *ranges, size_t count);
/* enum scan_reverse_result of an address. */
struct scan_fact *scan_fact_reverse_new(const struct addr *ip);
/* enum scan_helo_result of the name that a client with this address gave. */
struct scan_fact *scan_fact_helo_new(struct span name, const struct addr *ip);
void scan_fact_free(struct scan_fact **f);

/* What it wants to know next; NULL when the result stands. Valid until the answer. */
const struct dns_question *scan_fact_question(const struct scan_fact *f);
void scan_fact_answer(struct scan_fact *f, const struct dns_answer *answer);
/* End it as temperror. */
void scan_fact_give_up(struct scan_fact *f);

/* The word of the result as in scan_result.h; a bug while a question is open. */
const char *scan_fact_word(const struct scan_fact *f);
bool scan_fact_failed(const struct scan_fact *f);	/* the result is temperror */
const char *scan_fact_name(const struct scan_fact *f);	/* of reverse: the name; "" else */

#endif
