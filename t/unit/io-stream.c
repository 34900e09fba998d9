/* stream: lines at every segmentation, limits, deadlines, flush before waiting. */
#include "base/base.h"
#include "base/mem.h"
#include "io/stream.h"
#include "sys/clock.h"
#include "tap.h"

#include <errno.h>
#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Set: no block of memory that is freed may hold it. */
static const char *secret;
static unsigned leaks;

void __real_free(void *p);
void __wrap_free(void *p);

void
__wrap_free(void *p)
{
	if (p != NULL && secret != NULL && memmem(p, malloc_usable_size(p), secret, strlen(secret)) != NULL)
		leaks++;
	__real_free(p);
}

static int
open_pair(struct stream *st, size_t in_max)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		_exit(99);
	stream_init(st, pair[0], in_max);
	stream_timeout(st, 5000);
	return pair[1];
}

static void
say(int fd, struct span s)
{
	if (write(fd, s.p, s.n) != (ssize_t)s.n)
		_exit(99);
}

/* A line with a password in a buffer that grows, is given back, and is closed. */
static void
passwords(void)
{
	char text[900];
	struct stream st;
	struct span line;
	int peer = open_pair(&st, 2000);

	memset(text, 'x', sizeof(text));
	memcpy(text, "PASS s3cret-word", 16);
	secret = "s3cret-word";
	say(peer, span_make(text, 500));
	ok(stream_fill(&st) == LINE_OK, "the first part of a line");
	say(peer, span_make(text + 500, 400));
	say(peer, SPAN("\r\n"));
	ok(stream_line(&st, 1500, &line) == LINE_OK && line.n == 900, "the rest makes the buffer grow");
	stream_timeout(&st, 1);
	ok(stream_fill(&st) == LINE_TIMEOUT && st.in == NULL, "the stream waits without a buffer");
	close(peer);
	stream_close(&st);
	peer = open_pair(&st, 2000);
	say(peer, SPAN("PASS s3cret-word\r\nNEXT"));
	ok(stream_line(&st, 100, &line) == LINE_OK, "another line");
	stream_close(&st);
	close(peer);
	is_num(leaks, 0, "and no memory is given back with a password in it");
	secret = NULL;
}

static void
lines(void)
{
	struct stream st;
	struct span line;
	int peer = open_pair(&st, 512);

	say(peer, SPAN("one\r\ntwo\nthr\ree\r\n\r\nlast"));
	ok(stream_line(&st, 100, &line) == LINE_OK && span_is(line, "one") && !st.bare_lf, "CRLF ends a line");
	ok(stream_buffered_input(&st), "what came behind it can be seen");
	ok(stream_line(&st, 100, &line) == LINE_OK && span_is(line, "two") && st.bare_lf, "a bare LF shows");
	ok(stream_line(&st, 100, &line) == LINE_OK && span_is(line, "thr\ree"), "a CR inside stays");
	ok(stream_line(&st, 100, &line) == LINE_OK && line.n == 0, "an empty line");
	close(peer);
	ok(stream_line(&st, 100, &line) == LINE_EOF, "a line without end is no line");
	ok(stream_line(&st, 100, &line) == LINE_EOF, "the end stays the end");
	stream_close(&st);
}

/* The same bytes, cut in two at every place, give the same lines. */
static void
segments(void)
{
	static const char text[] = "HELO x\r\n.\r\n\r\r\nab\ncd\r\n";
	bool same = true;

	for (size_t cut = 0; cut <= sizeof(text) - 1; cut++) {
		struct stream st;
		struct span line;
		struct buf got;
		int peer = open_pair(&st, 512);
		size_t n = 0;

		buf_init(&got, 200);
		say(peer, span_make(text, cut));
		if (cut > 0 && stream_fill(&st) != LINE_OK)
			same = false;
		say(peer, span_make(text + cut, sizeof(text) - 1 - cut));
		while (n++ < 5 && stream_line(&st, 100, &line) == LINE_OK)
			buf_printf(&got, "[%.*s]%d", SPAN_ARG(line), st.bare_lf);
		if (strcmp(buf_text(&got), "[HELO x]0[.]0[\r]0[ab]1[cd]0") != 0)
			same = false;
		buf_free(&got);
		close(peer);
		stream_close(&st);
	}
	ok(same, "lines are the same however they are cut");
}

