/*
 * Journal and index of a mailbox as files.
 *
 * Opening maps the index, when it fits the journal, and replays what the
 * journal has beyond it.  Whoever finds damage takes the lock, looks again,
 * and writes a new journal from what can be known:
 *
 *	journal			index			result
 *	good			good or not		nothing lost
 *	missing, head bad,	good			all from the index; UIDVALIDITY stays
 *	or shorter than index
 *	bad lines		none that covers them	other lines count; UIDNEXT jumps by UID_GAP, so
 *							no UID is used twice; files without a UID get one
 *	missing or head bad	none			new UIDVALIDITY
 *
 * A journal cut exactly between two lines looks whole.  The lock file is the
 * witness: it holds UIDVALIDITY and UIDNEXT as they were at the last commit, and
 * UIDs below that are never given out again.
 *
 * Crash: a line is written by one write at the end of the file; a torn last line
 * is dropped by the next writer as damage.  The index is renamed into place
 * without sync: after a power cut its checksum decides.
 */
#include "base/base.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/folder.h"
#include "store/mailbox_private.h"
#include "sys/clock.h"
#include "sys/durable.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/random.h"

#include <sys/mman.h>

#define UID_GAP 65536
#define READ_SIZE (128 << 10)
/* Write a new index when this much of the journal, or of the cache, is not in the old one. */
#define INDEX_TAIL (24 << 10)
#define CACHE_TAIL (128 << 10)
/* Rewrite the journal when it is this much larger than what is left needs. */
#define JOURNAL_SLACK (128 << 10)

static int
open_journal(struct mailbox *m, off_t *size)
{
	struct stat st;
	int fd = file_openat2(m->dir, MAILDIR_JOURNAL, O_RDWR | O_APPEND | O_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)LIMIT_STORE_FILE) {
		file_close(&fd);
		errno = EINVAL;
		return -1;
	}
	file_close(&m->journal);
	m->journal = fd;
	m->journal_ino = st.st_ino;
	*size = st.st_size;
	return 0;
}

/* Read the first line: UIDVALIDITY and id. */
static bool
read_head(struct mailbox *m, struct journal_line *head)
{
	char text[256];
	ssize_t n = pread(m->journal, text, sizeof(text), 0);
	ssize_t end = n > 0 ? span_find(span_make(text, (size_t)n), '\n') : -1;

	if (end < 0 || !journal_parse(span_make(text, (size_t)end), head) || head->kind != JOURNAL_HEAD)
		return false;
	m->journal_id = head->id;
	m->journal_at = (uint64_t)end + 1;
	return true;
}

/* Apply complete lines of one piece; returns how many bytes these were. */
static size_t
apply_piece(struct mailbox *m, struct span piece)
{
	struct span rest = piece;
	struct journal_line l;
	ssize_t end;

	while ((end = span_find(rest, '\n')) >= 0) {
		if (!journal_parse(span_first(rest, (size_t)end), &l))
			m->damaged = true;
		else
			view_apply(m, &l);
		rest = span_from(rest, (size_t)end + 1);
	}
	if (rest.n == READ_SIZE) {
		m->damaged = true;	/* no line is that long */
		return rest.n;
	}
	return piece.n - rest.n;
}

