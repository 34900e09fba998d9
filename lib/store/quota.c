/*
 * Use of a mailbox in "maildirsize", as Maildir++ defines it.
 *
 * Appending is one write of a short line, which needs no lock.  A reader that
 * finds the file missing, damaged or summing up below zero counts the files
 * again; one that finds it long writes the sum as one line.  An append that
 * falls between reading and replacing is lost: the counter is a brake, not
 * an account, and the next count makes it right.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/num.h"
#include "store/folder.h"
#include "store/maildir.h"
#include "store/quota.h"
#include "sys/durable.h"
#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define QUOTA_FILE "maildirsize"
#define QUOTA_FILE_MAX 5120

static int64_t moved;

static bool
parse_signed(struct span s, int64_t *out)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t n;

	if (!num_parse(span_from(s, minus), INT64_MAX / 2, &n))
		return false;
	*out = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

/* "1000S,20C" */
static bool
parse_limit(struct span line, struct quota *q)
{
	while (line.n > 0) {
		struct span part = span_cut(&line, ',');
		uint64_t n;

		if (part.n < 2 || !num_parse(span_first(part, part.n - 1), INT64_MAX / 2, &n))
			return false;
		if (part.p[part.n - 1] == 'S')
			q->limit_bytes = n;
		else if (part.p[part.n - 1] == 'C')
			q->limit_count = n;
	}
	return true;
}

static bool
parse_file(struct span text, struct quota *q)
{
	int64_t bytes = 0, count = 0;

	if (text.p == NULL || !parse_limit(span_cut(&text, '\n'), q))
		return false;
	while (text.n > 0) {
		struct span line = span_trim(span_cut(&text, '\n'));
		struct span first = span_word(&line), second = span_word(&line);
		int64_t b, c;

		if (!parse_signed(first, &b) || !parse_signed(second, &c) ||
		    __builtin_add_overflow(bytes, b, &bytes) || __builtin_add_overflow(count, c, &count))
			return false;
	}
	q->bytes = (uint64_t)bytes;
	q->count = (uint64_t)count;
	return bytes >= 0 && count >= 0;
}

static void
count_dir(int dir, const char *path, struct quota *q)
{
	int fd = maildir_open_dir(dir, path);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL)
		file_close(&fd);
	while (d != NULL && (e = readdir(d)) != NULL) {
		uint64_t size, wire;
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		maildir_sizes(span_of(e->d_name), &size, &wire);
		if (size == 0 && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			size = (uint64_t)st.st_size;
		q->bytes += size;
		q->count++;
	}
	if (d != NULL)
		closedir(d);
}

static int
count_all(int rootfd, struct quota *q)
{
	struct folder_list l;

	q->bytes = q->count = 0;
	if (folder_list(rootfd, &l) < 0)
		return -1;
	for (size_t i = 0; i < l.count; i++) {
		char path[FOLDER_PATH_SIZE];
		int dir = folder_path(span_of(l.names[i]), path) == 0 ? maildir_open_dir(rootfd, path) : -1;

		if (dir < 0)
			continue;
		count_dir(dir, "cur", q);
		count_dir(dir, "new", q);
		file_close(&dir);
	}
	folder_list_free(&l);
	return 0;
}

static int
write_file(int rootfd, const struct quota *q)
{
	char text[128];
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	buf_printf(&b, "%lluS,%lluC\n%llu %llu\n", (unsigned long long)q->limit_bytes,
		(unsigned long long)q->limit_count, (unsigned long long)q->bytes, (unsigned long long)q->count);
	return durable_replace(rootfd, QUOTA_FILE, b.p, b.n, 0600);
}

int
quota_read(int rootfd, struct quota *out)
{
	int fd = maildir_open_file(rootfd, QUOTA_FILE);
	struct buf text;
	bool good = false, full = false;
	int r = 0;

	*out = (struct quota){ .bytes = 0 };
	buf_init(&text, 4 * QUOTA_FILE_MAX);
	if (fd >= 0) {
		good = file_read_all(fd, &text) == 0 && parse_file(buf_view(&text), out);
		full = text.n > QUOTA_FILE_MAX;
		file_close(&fd);
	}
	if (!good)
		r = count_all(rootfd, out);
	if (r == 0 && (!good || full))
		r = write_file(rootfd, out);
	buf_free(&text);
	return r;
}

void
quota_add(int rootfd, int64_t bytes, int64_t count)
{
	int fd = file_openat2(rootfd, QUOTA_FILE, O_WRONLY | O_APPEND | O_NONBLOCK, 0);
	char text[64];
	struct buf b;

	if (__builtin_add_overflow(moved, bytes, &moved))
		moved = 0;
	if (fd < 0)
		return;		/* the first reader counts */
	buf_init_fixed(&b, text, sizeof(text));
	buf_printf(&b, "%lld %lld\n", (long long)bytes, (long long)count);
	/* One write, so that lines of two writers do not mix. */
	if (file_calls->write(fd, b.p, b.n) != (ssize_t)b.n)
		errno = 0;
	file_close(&fd);
}

int
quota_set_limit(int rootfd, uint64_t bytes, uint64_t count)
{
	struct quota q;

	if (quota_read(rootfd, &q) < 0)
		return -1;
	q.limit_bytes = bytes;
	q.limit_count = count;
	return write_file(rootfd, &q);
}

int64_t
quota_moved(void)
{
	int64_t bytes = moved;

	moved = 0;
	return bytes;
}

int
quota_count(int rootfd, uint64_t *bytes_out)
{
	struct quota q;
	int r = count_all(rootfd, &q);

	*bytes_out = q.bytes;
	return r;
}

bool
quota_has_room(const struct quota *q, uint64_t bytes, uint64_t count)
{
	if (q->limit_bytes > 0 && (q->bytes > q->limit_bytes || bytes > q->limit_bytes - q->bytes))
		return false;
	return q->limit_count == 0 || (q->count <= q->limit_count && count <= q->limit_count - q->count);
}
