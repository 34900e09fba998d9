/*
 * counter: a process beside the agents that does what auth-check wants done about the
 * space of domains (LIMIT-01): it counts the mail of one anew, or tells the
 * administrator of a full one.
 *
 * It asks once a second, and does one thing after the other.  Counting reads
 * the names in every folder of every user of the domain: how often that may be is
 * for auth-check to say (bin/auth-check/spaces.h).
 *
 * Crash: dying anywhere is safe; auth-check has the work done again.
 */
#ifndef LOCAL_DELIVER_COUNTER_H
#define LOCAL_DELIVER_COUNTER_H

#include "base/base.h"

struct service;

/* Never returns; domains is a descriptor of that folder. */
PB_NORETURN void counter_run(struct service *svc, int domains);

#endif
