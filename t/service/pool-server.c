/*
 * pool-server: the smallest program on lib/service, for tests of the skeleton.
 *
 * It is started under the name of pop3-serve and has no protocol to speak of:
 * one word a line (see commands).  popMaxBadCommands is the number of sessions
 * a worker serves, popMaxConnections the most sessions at a time.
 */
#include "base/base.h"
#include "service/channel.h"
#include "service/contact.h"
#include "service/notify.h"
#include "service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

static int watched = -1;	/* domains/watched, opened while there were rights */

static void
warm(struct service *svc)
{
	watched = instance_openat(&svc->instance, "domains/watched", O_RDONLY | O_DIRECTORY, 0);
}

static void
refuse(struct service *svc, const char *listener, const char *ticket, char *out, size_t size)
{
	(void)svc;
	(void)snprintf(out, size, "-ERR busy %s %s\r\n", listener, ticket);
}

static bool
wait_for_change(struct session *s)
{
	bool ready = false;

	while (stream_wait(&s->io, notify_fd(s->svc), &ready) == LINE_OK && ready) {
		switch (notify_read(s->svc)) {
		case NOTIFY_CHANGED:
			stream_text(&s->io, "+OK changed\r\n");
			return true;
		case NOTIFY_POLL:
			stream_text(&s->io, "+OK poll\r\n");
			return true;
		case NOTIFY_STOP:
			stream_text(&s->io, "+OK stop\r\n");
			return false;
		case NOTIFY_NOTHING:
			break;
		}
	}
	return false;
}

static void
connect_contact(struct session *s)
{
	int fd = contact_connect(s->svc, 0);

	stream_printf(&s->io, "+OK %s\r\n", fd >= 0 ? "connected" : strerrorname_np(errno));
	if (fd >= 0)
		close(fd);
}

/* What a worker does that was taken over: requests of every kind, and no answer is read. */
static void
pester_parent(struct session *s)
{
	for (unsigned i = 0; i < 3000; i++) {
		unsigned char m[CHANNEL_MESSAGE_MAX] = { CHANNEL_CONTACT, i % 3 == 0 ? (unsigned char)i : 0,
			(unsigned char)i, 1 };

		(void)!send(s->svc->channel, m, 1 + i % CHANNEL_MESSAGE_MAX, MSG_NOSIGNAL);
	}
	stream_text(&s->io, "+OK pestered\r\n");
}

/* False: the session ends. */
static bool
command(struct session *s, struct span line)
{
	if (span_is(line, "QUIT"))
		return false;
	if (span_is(line, "DIE"))
		_exit(1);
	if (span_is(line, "WATCH"))
		stream_printf(&s->io, "+OK %d\r\n", notify_watch(s->svc, watched));
	else if (span_is(line, "CONTACT"))
		connect_contact(s);
	else if (span_is(line, "PESTER"))
		pester_parent(s);
	else if (span_is(line, "IDLE"))
		return wait_for_change(s);
	else if (span_is(line, "WHO"))
		stream_printf(&s->io, "+OK %s %s %d\r\n", s->listener, s->ip, (int)getpid());
	else if (span_is(line, "BREACH"))
		stream_printf(&s->io, "+OK %s\r\n", chroot(".") == 0 ? "done" : strerrorname_np(errno));
	else if (span_is(line, "OPEN"))
		stream_printf(&s->io, "+OK %s\r\n", open("/etc/passwd", O_RDONLY) >= 0 ? "open" : strerrorname_np(errno));
	else if (span_is(line, "LOG"))
		log_line(s->svc, s->ticket, s->ip, "event=test text=\"a\nb\x1b %s\"", "250 queued");
	else if (span_is(line, "LOGIN"))
		s->ends_worker = true;
	session_show(s, "TEST", "somebody");
	return true;
}

static void
serve(struct session *s)
{
	struct span line;

	stream_timeout(&s->io, 60000);
	stream_printf(&s->io, "+OK %s %d\r\n", s->ticket, (int)getpid());
	while (stream_line(&s->io, 200, &line) == LINE_OK && command(s, line))
		;
}

int
main(int argc, char **argv)
{
	struct service svc;

	service_init(&svc, "pop3-serve", argc, argv);
	service_settings(&svc, "popLog");
	svc.log.level = LOG_NORMAL;
	svc.warm = warm;
	svc.refuse = refuse;
	svc.pool.max_total = (unsigned)settings_num(svc.settings, "popMaxConnections");
	svc.pool.min_spare = (unsigned)settings_num(svc.settings, "popSpareMin");
	svc.pool.max_spare = (unsigned)settings_num(svc.settings, "popSpareMax");
	svc.pool.sessions_per_worker = (unsigned)settings_num(svc.settings, "popMaxBadCommands");
	service_warm_up(&svc);
	if (contact_add(&svc, "unix:contact", 3000) != 0)
		return 1;
	service_confine(&svc, SANDBOX_LOGIN);
	service_owners(&svc, OWNER_LOG);
	return service_run(&svc, serve);
}
