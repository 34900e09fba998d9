/*
 * receiver: one connection of a program that takes messages in.
 *
 * A message goes through these stages (records: lib/spool/intake_client.h):
 *
 *	IDLE      nothing                         new     -> OPEN
 *	          (also at once after a message whose receiver asked so: next=1)
 *	OPEN      ID.em_ is with the receiver     commit, queue -> BODY
 *	BODY      waiting for its last writer to close    -> EXPAND or HEADER
 *	EXPAND    auth-check is asked for the targets     -> DELIVER or HEADER
 *	DELIVER   local-deliver links it                  -> IDLE or HEADER
 *	HEADER    ID.hdr is with the receiver     queued  -> ACCEPT
 *	ACCEPT    waiting for its last writer to close    -> IDLE
 *
 * Straight through is BODY, EXPAND, DELIVER; what does not succeed there
 * in five seconds (receiver_direct.c) goes the queue way with the outcomes so far.
 *
 * Invariants:
 *  1. 250 is said only when every link is durable (local-deliver answered), or
 *     the pair is in the queue (spool_put_accept).
 *  2. A connection that ends leaves no file: before a promise everything is
 *     undone; while local-deliver has the message this waits for its answer.
 *  3. Each record is good in one stage only; any other ends the connection.
 *
 * Trust: receivers face the network.  Records are hostile, and so are the
 * files they wrote (spool_put_body, spool_put_accept).
 */
#include "base/base.h"
#include "receiver_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "hold.h"
#include "intake.h"
#include "spool/envelope_line.h"
#include "spool/intake_record.h"
#include "spool/spool_put.h"
#include "sys/clock.h"
#include "sys/fdpass.h"

#define WRITER_WAIT_MS 2	/* before the lease is asked for again */
#define WRITER_TRIES 500	/* a close is on its way; a second is more than enough */
#define COMMIT_FIELDS (3 * INTAKE_COMMIT_RCPTS + 32)

/* -- answers ---------------------------------------------------------------- */

static void hang_up(struct receiver *rc);

static void
reply(struct receiver *rc, const struct buf *text, int fd, int second)
{
	const int fds[] = { fd, second };

	if (rc->fd < 0)
		return;
	if (fdpass_send(rc->fd, text->p, text->n, fds, (fd >= 0) + (second >= 0)) != (ssize_t)text->n)
		hang_up(rc);
}

void
receiver_reply_id(struct receiver *rc, const char *verb, const char *how, int fd, int second)
{
	char storage[128];
	struct buf b;

	buf_init_fixed(&b, storage, sizeof(storage));
	record_begin(&b, verb);
	record_add_num(&b, "id", rc->put.ref.id);
	if (how != NULL)
		record_add_text(&b, "how", how);
	if (rc->stage == STAGE_OPEN) {
		record_add_num(&b, "room", space_room(&rc->in->space, clock_ms()));
		if (spool_syncs_late(rc->in->spool))
			record_add_text(&b, "sync", "late");
	}
	reply(rc, &b, fd, second);
}

static bool
cmd_room(struct receiver *rc, const struct record *r)
{
	char storage[64];
	struct buf b;

	(void)r;
	buf_init_fixed(&b, storage, sizeof(storage));
	record_begin(&b, "room");
	record_add_num(&b, "bytes", space_room(&rc->in->space, clock_ms()));
	reply(rc, &b, -1, -1);
	return true;
}

static void
reply_error(struct receiver *rc, int code, const char *status, const char *text)
{
	char storage[512];
	struct buf b;

	buf_init_fixed(&b, storage, sizeof(storage));
	record_begin(&b, "error");
	record_add_num(&b, "code", (uint64_t)code);
	record_add_text(&b, "status", status);
	record_add_text(&b, "text", text);
	reply(rc, &b, -1, -1);
}

/* -- the end of a message --------------------------------------------------- */

