/*
 * expect: users who wait for mail, such as a log-in code, and are not greylisted
 * until a stated time.
 *
 * Kept in memory, since every delivery asks, and in the database, so that a restart
 * forgets none.  All functions may be called by several threads.
 */
#ifndef GREYLIST_CHECK_EXPECT_H
#define GREYLIST_CHECK_EXPECT_H

#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"
#include "state/state.h"

/* 0, or -1 with errno when the database failed. */
int expect_open(struct state *db, int64_t now) PB_MUST_CHECK;

/* mailbox: canonical.  Replaces an earlier time.  ENOSPC: LIMIT_EXPECTED users wait already. */
int expect_add(struct span mailbox, int64_t until, int64_t now) PB_MUST_CHECK;
/* 1; 0 when that user does not wait. */
int expect_end(struct span mailbox, int64_t now) PB_MUST_CHECK;

/* Until when; 0 when that user does not wait. */
int64_t expect_until(const char *mailbox, int64_t now);
/* Does anybody wait?  Cheap. */
bool expect_any(int64_t now);

typedef void expect_fn(const char *mailbox, int64_t until, void *ctx);
void expect_each(int64_t now, expect_fn *fn, void *ctx);

#endif
