/*
 * mem: allocation that ends the process instead of failing, and arenas made
 * of blocks that are kept over a reset, so that a session that repeats its
 * work allocates nothing.
 */
#include "base/base.h"
#include "base/mem.h"
#include "base/die.h"
#include "base/num.h"

#define ARENA_BLOCK 4096

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) char data[];
};

struct arena {
	struct arena_block *first;
	struct arena_block *current;
	size_t used;
	size_t max;
};

void *
mem_new(size_t n)
{
	void *p = calloc(1, n > 0 ? n : 1);

	if (p == NULL)
		die_no_memory();
	return p;
}

void *
mem_array(size_t count, size_t size)
{
	size_t n;

	if (!num_mul(count, size, &n))
		die_no_memory();
	return mem_new(n);
}

void *
mem_resize(void *p, size_t n)
{
	p = realloc(p, n > 0 ? n : 1);
	if (p == NULL)
		die_no_memory();
	return p;
}

void *
mem_resize_array(void *p, size_t count, size_t size)
{
	size_t n;

	if (!num_mul(count, size, &n))
		die_no_memory();
	return mem_resize(p, n);
}

char *
mem_copy(struct span s)
{
	char *copy = mem_new(s.n + 1);

	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return copy;
}

char *
mem_text(const char *text)
{
	return mem_copy(span_of(text));
}

void
mem_wipe(void *p, size_t n)
{
	if (n == 0)	/* p may be NULL then */
		return;
	explicit_bzero(p, n);
}

void
mem_wipe_free(void *p, size_t n)
{
	if (p == NULL)
		return;
	mem_wipe(p, n);
	free(p);
}

static struct arena_block *
block_new(size_t size)
{
	struct arena_block *block = mem_resize(NULL, sizeof(*block) + size);

	block->next = NULL;
	block->used = 0;
	block->size = size;
	return block;
}

struct arena *
arena_new(size_t max)
{
	struct arena *a = mem_new(sizeof(*a));

	a->max = max;
	return a;
}

/* The next block of the chain that has room for n, or a new one behind it. */
static struct arena_block *
block_with_room(struct arena *a, size_t n)
{
	struct arena_block *block = a->current;
	struct arena_block *fresh;

	while (block != NULL && block->size - block->used < n) {
		if (block->next == NULL)
			break;
		block = block->next;
	}
	if (block != NULL && block->size - block->used >= n)
		return block;
	fresh = block_new(n > ARENA_BLOCK ? n : ARENA_BLOCK);
	if (block == NULL)
		a->first = fresh;
	else
		block->next = fresh;
	return fresh;
}

void *
arena_get(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_block *block;
	void *p;

	if (n > a->max)
		return NULL;
	n = (n + align - 1) & ~(align - 1);
	if (n > a->max - a->used || a->used > a->max)
		return NULL;
	block = block_with_room(a, n);
	a->current = block;
	p = block->data + block->used;
	block->used += n;
	a->used += n;
	memset(p, 0, n);
	return p;
}

char *
arena_copy(struct arena *a, struct span s)
{
	char *copy = s.n < SIZE_MAX ? arena_get(a, s.n + 1) : NULL;

	if (copy != NULL && s.n > 0)
		memcpy(copy, s.p, s.n);
	return copy;
}

void
arena_reset(struct arena *a)
{
	for (struct arena_block *b = a->first; b != NULL; b = b->next)
		b->used = 0;
	a->current = a->first;
	a->used = 0;
}

void
arena_free(struct arena **a)
{
	struct arena_block *next;

	if (*a == NULL)
		return;
	for (struct arena_block *b = (*a)->first; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(*a);
	*a = NULL;
}