static void
too_long(void)
{
	struct stream st;
	struct span line;
	char text[3000];
	int peer = open_pair(&st, 512);

	memset(text, 'a', sizeof(text));
	for (size_t n = 99; n < sizeof(text) - 2; n += n < 102 || (n > 500 && n < 520) ? 1 : 97) {
		memcpy(text + n, "\r\n", 2);
		say(peer, span_make(text, n + 2));
		say(peer, SPAN("next\r\n"));
		text[n] = text[n + 1] = 'a';
		if (stream_line(&st, 100, &line) != (n > 100 ? LINE_TOO_LONG : LINE_OK) ||
		    stream_line(&st, 100, &line) != LINE_OK || !span_is(line, "next"))
			ok(false, "a line of %zu bytes", n);
	}
	say(peer, SPAN("0123456789\r\nnext\r\n"));
	ok(stream_line(&st, 5, &line) == LINE_TOO_LONG && memcmp(st.head, "0123456789\0\0\0\0\0\0", 16) == 0, "its beginning is kept");
	memcpy(text, "BDAT 12 LAST", 12);
	text[2000] = '\n';
	say(peer, span_make(text, 2001));
	ok(stream_line(&st, 100, &line) == LINE_OK && stream_line(&st, 100, &line) == LINE_TOO_LONG &&
	   memcmp(st.head, "BDAT 12 LASTaaaa", 16) == 0, "also that of a line that fits no buffer");
	ok(st.in_size <= 512, "a line too long is dropped up to its end, in bounded memory");
	close(peer);
	stream_close(&st);
}

static void
deadlines(void)
{
	struct stream st;
	struct span line;
	int peer = open_pair(&st, 512);
	uint64_t before = clock_ms();
	char *big = mem_new(4 << 20);

	say(peer, SPAN("no end"));
	stream_timeout(&st, 120);
	ok(stream_line(&st, 100, &line) == LINE_TIMEOUT, "a line that does not end times out");
	ok(clock_ms() - before >= 120 && clock_ms() - before < 2000, "at its time");
	ok(stream_line(&st, 100, &line) == LINE_TIMEOUT, "and stays so");
	stream_resume(&st);
	stream_timeout(&st, 5000);
	say(peer, SPAN(" but now\r\n"));
	ok(stream_line(&st, 100, &line) == LINE_OK && span_is(line, "no end but now"), "until it is resumed");
	stream_close(&st);
	close(peer);

	peer = open_pair(&st, 512);
	stream_timeout(&st, 100);
	stream_put(&st, span_make(big, 4 << 20));
	ok(stream_flush(&st) == -1 && st.error == ETIMEDOUT, "a reader that does not read times out");
	stream_close(&st);
	close(peer);
	free(big);
}

/* A look around while waiting is no end of the wait. */
static void
look_around(void)
{
	struct stream st;
	struct span line;
	char got[64];
	int peer = open_pair(&st, 512);
	uint64_t deadline = st.deadline;

	stream_text(&st, "354 go on\r\n");
	ok(stream_fill_within(&st, 30) == LINE_TIMEOUT, "nothing came within a short wait");
	ok(recv(peer, got, sizeof(got), MSG_DONTWAIT) == 11, "in which output was sent");
	ok(st.deadline == deadline && st.error == 0, "and that changed no deadline and is no error");
	say(peer, SPAN("late\r\n"));
	ok(stream_fill_within(&st, 0) == LINE_OK, "what is there already is read without a wait");
	ok(stream_line(&st, 100, &line) == LINE_OK && span_is(line, "late"), "as if nothing had been");
	close(peer);
	ok(stream_fill_within(&st, 30) == LINE_EOF && stream_fill_within(&st, 30) == LINE_EOF, "the end is the end");
	stream_close(&st);

	peer = open_pair(&st, 512);
	stream_timeout(&st, 30);
	ok(stream_fill(&st) == LINE_TIMEOUT && stream_fill_within(&st, 30) == LINE_TIMEOUT, "a deadline that passed");
	say(peer, SPAN("late\r\n"));
	ok(stream_fill_within(&st, 30) == LINE_TIMEOUT, "stays passed");
	stream_close(&st);
	close(peer);
}

