/*
 * Adding messages: APPEND and COPY.
 *
 * Steps of an append: 1. write tmp/NAME; 2. date and fsync it; 3. lock the
 * target; 4. rename it into cur/; 5. fsync that directory; 6. journal line, fdatasync; 7. unlock.
 * A crash before 4 leaves a file in tmp/, after 4 a message that gets its UID
 * from the next scan.  A copy links instead of 1, 2 and 4; when one link
 * fails, those made are removed again, all under the lock, so nobody saw them.
 */
#include "base/base.h"
#include "base/mem.h"
#include "store/mailbox_private.h"
#include "store/quota.h"
#include "sys/file.h"

#include <time.h>

#define COPY_PIECE 65536

struct mailbox_append {
	struct mailbox *target;
	int fd;
	int error;
	char last;		/* byte written last */
	uint64_t size, bare_lf;
	char tmp[MAILDIR_NAME_MAX + 8];
};

static void
new_tmp(char *out, size_t size)
{
	struct buf b;

	buf_init_fixed(&b, out, size);
	buf_text_put(&b, "tmp/");
	maildir_new_base("", 0, 0, &b);
}

struct mailbox_append *
mailbox_append_begin(int rootfd, const char *path)
{
	struct mailbox *target = mailbox_load(rootfd, path, MAILBOX_POP);
	struct mailbox_append *a;

	if (target == NULL)
		return NULL;
	a = mem_new(sizeof(*a));
	a->target = target;
	new_tmp(a->tmp, sizeof(a->tmp));
	a->fd = maildir_create_file(target->dir, a->tmp);
	if (a->fd < 0 && errno == ENOENT && maildir_make(target->dir) == 0)
		a->fd = maildir_create_file(target->dir, a->tmp);
	if (a->fd < 0) {
		int saved = errno;

		mailbox_append_abort(&a);
		errno = saved;
	}
	return a;
}

int
mailbox_append_write(struct mailbox_append *a, const void *data, size_t n)
{
	const char *p = data;

	if (n == 0 || a->error != 0)
		return a->error != 0 ? -1 : 0;
	for (const char *lf = p; (lf = memchr(lf, '\n', (size_t)(p + n - lf))) != NULL; lf++)
		a->bare_lf += (lf > p ? lf[-1] : a->last) != '\r';
	a->last = p[n - 1];
	a->size += n;
	if (file_write_all(a->fd, data, n) == 0)
		return 0;
	a->error = errno;
	return -1;
}

void
mailbox_append_abort(struct mailbox_append **ap)
{
	struct mailbox_append *a = *ap;

	if (a == NULL)
		return;
	if (a->fd >= 0 && file_unlinkat(a->target->dir, a->tmp, 0) < 0 && a->error == 0)
		a->error = errno;	/* an orphan in tmp/ is removed by auto-clean */
	file_close(&a->fd);
	mailbox_close(&a->target);
	free(a);
	*ap = NULL;
}

/* Bits in the target for keyword names; new ones get lines. Too many: left out. */
static uint64_t
keyword_bits(struct mailbox *target, const struct span *names, size_t n)
{
	uint64_t bits = 0, bit;

	for (size_t i = 0; i < n; i++)
		if (mailbox_keyword_bit(target, names[i], true, &bit) == 0)
			bits |= bit;
	return bits;
}

static void
set_base(struct journal_line *l)
{
	struct buf b;

	buf_init_fixed(&b, l->name, sizeof(l->name));
	maildir_new_base("", l->file_size, l->wire_size, &b);
	l->name_n = b.n;
}

static void
print_path(const struct journal_line *l, struct buf *out)
{
	buf_clear(out);
	maildir_print(l->where, span_make(l->name, l->name_n), l->letters, out);
}

