/*
 * Opening a mailbox, and the questions about its view.
 */
#include "base/base.h"
#include "base/mem.h"
#include "store/mailbox_private.h"
#include "sys/file.h"

static int
open_dirs(struct mailbox *m, int rootfd, const char *path)
{
	m->root = maildir_open_dir(rootfd, ".");
	m->dir = maildir_open_dir(rootfd, path);
	if (m->root < 0 || m->dir < 0)
		return -1;
	m->new_dir = maildir_open_dir(m->dir, "new");
	m->cur_dir = maildir_open_dir(m->dir, "cur");
	if ((m->new_dir < 0 || m->cur_dir < 0) && errno == ENOENT) {
		if (maildir_make(m->dir) < 0)
			return -1;
		file_close(&m->new_dir);
		file_close(&m->cur_dir);
		m->new_dir = maildir_open_dir(m->dir, "new");
		m->cur_dir = maildir_open_dir(m->dir, "cur");
	}
	return m->new_dir < 0 || m->cur_dir < 0 ? -1 : 0;
}

struct mailbox *
mailbox_load(int rootfd, const char *path, enum mailbox_mode mode)
{
	struct mailbox *m = mem_new(sizeof(*m));

	m->root = m->dir = m->new_dir = m->cur_dir = m->journal = m->lock = m->cache = -1;
	m->mode = mode;
	buf_init(&m->lines, LIMIT_STORE_FILE);
	buf_init(&m->names, UINT32_MAX / 2);
	buf_init(&m->cache_blob, LIMIT_IMAP_SUMMARY);
	if (open_dirs(m, rootfd, path) < 0 || log_open(m) < 0) {
		int saved = errno;

		mailbox_close(&m);
		errno = saved;
		return NULL;
	}
	return m;
}

struct mailbox *
mailbox_open(int rootfd, const char *path, enum mailbox_mode mode)
{
	struct mailbox *m = mailbox_load(rootfd, path, mode);

	if (m != NULL && mailbox_sync(m) < 0) {
		int saved = errno;

		mailbox_close(&m);
		errno = saved;
		return NULL;
	}
	if (m != NULL)
		mailbox_forget(m, NULL, NULL);
	/* Only what differs is written: a page of the mapping stays shared until then. */
	for (size_t i = 0; m != NULL && i < m->count; i++)
		if (m->at[i].state & ~MESSAGE_RECENT)
			m->at[i].state &= MESSAGE_RECENT;
	return m;
}

void
mailbox_close(struct mailbox **mp)
{
	struct mailbox *m = *mp;

	if (m == NULL)
		return;
	if (m->journal >= 0 && log_checkpoint(m, true) < 0)
		errno = 0;	/* only a cache is older than it could be */
	cache_close(m);
	log_close(m);
	file_close(&m->new_dir);
	file_close(&m->cur_dir);
	file_close(&m->dir);
	file_close(&m->root);
	free(m);
	*mp = NULL;
}

int
mailbox_checkpoint(struct mailbox *m)
{
	return log_checkpoint(m, false);
}

uint32_t
mailbox_uidvalidity(const struct mailbox *m)
{
	return m->uidvalidity;
}

uint32_t
mailbox_uidnext(const struct mailbox *m)
{
	return m->uidnext;
}

uint64_t
mailbox_highest_modseq(const struct mailbox *m)
{
	return m->modseq;
}

bool
mailbox_is_writable(const struct mailbox *m)
{
	return m->mode != MAILBOX_EXAMINE;
}

int
mailbox_dirfd(const struct mailbox *m)
{
	return m->dir;
}

size_t
mailbox_count(const struct mailbox *m)
{
	return m->count;
}

const struct message *
mailbox_at(const struct mailbox *m, size_t i)
{
	return &m->at[i];
}

void
mailbox_counts(const struct mailbox *m, struct mailbox_counts *out)
{
	*out = m->counts;
	out->recent = m->marked_recent;
}

struct span
mailbox_base_name(const struct mailbox *m, size_t i)
{
	return view_name(m, &m->at[i]);
}

void
mailbox_reported(struct mailbox *m, size_t i)
{
	m->at[i].state &= (uint16_t)~MESSAGE_CHANGED;
}

void
mailbox_forget(struct mailbox *m, void (*gone)(void *ctx, size_t i, uint32_t uid), void *ctx)
{
	size_t kept = 0;

	if (m->gone == 0)
		return;
	for (size_t i = m->count; gone != NULL && i-- > 0; )
		if (m->at[i].state & MESSAGE_GONE)
			gone(ctx, i, m->at[i].uid);
	for (size_t i = 0; i < m->count; i++)
		if ((m->at[i].state & MESSAGE_GONE) == 0) {
			if (kept != i)
				m->at[kept] = m->at[i];
			kept++;
		}
	m->count = kept;
	m->gone = 0;
}

/* The file under the name last known; -1 with ENOENT when it is not there. */
static int
open_known(struct mailbox *m, size_t i)
{
	char text[MAILDIR_NAME_MAX * 2];
	struct buf path;

	buf_init_fixed(&path, text, sizeof(text));
	view_path(m, &m->at[i], &path);
	return maildir_open_file(m->dir, text);
}

int
mailbox_open_message(struct mailbox *m, size_t i)
{
	uint32_t uid = m->at[i].uid;
	struct message *msg;
	int fd = m->at[i].state & MESSAGE_GONE ? -1 : open_known(m, i);

	if (m->at[i].state & MESSAGE_GONE)
		errno = ENOENT;
	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (log_refresh(m) == 0) {		/* one of us renamed it? */
		fd = open_known(m, i);
		if (fd >= 0 || errno != ENOENT)
			return fd;
	}
	if (mailbox_sync_full(m) < 0)		/* another program did? */
		return -1;
	msg = view_by_uid(m, uid);
	if (msg == NULL || (msg->state & MESSAGE_GONE)) {
		errno = ENOENT;
		return -1;
	}
	return open_known(m, (size_t)(msg - m->at));
}

size_t
mailbox_keyword_count(const struct mailbox *m)
{
	return m->keyword_n;
}

const char *
mailbox_keyword(const struct mailbox *m, size_t i)
{
	return m->keywords[i];
}