/* The only way back to IDLE. */
static void
reset(struct receiver *rc)
{
	bool was_busy = rc->stage > STAGE_OPEN;

	expander_forget(rc->in->expander, rc);
	if (rc->job != 0)
		deliverer_forget(rc->in->deliverer, rc->job);
	loop_timer_drop(&rc->deadline);
	loop_timer_drop(&rc->again);
	envelope_free(&rc->env);
	rc->targets = NULL;
	rc->targets_end = &rc->targets;
	rc->target_count = 0;
	rc->open_questions = 0;
	rc->direct = false;
	rc->job = 0;
	rc->tries = 0;
	rc->wants_next = false;
	rc->stage = STAGE_IDLE;
	if (was_busy)
		rc->in->busy--;
}

void
receiver_end_if_gone(struct receiver *rc)
{
	struct intake *in = rc->in;

	if (rc->fd < 0 && rc->stage == STAGE_IDLE) {
		in->receivers--;
		free(rc);
	}
	intake_check_end(in);
}

static void
undo(struct receiver *rc)
{
	if (rc->stage != STAGE_IDLE)
		spool_put_abort(&rc->put);
	reset(rc);
}

/*
 * The connection is over.  A message that local-deliver holds is undone when
 * it answers; the struct lives until end_if_gone, which every callback of the
 * loop calls last.
 */
static void
hang_up(struct receiver *rc)
{
	loop_fd_drop(&rc->watch);
	if (rc->fd >= 0)
		close(rc->fd);
	rc->fd = -1;
	if (rc->stage != STAGE_DELIVER)
		undo(rc);
}

static void
refuse(struct receiver *rc, int error, const char *step)
{
	struct span session = rc->env != NULL ? rc->env->session : SPAN_NONE;
	char ticket[32];

	snprintf(ticket, sizeof(ticket), "%.*s", SPAN_ARG(session));
	log_failure(rc->in->svc, ticket, NULL, "event=message-refused id=%llu step=%s error=%d",
	    (unsigned long long)rc->put.ref.id, step, error);
	undo(rc);
	if (error == ENOSPC || error == EDQUOT)
		reply_error(rc, 452, "4.3.1", "insufficient system storage");
	else if (error == EFBIG)
		reply_error(rc, 552, "5.3.4", "the message is too large");
	else if (error == EINVAL)
		reply_error(rc, 550, "5.6.0", "the envelope is not valid");
	else
		reply_error(rc, 451, "4.3.0", "the message could not be queued");
}

void
receiver_log_accepted(struct receiver *rc, const char *how)
{
	const struct envelope *e = rc->env;
	char ticket[32], ip[64];
	struct buf b;

	snprintf(ticket, sizeof(ticket), "%.*s", SPAN_ARG(e->session));
	snprintf(ip, sizeof(ip), "%.*s", SPAN_ARG(e->ip));
	buf_init(&b, LIMIT_RECORD);
	buf_printf(&b, "event=%s id=%llu", how, (unsigned long long)rc->put.ref.id);
	log_value(&b, "from", e->sender);
	buf_printf(&b, " size=%llu rcpts=%u ms=%llu", (unsigned long long)e->size, e->rcpt_count,
	    (unsigned long long)(clock_ms() - rc->started_ms));
	for (const struct target *t = rc->targets; t != NULL && rc->direct; t = t->next)
		log_value(&b, "to", t->address);
	log_line(rc->in->svc, ticket, ip, "%s", buf_text(&b));
	buf_free(&b);
}

static bool cmd_new(struct receiver *rc, const struct record *r);

/* After `done`: hand out the file of the next message. */
void
receiver_go_on(struct receiver *rc)
{
	bool next = rc->wants_next;

	reset(rc);
	if (next && rc->fd >= 0)
		(void)cmd_new(rc, NULL);
}

/* -- queue way -------------------------------------------------------------- */

void
receiver_take_queue(struct receiver *rc)
{
	int fd, body;

	expander_forget(rc->in->expander, rc);
	if (rc->job != 0)
		deliverer_forget(rc->in->deliverer, rc->job);
	rc->job = 0;
	rc->direct = false;
	loop_timer_drop(&rc->deadline);
	if (rc->fd < 0) {
		undo(rc);
		return;
	}
	if (spool_put_header(&rc->put, &fd, &body) < 0) {
		refuse(rc, errno, "header");
		return;
	}
	rc->stage = STAGE_HEADER;
	receiver_reply_id(rc, "header", NULL, fd, body);
	close(fd);
	if (body >= 0)
		close(body);
}

