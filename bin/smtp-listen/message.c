/*
 * message: collecting and writing.
 *
 * Writing a spilled message anew goes over the same file: the old bytes of the
 * body are read ahead into memory before the new, longer beginning is written
 * over them (at most the growth of the header, LIMIT_HEADER_BYTES and what
 * milters may add, plus one chunk).  The file is nobody's promise yet, so
 * dying in the middle loses nothing.
 */
#include "base/base.h"
#include "message.h"
#include "base/limits.h"
#include "base/mem.h"
#include <errno.h>
#include <unistd.h>

#define CHUNK 65536
/* Above this a buffer is not kept from one message to the next. */
#define KEPT (2 * CHUNK)

void
message_init(struct message *m)
{
	*m = (struct message){ .spilled = false };
	buf_init(&m->trace, 16384 + LIMIT_MILTER_HEADERS);
	buf_init(&m->added, LIMIT_MILTER_HEADERS);
	/* One piece of input may pass the mark before it is noticed. */
	buf_init(&m->text, LIMIT_MESSAGE_MEMORY + 4 * CHUNK);
	buf_init(&m->header, LIMIT_HEADER_BYTES + LIMIT_MILTER_HEADERS);
	buf_init(&m->body, LIMIT_MILTER_BODY);
}

static void
forget(struct buf *b)
{
	if (b->cap > KEPT)
		buf_free(b);
	else
		buf_clear(b);
}

void
message_reset(struct message *m)
{
	if (m->spilled)
		body_writer_abandon(&m->writer);
	forget(&m->trace);
	forget(&m->added);
	forget(&m->text);
	forget(&m->header);
	forget(&m->body);
	m->header_changed = m->body_changed = m->spilled = m->trace_changed = false;
	m->top_n = 0;
	m->found = (struct trace_header){ .end = 0 };
	m->flaw = TRACE_OK;
	m->quarantine[0] = '\0';
	m->size = m->spilled_size = 0;
}

/* Once spilled, room is made behind the first part, which stays. */
char *
message_room(struct message *m, size_t n)
{
	return buf_reserve(&m->text, n);
}

bool
message_take(struct message *m, size_t n, int fd)
{
	bool spill = !m->spilled && m->text.n + n > LIMIT_MESSAGE_MEMORY;

	m->size += n;
	if (m->spilled) {
		body_writer_put(&m->writer, span_make(m->text.p + m->text.n, n));
		m->spilled_size += n;
		return false;
	}
	buf_commit(&m->text, n);
	if (!spill)
		return false;
	body_writer_init(&m->writer, fd, UINT64_MAX);
	body_writer_put(&m->writer, buf_view(&m->trace));
	body_writer_put(&m->writer, buf_view(&m->text));
	m->spilled = true;
	m->trace_in_file = m->trace.n;
	m->spilled_size = m->text.n;
	return true;
}

/* The first line of trace is Return-Path. */
static size_t
return_path_size(const struct message *m)
{
	return (size_t)(span_find(buf_view(&m->trace), '\n') + 1);
}

struct span
message_top(const struct message *m)
{
	return span_first(span_from(buf_view(&m->trace), return_path_size(m)), m->top_n);
}

/* Our Received field keeps its place behind them. */
static void
change_trace(struct message *m, struct span return_path, struct span top)
{
	struct span rest = span_from(buf_view(&m->trace), return_path_size(m) + m->top_n);
	struct buf text;

	buf_init(&text, m->trace.max);
	buf_span(&text, return_path);
	buf_span(&text, top);
	buf_span(&text, rest);
	buf_free(&m->trace);
	m->trace = text;
	m->top_n = top.n;
	m->trace_changed = true;
}

void
message_new_sender(struct message *m, struct span from)
{
	char storage[LIMIT_ADDRESS + 32];
	struct buf line;

	buf_init_fixed(&line, storage, sizeof(storage));
	trace_return_path(from, &line);
	change_trace(m, buf_view(&line), message_top(m));
}

bool
message_set_top(struct message *m, struct span fields)
{
	if (span_eq(fields, message_top(m)))
		return true;
	if (fields.n > m->trace.max - (m->trace.n - m->top_n))
		return false;
	change_trace(m, span_first(buf_view(&m->trace), return_path_size(m)), fields);
	return true;
}

void
message_scan(struct message *m, struct span our_host)
{
	m->flaw = trace_scan(buf_view(&m->text), our_host, &m->found);
}

