/*
 * Flags, keywords and expunging.
 *
 * Flags are read and written under the lock, so that two sessions adding one
 * flag each end with both.  The lock is given back after every BATCH messages.
 * Crash: a renamed file whose line is missing is found by the next scan; a
 * removed file whose line is missing too.
 */
#include "base/base.h"
#include "store/mailbox_private.h"
#include "store/quota.h"
#include "sys/file.h"

#define BATCH 512

static bool
same_keyword(const char *known, struct span name)
{
	return span_eq_nocase(span_of(known), name);
}

static size_t
find_keyword(const struct mailbox *m, struct span name)
{
	size_t i = 0;

	while (i < m->keyword_n && !same_keyword(m->keywords[i], name))
		i++;
	return i;
}

static bool
is_keyword(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == '/')
			return false;
	return name.n > 0 && name.n <= LIMIT_KEYWORD_NAME;
}

int
mailbox_keyword_bit(struct mailbox *m, struct span name, bool make, uint64_t *bit_out)
{
	struct journal_line l = { .kind = JOURNAL_KEYWORD };
	size_t i = find_keyword(m, name);
	int r = 0;

	*bit_out = 0;
	if (i == m->keyword_n && make && is_keyword(name)) {
		if (log_begin(m) < 0)
			return -1;
		i = find_keyword(m, name);
		if (i == m->keyword_n && i < LIMIT_KEYWORDS) {
			l.uid = (uint32_t)i;
			l.name_n = name.n;
			memcpy(l.name, name.p, name.n);
			log_put(m, &l);
		}
		r = log_commit(m, false);
	}
	if (i < m->keyword_n)
		*bit_out = (uint64_t)1 << i;
	return r;
}

static uint64_t
combine(uint64_t old, uint64_t change, enum mailbox_store how, uint64_t within)
{
	switch (how) {
	case MAILBOX_REPLACE:
		return (old & ~within) | (change & within);
	case MAILBOX_ADD:
		return old | (change & within);
	case MAILBOX_REMOVE:
		return old & ~(change & within);
	}
	return old;
}

struct change {
	enum mailbox_store how;
	uint64_t letters, keywords;
	uint64_t modseq;
	bool missed;		/* a file was not under its name */
};

static int
move_file(struct mailbox *m, const struct message *msg, uint64_t letters)
{
	char from[MAILDIR_NAME_MAX * 2], to[MAILDIR_NAME_MAX * 2];
	struct buf a, b;

	buf_init_fixed(&a, from, sizeof(from));
	buf_init_fixed(&b, to, sizeof(to));
	view_path(m, msg, &a);
	maildir_print(MAILDIR_CUR, view_name(m, msg), letters, &b);
	return file_renameat(m->dir, from, m->dir, to, 0);
}

static int
store_one(struct mailbox *m, const struct message *msg, struct change *c)
{
	uint64_t letters = combine(msg->letters, c->letters, c->how, MAILDIR_IMAP_FLAGS);
	uint64_t keywords = combine(msg->keywords, c->keywords, c->how, UINT64_MAX);
	struct journal_line l;

	if ((msg->state & MESSAGE_GONE) || (letters == msg->letters && keywords == msg->keywords))
		return 0;
	if (letters != msg->letters && move_file(m, msg, letters) < 0) {
		if (errno != ENOENT)
			return -1;
		c->missed = true;
		return 0;
	}
	view_line(m, msg, JOURNAL_FLAGS, &l);
	if (letters != msg->letters)
		l.where = MAILDIR_CUR;
	l.letters = letters;
	l.keywords = keywords;
	l.modseq = c->modseq;
	log_put(m, &l);
	return 0;
}

static int
store_batch(struct mailbox *m, const uint32_t *which, size_t n, struct change *c)
{
	uint64_t before;
	int r = 0, saved = 0;

	if (log_begin(m) < 0)
		return -1;
	before = scan_mtime(m->cur_dir);
	if (c->modseq <= m->modseq)
		c->modseq = log_new_modseq(m);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = store_one(m, &m->at[which[i]], c);
	saved = errno;
	if (m->lines.n > 0)
		scan_own_change(m, before);
	if (log_commit(m, false) < 0)
		return -1;
	errno = saved;
	return r;
}

static int
store_all(struct mailbox *m, const uint32_t *which, size_t n, struct change *c)
{
	for (size_t i = 0; i < n; i += BATCH)
		if (store_batch(m, which + i, n - i < BATCH ? n - i : BATCH, c) < 0)
			return -1;
	return 0;
}

int
mailbox_store(struct mailbox *m, const uint32_t *which, size_t n, enum mailbox_store how,
	uint64_t letters, uint64_t keywords)
{
	struct change c = { .how = how, .letters = letters, .keywords = keywords };

	if (store_all(m, which, n, &c) < 0)
		return -1;
	if (!c.missed)
		return 0;
	/* Another program renamed files: learn their names and store again, once. */
	c.missed = false;
	if (mailbox_sync_full(m) < 0)
		return -1;
	return store_all(m, which, n, &c);
}

struct removed {
	uint64_t modseq;
	int64_t bytes, count;
	bool missed;
};

static int
expunge_one(struct mailbox *m, const struct message *msg, struct removed *done)
{
	char text[MAILDIR_NAME_MAX * 2];
	struct journal_line l = { .kind = JOURNAL_GONE, .modseq = done->modseq, .uid = msg->uid };
	struct buf path;

	if (msg->state & MESSAGE_GONE)
		return 0;
	buf_init_fixed(&path, text, sizeof(text));
	view_path(m, msg, &path);
	if (file_unlinkat(m->dir, text, 0) < 0) {
		if (errno != ENOENT)
			return -1;
		done->missed = true;
		return 0;
	}
	log_put(m, &l);
	done->bytes -= (int64_t)msg->file_size;
	done->count--;
	return 0;
}

static int
expunge_batch(struct mailbox *m, const uint32_t *which, size_t n, struct removed *done)
{
	uint64_t before;
	int r = 0, saved;

	if (log_begin(m) < 0)
		return -1;
	before = scan_mtime(m->cur_dir);
	done->modseq = log_new_modseq(m);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = expunge_one(m, &m->at[which[i]], done);
	saved = errno;
	if (m->lines.n > 0)
		scan_own_change(m, before);
	if (log_commit(m, false) < 0)
		return -1;
	errno = saved;
	return r;
}

static int
expunge_all(struct mailbox *m, const uint32_t *which, size_t n, struct removed *done)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i += BATCH)
		r = expunge_batch(m, which + i, n - i < BATCH ? n - i : BATCH, done);
	return r;
}

int
mailbox_expunge(struct mailbox *m, const uint32_t *which, size_t n)
{
	struct removed done = { .modseq = 0 };
	int r = expunge_all(m, which, n, &done);

	if (r == 0 && done.missed && (r = mailbox_sync_full(m)) == 0)
		r = expunge_all(m, which, n, &done);
	if (done.count != 0) {
		int saved = errno;

		quota_add(m->root, done.bytes, done.count);
		errno = saved;
	}
	return r;
}