/* The pair is in the queue: from here on nothing undoes it. */
static void
accepted(struct receiver *rc, uint32_t seed)
{
	bool is_held = rc->env->status == ENVELOPE_QUARANTINED;
	struct buf lines;

	buf_init(&lines, LIMIT_RECORD / 2);
	if (receiver_direct_has_done(rc))
		receiver_direct_lines(rc, seed, &lines);
	/* What is quarantined stays where it is: schedule passes over it in its scans too. */
	if (!is_held)
		intake_notify(rc->in, rc->put.ref, rc->env, &lines);
	buf_free(&lines);
	receiver_reply_id(rc, "done", "queued", -1, -1);
	receiver_log_accepted(rc, is_held ? "quarantined" : "queued");
	receiver_go_on(rc);
}

static bool
wait_for_writer(struct receiver *rc, loop_timer_call *call)
{
	if (errno != EAGAIN || ++rc->tries > WRITER_TRIES)
		return false;
	rc->again = loop_timer(rc->in->loop, WRITER_WAIT_MS, call, rc);
	return true;
}

static void on_accept_again(void *ctx);

static void
try_accept(struct receiver *rc)
{
	struct envelope *e;
	uint32_t seed;

	if (spool_put_accept(&rc->put, 0, &e) == 0) {
		seed = e->line_seed;
		/* Targets live in the envelope of the commit: it stays when there is one. */
		if (rc->env != NULL)
			envelope_free(&e);
		else
			rc->env = e;
		accepted(rc, seed);
	} else if (!wait_for_writer(rc, on_accept_again)) {
		refuse(rc, errno, "accept");
	}
}

static void
on_accept_again(void *ctx)
{
	struct receiver *rc = ctx;

	rc->again = NULL;
	try_accept(rc);
	receiver_end_if_gone(rc);
}

/* -- records ---------------------------------------------------------------- */

static void
body_is_good(struct receiver *rc)
{
	rc->tries = 0;
	if (!rc->direct) {
		receiver_take_queue(rc);
		return;
	}
	receiver_direct_start(rc);
}

static void on_body_step(void *ctx);

/* A large body is read in steps, between which the others have their turns. */
static void
read_body(struct receiver *rc)
{
	int more = spool_put_body_step(&rc->put);

	if (more > 0)
		rc->again = loop_timer(rc->in->loop, 0, on_body_step, rc);
	else if (more == 0)
		body_is_good(rc);
	else
		refuse(rc, errno, "body");
}

static void
on_body_step(void *ctx)
{
	struct receiver *rc = ctx;

	rc->again = NULL;
	read_body(rc);
	receiver_end_if_gone(rc);
}

static void on_body_again(void *ctx);

static void
try_body(struct receiver *rc)
{
	if (spool_put_body_begin(&rc->put, rc->size, rc->crc32c, 0) == 0)
		read_body(rc);
	else if (!wait_for_writer(rc, on_body_again))
		refuse(rc, errno, "body");
}

static void
on_body_again(void *ctx)
{
	struct receiver *rc = ctx;

	rc->again = NULL;
	try_body(rc);
	receiver_end_if_gone(rc);
}

static bool
is_mine(const struct receiver *rc, const struct record *r)
{
	uint64_t id;

	return record_get_num(r, "id", UINT64_MAX, &id) && id == rc->put.ref.id;
}

static bool
cmd_new(struct receiver *rc, const struct record *r)
{
	(void)r;
	if (rc->in->stopping || space_room(&rc->in->space, clock_ms()) == 0) {
		reply_error(rc, 452, "4.3.1", "no room for more mail now");
		return true;
	}
	if (spool_put_new(rc->in->spool, &rc->put) < 0) {
		log_failure(rc->in->svc, NULL, NULL, "event=message-refused step=new error=%d", errno);
		reply_error(rc, errno == ENOSPC || errno == EDQUOT ? 452 : 451, "4.3.1",
		    "no message can be taken now");
		return true;
	}
	rc->stage = STAGE_OPEN;
	receiver_reply_id(rc, "new", NULL, rc->put.fd, -1);
	if (rc->stage == STAGE_OPEN)
		spool_put_handed(&rc->put);
	return true;
}

