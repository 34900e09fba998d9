/* service/log.h: form, escaping, batches, and an event-log that does not read. */
#include "base/base.h"
#include "base/limits.h"
#include "service/service.h"
#include "sys/clock.h"
#include "tap.h"

#include <sys/socket.h>
#include <unistd.h>

static struct service svc;
static int reader;

static void
open_pair(void)
{
	int ends[2], size = 4096;

	svc = (struct service){ .name = "unit-test", .log = { .kind = "smtpLog", .level = LOG_NORMAL } };
	ok(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0, "a pair of datagram sockets");
	(void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	svc.log.fd = ends[0];
	reader = ends[1];
}

static const char *
next_datagram(void)
{
	static char text[LIMIT_LOG_DATAGRAM + 256];
	ssize_t n = recv(reader, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
lines_are_one_line(void)
{
	const char *text;

	log_line(&svc, "000000000012", "192.0.2.1", "cmd: HELO a\r\n00:00:00.000 [x][y] rsp: 250 %s", "queued\x1b\xff");
	log_detail(&svc, NULL, NULL, "not at this level");
	is_text(next_datagram(), "", "nothing is sent before the end of the session");
	log_flush(&svc, true);
	text = next_datagram();
	ok(strncmp(text, "log kind=smtpLog program=unit-test lost=0\n", 42) == 0, "head line");
	ok(strstr(text, " [192.0.2.1][000000000012] cmd: HELO a\\x0d\\x0a00:00:00.000") != NULL, "CR LF are escaped");
	ok(strstr(text, "queued\\x1b\\xff\n") != NULL, "so are ESC and bytes over 0x7e");
	ok(strstr(text, "not at this level") == NULL, "a finer level is not written");
}

static void
values_are_quoted(void)
{
	struct buf b;

	buf_init(&b, 200);
	log_value(&b, "user", span_of("a b\"c\\\n"));
	is_text(buf_text(&b), " user=\"a b\\x22c\\x5c\\x0a\"", "a value cannot end its quotes");
	buf_free(&b);
}

/* How much of a line of n bytes goes out. */
static size_t
sent_of_line(size_t n)
{
	static char text[LIMIT_LOG_LINE * 2];
	const char *sent;

	memset(text, 'X', n);
	text[n] = '\0';
	log_line(&svc, NULL, NULL, "%s", text);
	log_flush(&svc, true);
	sent = strchr(next_datagram(), 'X');
	return sent == NULL ? 0 : strspn(sent, "X");
}

static void
long_lines_are_cut(void)
{
	/* The limit counts a NUL. */
	is_num(sent_of_line(LIMIT_LOG_LINE - 1), LIMIT_LOG_LINE - 1, "a line at LIMIT_LOG_LINE goes out whole");
	is_num(sent_of_line(LIMIT_LOG_LINE), LIMIT_LOG_LINE - 1, "over LIMIT_LOG_LINE it is cut");
}

/* Lines until so many bytes are pending; nobody reads them.  The longest line of all has room behind them. */
static void
fill_pending(size_t bytes)
{
	static const char filler[] = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
	size_t frame;

	log_line(&svc, NULL, NULL, "x");
	frame = svc.log.pending.n - 1;
	while (bytes - svc.log.pending.n > 3 * (frame + sizeof(filler)))
		log_line(&svc, NULL, NULL, "%s", filler);
	for (int left = 3; left > 0; left--) {
		size_t n = (bytes - svc.log.pending.n) / (size_t)left - frame;

		log_line(&svc, NULL, NULL, "%0*d", (int)n, 0);
	}
	is_num(svc.log.pending.n, bytes, "lines of so many bytes wait");
}

/* With a reader that is stopped: what is pending, and one line more. */
static bool
is_kept_with_pending(size_t bytes)
{
	unsigned long long lost = svc.log.lost;
	bool kept;

	fill_pending(bytes);
	log_line(&svc, NULL, NULL, "one more");
	kept = svc.log.lost == lost && svc.log.pending.n > bytes;
	if (!kept)
		ok(svc.log.lost > lost && svc.log.pending.n < 100, "what is dropped is counted");
	buf_clear(&svc.log.pending);
	svc.log.lines = 0;
	return kept;
}

static void
pending_is_bounded(void)
{
	const size_t longest = 4 * LIMIT_LOG_LINE + 256;

	while (send(svc.log.fd, "x", 1, MSG_DONTWAIT) > 0)
		;
	ok(is_kept_with_pending(LIMIT_LOG_DATAGRAM - longest), "lines that may grow to stand at LIMIT_LOG_DATAGRAM are kept");
	ok(!is_kept_with_pending(LIMIT_LOG_DATAGRAM - longest + 1), "those that may go over LIMIT_LOG_DATAGRAM are dropped");
	svc.log.lost = 0;
	svc.log.stalled = false;
	while (recv(reader, (char[8]){ 0 }, 8, MSG_DONTWAIT) >= 0)
		;
}

static void
stopped_reader_costs_little(void)
{
	uint64_t begin = clock_ms(), spent;
	const char *text;
	unsigned long long lost = 0;

	for (int i = 0; i < 200; i++) {
		log_line(&svc, NULL, NULL, "event=test number=%d", i);
		log_flush(&svc, true);
	}
	spent = clock_ms() - begin;
	ok(spent < 2000, "200 lines for a reader that is stopped cost %d ms", (int)spent);
	ok(svc.log.lost > 0, "what does not go out is counted");
	while (*next_datagram() != '\0')
		;
	log_line(&svc, NULL, NULL, "event=again");
	log_flush(&svc, true);
	text = next_datagram();
	ok(sscanf(text, "log kind=smtpLog program=unit-test lost=%llu", &lost) == 1 && lost > 0,
		"and the count (%llu) comes with the next lines", lost);
	is_num(svc.log.lost, 0, "once");
}

static void
datagrams_are_bounded(void)
{
	char filler[1000];
	unsigned sent = 0, lines = 0;
	bool fits = true;
	int small = svc.log.fd, small_reader = reader, ends[2];

	ok(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0, "a reader with an ordinary buffer");
	svc.log.fd = ends[0];
	reader = ends[1];
	memset(filler, 'f', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	for (int i = 0; i < 100; i++)
		log_line(&svc, NULL, NULL, "event=big text=%s", filler);
	log_flush(&svc, true);
	for (const char *text = next_datagram(); *text != '\0'; text = next_datagram(), sent++) {
		fits &= strlen(text) <= LIMIT_LOG_DATAGRAM;
		for (; (text = strstr(text, "event=big")) != NULL; text++)
			lines++;
		text = "";
	}
	ok(fits && sent >= 2, "many lines go out in several: %u", sent);
	is_num(lines, 100, "and no line is lost");
	close(ends[0]);
	close(ends[1]);
	svc.log.fd = small;
	reader = small_reader;
}

int
main(void)
{
	alarm(60);
	open_pair();
	lines_are_one_line();
	values_are_quoted();
	long_lines_are_cut();
	pending_is_bounded();
	datagrams_are_bounded();
	stopped_reader_costs_little();
	return done();
}
