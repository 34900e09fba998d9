/* nearly_full: see nearly_full.h. */
#include "base/base.h"
#include "nearly_full.h"

#include "base/limits.h"
#include "base/mem.h"
#include "directory/directory.h"
#include "mailbox.h"
#include "store/maildir.h"
#include "store/quota.h"
#include "sys/clock.h"
#include "sys/file.h"

#define TELL_MS 20000

struct watched {
	char address[LIMIT_ADDRESS + 1];	/* "": free */
	char path[MAILBOX_PATH_SIZE];
	uint64_t told, told_ms;
};

struct nearly_full {
	size_t count, next;			/* in use; the one to give way next */
	struct watched at[NEARLY_FULL_MAX];
};

struct nearly_full *
nearly_full_new(void)
{
	return mem_new(sizeof(struct nearly_full));
}

bool
nearly_full_any(const struct nearly_full *w)
{
	return w->count > 0;
}

/* Tell it when it is news; what cannot be told now is told by the next look. */
static void
tell(struct watched *x, struct directory *d, uint64_t left)
{
	uint64_t now = clock_ms(), bytes = left < NEARLY_FULL_NOTHING ? 0 : left;

	if (d == NULL || (x->told_ms != 0 && x->told == bytes && now - x->told_ms < TELL_MS))
		return;
	if (directory_tell_room(d, span_of(x->address), bytes) == 0) {
		x->told = bytes;
		x->told_ms = now;
	}
}

static void
let_go(struct nearly_full *w, struct watched *x, struct directory *d)
{
	if (d == NULL || directory_tell_room(d, span_of(x->address), UINT64_MAX) != 0)
		return;		/* the next look tries again */
	x->address[0] = '\0';
	w->count--;
}

static struct watched *
find(struct nearly_full *w, struct span address)
{
	for (size_t i = 0; i < NEARLY_FULL_MAX; i++)
		if (span_is(address, w->at[i].address))
			return &w->at[i];
	return NULL;
}

static struct watched *
take_place(struct nearly_full *w, struct span address, const char *path)
{
	struct watched *x = &w->at[w->next];

	w->next = (w->next + 1) % NEARLY_FULL_MAX;
	w->count += x->address[0] == '\0';
	*x = (struct watched){ .told_ms = 0 };
	snprintf(x->address, sizeof(x->address), "%.*s", SPAN_ARG(address));
	snprintf(x->path, sizeof(x->path), "%s", path);
	return x;
}

void
nearly_full_note(struct nearly_full *w, struct directory *d, struct span address, const char *path, uint64_t left)
{
	struct watched *x = find(w, address);

	if (left >= NEARLY_FULL_BYTES) {
		if (x != NULL)
			let_go(w, x, d);
		return;
	}
	if (x == NULL)
		x = take_place(w, address, path);
	tell(x, d, left);
}

void
nearly_full_look(struct nearly_full *w, struct directory *d, int domains)
{
	for (size_t i = 0; i < NEARLY_FULL_MAX; i++) {
		struct watched *x = &w->at[i];
		struct quota q = { .limit_bytes = 0 };
		int dir;

		if (x->address[0] == '\0')
			continue;
		dir = maildir_open_dir(domains, x->path);
		if (dir < 0 || quota_read(dir, &q) != 0 || q.limit_bytes == 0)
			let_go(w, x, d);	/* gone, or without a limit now */
		else
			nearly_full_note(w, d, span_of(x->address), x->path,
				q.bytes < q.limit_bytes ? q.limit_bytes - q.bytes : 0);
		file_close(&dir);
	}
}
