/*
 * spool_put: the owner's side of taking a message.
 *
 *	1  create ID.em_ (O_EXCL)                       owner
 *	2  write, fsync unless late, close              receiver
 *	3  no writer left, size and crc32c agree        owner
 *	4  fsync of the folder, if it must be synced    owner
 *	5  create ID.hdr (O_EXCL)                       owner
 *	6  fsync of the body if 2 left it out;
 *	   write, fsync, close                          receiver
 *	7  no writer left, envelope is right            owner
 *	8  fsync of the folder, if it must be synced    owner
 *	9  rename ID.em_ to ID.eml                      owner
 *	10 250                                          receiver
 *
 * Crash argument.  Before 6 is durable the .hdr has no right `end:`, so nothing
 * was promised and the scan removes or sets aside what is there.  After 6 both
 * contents are durable, and so are both names: fsync of a new file makes its
 * name durable on the file systems we accept, 4 and 8 do it everywhere (4 by
 * itself, so that no cut leaves a .hdr whose .em_ is missing, which would be
 * reported as a loss).  A cut after that leaves .em_ + good .hdr or .eml + good
 * .hdr, which the scan treats as the same.  So 9 needs no sync, and 10 promises
 * what is on disk.
 *
 * Straight through (1 to 3, then links in mailboxes and the bytes made durable,
 * 250, unlink of .em_): the promise is kept by the mailboxes; a .em_ that a cut
 * brings back is removed by the scan.
 *
 * 2 may leave the fsync out where a journal groups (spool_syncs_late).  Whoever
 * then makes a promise syncs the file itself: the receiver in 6, or
 * local-deliver, which writes it out before its links, so that no cut shows a
 * link without the bytes (sys/filesystem.h), and syncs it after them.
 *
 * Undoing goes backwards: .hdr first, durably, then .em_; so no cut leaves a
 * good .hdr whose body is missing.
 */
#include "base/base.h"
#include "spool/spool_put.h"
#include "spool/spool_parts.h"
#include "spool/spool_read.h"
#include "base/limits.h"
#include "sys/file.h"
#include <errno.h>
#include <sys/stat.h>

/* Ids that are taken already (files brought back from elsewhere) are skipped. */
#define PUT_TRIES 100

static int
folder(const struct spool_put *p)
{
	return p->sp->folders[p->ref.sub].fd;
}

