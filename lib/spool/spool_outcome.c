/*
 * spool_outcome: cut, append, fdatasync.
 *
 * Crash argument: bytes before good_size are durable and never written again,
 * so a cut loses at most lines whose append had not returned.  Cutting comes
 * before writing: a torn tail can never stand in front of a line of ours.
 * fdatasync also writes the new length, without which the data could not be
 * read back.
 */
#include "base/base.h"
#include "spool/spool_outcome.h"
#include "spool/spool_parts.h"
#include "sys/file.h"
#include <errno.h>
#include <sys/stat.h>

static int
append(int fd, uint64_t good_size, struct span lines)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if ((uint64_t)st.st_size < good_size) {
		errno = EBADMSG;	/* shorter than what was read: not our file any more */
		return -1;
	}
	if ((uint64_t)st.st_size > good_size && file_ftruncate(fd, (off_t)good_size) < 0)
		return -1;
	if (file_pwrite_all(fd, lines.p, lines.n, (off_t)good_size) < 0)
		return -1;
	return file_fdatasync(fd);
}

int
spool_outcome_append(struct spool *sp, struct spool_ref ref, uint64_t *good_size,
	const struct buf *lines)
{
	char name[SPOOL_NAME_SIZE];
	int fd, result;

	if (lines->overflow) {
		errno = EOVERFLOW;
		return -1;
	}
	if (lines->n == 0)
		return 0;
	spool_id_name(ref.id, SPOOL_HDR, name);
	fd = spool_open_plain(sp->folders[ref.sub].fd, name, O_RDWR);
	if (fd < 0)
		return -1;
	result = append(fd, *good_size, buf_view(lines));
	file_close(&fd);
	if (result == 0)
		*good_size += lines->n;
	return result;
}
