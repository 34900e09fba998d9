/*
 * schedule: the process that decides what goes when, where and how often.
 *
 * Invariants:
 *  1. Every message in the queue has one entry, is found by a scan that is
 *     going on, or will be by the next (SCAN_MS).
 *  2. Scanning and starting run no longer than a slice and take turns.  A control
 *     request about all messages (list, all=1, turn) walks the table once in one
 *     go: that is memory alone, some nanoseconds an entry.
 *  3. This loop makes nothing durable; helpers do.
 *
 * Fairness: see queue.h for who is first, schedule_place.c for the places.  A
 * message without a place costs nothing.
 *
 * Crash: memory is rebuilt by the scan; outcomes not yet appended are repeated.
 *
 * Stop: nothing new is begun, and what was begun is carried to its end, so that
 * no delivery is forgotten and made twice.  A remote host may be slower than
 * STOP_MS; then it is as in a crash.
 */
#include "base/base.h"
#include "schedule.h"

#include <errno.h>
#include <unistd.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "change.h"
#include "hold.h"
#include "rank.h"
#include "round.h"
#include "round_jobs.h"
#include "runner.h"
#include "spool/envelope.h"
#include "sys/clock.h"

#define ROUNDS_MAX 512		/* messages worked on at a time */
#define LOCAL_JOBS_MAX 256
#define LINKS_LOCAL 3		/* agents of local-deliver */
#define LINKS_REMOTE 1		/* remote-send has one parent */
#define SLICE 64		/* rounds started, or messages scanned, before others have a turn */
#define ASKED_MAX 4096		/* questions of a scan that wait for auth-check */
#define ASKED_WAIT_MS 5
#define SCAN_MS 60000		/* a lost notice waits no longer than this */
#define FINISH_MS 10
#define FINISH_AGAIN_S 30
#define TICK_MS 1000
#define AGE_TICKS (QUEUE_AGE_S / 10)	/* in which every entry was looked at */
#define IDLE_S 60
#define STOP_MS 10000		/* for what is in hand when told to stop */
#define STOP_LOOK_MS 10

static void on_pump(void *ctx);
static void on_scan(void *ctx);

int64_t
schedule_now(void)
{
	return clock_wall_ms() / 1000;
}

/* -- starting what is due --------------------------------------------------------- */

void
schedule_kick(struct schedule *s)
{
	if (s->stopping)
		return;
	loop_timer_drop(&s->pump);
	s->pump = loop_timer(s->loop, 0, on_pump, s);
}

static void
start(struct schedule *s, uint32_t i)
{
	queue_activate(s->queue, i);
	if (queue_at(s->queue, i)->flags & QUEUE_DELETE) {
		schedule_finish(s, i);
		return;
	}
	queue_at(s->queue, i)->flags &= (uint16_t)~QUEUE_DELAY;
	round_start(s, i, SPAN_NONE);
}

static void
on_pump(void *ctx)
{
	struct schedule *s = ctx;
	int64_t now = schedule_now(), next, wait = IDLE_S;
	uint32_t i = QUEUE_NONE;

	s->pump = NULL;
	change_pump(s);
	for (int n = 0; n < SLICE && s->active < ROUNDS_MAX; n++) {
		i = queue_first(s->queue, now, schedule_lanes(s));
		if (i == QUEUE_NONE)
			break;
		start(s, i);
	}
	if (s->pump != NULL || s->active >= ROUNDS_MAX)
		return;
	if (i != QUEUE_NONE)
		wait = 0;
	else if (queue_next_time(s->queue, &next) && next - now < IDLE_S)
		wait = next > now ? next - now : 0;
	s->pump = loop_timer(s->loop, (uint64_t)wait * 1000, on_pump, s);
}

uint32_t
schedule_add(struct schedule *s, struct spool_ref ref, int64_t due)
{
	uint32_t i;

	if (queue_find(s->queue, ref.id) != QUEUE_NONE)
		return QUEUE_NONE;
	i = queue_add(s->queue, ref, due);
	schedule_kick(s);
	return i;
}

void
schedule_set_sender(struct schedule *s, uint32_t entry, struct span who, bool tried)
{
	queue_set_sender(s->queue, entry, (uint32_t)destination_hash(s->dests, who), tried);
}

/* -- finishing ---------------------------------------------------------------------- */

struct batch {
	struct schedule *s;
	size_t count;
	uint32_t entry[FINISH_BATCH];
};

