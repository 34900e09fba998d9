/*
 * spool_release: a new ID.hdr takes the place of the old.
 *
 * Crash argument: the new text is written and synced under the name
 * ".ID.hdr.tmp", which no scan takes for a message, then renamed over ID.hdr,
 * then the folder is synced (durable_replace).  A cut leaves one of the two
 * texts, whole; ID.eml is never touched.  So the message is in quarantine or
 * in the queue.
 *
 * The status stands under the checksum of the head, and that of every appended
 * line starts from the head's: all are made anew.  What is to be written is
 * read first, and must say what the old one said.
 */
#include "base/base.h"
#include "spool/spool_release.h"
#include "spool/envelope_line.h"
#include "spool/envelope_parts.h"
#include "spool/spool_parts.h"
#include "spool/spool_read.h"
#include "base/limits.h"
#include "base/num.h"
#include "sys/durable.h"
#include "sys/file.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define SWEEP_S 86400

static bool
look(struct spool *sp, struct spool_ref ref, enum spool_file kind, struct stat *st)
{
	char name[SPOOL_NAME_SIZE];

	spool_id_name(ref.id, kind, name);
	return fstatat(sp->folders[ref.sub].fd, name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

int
spool_quarantined(struct spool *sp, struct spool_ref ref, struct envelope **out)
{
	struct stat em_;

	if (spool_read_envelope(sp, ref, out) < 0)
		return -1;
	if ((*out)->status == ENVELOPE_QUARANTINED && !look(sp, ref, SPOOL_EM_, &em_))
		return 0;
	envelope_free(out);
	errno = ENOENT;
	return -1;
}

static bool
body_is_there(struct spool *sp, struct spool_ref ref, const struct envelope *e)
{
	struct stat eml;

	return look(sp, ref, SPOOL_EML, &eml) && S_ISREG(eml.st_mode) && eml.st_uid == geteuid() &&
		(!e->has_size || (uint64_t)eml.st_size == e->size);
}

/* Length of the head: three lines, then keys up to the empty line. */
static size_t
head_length(struct span text)
{
	struct span rest = text, line;

	for (int i = 0; rest.n > 0; i++) {
		line = span_trim(span_cut(&rest, '\n'));
		if (i >= 3 && line.n == 0)
			break;
	}
	return text.n - rest.n;
}

/* The head with status Written and its checksum, and what lines behind it start from. */
static bool
put_head(struct span head, struct buf *out, uint32_t *seed)
{
	struct envelope *e, *made;
	bool good;

	if (envelope_parse(head, &e) != ENVELOPE_OK)
		return false;
	e->status = ENVELOPE_WRITTEN;
	good = envelope_print(e, out) && envelope_parse(buf_view(out), &made) == ENVELOPE_OK;
	envelope_free(&e);
	if (!good)
		return false;
	*seed = made->line_seed;
	envelope_free(&made);
	return true;
}

/* text: the good part of an ID.hdr of ours. */
static bool
put_ours(struct span text, struct buf *out)
{
	size_t head = head_length(text);
	struct span rest = span_from(text, head);
	uint32_t seed;

	if (!put_head(span_first(text, head), out, &seed))
		return false;
	while (rest.n > 0) {
		struct span line = span_trim(span_cut(&rest, '\n'));

		if (line.n <= ENVELOPE_LINE_GUARD)
			return false;
		envelope_line_again(out, seed, span_first(line, line.n - ENVELOPE_LINE_GUARD));
	}
	return !out->overflow;
}

/* Another program's has no checksum over its head: the first line alone changes. */
static bool
put_foreign(struct span text, struct buf *out)
{
	span_cut(&text, '\n');
	buf_span(out, envelope_status_text(ENVELOPE_WRITTEN));
	buf_span(out, text);
	return !out->overflow;
}

static bool
says_the_same(const struct envelope *old, struct span text)
{
	struct envelope *e;
	bool same;

	if (envelope_parse(text, &e) != ENVELOPE_OK)
		return false;
	same = e->status == ENVELOPE_WRITTEN && e->id == old->id && e->count == old->count &&
		e->foreign == old->foreign && e->extra_count == old->extra_count && e->good_size == text.n;
	for (uint32_t i = 0; same && i < e->count; i++)
		same = span_eq(e->rcpts[i].address, old->rcpts[i].address) &&
			e->rcpts[i].state == old->rcpts[i].state;
	envelope_free(&e);
	return same;
}

static int
replace(struct spool *sp, struct spool_ref ref, const struct envelope *e)
{
	int folder = sp->folders[ref.sub].fd, result;
	char name[SPOOL_NAME_SIZE];
	struct buf old, new;

	spool_id_name(ref.id, SPOOL_HDR, name);
	buf_init(&old, LIMIT_ENVELOPE);
	buf_init(&new, LIMIT_ENVELOPE);
	result = spool_read_text(folder, name, &old);
	if (result == 0) {
		struct span good = span_first(buf_view(&old), (size_t)e->good_size);

		if ((e->foreign ? put_foreign(good, &new) : put_ours(good, &new)) &&
		    says_the_same(e, buf_view(&new))) {
			result = durable_replace(folder, name, new.p, new.n, 0600);
		} else {
			errno = EBADMSG;
			result = -1;
		}
	}
	buf_free(&old);
	buf_free(&new);
	return result;
}

int
spool_release(struct spool *sp, struct spool_ref ref)
{
	struct envelope *e;
	int result, error;

	if (spool_read_envelope(sp, ref, &e) < 0)
		return -1;
	if (e->status == ENVELOPE_WRITTEN) {
		result = file_fsync_dir(sp->folders[ref.sub].fd);
	} else if (e->status != ENVELOPE_QUARANTINED || !body_is_there(sp, ref, e)) {
		errno = EBADMSG;
		result = -1;
	} else {
		result = replace(sp, ref, e);
	}
	error = errno;
	envelope_free(&e);
	errno = error;
	return result;
}

void
spool_release_sweep(int dirfd, const char *name, int64_t now)
{
	struct span s = span_of(name);
	struct stat st;
	uint64_t id;

	if (!span_starts(s, SPAN(".")) || s.n < 10 || !span_is(span_from(s, s.n - 8), ".hdr.tmp") ||
	    !num_parse(span_first(span_from(s, 1), s.n - 9), UINT64_MAX, &id))
		return;
	/* What fails here is found again by the next scan. */
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime < now - SWEEP_S)
		(void)!file_unlinkat(dirfd, name, 0);
}