/* Steps 3 to 7. */
static int
append_place(struct mailbox_append *a, struct journal_line *l, struct mailbox_added *out)
{
	struct mailbox *m = a->target;
	char to[MAILDIR_NAME_MAX * 2];
	struct buf path;
	uint64_t before;

	if (log_begin(m) < 0)
		return -1;
	before = scan_mtime(m->cur_dir);
	l->uid = m->uidnext;
	l->modseq = log_new_modseq(m);
	set_base(l);
	buf_init_fixed(&path, to, sizeof(to));
	print_path(l, &path);
	if (file_renameat(m->dir, a->tmp, m->dir, to, RENAME_NOREPLACE) < 0) {
		log_end(m);
		return -1;
	}
	file_close(&a->fd);
	if (file_fsync_dir(m->cur_dir) < 0) {
		log_end(m);
		return -1;
	}
	log_put(m, l);
	scan_own_change(m, before);
	*out = (struct mailbox_added){ .uidvalidity = m->uidvalidity, .first_uid = l->uid, .count = 1 };
	return log_commit(m, true);
}

int
mailbox_append_commit(struct mailbox_append **ap, uint64_t letters, const struct span *keywords,
	size_t n, int64_t date, struct mailbox_added *out)
{
	struct mailbox_append *a = *ap;
	struct journal_line l = { .kind = JOURNAL_ADD, .letters = letters & MAILDIR_IMAP_FLAGS };
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = date, .tv_nsec = 0 } };
	int r = a->error != 0 ? -1 : 0, saved = a->error;

	if (r == 0 && date != 0)
		r = futimens(a->fd, times);
	if (r == 0)
		r = file_fsync(a->fd);
	if (r == 0) {
		l.date = date != 0 ? date : (int64_t)time(NULL);
		l.file_size = a->size;
		l.wire_size = a->size + a->bare_lf;
		l.keywords = keyword_bits(a->target, keywords, n);
		l.where = MAILDIR_CUR;
		r = append_place(a, &l, out);
	}
	if (r < 0 && saved == 0)
		saved = errno;
	if (r == 0)
		quota_add(a->target->root, (int64_t)l.file_size, 1);
	mailbox_append_abort(ap);
	errno = saved;
	return r;
}

/* ---- copy ---- */

struct copy {
	struct mailbox *from, *to;
	uint64_t bits[LIMIT_KEYWORDS];	/* of keyword i of the source, in the target */
	struct journal_line *made;	/* one for each message linked */
	size_t made_n;
};

static int
copy_bytes(int from, int to)
{
	char *piece = mem_resize(NULL, COPY_PIECE);
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(from, piece, COPY_PIECE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -1 : file_write_all(to, piece, (size_t)n);
	}
	free(piece);
	return r;
}

/* Where a link is refused (EMLINK, EXDEV, EPERM): a file of its own. */
static int
copy_file(struct copy *c, const char *from, const char *to, int64_t date)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = date, .tv_nsec = 0 } };
	char tmp[MAILDIR_NAME_MAX + 8];
	int in = maildir_open_file(c->from->dir, from), out, r = -1;

	if (in < 0)
		return -1;
	new_tmp(tmp, sizeof(tmp));
	out = maildir_create_file(c->to->dir, tmp);
	if (out >= 0 && copy_bytes(in, out) == 0 && futimens(out, times) == 0 && file_fsync(out) == 0)
		r = file_renameat(c->to->dir, tmp, c->to->dir, to, RENAME_NOREPLACE);
	if (out >= 0 && r < 0) {
		int saved = errno;

		if (file_unlinkat(c->to->dir, tmp, 0) < 0)
			errno = saved;
		errno = saved;
	}
	file_close(&in);
	file_close(&out);
	return r;
}

/* ENOENT: renamed or removed meanwhile; the caller learns its name without our lock. */
static int
link_one(struct copy *c, size_t i, const char *to)
{
	char from[MAILDIR_NAME_MAX * 2];
	struct buf path;

	buf_init_fixed(&path, from, sizeof(from));
	view_path(c->from, &c->from->at[i], &path);
	if (file_linkat(c->from->dir, from, c->to->dir, to) == 0)
		return 0;
	if (errno != EMLINK && errno != EXDEV && errno != EPERM)
		return -1;
	return copy_file(c, from, to, c->from->at[i].date);
}

