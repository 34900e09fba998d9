/*
 * stream: see stream.h.
 *
 * Invariants:
 *  1. in_start <= in_end <= in_size <= in_max, and in != NULL when in_size > 0.
 *  2. Once in_state is not LINE_OK nothing is read from the transport again.
 *  3. Once out_failed nothing is written again, and out stays empty.
 *
 * Trust: what arrives is the peer's; the only length that it controls is that
 * of a line, and in_max bounds it.
 */
#include "base/base.h"
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "base/mem.h"
#include "sys/clock.h"

#define IN_STEP 4096

void
stream_init_pair(struct stream *st, int fd_in, int fd_out, size_t in_max)
{
	int fds[2] = { fd_in, fd_out };

	if (in_max < 512)
		bug("stream_init: in_max %zu", in_max);
	*st = (struct stream){ .fd_in = fd_in, .fd_out = fd_out, .deadline = UINT64_MAX,
		.in_max = in_max };
	buf_init(&st->out, STREAM_OUT_MAX);
	for (int i = 0; i < (fd_in == fd_out ? 1 : 2); i++) {
		int flags = fcntl(fds[i], F_GETFL);

		if (flags < 0 || ((flags & O_NONBLOCK) == 0 && fcntl(fds[i], F_SETFL, flags | O_NONBLOCK) < 0)) {
			st->in_state = LINE_ERROR;
			st->error = errno;
			st->out_failed = true;
		}
	}
}

void
stream_init(struct stream *st, int fd, size_t in_max)
{
	stream_init_pair(st, fd, fd, in_max);
}

/* Lines may have held passwords. */
static void
drop_input(struct stream *st)
{
	mem_wipe_free(st->in, st->in_size);
	st->in = NULL;
	st->in_size = st->in_start = st->in_end = 0;
}

void
stream_close(struct stream *st)
{
	stream_set_transport(st, NULL, NULL);
	if (st->fd_in >= 0)
		close(st->fd_in);
	if (st->fd_out >= 0 && st->fd_out != st->fd_in)
		close(st->fd_out);
	st->fd_in = st->fd_out = -1;
	drop_input(st);
	buf_free(&st->out);
	st->in_state = LINE_EOF;
	st->out_failed = true;
}

/* One read of what nobody wants; what read(2) says. */
static ssize_t
read_waste(struct stream *st, size_t most)
{
	char waste[16384];

	return read(st->fd_in, waste, most < sizeof(waste) ? most : sizeof(waste));
}

void
stream_linger(struct stream *st, uint64_t quiet_ms, uint64_t most_ms, size_t most_bytes)
{
	uint64_t end = clock_ms() + most_ms;

	if (st->in_state != LINE_OK || st->out_failed || st->fd_in != st->fd_out)
		return;
	stream_set_transport(st, NULL, NULL);
	if (shutdown(st->fd_out, SHUT_WR) != 0)
		return;
	while (most_bytes > 0 && clock_ms() < end) {
		ssize_t n = read_waste(st, most_bytes);

		if (n > 0)
			most_bytes -= (size_t)n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return;
		else if (errno == EAGAIN) {
			uint64_t quiet = clock_ms() + quiet_ms;

			stream_deadline(st, quiet < end ? quiet : end);
			if (stream_poll(st, POLLIN) < 0)
				return;
		}
	}
}

void
stream_set_transport(struct stream *st, const struct stream_transport *t, void *ctx)
{
	if (st->transport != NULL)
		st->transport->close(st->transport_ctx);
	st->transport = t;
	st->transport_ctx = ctx;
}

bool
stream_is_tls(const struct stream *st)
{
	return st->transport != NULL && st->transport->is_tls;
}

void
stream_deadline(struct stream *st, uint64_t clock_ms_abs)
{
	st->deadline = clock_ms_abs;
}

void
stream_timeout(struct stream *st, uint64_t ms)
{
	uint64_t now = clock_ms();

	st->deadline = ms > UINT64_MAX - now ? UINT64_MAX : now + ms;
}

/* Milliseconds for poll: -1 without deadline, 0 when it has passed. */
static int
poll_ms(const struct stream *st)
{
	uint64_t now, left;

	if (st->deadline == UINT64_MAX)
		return -1;
	now = clock_ms();
	if (now >= st->deadline)
		return 0;
	left = st->deadline - now;
	return left > 3600000 ? 3600000 : (int)left;
}

