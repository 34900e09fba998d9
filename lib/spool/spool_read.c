/*
 * spool_read: open what a directory entry seems to be, and believe only what
 * fstat says of the open file.  O_NOFOLLOW refuses symbolic links, O_NONBLOCK
 * keeps a fifo from blocking us.
 */
#include "base/base.h"
#include "spool/spool_read.h"
#include "spool/spool_parts.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "sys/file.h"
#include <errno.h>
#include <sys/stat.h>

int
spool_open_plain(int dirfd, const char *name, int flags)
{
	int fd = file_openat(dirfd, name, flags | O_NOFOLLOW | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0) {
		if (errno == EISDIR || errno == ENXIO)
			errno = ENOTSUP;
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	file_close(&fd);
	errno = ENOTSUP;
	return -1;
}

int
spool_read_text(int dirfd, const char *name, struct buf *out)
{
	int fd = spool_open_plain(dirfd, name, O_RDONLY);
	int result;

	if (fd < 0)
		return -1;
	result = file_read_all(fd, out);
	file_close(&fd);
	return result;
}

int
spool_read_envelope(struct spool *sp, struct spool_ref ref, struct envelope **out)
{
	char name[SPOOL_NAME_SIZE];
	struct buf text;
	int result;

	*out = NULL;
	spool_id_name(ref.id, SPOOL_HDR, name);
	buf_init(&text, LIMIT_ENVELOPE);
	result = spool_read_text(sp->folders[ref.sub].fd, name, &text);
	if (result == 0 && envelope_parse(buf_view(&text), out) != ENVELOPE_OK) {
		errno = EBADMSG;
		result = -1;
	}
	if (result == 0 && !(*out)->foreign && (*out)->id != ref.id) {
		envelope_free(out);
		errno = EBADMSG;
		result = -1;
	}
	buf_free(&text);
	return result;
}

int
spool_read_body(struct spool *sp, struct spool_ref ref)
{
	char name[SPOOL_NAME_SIZE];

	spool_id_name(ref.id, SPOOL_EML, name);
	return spool_open_plain(sp->folders[ref.sub].fd, name, O_RDONLY);
}

int
spool_read_step(int fd, size_t most, struct spool_checksum *sum)
{
	static char piece[65536];	/* on the stack it would be zeroed at each call */

	for (size_t done = 0; done < most; done += sizeof(piece)) {
		ssize_t n;

		do
			n = pread(fd, piece, sizeof(piece), (off_t)sum->at);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return -1;
		sum->crc32c = crc32c(sum->crc32c, piece, (size_t)n);
		sum->at += (uint64_t)n;
		if ((size_t)n < sizeof(piece))
			return 0;
	}
	return 1;
}

int
spool_read_checksum(int fd, uint64_t *size_out, uint32_t *crc_out)
{
	struct spool_checksum sum = { 0 };
	int more;

	do
		more = spool_read_step(fd, SIZE_MAX / 2, &sum);
	while (more > 0);
	*size_out = sum.at;
	*crc_out = sum.crc32c;
	return more;
}