/* What waits for its time, or whose delivery is told of, is schedule's matter. */
static bool
is_for_schedule(const struct envelope *e)
{
	if (e->hold > clock_wall_ms() / 1000 || e->by != 0)
		return true;
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		if (span_search_nocase(e->rcpts[i].notify, SPAN("SUCCESS")) >= 0)
			return true;
	return false;
}

static bool
wants_next(const struct record *r)
{
	uint64_t n;

	return record_get_num(r, "next", 1, &n) && n == 1;
}

static bool
cmd_commit(struct receiver *rc, const struct record *r)
{
	if (!is_mine(rc, r))
		return false;
	rc->in->busy++;
	rc->stage = STAGE_BODY;
	rc->started_ms = clock_ms();
	rc->wants_next = wants_next(r);
	rc->env = intake_record_get_commit(r);
	if (rc->env == NULL) {
		refuse(rc, EINVAL, "commit");
		return true;
	}
	rc->size = rc->env->size;
	rc->crc32c = rc->env->crc32c;
	rc->direct = !rc->in->waits && !is_for_schedule(rc->env) &&
	    !hold_is_blocked(rc->in->svc->settings, rc->env);
	try_body(rc);
	return true;
}

static bool
cmd_queue(struct receiver *rc, const struct record *r)
{
	if (!is_mine(rc, r) || !intake_record_get_queue(r, &rc->size, &rc->crc32c))
		return false;
	rc->in->busy++;
	rc->stage = STAGE_BODY;
	rc->started_ms = clock_ms();
	rc->wants_next = wants_next(r);
	try_body(rc);
	return true;
}

static bool
cmd_queued(struct receiver *rc, const struct record *r)
{
	if (!is_mine(rc, r))
		return false;
	rc->stage = STAGE_ACCEPT;
	rc->tries = 0;
	try_accept(rc);
	return true;
}

static bool
cmd_abort(struct receiver *rc, const struct record *r)
{
	if (rc->stage == STAGE_IDLE)
		return true;
	if ((rc->stage != STAGE_OPEN && rc->stage != STAGE_HEADER) || !is_mine(rc, r))
		return false;
	undo(rc);
	return true;
}

/* Each returns false for a record that breaks the rules. */
static const struct {
	const char *verb;
	bool (*call)(struct receiver *rc, const struct record *r);
	unsigned stages;
} commands[] = {
	{ "room", cmd_room, 1u << STAGE_IDLE | 1u << STAGE_OPEN },
	{ "new", cmd_new, 1u << STAGE_IDLE },
	{ "commit", cmd_commit, 1u << STAGE_OPEN },
	{ "queue", cmd_queue, 1u << STAGE_OPEN },
	{ "queued", cmd_queued, 1u << STAGE_HEADER },
	{ "abort", cmd_abort, ~0u },
};

static bool
command(struct receiver *rc, struct span text)
{
	struct record r;
	bool good = false;

	if (!record_parse(text, COMMIT_FIELDS, &r))
		return false;
	for (size_t i = 0; i < PB_COUNT(commands); i++)
		if (span_is(r.verb, commands[i].verb)) {
			good = commands[i].stages & 1u << rc->stage && commands[i].call(rc, &r);
			break;
		}
	record_free(&r);
	return good;
}

static void
on_record(void *ctx, int fd, unsigned events)
{
	static char packet[LIMIT_RECORD];
	struct receiver *rc = ctx;
	ssize_t n = recv(fd, packet, sizeof(packet), MSG_TRUNC | MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(rc);
	} else if (n > (ssize_t)sizeof(packet) || !command(rc, span_make(packet, (size_t)n))) {
		log_failure(rc->in->svc, NULL, NULL, "event=receiver-broke-rules size=%zd stage=%d",
		    n, (int)rc->stage);
		hang_up(rc);
	}
	receiver_end_if_gone(rc);
}

void
receiver_new(struct intake *in, int fd)
{
	struct receiver *rc = mem_new(sizeof(*rc));

	rc->in = in;
	rc->fd = fd;
	rc->targets_end = &rc->targets;
	rc->watch = loop_fd(in->loop, fd, LOOP_READ, on_record, rc);
	in->receivers++;
	if (rc->watch == NULL) {
		hang_up(rc);
		receiver_end_if_gone(rc);
	}
}