/* Apply the journal from journal_at on.  0, or -1 with errno of reading. */
static int
replay(struct mailbox *m)
{
	char *piece = mem_resize(NULL, READ_SIZE);
	ssize_t n;

	for (;;) {
		size_t used;

		n = pread(m->journal, piece, READ_SIZE, (off_t)m->journal_at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used = apply_piece(m, span_make(piece, (size_t)n));
		m->journal_at += used;
		if (used == 0) {
			m->damaged |= m->lock >= 0;	/* with the lock held nobody is writing it */
			break;
		}
	}
	free(piece);
	return n < 0 ? -1 : 0;
}

/* Map the index file if it is whole; the view is not touched. */
static bool
map_index(struct mailbox *m, struct index *ix, void **map, size_t *map_n)
{
	int fd = file_openat2(m->dir, MAILDIR_INDEX, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;
	bool good = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_size >= (off_t)sizeof(struct index_head) && st.st_size <= (off_t)LIMIT_STORE_FILE;

	if (good) {
		*map_n = (size_t)st.st_size;
		*map = mmap(NULL, *map_n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		good = *map != MAP_FAILED;
	}
	file_close(&fd);
	if (good && !index_check(span_make(*map, *map_n), ix)) {
		munmap(*map, *map_n);
		good = false;
	}
	return good;
}

/*
 * Fill the view from index and journal.  Returns false when a repair is
 * needed; then `view` and uidvalidity are the best that can be known
 * (uidvalidity 0: nothing).
 */
static bool
load(struct mailbox *m)
{
	struct journal_line head;
	struct index ix;
	void *map = NULL;
	size_t map_n = 0;
	off_t size = 0;
	bool has_head, has_index;

	view_clear(m);
	m->damaged = false;
	m->uidvalidity = 0;
	has_head = open_journal(m, &size) == 0 && read_head(m, &head);
	has_index = map_index(m, &ix, &map, &map_n);
	if (has_index && has_head && (ix.head->journal_id != head.id || ix.head->uidvalidity != head.uid)) {
		munmap(map, map_n);
		has_index = false;
	}
	if (has_index) {
		m->map = map;
		m->map_n = map_n;
		view_take_index(m, &ix);
	}
	if (!has_head || (has_index && m->index_at > (uint64_t)size)) {
		m->index_at = 0;	/* it belongs to no journal now */
		return false;
	}
	m->uidvalidity = head.uid;
	if (replay(m) < 0)
		m->damaged = true;
	return !m->damaged;
}

/* UIDs may have been given out that nobody knows any more: step over them. */
static void
leave_gap(struct mailbox *m)
{
	if (m->uidvalidity != 0 && m->uidnext < UINT32_MAX - 2 * UID_GAP)
		m->uidnext += UID_GAP;
	m->new_ns = m->cur_ns = 0;	/* and compare with the files */
}

static int
take_lock(struct mailbox *m)
{
	m->lock = lock_file(m->dir, MAILDIR_LOCK, true);
	return m->lock < 0 ? -1 : 0;
}

static void
print_all(struct mailbox *m, struct buf *out)
{
	struct journal_line l = { .kind = JOURNAL_HEAD, .uid = m->uidvalidity, .id = m->journal_id };

	journal_print(&l, out);
	l = (struct journal_line){ .kind = JOURNAL_NEXT, .uid = m->uidnext, .modseq = m->modseq };
	journal_print(&l, out);
	l = (struct journal_line){ .kind = JOURNAL_RECENT, .uid = m->recent_uid };
	journal_print(&l, out);
	for (size_t i = 0; i < m->keyword_n; i++) {
		l = (struct journal_line){ .kind = JOURNAL_KEYWORD, .uid = (uint32_t)i, .name_n = strlen(m->keywords[i]) };
		memcpy(l.name, m->keywords[i], l.name_n);
		journal_print(&l, out);
	}
	for (size_t i = 0; i < m->count; i++) {
		if (m->at[i].state & MESSAGE_GONE)
			continue;
		view_line(m, &m->at[i], JOURNAL_ADD, &l);
		journal_print(&l, out);
	}
	l = (struct journal_line){ .kind = JOURNAL_SCAN, .new_ns = m->new_ns, .cur_ns = m->cur_ns };
	journal_print(&l, out);
}

/* Replace the journal by one that says what the view says.  Lock held. */
static int
rewrite(struct mailbox *m)
{
	struct buf text;
	off_t size;
	int r = -1;

	if (m->uidvalidity == 0 && (m->uidvalidity = folder_new_uidvalidity(m->root)) == 0)
		return -1;
	m->journal_id = random_u64();
	buf_init(&text, LIMIT_STORE_FILE);
	print_all(m, &text);
	if (text.overflow)
		errno = EFBIG;
	else
		r = durable_replace(m->dir, MAILDIR_JOURNAL, text.p, text.n, 0600);
	if (r == 0)
		r = open_journal(m, &size);
	m->journal_at = text.n;
	m->index_at = 0;
	m->damaged = false;
	buf_free(&text);
	return r;
}

int
log_open(struct mailbox *m)
{
	int r = 0;

	if (load(m))
		return 0;
	if (take_lock(m) < 0)
		return -1;
	if (!load(m)) {
		leave_gap(m);
		r = rewrite(m);
	}
	log_end(m);
	return r;
}

void
log_close(struct mailbox *m)
{
	log_end(m);
	file_close(&m->journal);
	view_clear(m);
	buf_free(&m->lines);
	buf_free(&m->names);
}

/* A new file lies under the journal's name: it was rewritten. */
static int
merge(struct mailbox *m)
{
	struct journal_line head;
	off_t size;

	if (open_journal(m, &size) < 0)
		return -1;
	if (!read_head(m, &head)) {
		m->damaged = true;
		return 0;
	}
	if (head.uid != m->uidvalidity) {
		errno = ESTALE;
		return -1;
	}
	m->index_at = 0;
	view_merge_begin(m);
	if (replay(m) < 0)
		return -1;
	if (!m->damaged)
		view_merge_end(m);
	return 0;
}

static bool
dir_is_gone(const struct mailbox *m)
{
	struct stat st;

	return fstat(m->dir, &st) == 0 && st.st_nlink == 0;
}

int
log_refresh(struct mailbox *m)
{
	struct stat st;

	if (fstatat(m->dir, MAILDIR_JOURNAL, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return -1;
		if (dir_is_gone(m)) {
			errno = ESTALE;
			return -1;
		}
		m->damaged = true;	/* somebody deleted it: the view is the truth that is left */
		return 0;
	}
	if (st.st_ino != m->journal_ino)
		return merge(m);
	if ((uint64_t)st.st_size < m->journal_at)
		m->damaged = true;
	return (uint64_t)st.st_size > m->journal_at ? replay(m) : 0;
}

/* "UIDVALIDITY UIDNEXT" of the last commit; false when the lock file is new or of another life. */
static bool
read_witness(const struct mailbox *m, uint32_t *uidnext)
{
	char text[32];
	ssize_t n = pread(m->lock, text, sizeof(text), 0);
	struct span rest = span_make(text, n > 0 ? (size_t)n : 0);
	uint64_t validity, next;

	if (!num_parse(span_cut(&rest, ' '), UINT32_MAX, &validity) || rest.p == NULL ||
	    !num_parse(span_cut(&rest, '\n'), UINT32_MAX - 1, &next))
		return false;
	*uidnext = (uint32_t)next;
	return validity == m->uidvalidity;
}

static void
write_witness(const struct mailbox *m)
{
	char text[32];
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	buf_printf(&b, "%010u %010u\n", m->uidvalidity, m->uidnext);
	if (file_pwrite_all(m->lock, b.p, b.n, 0) < 0)
		errno = 0;	/* then there is one witness less */
}

/* UIDs that the journal has lost are not given out again. */
static void
heed_witness(struct mailbox *m)
{
	struct journal_line l = { .kind = JOURNAL_NEXT, .modseq = m->modseq };

	m->witness = 0;
	if (!read_witness(m, &m->witness) || m->witness <= m->uidnext)
		return;
	l.uid = m->uidnext = m->witness;
	log_put(m, &l);
}

int
log_begin(struct mailbox *m)
{
	int r;

	if (take_lock(m) < 0)
		return -1;
	r = log_refresh(m);
	if (r == 0 && m->damaged) {
		leave_gap(m);
		r = rewrite(m);
	}
	if (r < 0)
		log_end(m);
	else
		heed_witness(m);
	return r;
}

void
log_put(struct mailbox *m, const struct journal_line *l)
{
	journal_print(l, &m->lines);
}

int
log_commit(struct mailbox *m, bool durable)
{
	int r = 0, saved;

	if (m->lines.overflow) {
		errno = EFBIG;
		r = -1;
	} else if (m->lines.n > 0) {
		r = file_write_all(m->journal, m->lines.p, m->lines.n);
	}
	if (r == 0 && durable && m->lines.n > 0)
		r = file_fdatasync(m->journal);
	if (r < 0) {
		saved = errno;
		/* Half a line must not stay in front of what others append. */
		if (file_ftruncate(m->journal, (off_t)m->journal_at) < 0)
			m->damaged = true;
		errno = saved;
	} else {
		r = replay(m);
		if (m->uidnext != m->witness)
			write_witness(m);
	}
	log_end(m);
	return r;
}

void
log_end(struct mailbox *m)
{
	buf_free(&m->lines);
	buf_init(&m->lines, LIMIT_STORE_FILE);
	file_close(&m->lock);
}

/*
 * Wall-clock microseconds, so that a value which a power cut took from the
 * journal is not given out again for another change.
 */
uint64_t
log_new_modseq(const struct mailbox *m)
{
	uint64_t now = (uint64_t)clock_wall_ms() * 1000;

	return now > m->modseq ? now : m->modseq + 1;
}

struct packed {
	struct index_head head;
	struct message *records;
	struct buf names;
	struct buf keywords;
};

static void
pack(struct mailbox *m, struct packed *p)
{
	p->head = (struct index_head){ .journal_id = m->journal_id, .journal_at = m->journal_at,
		.cache_id = m->cache_id, .cache_at = m->cache_at, .modseq = m->modseq, .new_ns = m->new_ns,
		.cur_ns = m->cur_ns, .uidvalidity = m->uidvalidity, .uidnext = m->uidnext, .counts = m->counts };
	p->head.in_new = m->in_new;
	p->head.recent_uid = m->recent_uid;
	p->records = mem_array(m->count - m->gone, sizeof(*p->records));
	buf_init(&p->names, UINT32_MAX);
	buf_init(&p->keywords, LIMIT_KEYWORDS * (LIMIT_KEYWORD_NAME + 1));
	for (size_t i = 0; i < m->count; i++) {
		struct message *r = &p->records[p->head.count];

		if (m->at[i].state & MESSAGE_GONE)
			continue;
		*r = m->at[i];
		r->state = 0;
		r->name_at = (uint32_t)p->names.n;
		buf_span(&p->names, view_name(m, &m->at[i]));
		p->head.count++;
	}
	for (size_t i = 0; i < m->keyword_n; i++)
		buf_put(&p->keywords, m->keywords[i], strlen(m->keywords[i]) + 1);
	index_seal(&p->head, p->records, buf_view(&p->names), buf_view(&p->keywords));
}

static int
write_packed(struct mailbox *m, const struct packed *p)
{
	int fd = file_openat2(m->dir, MAILDIR_INDEX ".new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int r = -1;

	if (fd < 0)
		return -1;
	if (!p->names.overflow && file_write_all(fd, &p->head, sizeof(p->head)) == 0 &&
	    file_write_all(fd, p->records, p->head.count * sizeof(*p->records)) == 0 &&
	    file_write_all(fd, p->names.p, p->names.n) == 0 &&
	    file_write_all(fd, p->keywords.p, p->keywords.n) == 0)
		r = file_renameat(m->dir, MAILDIR_INDEX ".new", m->dir, MAILDIR_INDEX, 0);
	file_close(&fd);
	return r;
}

static bool
pays(const struct mailbox *m)
{
	if (m->index_at == 0)
		return m->count > 0;
	return m->journal_at - m->index_at > INDEX_TAIL + m->count / 4 ||
		m->cache_at - m->cache_index_at > CACHE_TAIL;
}

static bool
journal_is_fat(const struct mailbox *m)
{
	return m->journal_at > JOURNAL_SLACK + 4 * (m->count - m->gone) * 160;
}

int
log_checkpoint(struct mailbox *m, bool when_it_pays)
{
	struct packed p;
	int r = 0;

	cache_walk(m);
	if (when_it_pays && !pays(m))
		return 0;
	if (log_begin(m) < 0)
		return -1;
	if (journal_is_fat(m))
		r = rewrite(m);
	if (r == 0) {
		cache_walk(m);
		pack(m, &p);
		r = write_packed(m, &p);
		free(p.records);
		buf_free(&p.names);
		buf_free(&p.keywords);
	}
	if (r == 0) {
		m->index_at = m->journal_at;
		m->cache_index_at = m->cache_at;
	}
	log_end(m);
	return r;
}
