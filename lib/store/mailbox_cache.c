/*
 * Blobs beside the messages, in one file that only grows.
 *
 *	head: "PBCACHE1", id
 *	record: UID, length, CRC-32C of both and of the blob; blob; padding to 8
 *
 * Nothing here is needed: whatever looks wrong is treated as not there.  A
 * record is written by one write with O_APPEND, so several sessions may add;
 * message.cache_at is its offset / 8.  The index notes the id of the file its
 * offsets belong to.
 */
#include "base/base.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "store/mailbox_private.h"
#include "sys/file.h"
#include "sys/random.h"

#define MAGIC "PBCACHE1"
#define ALIGN 8u

struct cache_head {
	char magic[8];
	uint64_t id;
};

struct cache_record {
	uint32_t uid;
	uint32_t n;
	uint32_t crc;
	uint32_t reserved;
};

static uint32_t
record_crc(const struct cache_record *r, const void *blob)
{
	uint32_t crc = crc32c(0, &r->uid, sizeof(r->uid));

	crc = crc32c(crc, &r->n, sizeof(r->n));
	return crc32c(crc, blob, r->n);
}

static uint64_t
padded(uint64_t n)
{
	return (n + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
}

static bool
read_at(int fd, void *p, size_t n, uint64_t at)
{
	return pread(fd, p, n, (off_t)at) == (ssize_t)n;
}

static void
forget_offsets(struct mailbox *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->at[i].cache_at != 0)
			m->at[i].cache_at = 0;
	m->cache_at = m->cache_index_at = sizeof(struct cache_head);
}

static bool
make_file(struct mailbox *m)
{
	struct cache_head head = { .id = random_u64() };
	int fd = file_openat2(m->dir, MAILDIR_CACHE ".new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bool made;

	memcpy(head.magic, MAGIC, sizeof(head.magic));
	made = fd >= 0 && file_write_all(fd, &head, sizeof(head)) == 0 &&
		file_renameat(m->dir, MAILDIR_CACHE ".new", m->dir, MAILDIR_CACHE, 0) == 0;
	file_close(&fd);
	return made;
}

static bool
open_file(struct mailbox *m, struct cache_head *head)
{
	struct stat st;

	m->cache = file_openat2(m->dir, MAILDIR_CACHE, O_RDWR | O_APPEND | O_NONBLOCK, 0);
	if (m->cache >= 0 && fstat(m->cache, &st) == 0 && S_ISREG(st.st_mode) &&
	    read_at(m->cache, head, sizeof(*head), 0) && memcmp(head->magic, MAGIC, sizeof(head->magic)) == 0)
		return true;
	file_close(&m->cache);
	return false;
}

void
cache_open(struct mailbox *m)
{
	struct cache_head head;

	if (m->cache >= 0)
		return;
	if (!open_file(m, &head) && (!make_file(m) || !open_file(m, &head)))
		return;
	if (head.id != m->cache_id) {
		m->cache_id = head.id;
		forget_offsets(m);
	}
	cache_walk(m);
}

/* Note what was appended since, here or by others. */
void
cache_walk(struct mailbox *m)
{
	struct cache_record r;
	struct stat st;

	if (m->cache < 0 || fstat(m->cache, &st) < 0)
		return;
	while (m->cache_at + sizeof(r) <= (uint64_t)st.st_size && read_at(m->cache, &r, sizeof(r), m->cache_at)) {
		struct message *msg = view_by_uid(m, r.uid);

		if (r.n > LIMIT_IMAP_SUMMARY || m->cache_at / ALIGN > UINT32_MAX) {
			m->cache_at = (uint64_t)st.st_size;	/* damaged from here on */
			return;
		}
		if (msg != NULL)
			msg->cache_at = (uint32_t)(m->cache_at / ALIGN);
		m->cache_at += padded(sizeof(r) + r.n);
	}
}

bool
mailbox_cache_get(struct mailbox *m, size_t i, struct span *out)
{
	struct cache_record r;
	struct message *msg;
	char *blob;

	cache_open(m);
	msg = &m->at[i];
	if (m->cache < 0 || msg->cache_at == 0 ||
	    !read_at(m->cache, &r, sizeof(r), (uint64_t)msg->cache_at * ALIGN) ||
	    r.uid != msg->uid || r.n > LIMIT_IMAP_SUMMARY)
		return false;
	buf_clear(&m->cache_blob);
	blob = buf_reserve(&m->cache_blob, r.n);
	if (blob == NULL || !read_at(m->cache, blob, r.n, (uint64_t)msg->cache_at * ALIGN + sizeof(r)) ||
	    r.crc != record_crc(&r, blob)) {
		msg->cache_at = 0;
		return false;
	}
	*out = span_make(blob, r.n);
	return true;
}

void
mailbox_cache_put(struct mailbox *m, size_t i, struct span blob)
{
	struct cache_record r = { .uid = m->at[i].uid, .n = (uint32_t)blob.n };
	size_t n = padded(sizeof(r) + blob.n);
	char *text;
	off_t end;

	if (blob.n > LIMIT_IMAP_SUMMARY)
		return;
	cache_open(m);
	if (m->cache < 0)
		return;
	r.crc = record_crc(&r, blob.p);
	text = mem_new(n);
	memcpy(text, &r, sizeof(r));
	memcpy(text + sizeof(r), blob.p, blob.n);
	if (file_calls->write(m->cache, text, n) == (ssize_t)n &&
	    (end = lseek(m->cache, 0, SEEK_CUR)) >= (off_t)n && (uint64_t)end / ALIGN <= UINT32_MAX)
		m->at[i].cache_at = (uint32_t)((uint64_t)(end - (off_t)n) / ALIGN);
	free(text);
}

void
cache_close(struct mailbox *m)
{
	file_close(&m->cache);
	buf_free(&m->cache_blob);
}
