/*
 * intake: the process that names new messages and commits them.
 *
 * Invariant: this loop makes no file durable.  The mark behind the ids is the
 * one exception, once in many thousand messages (spool_id.c).
 *
 * Crash: what was promised is in mailboxes or a pair in the queue.  What was
 * being received is found by the scan of the next life (SPOOL_SCAN_RECEIVED):
 * .em_ files without a promise go, pairs that were promised are completed.
 */
#include "base/base.h"
#include "intake.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/record.h"
#include "receiver.h"
#include "runner.h"
#include "spool/envelope.h"
#include "spool/spool_scan.h"
#include "sys/clock.h"
#include "sys/peer.h"

#define AGENTS 6		/* connections to local-deliver; each is a process */
#define SCAN_MS 60000
#define LOG_MS 1000
#define STOP_MS 10000		/* longer than any message goes straight through */

static bool
send_notice(struct intake *in, const struct buf *b)
{
	if (in->schedule < 0)
		in->schedule = owner_connect(in->svc, "schedule", SOCK_SEQPACKET | SOCK_NONBLOCK);
	if (in->schedule < 0)
		return true;
	if (send(in->schedule, b->p, b->n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN)
		return true;
	close(in->schedule);
	in->schedule = -1;
	return false;
}

void
intake_notify(struct intake *in, struct spool_ref ref, const struct envelope *e, const struct buf *outcomes)
{
	static struct buf b;

	if (b.max == 0)
		buf_init(&b, LIMIT_RECORD);
	record_begin(&b, "queued");
	record_add_num(&b, "id", ref.id);
	record_add_num(&b, "sub", ref.sub);
	record_add_num(&b, "hold", e->hold > 0 ? (uint64_t)e->hold : 0);
	record_add_num(&b, "priority", e->priority);
	record_add(&b, "from", e->auth.n > 0 ? e->auth : e->sender);
	if (outcomes != NULL && outcomes->n > 0 && !outcomes->overflow)
		record_add(&b, "lines", buf_view(outcomes));
	/* Once more over a new connection: schedule may have been started anew. */
	if (!send_notice(in, &b))
		send_notice(in, &b);
}

static void
scan(struct intake *in)
{
	struct spool_scan_options options = { .part = SPOOL_SCAN_RECEIVED, .now = clock_wall_ms() / 1000 };
	struct spool_scan *s = spool_scan_new(in->spool, &options);
	struct spool_found found;
	int result;

	while ((result = spool_scan_next(s, &found)) != 0) {
		if (result < 0) {
			log_failure(in->svc, NULL, NULL, "event=scan-failed error=%d", errno);
			continue;
		}
		intake_notify(in, found.ref, found.envelope, NULL);
		envelope_free(&found.envelope);
	}
	spool_scan_free(&s);
}

static void
on_scan(void *ctx)
{
	struct intake *in = ctx;

	scan(in);
	loop_timer(in->loop, SCAN_MS, on_scan, in);
}

static void
on_log(void *ctx)
{
	struct intake *in = ctx;

	log_flush(in->svc, false);
	loop_timer(in->loop, LOG_MS, on_log, in);
}

static void
on_accept_failed(void *ctx, int error)
{
	struct intake *in = ctx;

	log_failure(in->svc, NULL, NULL, "event=accept-failed error=%s", strerrorname_np(error));
}

static void
on_connection(void *ctx, int fd)
{
	struct intake *in = ctx;
	uid_t callers[2] = { service_uid(in->svc, "pbsmtp"), service_uid(in->svc, "pbmail") };

	if (in->receivers >= LIMIT_INTAKE_CLIENTS || !peer_is_allowed(fd, callers, PB_COUNT(callers))) {
		log_failure(in->svc, NULL, NULL, "event=caller-refused receivers=%zu", in->receivers);
		close(fd);
		return;
	}
	receiver_new(in, fd);
}

void
intake_check_end(struct intake *in)
{
	if (in->stopping && in->busy == 0)
		loop_stop(in->loop);
}

static void
on_stop_late(void *ctx)
{
	struct intake *in = ctx;

	log_failure(in->svc, NULL, NULL, "event=stopped-late busy=%zu", in->busy);
	loop_stop(in->loop);
}

static void
on_stop(void *ctx)
{
	struct intake *in = ctx;

	in->stopping = true;
	door_close(&in->door);
	loop_timer(in->loop, STOP_MS, on_stop_late, in);
	intake_check_end(in);
}

/* A descriptor for each receiver, and some for folders and messages on their way. */
static void
allow_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	if (r.rlim_max == RLIM_INFINITY || r.rlim_max > 2 * LIMIT_INTAKE_CLIENTS)
		r.rlim_cur = 2 * LIMIT_INTAKE_CLIENTS;
	else
		r.rlim_cur = r.rlim_max;
	/* Refused: the limit of the system stays, and fewer receivers are served at once. */
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

int
intake_run(struct service *svc)
{
	struct intake in = { .svc = svc, .schedule = -1 };
	int listener, spool_fd = runner_open_spool(svc);

	allow_descriptors();
	service_confine(svc, SANDBOX_INTAKE);
	service_owners(svc, OWNER_LOG);
	in.spool = runner_spool(svc, spool_fd, "intake.lock");
	in.waits = runner_has_checker(svc) || !settings_bool(svc->settings, "services/spool");
	listener = runner_listener(svc, "listen.unix.intake");
	space_init(&in.space, spool_fd, settings_num(svc->settings, "spoolReserveMB"));
	in.loop = loop_new();
	in.expander = expander_new(svc, in.loop, true);
	in.meter = meter_new(svc, in.loop);
	in.deliverer = deliverer_new(svc, in.loop, "deliver", AGENTS);
	service_attach(svc, in.loop, on_stop, &in);
	scan(&in);
	in.door = door_open(in.loop, listener, SOCK_NONBLOCK, on_connection, on_accept_failed, &in);
	if (in.door == NULL)
		die(EXIT_TRY_LATER, "cannot watch the socket: %m");
	loop_timer(in.loop, SCAN_MS, on_scan, &in);
	loop_timer(in.loop, LOG_MS, on_log, &in);
	service_ready(svc);
	loop_run(in.loop);
	log_flush(svc, true);
	return EXIT_DONE;
}
