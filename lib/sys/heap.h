/*
 * heap: memory of a process that will fork many others like it.
 */
#ifndef SYS_HEAP_H
#define SYS_HEAP_H

#include "base/base.h"

/*
 * Call once, when all that is to be shared is in place.  Gives pages that nobody uses back to
 * the system, and takes the small holes of the heap out of use: what a child
 * allocates later lies side by side at the end of the heap, where it would otherwise
 * be strewn over pages that it shares with its parent, each of which would be copied.
 * Costs a few milliseconds and no pages.  Does nothing where malloc is not glibc's.
 */
void heap_settle(void);

#endif