static void
on_finished(void *ctx, const struct record *answer)
{
	struct batch *b = ctx;
	uint64_t error = 0;
	bool failed = record_get_num(answer, "error", INT32_MAX, &error);

	if (failed)
		log_failure(b->s->svc, NULL, NULL, "event=finish-failed messages=%zu error=%llu", b->count,
		    (unsigned long long)error);
	for (size_t i = 0; i < b->count; i++) {
		if (failed) {
			/* Its envelope may be whole: it is tried to be deleted again, never delivered. */
			queue_at(b->s->queue, b->entry[i])->flags |= QUEUE_DELETE;
			queue_wait(b->s->queue, b->entry[i], schedule_now() + FINISH_AGAIN_S);
			continue;
		}
		spool_sub_left(b->s->spool, queue_at(b->s->queue, b->entry[i])->sub);
		schedule_remove(b->s, b->entry[i]);
	}
	free(b);
}

static void
send_finish(struct schedule *s)
{
	struct batch *b = mem_new(sizeof(*b));
	static struct buf text;
	uint64_t job;

	if (text.max == 0)
		buf_init(&text, LIMIT_RECORD);
	loop_timer_drop(&s->finish_timer);
	b->s = s;
	b->count = s->finish_count;
	memcpy(b->entry, s->finish_entry, b->count * sizeof(b->entry[0]));
	job = deliverer_begin(s->helpers, on_finished, b);
	record_begin(&text, "finish");
	record_add_num(&text, "job", job);
	for (size_t i = 0; i < s->finish_count; i++) {
		char ref[48];

		snprintf(ref, sizeof(ref), "%llu %u", (unsigned long long)s->finish[i].id, s->finish[i].sub);
		record_add_text(&text, "ref", ref);
	}
	s->finish_count = 0;
	deliverer_send(s->helpers, job, &text, -1);
}

static void
on_finish_timer(void *ctx)
{
	struct schedule *s = ctx;

	s->finish_timer = NULL;
	send_finish(s);
}

/* Gathered for a moment, so that many share one sync. */
void
schedule_finish(struct schedule *s, uint32_t entry)
{
	const struct queue_entry *e = queue_at(s->queue, entry);

	hold_mark(s, entry, false);
	queue_activate(s->queue, entry);
	s->finish[s->finish_count] = (struct spool_ref){ .id = e->id, .sub = e->sub };
	s->finish_entry[s->finish_count++] = entry;
	if (s->finish_count == FINISH_BATCH)
		send_finish(s);
	else if (s->finish_timer == NULL)
		s->finish_timer = loop_timer(s->loop, FINISH_MS, on_finish_timer, s);
}

/* -- scanning -------------------------------------------------------------------------- */

static bool
is_known(void *ctx, struct spool_ref ref)
{
	const struct schedule *s = ctx;

	return queue_find(s->queue, ref.id) != QUEUE_NONE;
}

static void
on_lost(void *ctx, struct spool_ref ref, const char *why)
{
	const struct schedule *s = ctx;

	log_failure(s->svc, NULL, NULL, "event=message-lost id=%llu reason=\"%s\"", (unsigned long long)ref.id, why);
}

/* After the delivery delay, and not before its sender wants it to go. */
static int64_t
first_attempt(const struct schedule *s, const struct envelope *e)
{
	int64_t rested = e->created > 0 ? e->created + s->delay : 0;

	return e->hold > rested ? e->hold : rested;
}

int64_t
schedule_due(const struct schedule *s, const struct envelope *e)
{
	int64_t due = INT64_MAX;

	for (uint32_t i = 0; i < e->count; i++) {
		const struct envelope_rcpt *r = &e->rcpts[i];

		if ((r->state == RCPT_FAILED || r->bounce > 0) && !r->bounced)
			return 0;
		if (r->state != RCPT_OPEN)
			continue;
		if (r->attempts == 0 && r->retry_at == 0)
			due = first_attempt(s, e) < due ? first_attempt(s, e) : due;
		else if (r->retry_at < due)
			due = r->retry_at;
		if (notice_delay_at(&s->notices, e, r) < due)
			due = notice_delay_at(&s->notices, e, r);
	}
	return due == INT64_MAX ? 0 : e->held ? INT64_MAX : due;
}

static void
take_found(struct schedule *s, struct spool_found *found)
{
	uint32_t i = schedule_add(s, found->ref, schedule_due(s, found->envelope));

	if (i != QUEUE_NONE) {
		rank_found(s, i, found->envelope);
		schedule_set_sender(s, i, found->envelope->auth.n > 0 ? found->envelope->auth : found->envelope->sender, true);
		round_set_destination(s, i, found->envelope);
		hold_found(s, i, found->envelope);
		if (found->envelope->hold > schedule_now())
			queue_at(s->queue, i)->flags |= QUEUE_DELAY;
		queue_at(s->queue, i)->attempts = (uint16_t)rank_attempts(found->envelope);
	}
	envelope_free(&found->envelope);
}

