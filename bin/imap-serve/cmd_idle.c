/*
 * cmd_idle: IDLE (RFC 2177).
 *
 * The listener parent watches the folder and sends a byte when it changed;
 * where it cannot (under inetd, or when the kernel has no watch left) a timer
 * makes the session look every POLL_SECONDS.
 */
#include "base/base.h"
#include "session.h"

#include <errno.h>
#include <sys/timerfd.h>

#include "service/notify.h"

#define POLL_SECONDS 2

static int
poll_timer(void)
{
	struct itimerspec every = { .it_interval.tv_sec = POLL_SECONDS, .it_value.tv_sec = POLL_SECONDS };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && timerfd_settime(fd, 0, &every, NULL) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The descriptor to wait on besides the client; *timer is owned by the caller. */
static int
wake_fd(struct imap *im, int *timer)
{
	if (*timer >= 0)
		return *timer;
	return notify_fd(im->s->svc);
}

/* Something woke us that is not the client. */
static void
woken(struct imap *im, int *timer)
{
	uint64_t ticks;

	if (*timer >= 0) {
		if (read(*timer, &ticks, sizeof(ticks)) > 0 && im->box != NULL && mailbox_is_stale(im->box))
			imap_report(im, true);
		return;
	}
	switch (notify_read(im->s->svc)) {
	case NOTIFY_CHANGED:
		imap_report(im, true);
		break;
	case NOTIFY_POLL:
		*timer = poll_timer();
		imap_report(im, true);
		break;
	case NOTIFY_STOP:
		imap_bye(im, "UNAVAILABLE", "The server is going down");
		break;
	case NOTIFY_NOTHING:
	default:
		break;
	}
}

static void
wait_for_done(struct imap *im, const struct imap_command *c, int *timer)
{
	struct span line;

	while (!im->closing) {
		bool ready = false;

		if (stream_wait(im->io, wake_fd(im, timer), &ready) != LINE_OK) {
			im->closing = true;
			return;
		}
		if (ready) {
			woken(im, timer);
			continue;
		}
		if (stream_line(im->io, 512, &line) != LINE_OK) {
			im->closing = true;
			return;
		}
		if (span_is_nocase(line, "DONE"))
			imap_ok(im, c, NULL, "Idle ended");
		else
			imap_bad(im, c, "DONE was expected");
		return;
	}
}

void
cmd_idle(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	int timer = -1;

	if (!imap_lex_end(x) || !im->program->idle) {
		imap_bad_arguments(im, c);
		return;
	}
	if (im->box != NULL && notify_watch(im->s->svc, mailbox_dirfd(im->box)) != 0)
		timer = poll_timer();
	session_show(im->s, "IDLE", im->user);
	stream_text(im->io, "+ Idling\r\n");
	imap_report(im, true);
	log_flush(im->s->svc, false);	/* lines of before do not wait with us */
	stream_timeout(im->io, im->program->idle_timeout_ms);
	wait_for_done(im, c, &timer);
	if (timer >= 0)
		close(timer);
	notify_forget(im->s->svc);
	session_show(im->s, "logged in", im->user);
}
