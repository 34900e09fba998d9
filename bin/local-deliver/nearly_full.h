/*
 * nearly_full: mailboxes that have little room left, watched by the agent that
 * last put something into them, so that auth-check can have mail for them
 * refused at RCPT (USER-03).
 *
 * While any is watched its use is read again every second (NEARLY_FULL_MS) and
 * told when it changed, and every 20 seconds; it is let go when it has room.  At
 * most NEARLY_FULL_MAX are watched; the oldest gives way.
 */
#ifndef LOCAL_DELIVER_NEARLY_FULL_H
#define LOCAL_DELIVER_NEARLY_FULL_H

#include "base/base.h"
#include "base/span.h"

#define NEARLY_FULL_MAX 64
#define NEARLY_FULL_MS 1000
/* Less than this is little; less than the second is none: no message is so small. */
#define NEARLY_FULL_BYTES 1048576
#define NEARLY_FULL_NOTHING 1024

struct directory;
struct nearly_full;

struct nearly_full *nearly_full_new(void);
/* `left` bytes are left in the mailbox `address` at path below domains. */
void nearly_full_note(struct nearly_full *w, struct directory *d, struct span address, const char *path, uint64_t left);
bool nearly_full_any(const struct nearly_full *w);
/* Look at all of them again. */
void nearly_full_look(struct nearly_full *w, struct directory *d, int domains);

#endif
