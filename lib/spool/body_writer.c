/*
 * body_writer: one buffer, one checksum, one synchronous call.
 *
 * The checksum runs over what the caller gave, not over what is read back, so
 * that intake, which reads the file, finds out when the two differ.
 */
#include "base/base.h"
#include "spool/body_writer.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "sys/file.h"
#include <errno.h>

void
body_writer_init(struct body_writer *w, int fd, uint64_t max)
{
	*w = (struct body_writer){ .fd = fd, .max = max, .buffer = mem_resize(NULL, BODY_WRITER_BUFFER) };
}

static void
flush(struct body_writer *w)
{
	if (w->error == 0 && w->used > 0 && file_write_all(w->fd, w->buffer, w->used) < 0)
		w->error = errno;
	w->used = 0;
}

void
body_writer_put(struct body_writer *w, struct span data)
{
	if (w->error == 0 && data.n > w->max - w->size)
		w->error = EFBIG;
	if (w->error != 0)
		return;
	w->crc32c = crc32c(w->crc32c, data.p, data.n);
	w->size += data.n;
	while (data.n > 0) {
		size_t room = BODY_WRITER_BUFFER - w->used;
		struct span piece = span_first(data, room);

		memcpy(w->buffer + w->used, piece.p, piece.n);
		w->used += piece.n;
		data = span_from(data, piece.n);
		if (w->used == BODY_WRITER_BUFFER)
			flush(w);
	}
}

int
body_writer_flush(struct body_writer *w)
{
	flush(w);
	errno = w->error;
	return w->error == 0 ? 0 : -1;
}

void
body_writer_rewind(struct body_writer *w)
{
	w->used = 0;
	w->size = 0;
	w->crc32c = 0;
	w->rewound = true;
	if (w->error == 0 && lseek(w->fd, 0, SEEK_SET) < 0)
		w->error = errno;
}

void
body_writer_abandon(struct body_writer *w)
{
	file_close(&w->fd);
	free(w->buffer);
	w->buffer = NULL;
}

static int
settle(int fd, enum body_end end)
{
	if (end == BODY_SYNCED)
		return file_fsync(fd);
	file_start_write(fd);
	return 0;
}

int
body_writer_finish(struct body_writer *w, enum body_end end)
{
	flush(w);
	if (w->error == 0 && w->rewound && file_ftruncate(w->fd, (off_t)w->size) < 0)
		w->error = errno;
	if (w->error == 0 && settle(w->fd, end) < 0)
		w->error = errno;
	body_writer_abandon(w);
	errno = w->error;
	return w->error == 0 ? 0 : -1;
}
