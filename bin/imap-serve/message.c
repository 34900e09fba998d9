/*
 * message: a message file mapped for reading, and what was parsed of it.
 *
 * Files are written once and never changed, so a private mapping is stable;
 * should another program cut one short, this process ends and no other is
 * touched.
 */
#include "base/base.h"
#include "message.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Output between two looks at the clock: a client that reads goes on for ever. */
#define WIRE_STEP (1u << 20)

void
message_begin(struct message_reader *m, struct imap *im, size_t i)
{
	*m = (struct message_reader){ .im = im, .i = i };
	buf_init(&m->blob, LIMIT_IMAP_SUMMARY);
}

void
message_end(struct message_reader *m)
{
	if (m->parsed)
		mime_tree_free(&m->tree);
	if (m->mapped && m->text.n > 0)
		munmap((void *)(uintptr_t)m->text.p, m->text.n);
	buf_free(&m->blob);
	*m = (struct message_reader){ .failed = true };
}

static int
map_file(struct message_reader *m, int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) != 0)
		return -1;
	if (st.st_size == 0) {
		m->text = span_make("", 0);
		return 0;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -1;
	m->text = span_make(p, (size_t)st.st_size);
	return 0;
}

bool
message_text(struct message_reader *m)
{
	int fd;

	if (m->mapped || m->failed)
		return m->mapped;
	fd = mailbox_open_message(m->im->box, m->i);
	if (fd >= 0 && map_file(m, fd) == 0) {
		m->mapped = true;
	} else {
		m->failed = true;
		if (errno != ENOENT)
			log_failure(m->im->s->svc, m->im->s->ticket, m->im->s->ip,
				"event=message-unreadable user=%s uid=%u error=\"%s\"", m->im->user,
				mailbox_at(m->im->box, m->i)->uid, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return m->mapped;
}

const struct mime_tree *
message_tree(struct message_reader *m)
{
	if (!m->parsed && message_text(m)) {
		mime_parse(m->text, &m->tree);
		m->parsed = true;
	}
	return m->parsed ? &m->tree : NULL;
}

const struct imap_summary *
message_summary(struct message_reader *m)
{
	struct span cached;

	if (m->summarised)
		return &m->summary;
	if (!mailbox_cache_get(m->im->box, m->i, &cached) || !imap_summary_read(cached, &m->summary)) {
		buf_clear(&m->blob);
		if (!message_text(m) || !imap_summary_make(m->text, &m->blob) ||
		    !imap_summary_read(buf_view(&m->blob), &m->summary))
			return NULL;
		mailbox_cache_put(m->im->box, m->i, buf_view(&m->blob));
	}
	m->summarised = true;
	return &m->summary;
}

size_t
message_count_bare_lf(struct span text)
{
	size_t count = 0;

	for (const char *p = text.p, *end = text.p + text.n; p < end; p++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL)
			break;
		count += p == text.p || p[-1] != '\r';
	}
	return count;
}

/* Text without bare LFs is its own wire form. */
static void
put_plain(struct imap *im, struct span text)
{
	while (text.n > 0 && !im->io->out_failed) {
		struct span step = span_first(text, WIRE_STEP);

		stream_timeout(im->io, im->program->command_timeout_ms);
		stream_put(im->io, step);
		text = span_from(text, step.n);
	}
}

/* Send the part of piece that lies in the window; *at is piece's place in the wire form. */
static void
put_window(struct imap *im, struct span piece, uint64_t *at, uint64_t start, uint64_t end)
{
	uint64_t from = *at < start ? start - *at : 0;
	uint64_t to = *at + piece.n > end ? end - *at : piece.n;

	if (from < to && *at < end)
		put_plain(im, span_make(piece.p + from, (size_t)(to - from)));
	*at += piece.n;
}

void
message_put_wire(struct imap *im, struct span text, size_t bare_lf, uint64_t start, uint64_t n)
{
	uint64_t at = 0, end = n > UINT64_MAX - start ? UINT64_MAX : start + n;

	if (bare_lf == 0) {
		if (start < text.n)
			put_plain(im, span_first(span_from(text, (size_t)start), n > SIZE_MAX ? SIZE_MAX : (size_t)n));
		return;
	}
	while (text.n > 0 && at < end && !im->io->out_failed) {
		ssize_t lf = span_find(text, '\n');
		size_t line = lf < 0 ? text.n : (size_t)lf;
		bool bare = lf >= 0 && (lf == 0 || text.p[lf - 1] != '\r');

		put_window(im, span_first(text, line), &at, start, end);
		if (bare)
			put_window(im, SPAN("\r"), &at, start, end);
		if (lf >= 0)
			put_window(im, SPAN("\n"), &at, start, end);
		text = span_from(text, line + (lf >= 0));
	}
}
