/*
 * log: collect lines, send them to event-log as few datagrams.
 *
 * A datagram is one head line, `log kind=K program=P lost=N`, and whole lines.
 * Trust: texts come from outside; every byte that is not printable ASCII is
 * written \xNN.  (Backslashes stay: log_value has written its own.)
 */
#include "base/base.h"
#include "service/log.h"
#include "base/limits.h"
#include "service/service.h"
#include "sys/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* Lines are sent when this much is pending, or at this age. */
#define FLUSH_BYTES 32768
#define FLUSH_MS 1000
/* How long the end of a session waits for an event-log that is busy, or does not read. */
#define PATIENCE_MS 1000

bool
log_wants(const struct service *svc, enum log_level level)
{
	return svc->log.level >= level;
}

static void
put_plain(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= ' ' && c <= '~')
			buf_char(out, (char)c);
		else
			buf_printf(out, "\\x%02x", c);
	}
}

void
log_value(struct buf *out, const char *key, struct span value)
{
	bool quote = value.n == 0 || span_find(value, ' ') >= 0 || span_find(value, '"') >= 0;

	buf_printf(out, " %s=", key);
	if (quote)
		buf_char(out, '"');
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"')
			buf_text_put(out, "\\x22");
		else
			buf_escaped(out, span_make(value.p + i, 1));
	}
	if (quote)
		buf_char(out, '"');
}

/* Local time of day; the zone was read by service_warm_up. */
static void
put_time(struct buf *out)
{
	int64_t now = clock_wall_ms();
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	buf_printf(out, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now % 1000));
}

static void on_flush_timer(void *ctx);

/* Event-driven programs send what waits without being asked. */
static void
flush_soon(struct service *svc)
{
	if (svc->loop != NULL && svc->log.timer == NULL && svc->log.fd >= 0)
		svc->log.timer = loop_timer(svc->loop, FLUSH_MS, on_flush_timer, svc);
}

static void
on_flush_timer(void *ctx)
{
	struct service *svc = ctx;

	svc->log.timer = NULL;
	log_flush(svc, false);
	if (svc->log.pending.n > 0 || svc->log.lost > 0)
		flush_soon(svc);
}

/* Make room for one more line, or drop what is pending and count it. */
static void
make_room(struct service *svc)
{
	struct log *log = &svc->log;

	if (log->pending.max == 0)
		buf_init(&log->pending, LIMIT_LOG_DATAGRAM);
	if (log->pending.n > 0 && (log->pending.n >= FLUSH_BYTES || clock_ms() - log->since_ms >= FLUSH_MS))
		log_flush(svc, false);
	if (log->pending.n + LIMIT_LOG_LINE * 4 + 256 > LIMIT_LOG_DATAGRAM) {
		log->lost += log->lines;
		log->lines = 0;
		buf_clear(&log->pending);
	}
}

static void
write_line(struct service *svc, const char *ticket, const char *ip, const char *fmt, va_list ap)
{
	struct log *log = &svc->log;
	char text[LIMIT_LOG_LINE];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		return;
	make_room(svc);
	if (log->pending.n == 0)
		log->since_ms = clock_ms();
	put_time(&log->pending);
	buf_text_put(&log->pending, " [");
	put_plain(&log->pending, span_of(ip != NULL && *ip != '\0' ? ip : "-"));
	buf_text_put(&log->pending, "][");
	put_plain(&log->pending, span_of(ticket != NULL && *ticket != '\0' ? ticket : "-"));
	buf_text_put(&log->pending, "] ");
	put_plain(&log->pending, span_make(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1));
	buf_char(&log->pending, '\n');
	log->lines++;
	flush_soon(svc);
	if (log->fd < 0)
		log_flush(svc, true);
}

#define WRITE_AT(at)						\
	va_list ap;						\
	if (!log_wants(svc, (at)))				\
		return;						\
	va_start(ap, fmt);					\
	write_line(svc, ticket, ip, fmt, ap);			\
	va_end(ap)

void
log_line(struct service *svc, const char *ticket, const char *ip, const char *fmt, ...)
{
	WRITE_AT(LOG_NORMAL);
}

void
log_detail(struct service *svc, const char *ticket, const char *ip, const char *fmt, ...)
{
	WRITE_AT(LOG_DETAILED);
}

void
log_failure(struct service *svc, const char *ticket, const char *ip, const char *fmt, ...)
{
	WRITE_AT(LOG_EXCEPTIONS);
}

/* True when there may be room before the end: a crowd waits for the same room. */
static bool
wait_for_room(int fd, uint64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	uint64_t now = clock_ms();

	if (now >= end)
		return false;
	return poll(&p, 1, (int)(end - now)) > 0 || errno == EINTR;
}

/* 0 when event-log has it; -1 when it does not read now. */
static int
send_datagram(struct service *svc, bool wait)
{
	struct log *log = &svc->log;
	const uint64_t end = wait ? clock_ms() + PATIENCE_MS : 0;
	char head[160];
	int n = snprintf(head, sizeof(head), "log kind=%s program=%s lost=%llu\n",
		log->kind, svc->name, (unsigned long long)log->lost);
	struct iovec parts[2] = { { head, (size_t)n }, { log->pending.p, log->pending.n } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };

	while (sendmsg(log->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		if (errno != EINTR && (errno != EAGAIN || !wait_for_room(log->fd, end)))
			return -1;
	return 0;
}

void
log_add_lost(struct service *svc, uint64_t lines)
{
	struct log *log = &svc->log;

	if (lines == 0)
		return;
	log->lost = lines < UINT64_MAX - log->lost ? log->lost + lines : UINT64_MAX;
	flush_soon(svc);
}

void
log_flush(struct service *svc, bool last)
{
	struct log *log = &svc->log;

	if (log->pending.n == 0 && log->lost == 0)
		return;
	if (log->fd < 0) {
		(void)!write(2, log->pending.p, log->pending.n);
	} else if (send_datagram(svc, last && !log->stalled) == 0) {
		log->stalled = false;
		log->lost = 0;
	} else if (!last) {	/* keep them: make_room drops them when there are too many */
		log->since_ms = clock_ms();
		return;
	} else {
		log->stalled = true;
		log->lost += log->lines;
	}
	log->lines = 0;
	buf_clear(&log->pending);
}
