/*
 * Names of message files, and safe ways to them.
 *
 * Trust: names in a Maildir may come from any program; directory entries may
 * be symlinks, FIFOs or devices.  Opening refuses them by openat2 and fstat,
 * with O_NONBLOCK so that a FIFO cannot hold us.  A message must belong to our
 * own uid and must not be setuid: a hard link to a foreign file is no message.
 */
#include "base/base.h"
#include "base/num.h"
#include "store/maildir.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/random.h"

#include <errno.h>
#include <sys/stat.h>

static bool
is_letter(char c)
{
	return char_is_alpha(c);
}

static uint64_t
letters_of(struct span s, bool *canonical)
{
	uint64_t set = 0;
	char last = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (!is_letter(s.p[i]) || s.p[i] <= last)
			*canonical = false;
		if (is_letter(s.p[i]))
			set |= MAILDIR_BIT(s.p[i]);
		last = s.p[i];
	}
	return set;
}

bool
maildir_split(struct span name, struct maildir_name *out)
{
	ssize_t info = span_search(name, SPAN(":2,"));

	*out = (struct maildir_name){ .base = name, .canonical = true };
	if (name.n == 0 || name.p[0] == '.' || name.n > MAILDIR_NAME_MAX || info == 0)
		return false;
	if (info > 0) {
		out->base = span_first(name, (size_t)info);
		out->has_info = true;
		out->letters = letters_of(span_from(name, (size_t)info + 3), &out->canonical);
	}
	return true;
}

void
maildir_print(enum maildir_where where, struct span base, uint64_t letters, struct buf *out)
{
	buf_text_put(out, where == MAILDIR_NEW ? "new/" : "cur/");
	buf_span(out, base);
	if (where != MAILDIR_CUR)
		return;
	buf_text_put(out, ":2,");
	for (char c = 'A'; c <= 'Z'; c++)
		if (letters & MAILDIR_BIT(c))
			buf_char(out, c);
	for (char c = 'a'; c <= 'z'; c++)
		if (letters & MAILDIR_BIT(c))
			buf_char(out, c);
}

void
maildir_sizes(struct span base, uint64_t *file_size, uint64_t *wire_size)
{
	*file_size = *wire_size = 0;
	while (base.p != NULL) {
		struct span field = span_cut(&base, ',');
		uint64_t n;

		if (field.n < 3 || field.p[1] != '=' || !num_parse(span_from(field, 2), INT64_MAX, &n))
			continue;
		if (field.p[0] == 'S')
			*file_size = n;
		else if (field.p[0] == 'W')
			*wire_size = n;
	}
}

void
maildir_new_base(const char *tag, uint64_t file_size, uint64_t wire_size, struct buf *out)
{
	static unsigned counter;
	int64_t ms = clock_wall_ms();

	buf_printf(out, "%lld.M%06lldP%ldQ%u", (long long)(ms / 1000), (long long)(ms % 1000 * 1000),
		(long)getpid(), ++counter);
	if (tag[0] != '\0')
		buf_printf(out, "_%s", tag);
	buf_printf(out, ".%08llx", (unsigned long long)(random_u64() & 0xffffffff));
	if (file_size > 0)
		buf_printf(out, ",S=%llu", (unsigned long long)file_size);
	if (wire_size > 0)
		buf_printf(out, ",W=%llu", (unsigned long long)wire_size);
}

int
maildir_open_dir(int dirfd, const char *path)
{
	return file_openat2(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
}

int
maildir_open_file(int dirfd, const char *path)
{
	int fd = file_openat2(dirfd, path, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_ISUID | S_ISGID)) == 0 &&
	    st.st_uid == geteuid())
		return fd;
	file_close(&fd);
	errno = EINVAL;
	return -1;
}

int
maildir_create_file(int dirfd, const char *path)
{
	return file_openat2(dirfd, path, O_WRONLY | O_CREAT | O_EXCL, 0440);
}

int
maildir_make(int dirfd)
{
	static const char *const names[] = { "cur", "new", "tmp" };

	for (size_t i = 0; i < PB_COUNT(names); i++)
		if (file_mkdirat(dirfd, names[i], 0700) < 0 && errno != EEXIST)
			return -1;
	return 0;
}

int
maildir_count_bare_lf(int fd, uint64_t *bare_lf)
{
	char piece[32768];
	char last = '\0';
	uint64_t found = 0;
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, piece, sizeof(piece), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		for (const char *p = piece; (p = memchr(p, '\n', (size_t)(piece + n - p))) != NULL; p++)
			found += (p > piece ? p[-1] : last) != '\r';
		last = piece[n - 1];
		at += n;
	}
	*bare_lf = found;
	return 0;
}
