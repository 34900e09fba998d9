/*
 * scoreboard: one page of shared memory per worker.
 *
 * Trust: a page may hold anything once its worker was taken over, and may
 * change while it is read: it is copied first, and only the copy is checked.
 */
#include "base/base.h"
#include "service/scoreboard.h"
#include "base/die.h"
#include "base/mem.h"

#include <sys/mman.h>

#define PAGE 4096

_Static_assert(sizeof(struct score) <= PAGE, "a score must fit its page");

struct scoreboard {
	char *pages;
	size_t count;
};

struct scoreboard *
scoreboard_new(size_t count)
{
	struct scoreboard *b = mem_new(sizeof(*b));

	b->count = count;
	b->pages = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->pages == MAP_FAILED)
		die(EXIT_TRY_LATER, "no memory for %zu scoreboard pages: %m", count);
	return b;
}

struct score *
scoreboard_page(struct scoreboard *b, size_t i)
{
	if (i >= b->count)
		bug("scoreboard page %zu of %zu", i, b->count);
	return (struct score *)(void *)(b->pages + i * PAGE);
}

static void
make_printable(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (char *c = text; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			*c = *c == ' ' ? '_' : '?';
}

void
scoreboard_read(const struct scoreboard *b, size_t i, struct score *out)
{
	memcpy(out, b->pages + i * PAGE, sizeof(*out));
	if (out->state != SCORE_BUSY)
		out->state = SCORE_IDLE;
	make_printable(out->listener, sizeof(out->listener));
	make_printable(out->ip, sizeof(out->ip));
	make_printable(out->ticket, sizeof(out->ticket));
	make_printable(out->user, sizeof(out->user));
	make_printable(out->doing, sizeof(out->doing));
}

uint64_t
scoreboard_waiting_since(const struct scoreboard *b, size_t i)
{
	const struct score *s = (const struct score *)(const void *)(b->pages + i * PAGE);

	return __atomic_load_n(&s->waiting_ms, __ATOMIC_RELAXED);
}

uint32_t
scoreboard_lost_lines(const struct scoreboard *b, size_t i)
{
	const struct score *s = (const struct score *)(const void *)(b->pages + i * PAGE);

	return __atomic_load_n(&s->lost_lines, __ATOMIC_RELAXED);
}

void
scoreboard_clear(struct scoreboard *b, size_t i)
{
	memset(scoreboard_page(b, i), 0, sizeof(struct score));
}

void
scoreboard_keep_only(struct scoreboard *b, size_t i)
{
	if (i > 0)
		munmap(b->pages, i * PAGE);
	if (i + 1 < b->count)
		munmap(b->pages + (i + 1) * PAGE, (b->count - i - 1) * PAGE);
}
