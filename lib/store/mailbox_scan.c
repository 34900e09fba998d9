/*
 * Directories compared with the list of messages.
 *
 * When neither new/ nor cur/ has another mtime than at the last scan, nothing
 * is read.  Deliveries touch only new/, so usually only that is read; cur/ is
 * read when another program changed it.  An mtime is trusted only when it is
 * older than YOUNG_NS at the time of the scan, because two changes within one
 * tick of the file system's clock cannot be told apart; else 0 is noted, and
 * the next scan reads again.
 *
 * readdir may miss a file that is renamed meanwhile, so a message counts as
 * gone only when two readings in a row did not show it.
 *
 * Order, under the lock: read, rename, write the journal.  A crash in between
 * leaves files in cur/ without a UID, and a cur/ with an unknown mtime.
 */
#include "base/base.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/mailbox_private.h"
#include "sys/clock.h"
#include "sys/file.h"

#include <dirent.h>

#define YOUNG_NS 20000000u

/* A directory entry. */
struct entry {
	uint32_t name_at;	/* base name in scan.names */
	uint8_t name_n;
	uint8_t where;
	uint64_t letters;
	uint64_t file_size, wire_size;
	int64_t date;
};

struct scan {
	struct mailbox *m;
	bool both;		/* cur/ is read too */
	uint64_t new_ns, cur_ns, now_ns;	/* before reading */
	uint32_t *table;	/* index + 1 of a message, by hash of its base name */
	size_t table_size;	/* a power of two */
	struct entry *fresh;	/* entries that have no UID */
	size_t fresh_n, fresh_cap;
	struct buf names;
	uint64_t modseq;
	uint32_t moved;		/* from new/ to cur/ */
	uint32_t next_uid;	/* after the new files */
	bool added;
	bool unsure;		/* two files had one base name: read again */
};

