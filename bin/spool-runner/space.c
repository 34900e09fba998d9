/*
 * space: is there room for more mail?
 */
#include "base/base.h"
#include "space.h"

#include <sys/statvfs.h>

#define ASK_EVERY_MS 500
/* A message may need two names, and every mailbox at least its folders. */
#define FILES_RESERVE 1000

void
space_init(struct space *s, int fd, uint64_t reserve_mb)
{
	*s = (struct space){ .fd = fd, .reserve = reserve_mb << 20 };
}

static uint64_t
ask(const struct space *s)
{
	struct statvfs v;
	uint64_t left;

	if (fstatvfs(s->fd, &v) < 0)
		return 0;
	/* File systems that make inodes as needed count none at all. */
	if (v.f_files != 0 && v.f_favail < FILES_RESERVE)
		return 0;
	left = (uint64_t)v.f_bavail * v.f_frsize;
	return left > s->reserve ? left - s->reserve : 0;
}

uint64_t
space_room(struct space *s, uint64_t now_ms)
{
	if (s->reserve == 0)
		return UINT64_MAX;
	if (s->asked_ms == 0 || now_ms - s->asked_ms >= ASK_EVERY_MS) {
		s->room = ask(s);
		s->asked_ms = now_ms;
	}
	return s->room;
}
