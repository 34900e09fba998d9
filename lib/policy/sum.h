/*
 * sum: how a decision is made and how it explains itself.
 *
 * Each fact that speaks for or against a request has a weight and leaves one
 * line `name value weight total`.  Values may be hostile: they are escaped so
 * that a line stays one line of four words.
 */
#ifndef POLICY_SUM_H
#define POLICY_SUM_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/* What a bar weighs, and what lifts exactly one bar. */
#define POLICY_AGAINST (-100)
#define POLICY_FOR 100

struct policy_sum {
	struct buf *why;	/* gets the lines; may be NULL */
	int total;
};

void policy_sum_add(struct policy_sum *s, const char *name, struct span value, int weight);
void policy_sum_add_num(struct policy_sum *s, const char *name, uint64_t value, int weight);

/* Take the next line off `why` and append it to out as a log has it: name=N value=V weight=W total=T.  False: there was none. */
bool policy_sum_print(struct span *why, struct buf *out);

#endif
