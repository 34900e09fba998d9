/*
 * rooms: how much nearly full mailboxes still take, as local-deliver tells from
 * time to time (USER-03).
 *
 * A table of fixed size in memory; two addresses in one slot replace each
 * other, and what is older than ROOMS_KEEP_MS is forgotten.  A mailbox that is
 * not in it is not known to be nearly full.
 */
#ifndef AUTH_CHECK_ROOMS_H
#define AUTH_CHECK_ROOMS_H

#include "base/base.h"
#include "base/span.h"

#define ROOMS_KEEP_MS 60000

struct rooms;

struct rooms *rooms_new(void);
/* `bytes` are left; address is canonical. */
void rooms_note(struct rooms *r, struct span address, uint64_t bytes, uint64_t now_ms);
void rooms_forget(struct rooms *r, struct span address);
bool rooms_find(const struct rooms *r, struct span address, uint64_t now_ms, uint64_t *bytes_out);

#endif