/* Last words: what the peer still sends is read and dropped, up to bytes, silence or time. */
static void
linger(void)
{
	struct stream st;
	char got[64], waste[1000] = "";
	uint64_t before;
	int peer = open_pair(&st, 512), fd, left = 0;

	stream_text(&st, "521 no\r\n");
	ok(stream_flush(&st) == 0, "the last words are sent");
	for (int i = 0; i < 20; i++)
		say(peer, span_make(waste, sizeof(waste)));
	fd = st.fd_in;
	stream_linger(&st, 30, 5000, 100000);
	ok(recv(peer, got, sizeof(got), 0) == 8 && recv(peer, got, sizeof(got), 0) == 0, "the peer has them, and that no more comes");
	ok(ioctl(fd, FIONREAD, &left) == 0 && left == 0, "nothing is left unread");
	stream_close(&st);
	close(peer);

	peer = open_pair(&st, 512);
	for (int i = 0; i < 20; i++)
		say(peer, span_make(waste, sizeof(waste)));
	stream_linger(&st, 5000, 5000, 15000);
	ok(ioctl(st.fd_in, FIONREAD, &left) == 0 && left == 5000, "no more than so many bytes are read");
	stream_close(&st);
	close(peer);

	peer = open_pair(&st, 512);
	before = clock_ms();
	stream_linger(&st, 5000, 40, 15000);
	ok(clock_ms() - before >= 40 && clock_ms() - before < 4000, "nor for longer than so long");
	close(peer);
	stream_close(&st);

	peer = open_pair(&st, 512);
	close(peer);
	before = clock_ms();
	stream_linger(&st, 5000, 5000, 15000);
	ok(clock_ms() - before < 4000, "and not at all when the peer has closed");
	stream_close(&st);
}

static void
output(void)
{
	struct stream st;
	struct span line;
	char got[64];
	int peer = open_pair(&st, 512);
	bool ready;

	stream_printf(&st, "%d %s\r\n", 250, "ok");
	stream_text(&st, "250 two\r\n");
	ok(recv(peer, got, sizeof(got), MSG_DONTWAIT) < 0, "output waits");
	stream_timeout(&st, 50);
	ok(stream_line(&st, 100, &line) == LINE_TIMEOUT, "until the stream waits for input");
	ok(recv(peer, got, sizeof(got), MSG_DONTWAIT) == 17, "then all goes in one write");
	is_num(st.bytes_out, 17, "and is counted");
	close(peer);
	stream_text(&st, "x");
	ok(stream_flush(&st) == -1 && st.error != 0, "a closed peer is an error, not a signal");
	stream_close(&st);

	peer = open_pair(&st, 512);
	say(peer, SPAN("x"));
	ok(stream_wait(&st, -1, &ready) == LINE_OK && !ready && stream_buffered_input(&st), "waiting sees input");
	ok(stream_read(&st, got, 1) == LINE_OK && got[0] == 'x', "one byte is read");
	stream_timeout(&st, 30);
	ok(stream_wait(&st, -1, &ready) == LINE_TIMEOUT, "and its absence");
	ok(st.in == NULL, "an idle stream holds no buffer");
	stream_close(&st);
	close(peer);
}

/* Two ends of a TCP connection on loopback. */
static void
tcp_pair(int pair[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&at, n) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &n) != 0 || connect(pair[1], (struct sockaddr *)&at, n) != 0)
		_exit(99);
	pair[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	if (pair[0] < 0)
		_exit(99);
}

static unsigned
segments_in(int fd)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0)
		_exit(99);
	return info.tcpi_segs_in;
}

static void
ending(void)
{
	struct stream st;
	char got[16];
	unsigned before;
	int pair[2], pipe_fds[2];

	tcp_pair(pair);
	stream_init(&st, pair[0], 4096);
	stream_timeout(&st, 5000);
	before = segments_in(pair[1]);
	stream_text(&st, "221 Bye\r\n");
	is_num(stream_end(&st), 0, "the last words are said");
	is_num(read(pair[1], got, sizeof(got)), 9, "and heard");
	is_num(read(pair[1], got, sizeof(got)), 0, "and then the end");
	is_num(segments_in(pair[1]) - before, 1, "both in one segment");
	say(pair[1], SPAN("still talking\r\n"));
	is_num(stream_fill(&st), LINE_OK, "what the peer says is still heard");
	is_num(stream_end(&st), 0, "a second end is none");
	stream_close(&st);
	close(pair[1]);

	if (pipe(pipe_fds) != 0)
		_exit(99);
	stream_init_pair(&st, dup(pipe_fds[0]), pipe_fds[1], 4096);
	stream_timeout(&st, 5000);
	stream_text(&st, "221 Bye\r\n");
	is_num(stream_end(&st), 0, "a pipe takes them too");
	is_num(read(pipe_fds[0], got, sizeof(got)), 9, "all of them");
	stream_close(&st);
	is_num(read(pipe_fds[0], got, sizeof(got)), 0, "and ends when it is closed");
	close(pipe_fds[0]);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	lines();
	passwords();
	segments();
	too_long();
	deadlines();
	look_around();
	linger();
	output();
	ending();
	return done();
}