/* One slice of the scan, then the next soon; at its end the next scan later. */
static void
on_scan(void *ctx)
{
	struct schedule *s = ctx;
	struct spool_scan_options options = { .part = SPOOL_SCAN_QUEUED, .now = schedule_now(),
		.known = is_known, .lost = on_lost, .ctx = s };
	struct spool_found found;
	int result = 1;

	if (s->stopping)
		return;
	if (s->asked > ASKED_MAX) {
		loop_timer(s->loop, ASKED_WAIT_MS, on_scan, s);
		return;
	}
	if (s->scan == NULL)
		s->scan = spool_scan_new(s->spool, &options);
	for (int n = 0; n < SLICE && result != 0; n++) {
		result = spool_scan_next(s->scan, &found);
		if (result > 0)
			take_found(s, &found);
		else if (result < 0)
			log_failure(s->svc, NULL, NULL, "event=scan-failed error=%d", errno);
	}
	if (result == 0)
		spool_scan_free(&s->scan);
	loop_timer(s->loop, result == 0 ? SCAN_MS : 0, on_scan, s);
}

/* -- set-up -------------------------------------------------------------------------------- */

static void
read_settings(struct schedule *s)
{
	const struct settings *set = s->svc->settings;

	s->rules.count = settings_count(set, "retryIntervals");
	if (s->rules.count > RETRY_WAITS_MAX)
		s->rules.count = RETRY_WAITS_MAX;
	for (size_t i = 0; i < s->rules.count; i++)
		s->rules.minutes[i] = (uint32_t)settings_list_num(set, "retryIntervals", i);
	s->notices.delay = (int64_t)settings_num(set, "delayWarning") * 60;
	s->notices.warns = settings_enabled(set, "delayWarning");
	s->rules.dns_attempts = (uint32_t)settings_num(set, "dnsErrorAttempts");
	s->delay = runner_has_checker(s->svc) ? (int64_t)settings_num(set, "deliveryDelay") : 0;
	s->max_hops = (uint32_t)settings_num(set, "maxHopCount");
	s->max_remote = settings_num(set, "maxDeliveryThreads");
	s->max_domain = settings_num(set, "maxDeliveriesPerDomain");
	s->host = settings_text(set, "hostName");
}

static void
on_tick(void *ctx)
{
	struct schedule *s = ctx;

	log_flush(s->svc, false);
	schedule_place_tick(s);
	queue_age(s->queue, schedule_now(), queue_size(s->queue) / AGE_TICKS + 1);
	loop_timer(s->loop, TICK_MS, on_tick, s);
}

/* Rounds, finishes and requests for helpers that are not over. */
static size_t
in_hand(const struct schedule *s)
{
	return s->active + s->finish_count + deliverer_jobs(s->helpers);
}

static void
on_stopping(void *ctx)
{
	struct schedule *s = ctx;

	if (in_hand(s) > 0 && clock_ms() < s->stop_by) {
		loop_timer(s->loop, STOP_LOOK_MS, on_stopping, s);
		return;
	}
	if (in_hand(s) > 0)
		log_failure(s->svc, NULL, NULL, "event=stopped-late busy=%zu", in_hand(s));
	loop_stop(s->loop);
}

static void
on_stop(void *ctx)
{
	struct schedule *s = ctx;

	s->stopping = true;
	s->stop_by = clock_ms() + STOP_MS;
	loop_timer_drop(&s->pump);
	on_stopping(s);
}

int
schedule_run(struct service *svc)
{
	static struct schedule s;
	int helpers[HELPERS], listener, spool_fd = runner_open_spool(svc);

	s.svc = svc;
	service_confine(svc, SANDBOX_SCHEDULE);
	service_owners(svc, OWNER_LOG);
	s.spool = runner_spool(svc, spool_fd, "schedule.lock");
	listener = runner_listener(svc, "listen.unix.schedule");
	read_settings(&s);
	helper_start(svc, s.spool, &s.rules, helpers);
	s.loop = loop_new();
	s.queue = queue_new();
	s.dests = destinations_new((uint32_t)s.max_domain, LOCAL_JOBS_MAX);
	queue_open(s.queue, DEST_LOCAL, QUEUE_HERE);
	queue_open(s.queue, DEST_ANY, QUEUE_HERE);
	s.expander = expander_new(svc, s.loop, true);
	s.meter = meter_new(svc, s.loop);
	s.local = deliverer_new(svc, s.loop, "deliver", LINKS_LOCAL);
	s.remote = deliverer_new(svc, s.loop, "send", LINKS_REMOTE);
	s.helpers = deliverer_new_helpers(svc, s.loop, helpers, HELPERS);
	service_attach(svc, s.loop, on_stop, &s);
	schedule_serve(&s, listener);
	loop_timer(s.loop, 0, on_scan, &s);
	loop_timer(s.loop, TICK_MS, on_tick, &s);
	service_ready(svc);
	loop_run(s.loop);
	log_flush(svc, true);
	return EXIT_DONE;
}