/* poll, with the signal that may end this wait let through while it lasts. */
static int
poll_endable(struct pollfd *fds, nfds_t n, int ms)
{
	struct timespec limit = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	sigset_t none;

	sigemptyset(&none);
	return ppoll(fds, n, ms < 0 ? NULL : &limit, &none);
}

static int
poll_until(struct stream *st, struct pollfd *fds, nfds_t n)
{
	bool endable = st->told_to_end != NULL && (fds[0].events & POLLIN) != 0;

	for (;;) {
		int ms = endable && *st->told_to_end != 0 ? 0 : poll_ms(st);
		int got = endable ? poll_endable(fds, n, ms) : poll(fds, n, ms);

		if (got > 0)
			return 0;
		if (got == 0 && ms == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (got < 0 && errno != EINTR)
			return -1;
	}
}

int
stream_poll(struct stream *st, short events)
{
	struct pollfd p = { .fd = events & POLLOUT ? st->fd_out : st->fd_in, .events = events };

	return poll_until(st, &p, 1);
}

static ssize_t
read_some(struct stream *st, void *p, size_t n, short *events)
{
	*events = POLLIN;
	if (st->transport != NULL)
		return st->transport->read(st->transport_ctx, p, n, events);
	return read(st->fd_in, p, n);
}

static ssize_t
write_some(struct stream *st, const void *p, size_t n, short *events)
{
	*events = POLLOUT;
	if (st->transport != NULL)
		return st->transport->write(st->transport_ctx, p, n, events);
	if (st->is_ending) {
		ssize_t put = send(st->fd_out, p, n, MSG_MORE | MSG_NOSIGNAL);

		if (put >= 0 || errno != ENOTSOCK)
			return put;
	}
	return write(st->fd_out, p, n);
}

static enum stream_result
input_failed(struct stream *st, int error)
{
	if (st->error == 0)
		st->error = error;
	st->in_state = error == ETIMEDOUT ? LINE_TIMEOUT : LINE_ERROR;
	return st->in_state;
}

/* Room behind in_end; false when in_max bytes stand unread. */
static bool
make_room(struct stream *st)
{
	size_t size;
	char *in;

	if (st->in_end < st->in_size)
		return true;
	if (st->in_start > 0) {
		memmove(st->in, st->in + st->in_start, st->in_end - st->in_start);
		st->in_end -= st->in_start;
		st->in_start = 0;
		return true;
	}
	if (st->in_size == st->in_max)
		return false;
	size = st->in_size == 0 ? IN_STEP : st->in_size * 2;
	if (size > st->in_max)
		size = st->in_max;
	in = mem_new(size);
	if (st->in_end > 0)
		memcpy(in, st->in, st->in_end);
	mem_wipe_free(st->in, st->in_size);
	st->in = in;
	st->in_size = size;
	return true;
}

static enum stream_result
wait_for_input(struct stream *st, short events)
{
	if (stream_flush(st) < 0)
		return input_failed(st, st->error);
	if (st->in_start == st->in_end)
		drop_input(st);
	if (stream_poll(st, events) < 0)
		return input_failed(st, errno);
	return LINE_OK;
}

enum stream_result
stream_fill(struct stream *st)
{
	short events;
	ssize_t got;

	/*
	 * Who has replies to come has seldom sent more: without this each command
	 * would cost a read that finds nothing.  TLS may hold input that poll does
	 * not see, and is asked first.
	 */
	if (st->in_state == LINE_OK && st->out.n > 0 && st->in_start == st->in_end && st->transport == NULL)
		(void)wait_for_input(st, POLLIN);
	while (st->in_state == LINE_OK) {
		if (!make_room(st))
			return LINE_TOO_LONG;
		got = read_some(st, st->in + st->in_end, st->in_size - st->in_end, &events);
		if (got > 0) {
			st->in_end += (size_t)got;
			st->bytes_in += (uint64_t)got;
			return LINE_OK;
		}
		if (got == 0)
			st->in_state = LINE_EOF;
		else if (errno == EAGAIN)
			(void)wait_for_input(st, events);
		else if (errno != EINTR)
			(void)input_failed(st, errno);
	}
	return st->in_state;
}

enum stream_result
stream_fill_within(struct stream *st, uint64_t ms)
{
	uint64_t before = st->deadline;
	bool has_spoken = st->out.n > 0;
	enum stream_result r;

	if (stream_flush(st) < 0)
		return input_failed(st, st->error);
	if (st->in_state != LINE_OK)
		return st->in_state;
	stream_timeout(st, ms);
	if (has_spoken && st->in_start == st->in_end && st->transport == NULL)	/* as in stream_fill */
		(void)wait_for_input(st, POLLIN);
	r = stream_fill(st);
	st->deadline = before;
	stream_resume(st);
	return r;
}

struct span
stream_peek(const struct stream *st)
{
	if (st->in == NULL)
		return SPAN_NONE;
	return span_make(st->in + st->in_start, st->in_end - st->in_start);
}

void
stream_skip(struct stream *st, size_t n)
{
	if (n > st->in_end - st->in_start)
		bug("stream_skip: %zu of %zu", n, st->in_end - st->in_start);
	st->in_start += n;
}

bool
stream_hears_within(struct stream *st, uint64_t ms)
{
	uint64_t before = st->deadline;
	bool heard;

	stream_timeout(st, ms);
	heard = st->in_start < st->in_end || stream_poll(st, POLLIN) == 0;
	st->deadline = before;
	return heard;
}

bool
stream_buffered_input(const struct stream *st)
{
	return st->in_end > st->in_start;
}

/* Remember how the line begins that is dropped. */
static void
keep_head(struct stream *st, struct span s)
{
	memset(st->head, 0, sizeof(st->head));
	memcpy(st->head, s.p, s.n < sizeof(st->head) ? s.n : sizeof(st->head));
}

/* Remember the end of what is dropped; of a CRLF that was cut only the CR is seen here. */
static void
keep_tail(struct stream *st, struct span s)
{
	for (size_t i = s.n > sizeof(st->tail) ? s.n - sizeof(st->tail) : 0; i < s.n; i++) {
		memmove(st->tail, st->tail + 1, sizeof(st->tail) - 1);
		st->tail[sizeof(st->tail) - 1] = s.p[i];
	}
}

/* Read and forget up to and with the next LF. */
static enum stream_result
drop_line(struct stream *st)
{
	keep_head(st, stream_peek(st));
	for (;;) {
		struct span s = stream_peek(st);
		ssize_t lf = span_find(s, '\n');

		keep_tail(st, lf >= 0 ? span_first(s, (size_t)lf) : s);
		if (lf >= 0) {
			stream_skip(st, (size_t)lf + 1);
			return LINE_TOO_LONG;
		}
		stream_skip(st, s.n);
		if (stream_fill(st) != LINE_OK)
			return st->in_state;
	}
}

enum stream_result
stream_line(struct stream *st, size_t max, struct span *out)
{
	size_t seen = 0;

	if (max > st->in_max - 2)
		max = st->in_max - 2;
	for (;;) {
		struct span s = stream_peek(st);
		ssize_t at = span_find(span_from(s, seen), '\n');

		if (at >= 0) {
			size_t n = seen + (size_t)at;
			bool crlf = n > 0 && s.p[n - 1] == '\r';

			stream_skip(st, n + 1);
			st->bare_lf = !crlf;
			*out = span_first(s, n - crlf);
			if (out->n <= max)
				return LINE_OK;
			keep_head(st, *out);
			keep_tail(st, span_first(s, n));
			return LINE_TOO_LONG;
		}
		seen = s.n;
		if (seen >= max + 2)
			return drop_line(st);
		switch (stream_fill(st)) {
		case LINE_OK:
			break;
		case LINE_TOO_LONG:
			return drop_line(st);
		case LINE_EOF:
		case LINE_TIMEOUT:
		case LINE_ERROR:
		default:
			return st->in_state;
		}
	}
}

enum stream_result
stream_read(struct stream *st, void *p, size_t n)
{
	char *to = p;

	while (n > 0) {
		struct span s = span_first(stream_peek(st), n);

		if (s.n == 0) {
			enum stream_result r = stream_fill(st);

			if (r != LINE_OK)
				return r;
			continue;
		}
		memcpy(to, s.p, s.n);
		stream_skip(st, s.n);
		to += s.n;
		n -= s.n;
	}
	return LINE_OK;
}

/* Bytes that the transport has decrypted and poll cannot see. */
static bool
read_ahead(struct stream *st)
{
	short events;
	ssize_t got;

	if (!make_room(st))
		return true;
	got = read_some(st, st->in + st->in_end, st->in_size - st->in_end, &events);
	if (got > 0) {
		st->in_end += (size_t)got;
		st->bytes_in += (uint64_t)got;
	} else if (got == 0) {
		st->in_state = LINE_EOF;
	} else if (errno != EAGAIN && errno != EINTR) {
		(void)input_failed(st, errno);
	}
	return got > 0;
}

void
stream_resume(struct stream *st)
{
	if (st->in_state != LINE_TIMEOUT)
		return;
	st->in_state = LINE_OK;
	if (st->error == ETIMEDOUT)
		st->error = 0;
}

enum stream_result
stream_wait(struct stream *st, int fd, bool *fd_ready)
{
	struct pollfd p[2] = { { .fd = st->fd_in, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

	*fd_ready = false;
	if (stream_flush(st) < 0)
		return input_failed(st, st->error);
	for (;;) {
		if (stream_buffered_input(st) || read_ahead(st))
			return LINE_OK;
		if (st->in_state != LINE_OK)
			return st->in_state;
		drop_input(st);
		if (poll_until(st, p, fd >= 0 ? 2 : 1) < 0)
			return input_failed(st, errno);
		if (p[1].revents != 0) {
			*fd_ready = true;
			return LINE_OK;
		}
	}
}

static void
output_failed(struct stream *st, int error)
{
	if (st->error == 0)
		st->error = error;
	st->out_failed = true;
	buf_free(&st->out);
}

/* Write all of s, waiting as needed. */
static void
write_all(struct stream *st, struct span s)
{
	short events;
	ssize_t put;

	while (s.n > 0 && !st->out_failed) {
		put = write_some(st, s.p, s.n, &events);
		if (put >= 0) {
			st->bytes_out += (uint64_t)put;
			s = span_from(s, (size_t)put);
		} else if (errno == EAGAIN) {
			if (stream_poll(st, events) < 0)
				output_failed(st, errno);
		} else if (errno != EINTR) {
			output_failed(st, errno);
		}
	}
}

int
stream_flush(struct stream *st)
{
	if (!st->out_failed && st->out.n > 0) {
		struct buf out = st->out;

		buf_init(&st->out, STREAM_OUT_MAX);
		write_all(st, buf_view(&out));
		buf_free(&out);
	}
	return st->out_failed ? -1 : 0;
}

int
stream_end(struct stream *st)
{
	if (st->is_ending)
		return st->out_failed ? -1 : 0;
	st->is_ending = true;
	if (stream_flush(st) == 0 && st->transport == NULL)
		(void)shutdown(st->fd_out, SHUT_WR);	/* a pipe has no such end */
	return st->out_failed ? -1 : 0;
}

void
stream_put(struct stream *st, struct span s)
{
	if (st->out_failed)
		return;
	if (s.n > STREAM_OUT_MAX - st->out.n) {
		if (stream_flush(st) < 0)
			return;
		if (s.n >= STREAM_OUT_MAX) {
			write_all(st, s);
			return;
		}
	}
	if (!buf_span(&st->out, s))
		bug("stream_put: %zu bytes do not fit", s.n);
}

void
stream_text(struct stream *st, const char *text)
{
	stream_put(st, span_of(text));
}

void
stream_printf(struct stream *st, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	buf_init(&b, STREAM_OUT_MAX);
	va_start(ap, fmt);
	if (!buf_vprintf(&b, fmt, ap))
		bug("stream_printf: over %d bytes", STREAM_OUT_MAX);
	va_end(ap);
	stream_put(st, buf_view(&b));
	buf_free(&b);
}

const char *
stream_why(const struct stream *st, enum stream_result r)
{
	switch (r) {
	case LINE_OK:
		return st->out_failed ? strerror(st->error) : "no error";
	case LINE_EOF:
		return "closed by peer";
	case LINE_TIMEOUT:
		return "timed out";
	case LINE_TOO_LONG:
		return "line too long";
	case LINE_ERROR:
	default:
		return strerror(st->error);
	}
}