uint64_t
scan_mtime(int dirfd)
{
	struct stat st;

	if (fstat(dirfd, &st) < 0)
		return 0;
	return (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
}

static uint64_t
hash(struct span s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return h ^ h >> 29;
}

static bool
is_wanted(const struct scan *s, const struct message *msg)
{
	return (msg->state & MESSAGE_GONE) == 0 && (s->both || msg->where == MAILDIR_NEW);
}

static void
build_table(struct scan *s)
{
	struct mailbox *m = s->m;
	size_t wanted = s->both ? m->count : m->in_new;

	for (s->table_size = 16; s->table_size < wanted * 2; )
		s->table_size *= 2;
	s->table = mem_array(s->table_size, sizeof(*s->table));
	if (!s->both && m->in_new == 0)
		return;
	for (size_t i = 0; i < m->count; i++) {
		size_t slot;

		m->at[i].state &= (uint16_t)~MESSAGE_FOUND;
		if (!is_wanted(s, &m->at[i]))
			continue;
		slot = hash(view_name(m, &m->at[i])) & (s->table_size - 1);
		while (s->table[slot] != 0)
			slot = (slot + 1) & (s->table_size - 1);
		s->table[slot] = (uint32_t)i + 1;
	}
}

static struct message *
look_up(const struct scan *s, struct span base)
{
	size_t slot = hash(base) & (s->table_size - 1);

	for (; s->table[slot] != 0; slot = (slot + 1) & (s->table_size - 1)) {
		struct message *msg = &s->m->at[s->table[slot] - 1];

		if (span_eq(view_name(s->m, msg), base))
			return msg;
	}
	return NULL;
}

/* Note that a known message lies there now under these letters. */
static void
note_flags(struct scan *s, const struct message *msg, enum maildir_where where, uint64_t letters)
{
	struct journal_line l;

	if (msg->where == where && msg->letters == letters)
		return;
	view_line(s->m, msg, JOURNAL_FLAGS, &l);
	if (((msg->letters ^ letters) & MAILDIR_IMAP_FLAGS) != 0)
		l.modseq = s->modseq;
	l.where = where;
	l.letters = letters;
	log_put(s->m, &l);
}

static void
keep_fresh(struct scan *s, const struct maildir_name *name, enum maildir_where where)
{
	if (s->fresh_n == s->fresh_cap) {
		s->fresh_cap = s->fresh_cap == 0 ? 16 : s->fresh_cap * 2;
		s->fresh = mem_resize_array(s->fresh, s->fresh_cap, sizeof(*s->fresh));
	}
	s->fresh[s->fresh_n++] = (struct entry){ .name_at = (uint32_t)s->names.n,
		.name_n = (uint8_t)name->base.n, .where = (uint8_t)where, .letters = name->letters };
	buf_span(&s->names, name->base);
}

static struct span
entry_name(const struct scan *s, const struct entry *e)
{
	return span_make(s->names.p + e->name_at, e->name_n);
}

/*
 * Give a file the name that its parts call for: base, place, letters.  Its name
 * now is `from`, with its directory.
 */
static bool
rename_to(struct scan *s, const char *from, enum maildir_where where, struct span base, uint64_t letters)
{
	char text[MAILDIR_NAME_MAX * 2];
	struct buf to;

	buf_init_fixed(&to, text, sizeof(text));
	maildir_print(where, base, letters, &to);
	return !to.overflow && file_renameat(s->m->dir, from, s->m->dir, text, RENAME_NOREPLACE) == 0;
}

/* A second file with one base name: under a new base it is a message of its own. */
static void
take_double(struct scan *s, const char *from, const struct maildir_name *name, enum maildir_where where)
{
	struct maildir_name renamed = *name;
	char text[MAILDIR_NAME_MAX];
	struct buf base;

	buf_init_fixed(&base, text, sizeof(text));
	maildir_new_base("", 0, 0, &base);
	renamed.base = buf_view(&base);
	if (rename_to(s, from, where, renamed.base, renamed.letters))
		keep_fresh(s, &renamed, where);
}

/* One directory entry; `again` is the second reading, which only looks for the missing. */
static void
take_entry(struct scan *s, const char *entry, bool in_new, bool again)
{
	struct maildir_name name;
	struct message *msg;
	enum maildir_where where;
	char from[MAILDIR_NAME_MAX * 2];
	struct buf path;

	if (!maildir_split(span_of(entry), &name))
		return;
	where = in_new ? MAILDIR_NEW : name.has_info ? MAILDIR_CUR : MAILDIR_CUR_BARE;
	buf_init_fixed(&path, from, sizeof(from));
	buf_printf(&path, "%s/%s", in_new ? "new" : "cur", entry);
	msg = look_up(s, name.base);
	if (msg != NULL && (msg->state & MESSAGE_FOUND)) {
		if (!again)
			take_double(s, from, &name, where);
		return;
	}
	if (!name.canonical || (in_new && name.has_info)) {
		where = MAILDIR_CUR;
		if (!rename_to(s, from, where, name.base, name.letters))
			return;		/* gone already, or in the way: the next scan sees */
	}
	if (msg != NULL) {
		msg->state |= MESSAGE_FOUND;
		note_flags(s, msg, where, name.letters);
	} else if (!again) {
		keep_fresh(s, &name, where);
	}
}

static int
read_dir(struct scan *s, bool in_new, bool again)
{
	int fd = maildir_open_dir(s->m->dir, in_new ? "new" : "cur");
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		file_close(&fd);
		return -1;
	}
	for (errno = 0; (e = readdir(d)) != NULL; errno = 0)
		if (e->d_type == DT_REG || e->d_type == DT_UNKNOWN)
			take_entry(s, e->d_name, in_new, again);
	if (errno != 0) {
		int saved = errno;

		closedir(d);
		errno = saved;
		return -1;
	}
	closedir(d);
	return 0;
}

static size_t
count_missing(const struct scan *s)
{
	size_t n = 0;

	if (!s->both && s->m->in_new == 0)
		return 0;
	for (size_t i = 0; i < s->m->count; i++)
		n += is_wanted(s, &s->m->at[i]) && (s->m->at[i].state & MESSAGE_FOUND) == 0;
	return n;
}

static void
note_missing(struct scan *s)
{
	for (size_t i = 0; i < s->m->count; i++) {
		const struct message *msg = &s->m->at[i];
		struct journal_line l = { .kind = JOURNAL_GONE, .modseq = s->modseq, .uid = msg->uid };

		if (is_wanted(s, msg) && (msg->state & MESSAGE_FOUND) == 0)
			log_put(s->m, &l);
	}
}

/* Size, date and wire size of a new file; false when it is no message. */
static bool
look_at(struct scan *s, struct entry *e)
{
	char text[MAILDIR_NAME_MAX * 2];
	uint64_t bare_lf = 0, named_size, named_wire;
	struct stat st;
	struct buf path;
	int fd;
	bool good;

	buf_init_fixed(&path, text, sizeof(text));
	maildir_print((enum maildir_where)e->where, entry_name(s, e), e->letters, &path);
	if (fstatat(s->m->dir, text, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & (S_ISUID | S_ISGID)))
		return false;
	e->file_size = (uint64_t)st.st_size;
	e->date = st.st_mtim.tv_sec;
	maildir_sizes(entry_name(s, e), &named_size, &named_wire);
	if (named_wire >= e->file_size && named_size == e->file_size && named_wire <= 2 * e->file_size) {
		e->wire_size = named_wire;
		return true;
	}
	fd = maildir_open_file(s->m->dir, text);
	good = fd >= 0 && maildir_count_bare_lf(fd, &bare_lf) == 0;
	file_close(&fd);
	e->wire_size = e->file_size + bare_lf;
	return good;
}