static int
create(const struct spool_put *p, enum spool_file kind, mode_t mode)
{
	char name[SPOOL_NAME_SIZE];

	spool_id_name(p->ref.id, kind, name);
	return file_openat(folder(p), name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

static int
remove_file(const struct spool_put *p, enum spool_file kind)
{
	char name[SPOOL_NAME_SIZE];

	spool_id_name(p->ref.id, kind, name);
	return file_unlinkat(folder(p), name, 0) < 0 && errno != ENOENT ? -1 : 0;
}

/* 1 when it is there, 0 when it is not, -1 with errno. */
static int
is_there(const struct spool_put *p, enum spool_file kind)
{
	char name[SPOOL_NAME_SIZE];
	struct stat st;

	spool_id_name(p->ref.id, kind, name);
	if (fstatat(folder(p), name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -1;
}

int
spool_put_new(struct spool *sp, struct spool_put *out)
{
	*out = (struct spool_put){ .sp = sp, .fd = -1 };
	out->ref.sub = spool_sub_choose(sp);
	for (int i = 0; i < PUT_TRIES; i++) {
		if (spool_id_next(sp, &out->ref.id) < 0)
			break;
		if (is_there(out, SPOOL_EML) == 0 && is_there(out, SPOOL_HDR) == 0)
			out->fd = create(out, SPOOL_EM_, 0440);
		else
			errno = EEXIST;
		if (out->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	spool_sub_left(sp, out->ref.sub);
	return -1;
}

int
spool_put_new_id(struct spool *sp, struct spool_ref ref, struct spool_put *out)
{
	int there;

	*out = (struct spool_put){ .sp = sp, .ref = ref, .fd = -1 };
	there = is_there(out, SPOOL_EML);
	if (there > 0)
		errno = EEXIST;
	if (there != 0)
		return -1;
	if (remove_file(out, SPOOL_HDR) < 0 || file_fsync_dir(folder(out)) < 0 ||
	    remove_file(out, SPOOL_EM_) < 0)
		return -1;
	out->fd = create(out, SPOOL_EM_, 0440);
	return out->fd < 0 ? -1 : 0;
}

void
spool_put_handed(struct spool_put *p)
{
	file_close(&p->fd);
}

/*
 * Bytes that were never written are no message: a file with a hole costs its
 * writer nothing and us its whole length.  Where the file system does not tell
 * holes, SEEK_HOLE answers with the size.
 */
static bool
has_hole(int fd, uint64_t size)
{
	off_t hole;

	if (size <= SPOOL_BODY_STEP)
		return false;
	hole = lseek(fd, 0, SEEK_HOLE);
	return hole >= 0 && (uint64_t)hole < size;
}

int
spool_put_body_begin(struct spool_put *p, uint64_t size, uint32_t crc, unsigned wait_ms)
{
	char name[SPOOL_NAME_SIZE];
	struct stat st;

	file_close(&p->fd);
	spool_id_name(p->ref.id, SPOOL_EM_, name);
	p->fd = spool_open_unwritten(folder(p), name, wait_ms);
	if (p->fd < 0)
		return -1;
	if (fstat(p->fd, &st) < 0)
		return -1;
	if (size > LIMIT_MESSAGE || st.st_size > (off_t)LIMIT_MESSAGE) {
		errno = EFBIG;
		return -1;
	}
	if (size == 0 || (uint64_t)st.st_size != size || has_hole(p->fd, size)) {
		errno = EBADMSG;
		return -1;
	}
	p->size = size;
	p->crc32c = crc;
	p->read = (struct spool_checksum){ 0 };
	return 0;
}

int
spool_put_body_step(struct spool_put *p)
{
	int more = spool_read_step(p->fd, SPOOL_BODY_STEP, &p->read);

	if (more > 0 && p->read.at <= p->size)
		return 1;
	if (more >= 0 && (p->read.at != p->size || p->read.crc32c != p->crc32c)) {
		errno = EBADMSG;
		more = -1;
	}
	if (more == 0)
		file_close(&p->fd);
	return more;
}

int
spool_put_body(struct spool_put *p, uint64_t size, uint32_t crc, unsigned wait_ms)
{
	int more = 1;

	if (spool_put_body_begin(p, size, crc, wait_ms) < 0)
		return -1;
	while (more > 0)
		more = spool_put_body_step(p);
	return more;
}

int
spool_put_through(struct spool_put *p)
{
	if (remove_file(p, SPOOL_EM_) < 0)
		return -1;
	spool_sub_left(p->sp, p->ref.sub);
	return 0;
}

static int
open_body(const struct spool_put *p, int *out)
{
	char name[SPOOL_NAME_SIZE];

	spool_id_name(p->ref.id, SPOOL_EM_, name);
	*out = file_openat(folder(p), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	return *out < 0 ? -1 : 0;
}

int
spool_put_header(struct spool_put *p, int *fd_out, int *body_out)
{
	*fd_out = -1;
	if (body_out != NULL)
		*body_out = -1;
	if (spool_must_sync_directory(p->sp) && file_fsync_dir(folder(p)) < 0)
		return -1;
	if (body_out != NULL && spool_syncs_late(p->sp) && open_body(p, body_out) < 0)
		return -1;
	*fd_out = create(p, SPOOL_HDR, 0600);
	if (*fd_out < 0) {
		if (body_out != NULL)
			file_close(body_out);
		return -1;
	}
	p->has_header = true;
	return 0;
}

/* The receiver may write only what a new message can say. */
static bool
is_right(const struct spool_put *p, const struct envelope *e, size_t text_size)
{
	if (e->foreign || e->id != p->ref.id ||
	    (e->status != ENVELOPE_WRITTEN && e->status != ENVELOPE_QUARANTINED))
		return false;
	if (e->size != p->size || e->crc32c != p->crc32c || e->good_size != text_size)
		return false;
	for (uint32_t i = 0; i < e->count; i++)
		if (e->rcpts[i].outcome.p != NULL || e->rcpts[i].target != TARGET_UNKNOWN ||
		    e->rcpts[i].bounce != 0)
			return false;
	return true;
}

static int
read_header(struct spool_put *p, const char *name, unsigned wait_ms, struct envelope **out)
{
	int fd = spool_open_unwritten(folder(p), name, wait_ms), result;
	struct buf text;

	if (fd < 0)
		return -1;
	buf_init(&text, LIMIT_ENVELOPE);
	result = file_read_all(fd, &text);
	file_close(&fd);
	if (result == 0 && (envelope_parse(buf_view(&text), out) != ENVELOPE_OK ||
	    !is_right(p, *out, text.n))) {
		errno = EBADMSG;
		result = -1;
	}
	buf_free(&text);
	return result;
}

int
spool_put_accept(struct spool_put *p, unsigned wait_ms, struct envelope **envelope_out)
{
	char em_[SPOOL_NAME_SIZE], eml[SPOOL_NAME_SIZE], hdr[SPOOL_NAME_SIZE];

	*envelope_out = NULL;
	spool_id_name(p->ref.id, SPOOL_EM_, em_);
	spool_id_name(p->ref.id, SPOOL_EML, eml);
	spool_id_name(p->ref.id, SPOOL_HDR, hdr);
	if (read_header(p, hdr, wait_ms, envelope_out) == 0 &&
	    (!spool_must_sync_directory(p->sp) || file_fsync_dir(folder(p)) == 0) &&
	    file_renameat(folder(p), em_, folder(p), eml, RENAME_NOREPLACE) == 0)
		return 0;
	envelope_free(envelope_out);
	return -1;
}

/* The free of an envelope must not change errno: free() keeps it since glibc 2.33. */
void
spool_put_abort(struct spool_put *p)
{
	bool header_gone = !p->has_header ||
		(remove_file(p, SPOOL_HDR) == 0 && file_fsync_dir(folder(p)) == 0);

	file_close(&p->fd);
	if (!header_gone || remove_file(p, SPOOL_EM_) < 0)
		spool_say(p->sp, "event=spool-error action=abort id=%llu error=\"%s\"",
			(unsigned long long)p->ref.id, strerror(errno));
	else
		spool_sub_left(p->sp, p->ref.sub);
}

void
spool_put_path(const struct spool_put *p, char out[SPOOL_PATH_SIZE])
{
	char sub[SPOOL_SUB_NAME_SIZE], name[SPOOL_NAME_SIZE];

	spool_sub_name(p->sp, p->ref.sub, sub);
	spool_id_name(p->ref.id, SPOOL_EM_, name);
	snprintf(out, SPOOL_PATH_SIZE, "%s/%s", sub, name);
}