/* The file can only be shorter than what was written to it by a fault. */
static ssize_t
read_file(const struct message *m, char *p, size_t n, uint64_t from)
{
	ssize_t got = pread(m->writer.fd, p, n, (off_t)(m->trace_in_file + from));

	if (got == 0)
		errno = EIO;
	return got == 0 ? -1 : got;
}

ssize_t
message_read_body(struct message *m, uint64_t at, char *p, size_t n)
{
	uint64_t from = m->found.body + at;
	size_t got;

	if (from >= m->size)
		return 0;
	if (from >= m->text.n) {
		if (body_writer_flush(&m->writer) != 0)
			return -1;
		return read_file(m, p, n, from);
	}
	got = m->text.n - from < n ? m->text.n - from : n;
	memcpy(p, m->text.p + from, got);
	return (ssize_t)got;
}

/* Everything that stands before the body, in the final form. */
static void
put_header(const struct message *m, struct body_writer *w)
{
	struct span text = buf_view(&m->text);

	body_writer_put(w, buf_view(&m->trace));
	body_writer_put(w, buf_view(&m->added));
	if (m->header_changed)
		body_writer_put(w, buf_view(&m->header));
	else
		body_writer_put(w, span_first(text, m->found.end));
	body_writer_put(w, span_make(text.p + m->found.end, m->found.body - m->found.end));
}

static void
put_whole(const struct message *m, struct body_writer *w)
{
	put_header(m, w);
	if (m->body_changed) {
		/* a message that was all header has no line that parts the two */
		if (m->body.n > 0 && m->found.body == m->found.end)
			body_writer_put(w, SPAN("\r\n"));
		body_writer_put(w, buf_view(&m->body));
	} else {
		body_writer_put(w, span_from(buf_view(&m->text), m->found.body));
	}
}

/* Where the body will begin in the final form. */
static uint64_t
final_body(const struct message *m)
{
	return m->trace.n + m->added.n + (m->header_changed ? m->header.n : m->found.end) +
	       m->found.body - m->found.end;
}

/*
 * Move the body behind a new header, reading ahead of the writing.  `ahead`
 * holds what is read and not yet written: at least the growth of the header,
 * so that nothing is overwritten unread.
 */
static int
rewrite(struct message *m)
{
	uint64_t at = m->trace_in_file + m->found.body;
	uint64_t end = m->trace_in_file + m->size;
	uint64_t final = final_body(m);
	size_t growth = final > at ? (size_t)(final - at) : 0;
	struct buf ahead;
	int result = 0;

	if (body_writer_flush(&m->writer) != 0)
		return -1;
	buf_init(&ahead, growth + 3 * CHUNK);
	body_writer_rewind(&m->writer);
	for (bool first = true; result == 0 && (first || ahead.n > 0); first = false) {
		while (at < end && ahead.n < growth + 2 * CHUNK && result == 0) {
			size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
			ssize_t got = pread(m->writer.fd, buf_reserve(&ahead, want), want, (off_t)at);

			if (got > 0) {
				buf_commit(&ahead, (size_t)got);
				at += (uint64_t)got;
			} else if (got == 0) {
				errno = EIO;	/* shorter than what we wrote */
				result = -1;
			} else if (errno != EINTR) {
				result = -1;
			}
		}
		if (first)
			put_header(m, &m->writer);
		body_writer_put(&m->writer, span_first(buf_view(&ahead), CHUNK));
		buf_shift(&ahead, CHUNK);
	}
	buf_free(&ahead);
	return result;
}

static int
finish_spilled(struct message *m, enum body_end end)
{
	int result = 0;

	if (m->body_changed) {
		body_writer_rewind(&m->writer);
		put_whole(m, &m->writer);
	} else if (m->header_changed || m->trace_changed || m->added.n > 0) {
		result = rewrite(m);
	}
	m->spilled = false;
	if (result == 0)
		return body_writer_finish(&m->writer, end);
	body_writer_abandon(&m->writer);
	return -1;
}

int
message_finish(struct message *m, int fd, enum body_end end, uint64_t *size_out, uint32_t *crc_out)
{
	int result;

	if (m->spilled) {
		result = finish_spilled(m, end);
	} else {
		body_writer_init(&m->writer, fd, UINT64_MAX);
		put_whole(m, &m->writer);
		result = body_writer_finish(&m->writer, end);
	}
	*size_out = m->writer.size;
	*crc_out = m->writer.crc32c;
	return result;
}
