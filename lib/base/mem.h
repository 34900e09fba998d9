/*
 * mem: allocation that does not fail, and an arena.
 *
 * Out of memory ends the process with exit code 75 (EX_TEMPFAIL) after one log
 * line: the peer sees a dropped connection or a 4xx from the parent, and no
 * other process is touched.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/base.h"
#include "base/span.h"

/* Zeroed memory of n bytes (n may be 0); count * size is checked. */
void *mem_new(size_t n);
void *mem_array(size_t count, size_t size);
/* Contents kept; new bytes are not zeroed. */
void *mem_resize(void *p, size_t n);
void *mem_resize_array(void *p, size_t count, size_t size);
/* A copy with a NUL behind it. */
char *mem_copy(struct span s);
char *mem_text(const char *text);
/* Overwrite secrets in a way the compiler keeps. */
void mem_wipe(void *p, size_t n);
/* The same to n bytes of p, which is then freed; NULL is allowed. */
void mem_wipe_free(void *p, size_t n);

/*
 * arena: many small objects with one end.  Memory from arena_get is zeroed,
 * aligned for any type, and lives until the next arena_reset or arena_free.
 * arena_get returns NULL when the arena would pass its maximum.
 */
struct arena;
struct arena *arena_new(size_t max);
void *arena_get(struct arena *a, size_t n) PB_MUST_CHECK;
char *arena_copy(struct arena *a, struct span s) PB_MUST_CHECK;	/* NUL-terminated */
void arena_reset(struct arena *a);
void arena_free(struct arena **a);

#endif
