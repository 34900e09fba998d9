/*
 * shared_page: memory that its owner writes and others can only read, by a
 * descriptor that is handed to them (memfd with seals).
 */
#ifndef SYS_SHARED_PAGE_H
#define SYS_SHARED_PAGE_H

#include "base/base.h"

/*
 * size bytes of zeroes, mapped for the caller until it ends; in *fd_out the
 * descriptor for readers, who can neither write, map writable nor resize it.
 * NULL with errno.
 */
void *shared_page_new(const char *name, size_t size, int *fd_out) PB_MUST_CHECK;

#endif
