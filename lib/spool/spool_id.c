/*
 * spool_id: numbers that never come twice.
 *
 * Crash argument: the mark in `highwater` is made durable before an id below
 * it is given out, and a new life begins at the mark; ids between the last one
 * used and the mark are skipped.  When the file is missing or damaged, the
 * largest id found in any folder stands in for it (plus a full step, for those
 * that have been finished).
 */
#include "base/base.h"
#include "spool/spool_id.h"
#include "spool/spool_parts.h"
#include "base/num.h"
#include "sys/durable.h"
#include "sys/file.h"
#include <errno.h>

#define ID_FIRST UINT64_C(100000000000)
#define ID_STEP 100000		/* ids per synchronous call */
#define ID_GROUP UINT64_C(1000000000000000)	/* above it stands the number of the bounce ... */
#define GROUPS_MAX UINT64_C(999)
#define BOUNCE_GROUPS_MAX UINT64_C(17)	/* ... and above 1000 times that the one about a bounce: below 2^64 */

static const char mark_name[] = "highwater";
static const char *const extensions[] = { ".eml", ".hdr", ".em_" };

static int
read_mark(struct spool *sp, uint64_t *out)
{
	char text[32];
	struct buf b;
	int fd, result;

	fd = spool_open_plain(sp->fd, mark_name, O_RDONLY);
	if (fd < 0)
		return -1;
	buf_init_fixed(&b, text, sizeof(text));
	result = file_read_all(fd, &b);
	file_close(&fd);
	if (result == 0 && num_parse(span_trim(buf_view(&b)), SPOOL_ID_MAX, out) && *out >= ID_FIRST)
		return 0;
	if (result == 0)
		errno = EBADMSG;
	return -1;
}

static int
write_mark(struct spool *sp, uint64_t mark)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)mark);

	if (durable_replace(sp->fd, mark_name, text, (size_t)n, 0600) < 0)
		return -1;
	sp->id_mark = mark;
	return 0;
}

/* Begin where no id of an earlier life can be. */
static int
start_ids(struct spool *sp)
{
	uint64_t mark = 0, largest;

	if (read_mark(sp, &mark) < 0) {
		bool absent = errno == ENOENT;

		if (!absent && errno != EBADMSG && errno != EFBIG)
			return -1;
		if (spool_largest_id(sp, &largest) < 0)
			return -1;
		mark = largest < ID_FIRST ? ID_FIRST : largest + 1 + ID_STEP;
		if (largest > 0 || !absent)
			spool_say(sp, "event=id-mark-lost start=%llu", (unsigned long long)mark);
	}
	sp->next_id = mark;
	sp->id_mark = mark;
	sp->id_first = mark;
	return 0;
}

int
spool_id_next(struct spool *sp, uint64_t *out)
{
	if (sp->next_id == 0 && start_ids(sp) < 0)
		return -1;
	if (sp->next_id > SPOOL_ID_MAX - ID_STEP) {
		errno = EOVERFLOW;
		return -1;
	}
	if (sp->next_id >= sp->id_mark && write_mark(sp, sp->next_id + ID_STEP) < 0)
		return -1;
	*out = sp->next_id++;
	return 0;
}

uint64_t
spool_id_first(const struct spool *sp)
{
	return sp->id_first;
}

uint64_t
spool_id_bounce(uint64_t id, uint32_t group)
{
	uint64_t of = id / ID_GROUP;

	if (group == 0 || group > (of == 0 ? GROUPS_MAX : BOUNCE_GROUPS_MAX) || of > GROUPS_MAX)
		return 0;
	return id + (of == 0 ? 1 : GROUPS_MAX + 1) * group * ID_GROUP;
}

void
spool_id_name(uint64_t id, enum spool_file kind, char out[SPOOL_NAME_SIZE])
{
	snprintf(out, SPOOL_NAME_SIZE, "%llu%s", (unsigned long long)id, extensions[kind]);
}

bool
spool_id_parse(struct span name, uint64_t *id, enum spool_file *kind)
{
	if (name.n < 5 || name.n >= SPOOL_NAME_SIZE || name.p[0] == '0')
		return false;
	for (size_t i = 0; i < PB_COUNT(extensions); i++)
		if (span_is(span_from(name, name.n - 4), extensions[i])) {
			*kind = (enum spool_file)i;
			return num_parse(span_first(name, name.n - 4), UINT64_MAX, id);
		}
	return false;
}