/* new/ to cur/: the message is seen by a mail program now. */
static void
move_to_cur(struct scan *s, struct entry *e)
{
	char from[MAILDIR_NAME_MAX * 2];
	struct buf path;

	buf_init_fixed(&path, from, sizeof(from));
	maildir_print(MAILDIR_NEW, entry_name(s, e), 0, &path);
	if (rename_to(s, from, MAILDIR_CUR, entry_name(s, e), 0)) {
		e->where = MAILDIR_CUR;
		s->moved++;
	}
}

/* Messages that have a UID already but still lie in new/. */
static void
move_known(struct scan *s)
{
	struct mailbox *m = s->m;

	for (size_t i = 0; m->in_new > 0 && i < m->count; i++) {
		char from[MAILDIR_NAME_MAX * 2];
		struct buf path;

		if (m->at[i].where != MAILDIR_NEW || (m->at[i].state & MESSAGE_GONE))
			continue;
		buf_init_fixed(&path, from, sizeof(from));
		view_path(m, &m->at[i], &path);
		if (!rename_to(s, from, MAILDIR_CUR, view_name(m, &m->at[i]), m->at[i].letters))
			continue;
		note_flags(s, &m->at[i], MAILDIR_CUR, m->at[i].letters);
		s->moved++;
	}
}

static int
by_age(const void *a, const void *b, void *ctx)
{
	const struct entry *x = a, *y = b;

	if (x->date != y->date)
		return x->date < y->date ? -1 : 1;
	return span_cmp(entry_name(ctx, x), entry_name(ctx, y));
}

static int
by_base(const void *a, const void *b, void *ctx)
{
	return span_cmp(entry_name(ctx, a), entry_name(ctx, b));
}

/*
 * A file renamed while we read is seen twice; two files with one base name
 * look the same here, so the next scan reads again and finds the second.
 */
static void
drop_doubles(struct scan *s)
{
	size_t kept = 0;

	if (s->fresh_n > 1)
		qsort_r(s->fresh, s->fresh_n, sizeof(*s->fresh), by_base, s);
	for (size_t i = 0; i < s->fresh_n; i++) {
		if (kept > 0 && by_base(&s->fresh[kept - 1], &s->fresh[i], s) == 0)
			s->unsure = true;
		else
			s->fresh[kept++] = s->fresh[i];
	}
	s->fresh_n = kept;
}

/* Give UIDs to new files, oldest first. */
static void
note_fresh(struct scan *s)
{
	struct mailbox *m = s->m;
	uint32_t uid = m->uidnext;
	size_t good = 0;

	drop_doubles(s);
	for (size_t i = 0; i < s->fresh_n; i++)
		if (look_at(s, &s->fresh[i]))
			s->fresh[good++] = s->fresh[i];
	if (good > 1)
		qsort_r(s->fresh, good, sizeof(*s->fresh), by_age, s);
	for (size_t i = 0; i < good && uid < UINT32_MAX - 1 && m->count + i < LIMIT_MESSAGES; i++, uid++) {
		struct entry *e = &s->fresh[i];
		struct journal_line l = { .kind = JOURNAL_ADD, .modseq = s->modseq, .uid = uid };
		struct span name = entry_name(s, e);

		if (m->mode == MAILBOX_SELECT && e->where == MAILDIR_NEW)
			move_to_cur(s, e);
		l.where = (enum maildir_where)e->where;
		l.letters = e->letters;
		l.file_size = e->file_size;
		l.wire_size = e->wire_size;
		l.date = e->date;
		l.name_n = name.n;
		memcpy(l.name, name.p, name.n);
		log_put(m, &l);
		s->added = true;
	}
	s->next_uid = uid;
}

/* What this session is told of now is \Recent to no other. */
static void
claim_recent(struct mailbox *m, uint32_t next_uid)
{
	struct journal_line l = { .kind = JOURNAL_RECENT, .uid = next_uid };

	if (m->mode == MAILBOX_SELECT && next_uid > m->recent_uid)
		log_put(m, &l);
}

static bool
is_young(const struct scan *s, uint64_t mtime)
{
	return mtime + YOUNG_NS > s->now_ns;
}