static uint64_t
target_keywords(const struct copy *c, uint64_t bits)
{
	uint64_t out = 0;

	for (size_t i = 0; i < LIMIT_KEYWORDS; i++)
		if (bits & (uint64_t)1 << i)
			out |= c->bits[i];
	return out;
}

static int
copy_one(struct copy *c, size_t i, uint64_t modseq)
{
	const struct message *msg = &c->from->at[i];
	struct journal_line *l = &c->made[c->made_n];
	char to[MAILDIR_NAME_MAX * 2];
	struct buf path;

	*l = (struct journal_line){ .kind = JOURNAL_ADD, .modseq = modseq, .letters = msg->letters,
		.keywords = target_keywords(c, msg->keywords), .file_size = msg->file_size,
		.wire_size = msg->wire_size, .date = msg->date,
		.uid = c->to->uidnext + (uint32_t)c->made_n };
	l->where = MAILDIR_CUR;
	set_base(l);
	buf_init_fixed(&path, to, sizeof(to));
	print_path(l, &path);
	if (link_one(c, i, to) < 0)
		return -1;
	c->made_n++;
	return 0;
}

static void
undo(struct copy *c)
{
	int saved = errno;
	char text[MAILDIR_NAME_MAX * 2];
	struct buf path;

	buf_init_fixed(&path, text, sizeof(text));
	for (size_t i = 0; i < c->made_n; i++) {
		print_path(&c->made[i], &path);
		if (file_unlinkat(c->to->dir, text, 0) < 0)
			continue;	/* it stays, as a message that gets a UID */
	}
	errno = saved;
}

static int
copy_locked(struct copy *c, const uint32_t *which, size_t n, struct mailbox_added *out)
{
	struct mailbox *to = c->to;
	uint64_t before = scan_mtime(to->cur_dir), modseq = log_new_modseq(to);
	int64_t bytes = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if ((c->from->at[which[i]].state & MESSAGE_GONE) == 0)
			r = copy_one(c, which[i], modseq);
	if (r == 0)
		r = file_fsync_dir(to->cur_dir);
	if (r < 0) {
		undo(c);
		return -1;
	}
	*out = (struct mailbox_added){ .uidvalidity = to->uidvalidity, .first_uid = to->uidnext,
		.count = (uint32_t)c->made_n };
	for (size_t i = 0; i < c->made_n; i++) {
		log_put(to, &c->made[i]);
		bytes += (int64_t)c->made[i].file_size;
	}
	scan_own_change(to, before);
	r = log_commit(to, true);
	if (r == 0 && c->made_n > 0)
		quota_add(to->root, bytes, (int64_t)c->made_n);
	return r;
}

static void
map_keywords(struct copy *c, const uint32_t *which, size_t n)
{
	uint64_t used = 0;

	for (size_t i = 0; i < n; i++)
		used |= c->from->at[which[i]].keywords;
	for (size_t i = 0; i < c->from->keyword_n; i++) {
		struct span name = span_of(c->from->keywords[i]);

		if (used & (uint64_t)1 << i)
			c->bits[i] = keyword_bits(c->to, &name, 1);
	}
}

static int
copy_once(struct copy *c, const uint32_t *which, size_t n, struct mailbox_added *out)
{
	int r = -1;

	c->made_n = 0;
	if (log_begin(c->to) == 0)
		r = copy_locked(c, which, n, out);
	log_end(c->to);
	return r;
}

int
mailbox_copy(struct mailbox *m, const uint32_t *which, size_t n, int rootfd, const char *path,
	struct mailbox_added *out)
{
	struct copy c = { .from = m, .to = mailbox_load(rootfd, path, MAILBOX_POP) };
	int r, saved;

	if (c.to == NULL)
		return -1;
	c.made = mem_array(n, sizeof(*c.made));
	map_keywords(&c, which, n);
	r = copy_once(&c, which, n, out);
	if (r < 0 && errno == ENOENT && mailbox_sync_full(m) == 0)
		r = copy_once(&c, which, n, out);
	saved = errno;
	mailbox_close(&c.to);
	free(c.made);
	errno = saved;
	return r;
}
