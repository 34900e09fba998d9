/*
 * pressure: see pressure.h.
 *
 * The page is a sealed memfd mapped twice.  F_SEAL_FUTURE_WRITE leaves the
 * parent's writable mapping, made before it, as the only one there will ever be;
 * a worker drops that and keeps the other, which mprotect(2) cannot change.
 */
#include "base/base.h"
#include "service/pressure.h"
#include "base/die.h"
#include "base/mem.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PAGE 4096

struct page {
	uint32_t busy;
	uint32_t is_crowded;
};

struct pressure {
	struct page *writer;		/* NULL in a worker */
	const struct page *reader;
};

struct pressure *
pressure_new(void)
{
	struct pressure *p = mem_new(sizeof(*p));
	int fd = memfd_create("pressure", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *writer = MAP_FAILED, *reader = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, PAGE) == 0)
		writer = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (writer != MAP_FAILED && fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0)
		reader = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (reader == MAP_FAILED)
		die(EXIT_TRY_LATER, "no page to tell workers how full it is: %m");
	close(fd);
	*p = (struct pressure){ .writer = writer, .reader = reader };
	return p;
}

void
pressure_tell(struct pressure *p, unsigned busy, bool is_crowded)
{
	__atomic_store_n(&p->writer->busy, busy, __ATOMIC_RELAXED);
	__atomic_store_n(&p->writer->is_crowded, is_crowded, __ATOMIC_RELAXED);
}

void
pressure_keep_reading(struct pressure *p)
{
	if (p->writer != NULL)
		(void)munmap(p->writer, PAGE);
	p->writer = NULL;
}

unsigned
pressure_busy(const struct pressure *p)
{
	return p == NULL ? 0 : __atomic_load_n(&p->reader->busy, __ATOMIC_RELAXED);
}

bool
pressure_is_crowded(const struct pressure *p)
{
	return p != NULL && __atomic_load_n(&p->reader->is_crowded, __ATOMIC_RELAXED) != 0;
}
