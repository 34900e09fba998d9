/*
 * board: see board.h.
 *
 * Readers and the owner do not wait for each other.  A place that is read while it
 * is written shows nothing: its hash, over the whole address, is then of another.
 */
#include "base/base.h"
#include "directory/board.h"

#include "base/hash.h"
#include "base/mem.h"
#include "sys/random.h"
#include "sys/shared_page.h"

#define PLACES 16384
#define PLACE_TEXT 223

struct head {
	uint64_t version;	/* of the directory, 0: nothing is good */
	uint64_t turn;		/* counts board_clear */
	uint64_t seed;		/* so that nobody chooses who shares a place but those who can read it anyway */
};

struct place {
	uint64_t hash, version, turn;
	uint8_t n;
	char address[PLACE_TEXT];
};

struct page {
	struct head head;
	struct place places[PLACES];
};

struct board {
	struct page *page;
};

struct board *
board_new(int *fd_out)
{
	struct page *page = shared_page_new("directory-board", sizeof(*page), fd_out);
	struct board *b;

	if (page == NULL)
		return NULL;
	page->head.seed = random_u64();
	b = mem_new(sizeof(*b));
	b->page = page;
	return b;
}

uint64_t *
board_version(struct board *b)
{
	return &b->page->head.version;
}

/* Never 0, which is a place that shows nothing. */
static uint64_t
hash_of(uint64_t seed, struct span address)
{
	return hash_keyed(seed, address) | 1;
}

static size_t
place_of(uint64_t hash)
{
	return (hash >> 1) % PLACES;
}

void
board_post(struct board *b, struct span address)
{
	uint64_t hash = hash_of(b->page->head.seed, address);
	struct place *at = &b->page->places[place_of(hash)];

	if (address.n == 0 || address.n > PLACE_TEXT || b->page->head.version == 0)
		return;
	__atomic_store_n(&at->hash, 0, __ATOMIC_SEQ_CST);
	at->version = b->page->head.version;
	at->turn = b->page->head.turn;
	at->n = (uint8_t)address.n;
	memcpy(at->address, address.p, address.n);
	__atomic_store_n(&at->hash, hash, __ATOMIC_SEQ_CST);
}

void
board_take_down(struct board *b, struct span address)
{
	uint64_t hash = hash_of(b->page->head.seed, address);
	struct place *at = &b->page->places[place_of(hash)];

	if (at->hash == hash)
		__atomic_store_n(&at->hash, 0, __ATOMIC_SEQ_CST);
}

void
board_clear(struct board *b)
{
	__atomic_add_fetch(&b->page->head.turn, 1, __ATOMIC_SEQ_CST);
}

static bool
read_at(int fd, void *out, size_t n, size_t offset)
{
	return pread(fd, out, n, (off_t)offset) == (ssize_t)n;
}

uint64_t
board_version_of(int fd)
{
	uint64_t version;

	return read_at(fd, &version, sizeof(version), offsetof(struct page, head.version)) ? version : 0;
}

bool
board_shows(int fd, struct span address)
{
	struct head head;
	struct place at;
	uint64_t hash;

	if (fd < 0 || address.n == 0 || address.n > PLACE_TEXT || !read_at(fd, &head, sizeof(head), 0) || head.version == 0)
		return false;
	hash = hash_of(head.seed, address);
	return read_at(fd, &at, sizeof(at), offsetof(struct page, places) + place_of(hash) * sizeof(at)) &&
		at.hash == hash && at.version == head.version && at.turn == head.turn &&
		span_eq(address, span_make(at.address, at.n));
}
