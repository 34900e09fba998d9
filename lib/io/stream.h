/*
 * The room lib/io: buffered streams with limits and deadlines, and the event
 * loop of those programs that have one.
 *
 * stream: a connection for straight-line code.
 *
 * Every read and write waits by poll until an absolute deadline (clock_ms);
 * nothing ever blocks longer.  Input is buffered and visible, so that the
 * STARTTLS code can refuse when clear text was sent ahead.  Output is kept
 * until stream_flush, until it passes STREAM_OUT_MAX, or until the stream has
 * to wait for input: so pipelined commands get their replies in one segment,
 * and no caller can forget to flush before it waits (RFC 2920 3.1).
 *
 * Buffers are allocated when the first byte comes or goes and given back
 * while the stream waits empty: an idle session costs sizeof(struct stream).
 * That of the input is wiped before, since lines may hold passwords.
 *
 * Errors are sticky: after LINE_EOF, LINE_TIMEOUT or LINE_ERROR on input, or
 * a failed write, later calls do nothing and report the same.
 *
 * The process must ignore SIGPIPE.
 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

#include <signal.h>

#define STREAM_OUT_MAX 16384

enum stream_result {
	LINE_OK,
	LINE_EOF,		/* the peer closed; an unfinished line is dropped */
	LINE_TIMEOUT,		/* the deadline passed */
	LINE_TOO_LONG,		/* over max; read and dropped up to its end, the next line is next */
	LINE_ERROR		/* st->error tells why, stream_why in words */
};

/*
 * What carries the bytes.  read and write return the count (read: 0 at the
 * end), or -1 with errno; with EAGAIN they set *events to what poll must wait
 * for (POLLIN, POLLOUT).  close says good-bye without waiting and frees ctx.
 * It does not close the descriptors.
 */
struct stream_transport {
	ssize_t (*read)(void *ctx, void *p, size_t n, short *events);
	ssize_t (*write)(void *ctx, const void *p, size_t n, short *events);
	void (*close)(void *ctx);
	bool is_tls;
};

struct stream {
	int fd_in, fd_out;			/* owned: closed by stream_close */
	const struct stream_transport *transport;	/* NULL: the descriptors themselves */
	void *transport_ctx;
	uint64_t deadline;			/* clock_ms; UINT64_MAX: none */
	char *in;				/* in_size bytes, or NULL */
	size_t in_size, in_start, in_end;	/* unread: in[in_start..in_end) */
	size_t in_max;
	struct buf out;
	enum stream_result in_state;		/* LINE_OK until a sticky error */
	int error;				/* errno of the first error, 0 */
	bool out_failed;
	bool is_ending;				/* stream_end was called */
	bool bare_lf;				/* the last line ended by LF alone */
	char head[16];				/* the beginning of the last line that was too long, NULs behind a shorter one */
	char tail[3];				/* ... and its end, perhaps with its CR */
	uint64_t bytes_in, bytes_out;
	/*
	 * NULL, or what a signal handler may set: a wait for input then ends as if
	 * its deadline had passed.  The signal is blocked except while such a wait lasts,
	 * so that it cannot come between the look at the flag and the wait.
	 */
	const volatile sig_atomic_t *told_to_end;
};

/*
 * Take over a connected socket.  in_max: the longest line or look-ahead in
 * bytes (at least 512).  Sets O_NONBLOCK.
 */
void stream_init(struct stream *st, int fd, size_t in_max);

/* The same with two descriptors, as tcpserver's fd 0 and 1 may be. */
void stream_init_pair(struct stream *st, int fd_in, int fd_out, size_t in_max);

/* Flush nothing, say good-bye on the transport, close, free. */
void stream_close(struct stream *st);

/*
 * Before stream_close, after the last flush: tell the peer that no more comes, and
 * drop what it still sends, until it closes, is silent for quiet_ms, or most_ms or
 * most_bytes are used up.  A close with unread input would reset the connection,
 * and the peer might lose our last words.  Does nothing after an error or the end.
 */
void stream_linger(struct stream *st, uint64_t quiet_ms, uint64_t most_ms, size_t most_bytes);

/* Put a transport under the stream; what is buffered stays buffered. */
void stream_set_transport(struct stream *st, const struct stream_transport *t, void *ctx);
bool stream_is_tls(const struct stream *st);

/* Until when the next calls may wait: absolute, and from now. */
void stream_deadline(struct stream *st, uint64_t clock_ms_abs);
void stream_timeout(struct stream *st, uint64_t ms);

/*
 * Next line without its line end, of at most max bytes (clamped to in_max - 2).
 * *out is valid until the next call that reads.  st->bare_lf tells that the
 * end was LF alone; a CR elsewhere stays in the line.
 */
enum stream_result stream_line(struct stream *st, size_t max, struct span *out) PB_MUST_CHECK;

/* Exactly n bytes into p. */
enum stream_result stream_read(struct stream *st, void *p, size_t n) PB_MUST_CHECK;

/*
 * Wait until more bytes than now are buffered.  LINE_TOO_LONG, not sticky,
 * when in_max bytes are buffered already.
 */
enum stream_result stream_fill(struct stream *st) PB_MUST_CHECK;

/* After LINE_TIMEOUT, which is sticky like every end of input: reading may go on. */
void stream_resume(struct stream *st);

/*
 * The same, but no longer than ms, and that nothing came until then is no error:
 * LINE_TIMEOUT, not sticky.  For callers that look around while they wait.
 */
enum stream_result stream_fill_within(struct stream *st, uint64_t ms) PB_MUST_CHECK;

/* The unread buffered bytes, valid until the next call that reads; drop n of them. */
struct span stream_peek(const struct stream *st);
void stream_skip(struct stream *st, size_t n);

/*
 * Wait until input is buffered or can be read, or until fd can be read
 * (*fd_ready).  For IMAP IDLE.  Flushes first.
 */
enum stream_result stream_wait(struct stream *st, int fd, bool *fd_ready) PB_MUST_CHECK;

/* Does the peer say anything, or close, within ms?  Nothing is read; no error is kept. */
bool stream_hears_within(struct stream *st, uint64_t ms);

/* True when input stands in our buffer that nobody has read (RFC 3207 5). */
bool stream_buffered_input(const struct stream *st);

/* Output.  Errors are sticky and reported by stream_flush: 0, or -1 (st->error). */
void stream_put(struct stream *st, struct span s);
void stream_text(struct stream *st, const char *text);
void stream_printf(struct stream *st, const char *fmt, ...) PB_PRINTF(2, 3);
int stream_flush(struct stream *st);
/*
 * Flush for the last time: nothing is put after it.  On a plain socket the last
 * bytes and the end of what we say go out together; reading goes on.
 */
int stream_end(struct stream *st);

/* One word for logs: "closed by peer", "timed out", or the text of st->error. */
const char *stream_why(const struct stream *st, enum stream_result r);

/* For transports that must wait themselves, as a handshake: 0, or -1 with ETIMEDOUT. */
int stream_poll(struct stream *st, short events);

#endif