/* Which mtimes the next sync may trust. */
static void
note_scan(struct scan *s)
{
	struct mailbox *m = s->m;
	struct journal_line l = { .kind = JOURNAL_SCAN, .new_ns = s->new_ns, .cur_ns = s->cur_ns };

	if (s->moved > 0 || is_young(s, s->new_ns))
		l.new_ns = 0;
	if (s->unsure || (s->both && is_young(s, s->cur_ns)))
		l.cur_ns = 0;
	else if (s->moved > 0 && l.cur_ns != 0)
		l.cur_ns = scan_mtime(m->cur_dir);	/* our own renames */
	if (l.new_ns != m->new_ns || l.cur_ns != m->cur_ns)
		log_put(m, &l);
}

static int
read_dirs(struct scan *s, bool again)
{
	if (read_dir(s, true, again) < 0)
		return -1;
	return s->both ? read_dir(s, false, again) : 0;
}

/* Compare and put lines; the lock is held. */
static int
compare(struct scan *s)
{
	build_table(s);
	if (read_dirs(s, false) < 0)
		return -1;
	if (count_missing(s) > 0 && !s->both) {
		/* Something left new/: then it is in cur/, which must be read. */
		s->both = true;
		s->fresh_n = 0;
		buf_clear(&s->names);
		buf_clear(&s->m->lines);
		free(s->table);
		return compare(s);
	}
	if (count_missing(s) > 0 && read_dirs(s, true) < 0)
		return -1;
	if (count_missing(s) > 0)
		note_missing(s);
	if (s->m->mode == MAILBOX_SELECT)
		move_known(s);
	note_fresh(s);
	claim_recent(s->m, s->next_uid);
	note_scan(s);
	return 0;
}

static void
mark_recent_from(struct mailbox *m, uint32_t uid)
{
	for (size_t i = mailbox_find_uid(m, uid); i < m->count; i++)
		view_mark_recent(m, &m->at[i]);
}

/* Messages that came by APPEND or COPY: no file has to be read, but they are claimed. */
static int
claim(struct mailbox *m)
{
	uint32_t first;
	int r;

	if (log_begin(m) < 0)
		return -1;
	first = m->recent_uid;
	claim_recent(m, m->uidnext);
	r = log_commit(m, false);
	if (r == 0)
		mark_recent_from(m, first);
	return r;
}

static int
scan(struct mailbox *m, bool full)
{
	struct scan s = { .m = m };
	uint32_t first;
	int r;

	if (log_begin(m) < 0)
		return -1;
	s.now_ns = (uint64_t)clock_wall_ms() * 1000000;
	s.new_ns = scan_mtime(m->new_dir);
	s.cur_ns = scan_mtime(m->cur_dir);
	s.both = full || m->cur_ns == 0 || s.cur_ns != m->cur_ns;
	s.modseq = log_new_modseq(m);
	buf_init(&s.names, UINT32_MAX / 2);
	first = m->recent_uid;
	r = compare(&s);
	if (r == 0)
		r = log_commit(m, s.added);
	if (r == 0 && m->mode == MAILBOX_SELECT)
		mark_recent_from(m, first);
	log_end(m);
	free(s.table);
	free(s.fresh);
	buf_free(&s.names);
	return r;
}

static bool
dirs_changed(const struct mailbox *m)
{
	return m->new_ns == 0 || m->cur_ns == 0 || scan_mtime(m->new_dir) != m->new_ns ||
		scan_mtime(m->cur_dir) != m->cur_ns;
}

static int
sync_with(struct mailbox *m, bool full)
{
	if (log_refresh(m) < 0)
		return -1;
	if (full || m->damaged || dirs_changed(m) || (m->mode == MAILBOX_SELECT && m->in_new > 0))
		return scan(m, full);
	return m->mode == MAILBOX_SELECT && m->uidnext > m->recent_uid ? claim(m) : 0;
}

static int
sync_and_show(struct mailbox *m, bool full)
{
	int r = sync_with(m, full);

	if (r == 0 && m->mode != MAILBOX_SELECT)
		mark_recent_from(m, m->recent_uid);	/* shown, but left to others */
	return r;
}

int
mailbox_sync(struct mailbox *m)
{
	return sync_and_show(m, false);
}

int
mailbox_sync_full(struct mailbox *m)
{
	return sync_and_show(m, true);
}

bool
mailbox_is_stale(struct mailbox *m)
{
	struct stat st;

	return fstatat(m->dir, MAILDIR_JOURNAL, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		st.st_ino != m->journal_ino || (uint64_t)st.st_size != m->journal_at || dirs_changed(m);
}

void
scan_own_change(struct mailbox *m, uint64_t before)
{
	struct journal_line l = { .kind = JOURNAL_SCAN, .new_ns = m->new_ns };

	if (before == 0 || before != m->cur_ns)
		return;		/* somebody else's change is waiting to be read */
	l.cur_ns = scan_mtime(m->cur_dir);
	if (l.cur_ns != m->cur_ns)
		log_put(m, &l);
}
