/*
 * durable: replace a small file so that at every instant, also after a power
 * cut, either the old or the new content is there, whole.
 */
#ifndef SYS_DURABLE_H
#define SYS_DURABLE_H

#include "base/base.h"

/*
 * name (no slash) in dirfd becomes data[0..n) with exactly this mode: written
 * to ".NAME.tmp", fsynced, renamed, directory fsynced.  Two writers at once
 * need a lock of their own.  Returns 0, or -1 with errno: the old file is then
 * whole, except after EIO from the last step, when it may be either.
 */
int durable_replace(int dirfd, const char *name, const void *data, size_t n, mode_t mode) PB_MUST_CHECK;

#endif
