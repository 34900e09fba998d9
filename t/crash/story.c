/*
 * story: receiver, intake, local-deliver, remote-send and schedule in one
 * process, in their order of calls, with the reactions to errors that the
 * programs have.  Between any two file calls the rig may stop it.
 */
#include "base/base.h"
#include "rig.h"
#include "world.h"
#include "base/die.h"
#include "base/limits.h"
#include "spool/body_writer.h"
#include "spool/envelope_line.h"
#include "spool/spool_finish.h"
#include "spool/spool_id.h"
#include "spool/spool_outcome.h"
#include "spool/spool_put.h"
#include "spool/spool_read.h"
#include "spool/spool_scan.h"
#include "store/maildir_deliver.h"
#include "sys/clock.h"
#include <errno.h>

static void
promise(struct world *w, int k)
{
	w->ledger->m[k].promised = true;
	if (w->on_promise != NULL)
		w->on_promise(k);
}

static void
note_id(struct world *w, int k, uint64_t id)
{
	w->ledger->m[k].id = id;
	if (id <= SPOOL_ID_MAX && id > w->ledger->largest_id)
		w->ledger->largest_id = id;
}

static int
rcpt_count(int k)
{
	int n = 0;

	while (world_plan[k].rcpt[n] != NULL)
		n++;
	return n;
}

/* The receiver's part up to the end of the body. */
static int
receive(struct world *w, struct spool_put *p, int k)
{
	struct body_writer writer;
	int fd;

	rig.phase = PHASE_RECEIVE;
	fd = dup(p->fd);
	spool_put_handed(p);
	body_writer_init(&writer, fd, 1 << 20);
	body_writer_put(&writer, world_text(k));
	if (body_writer_finish(&writer, spool_syncs_late(w->spool) ? BODY_STARTED : BODY_SYNCED) < 0)
		return -1;
	rig.phase = PHASE_OTHER;
	return spool_put_body(p, writer.size, writer.crc32c, 100);
}

static int
write_envelope(const struct spool_put *p, int k, int fd)
{
	struct envelope *e = envelope_new();
	struct buf text;
	int result;

	rig.phase = PHASE_HEADER;
	e->id = p->ref.id;
	e->sender = span_of(world_plan[k].sender);
	e->created = 1790000000;
	e->size = p->size;
	e->crc32c = p->crc32c;
	e->has_size = true;
	for (int i = 0; i < rcpt_count(k); i++)
		envelope_add(e, span_of(world_plan[k].rcpt[i]));
	buf_init(&text, LIMIT_ENVELOPE);
	if (!envelope_print(e, &text))
		bug("envelope_print");
	result = file_write_all(fd, text.p, text.n);
	if (result == 0)
		result = file_fsync(fd);
	buf_free(&text);
	envelope_free(&e);
	return result;
}

/* A body that is not durable yet becomes so before its envelope. */
static int
settle_body(int body)
{
	int result = 0;

	rig.phase = PHASE_BODY;
	if (body >= 0)
		result = file_fsync(body);
	file_close(&body);
	rig.phase = PHASE_HEADER;
	return result;
}

/* Queue way; 0 when it is promised (ack says so at once). */
static int
queue(struct world *w, struct spool_put *p, int k, struct envelope **e)
{
	int fd, body, result;

	rig.phase = PHASE_HEADER;
	if (spool_put_header(p, &fd, &body) < 0)
		return -1;
	result = settle_body(body);
	if (result == 0)
		result = write_envelope(p, k, fd);
	close(fd);
	rig.phase = PHASE_ACCEPT;
	if (result == 0)
		result = spool_put_accept(p, 100, e);
	rig.phase = PHASE_OTHER;
	(void)w;
	return result;
}

static void
give_up(struct spool_put *p)
{
	rig.phase = PHASE_ABORT;
	spool_put_abort(p);
	rig.phase = PHASE_OTHER;
}

/* Link one recipient; 0 when linked.  The caller syncs. */
static int
deliver(struct world *w, struct maildir_batch *b, const struct maildir_message *m, struct span address,
	uint32_t number)
{
	char path[64];
	enum maildir_how how;
	int result;

	rig.phase = PHASE_DELIVER;
	world_mailbox(address, path);
	result = maildir_batch_add(b, m, w->root, path, number, &how);
	rig.phase = PHASE_OTHER;
	return result;
}

static int
sync_batch(struct maildir_batch *b)
{
	int result;

	rig.phase = PHASE_DURABLE;
	result = maildir_batch_sync(b);
	rig.phase = PHASE_OTHER;
	return result;
}

/* The first `count` recipients of a message that has no envelope yet. */
static int
deliver_new(struct world *w, const struct spool_put *p, int k, int count)
{
	char path[SPOOL_PATH_SIZE];
	struct maildir_message m = { .dirfd = w->spool_fd, .name = path, .id = p->ref.id,
		.is_late = spool_syncs_late(w->spool) };
	struct maildir_batch *b = maildir_batch_new(w->sync_directory);
	int result = 0;

	spool_put_path(p, path);
	m.fd = openat(w->spool_fd, path, O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < count; i++)
		if (deliver(w, b, &m, span_of(world_plan[k].rcpt[i]), (uint32_t)i + 1) < 0)
			result = -1;
	if (rig.mutant == MUTANT_PROMISE_TOO_EARLY && result == 0 && count == rcpt_count(k))
		promise(w, k);
	if (sync_batch(b) < 0)
		result = -1;
	maildir_batch_free(&b);
	close(m.fd);
	return result;
}

static void
direct(struct world *w, struct spool_put *p, int k)
{
	struct envelope *e = NULL;

	rig.exdev = world_plan[k].way == WAY_COPY;
	if (deliver_new(w, p, k, rcpt_count(k)) == 0) {
		rig.exdev = false;
		promise(w, k);
		if (spool_put_through(p) < 0)
			return;		/* the next scan removes it */
		return;
	}
	rig.exdev = false;
	if (queue(w, p, k, &e) == 0)
		promise(w, k);
	else
		give_up(p);
	envelope_free(&e);
}

static int
append(struct world *w, struct spool_ref ref, uint64_t *good_size, const struct buf *lines)
{
	int result;

	rig.phase = PHASE_OUTCOME;
	result = spool_outcome_append(w->spool, ref, good_size, lines);
	rig.phase = PHASE_OTHER;
	return result;
}

static const struct verdict delivered = { .kind = VERDICT_OK, .code = 250, .status = "2.0.0", .text = "Delivered" };
static const struct verdict later = { .kind = VERDICT_TEMP, .code = 451, .status = "4.3.0", .text = "Later" };
static const struct verdict unknown = { .kind = VERDICT_PERM, .code = 550, .status = "5.1.1", .text = "No such user" };

static void
recorded(struct world *w, int k, int i)
{
	if (k < 0)
		return;
	w->ledger->m[k].done_recorded[i] = true;
	if (w->on_recorded != NULL)
		w->on_recorded(k, i);
}

static void
mixed(struct world *w, struct spool_put *p, int k)
{
	struct envelope *e = NULL;
	struct buf lines;
	bool first = deliver_new(w, p, k, 1) == 0;

	if (queue(w, p, k, &e) < 0) {
		give_up(p);
		return;
	}
	promise(w, k);
	buf_init(&lines, 4096);
	if (first)
		envelope_line_done(&lines, e->line_seed, 1, &delivered);
	if (append(w, p->ref, &e->good_size, &lines) == 0 && first)
		recorded(w, k, 0);
	buf_free(&lines);
	envelope_free(&e);
}

static void
take(struct world *w, int k)
{
	struct spool_put p;
	struct envelope *e = NULL;
	int result;

	rig.phase = PHASE_ID;
	result = spool_put_new(w->spool, &p);
	rig.phase = PHASE_OTHER;
	if (result < 0)
		return;
	note_id(w, k, p.ref.id);
	if (receive(w, &p, k) < 0) {
		give_up(&p);
		return;
	}
	switch (world_plan[k].way) {
	case WAY_DIRECT:
	case WAY_COPY:
		direct(w, &p, k);
		break;
	case WAY_MIXED:
		mixed(w, &p, k);
		break;
	case WAY_QUEUE:
		if (queue(w, &p, k, &e) == 0)
			promise(w, k);
		else
			give_up(&p);
		break;
	case WAY_ABORT: {
		int fd, body;

		rig.phase = PHASE_HEADER;
		if (spool_put_header(&p, &fd, &body) == 0) {
			if (settle_body(body) < 0 || write_envelope(&p, k, fd) < 0)
				errno = 0;	/* it is given up in any case */
			close(fd);
		}
		give_up(&p);
		break;
	}
	case WAY_FOREIGN:
	case WAY_BOUNCE:
		break;
	}
	envelope_free(&e);
}

/* -- schedule --------------------------------------------------------------- */

struct work {
	struct world *w;
	struct spool_found *f;
	int k;
	bool recovering;
	bool changed;			/* something was delivered */
	bool waits;			/* some recipient is to be tried later */
};

/* Write down the outcome of recipient i, unless it finishes the message. */
static void
record_done(struct work *x, uint32_t i)
{
	struct envelope *e = x->f->envelope;
	struct buf lines;

	e->rcpts[i].state = RCPT_DONE;
	x->changed = true;
	if (envelope_is_finished(e))
		return;
	buf_init(&lines, 4096);
	envelope_line_done(&lines, e->line_seed, i + 1, &delivered);
	if (append(x->w, x->f->ref, &e->good_size, &lines) == 0)
		recorded(x->w, x->k, (int)i);
	else
		x->waits = true;	/* known in memory only: not to be read again in this life */
	buf_free(&lines);
}

static void
deliver_local(struct work *x, uint32_t i)
{
	char name[SPOOL_NAME_SIZE];
	struct maildir_message m = { .dirfd = spool_sub_fd(x->w->spool, x->f->ref.sub), .name = name,
		.fd = spool_read_body(x->w->spool, x->f->ref), .id = x->f->ref.id };
	struct maildir_batch *b = maildir_batch_new(x->w->sync_directory);
	bool good;

	spool_id_name(x->f->ref.id, SPOOL_EML, name);
	good = m.fd >= 0 && deliver(x->w, b, &m, x->f->envelope->rcpts[i].address, i + 1) == 0;
	if (good && rig.mutant == MUTANT_DONE_TOO_EARLY)
		record_done(x, i);
	if (sync_batch(b) < 0)
		good = false;
	maildir_batch_free(&b);
	file_close(&m.fd);
	if (good && rig.mutant != MUTANT_DONE_TOO_EARLY)
		record_done(x, i);
	x->waits |= !good;
}

static void
send_remote(struct work *x, uint32_t i)
{
	/* One remote host answers only after the restart. */
	if (!x->recovering && span_starts(x->f->envelope->rcpts[i].address, SPAN("dave@"))) {
		x->waits = true;
		return;
	}
	if (x->k >= 0)
		x->w->ledger->m[x->k].sent[i]++;
	record_done(x, i);
}

static void
fail_rcpt(struct work *x, uint32_t i)
{
	struct envelope *e = x->f->envelope;
	uint32_t number = i + 1;
	struct buf lines;

	buf_init(&lines, 4096);
	envelope_line_fail(&lines, e->line_seed, number, &unknown);
	envelope_line_bounce(&lines, e->line_seed, 1, &number, 1);
	if (append(x->w, x->f->ref, &e->good_size, &lines) == 0) {
		e->rcpts[i].state = RCPT_FAILED;
		e->rcpts[i].bounce = 1;
		x->changed = true;
	} else {
		x->waits = true;
	}
	buf_free(&lines);
}

/* The bounce of group 1; true when it is in the queue. */
static bool
make_bounce(struct work *x)
{
	struct spool_ref ref = { spool_id_bounce(x->f->ref.id, 1), x->f->ref.sub };
	struct spool_put p;
	struct envelope *e = NULL;

	rig.phase = PHASE_ABORT;	/* it removes what an earlier life left */
	if (spool_put_new_id(x->w->spool, ref, &p) < 0) {
		rig.phase = PHASE_OTHER;
		return errno == EEXIST;
	}
	if (receive(x->w, &p, WORLD_BOUNCE) < 0 || queue(x->w, &p, WORLD_BOUNCE, &e) < 0) {
		give_up(&p);
		return false;
	}
	x->w->ledger->m[WORLD_BOUNCE].id = ref.id;
	envelope_free(&e);
	return true;
}

static void
bounce(struct work *x, uint32_t i)
{
	struct envelope *e = x->f->envelope;
	struct buf lines;

	if (!make_bounce(x)) {
		x->waits = true;
		return;
	}
	promise(x->w, WORLD_BOUNCE);
	buf_init(&lines, 4096);
	envelope_line_bounced(&lines, e->line_seed, 1, spool_id_bounce(x->f->ref.id, 1));
	if (append(x->w, x->f->ref, &e->good_size, &lines) == 0) {
		e->rcpts[i].bounced = true;
		x->changed = true;
	} else {
		x->waits = true;
	}
	buf_free(&lines);
}

/* Append a retry line for recipient i and read the file again: is it there? */
static bool
put_off_one(struct work *x, uint32_t i)
{
	struct envelope *e = x->f->envelope, *again = NULL;
	struct buf lines;
	bool good;

	buf_init(&lines, 4096);
	envelope_line_retry(&lines, e->line_seed, i + 1, 7, 1790000000, &later);
	good = append(x->w, x->f->ref, &e->good_size, &lines) == 0 &&
		spool_read_envelope(x->w->spool, x->f->ref, &again) == 0 &&
		again->rcpts[i].attempts == 7;
	buf_free(&lines);
	envelope_free(&again);
	return good;
}

/*
 * After a restart every open recipient is first put off, so that every torn
 * tail is cut and written over.
 */
static bool
put_off(struct work *x)
{
	struct envelope *e = x->f->envelope;

	for (uint32_t i = 0; i < e->count; i++)
		if (e->rcpts[i].state == RCPT_OPEN && !put_off_one(x, i)) {
			x->w->ledger->lost++;
			snprintf(x->w->ledger->why, sizeof(x->w->ledger->why),
				"a line appended to %llu is not read back", (unsigned long long)x->f->ref.id);
			return false;
		}
	return true;
}

static void
work_on(struct work *x)
{
	struct envelope *e = x->f->envelope;

	if (x->recovering && !put_off(x))
		return;
	for (uint32_t i = 0; i < e->count; i++) {
		struct envelope_rcpt *r = &e->rcpts[i];

		if (r->state == RCPT_OPEN && world_is_nobody(r->address))
			fail_rcpt(x, i);
		else if (r->state == RCPT_OPEN && world_is_local(r->address))
			deliver_local(x, i);
		else if (r->state == RCPT_OPEN)
			send_remote(x, i);
		if (r->state == RCPT_FAILED && !r->bounced)
			bounce(x, i);
	}
	if (envelope_is_finished(e)) {
		rig.phase = PHASE_FINISH;
		if (spool_finish(x->w->spool, &x->f->ref, 1) < 0)
			x->waits = true;
		rig.phase = PHASE_OTHER;
	}
}

static void
on_lost(void *ctx, struct spool_ref ref, const char *why)
{
	struct world *w = ctx;

	w->ledger->lost++;
	snprintf(w->ledger->why, sizeof(w->ledger->why), "%llu reported lost: %s",
		(unsigned long long)ref.id, why);
}

static bool
is_known(void *ctx, struct spool_ref ref)
{
	struct world *w = ctx;
	int k = world_which_id(w->ledger, ref.id);

	return k >= 0 && w->waits[k];
}

static bool
pass(struct world *w, int64_t now, bool recovering)
{
	struct spool_scan_options o = { .part = SPOOL_SCAN_QUEUED, .now = now, .lost = on_lost,
		.known = is_known, .ctx = w };
	struct spool_scan *scan;
	struct spool_found found;
	bool changed = false;
	int got;

	scan = spool_scan_new(w->spool, &o);
	rig.phase = PHASE_FINISH;
	while ((got = spool_scan_next(scan, &found)) != 0) {
		struct work x = { .w = w, .f = &found, .recovering = recovering };

		if (got < 0)
			continue;
		x.k = world_which_id(w->ledger, found.ref.id);
		work_on(&x);
		changed |= x.changed;
		if (x.k >= 0)
			w->waits[x.k] = x.waits;
		envelope_free(&found.envelope);
		rig.phase = PHASE_FINISH;
	}
	spool_scan_free(&scan);
	rig.phase = PHASE_OTHER;
	return changed;
}

void
drain(struct world *w, int64_t now, bool recovering)
{
	for (int i = 0; i < 6 && pass(w, now, recovering); i++)
		;
}

void
story(struct world *w)
{
	for (int k = 0; k < WORLD_MESSAGES; k++)
		if (world_plan[k].way != WAY_FOREIGN && world_plan[k].way != WAY_BOUNCE)
			take(w, k);
	drain(w, clock_wall_ms() / 1000, false);
}
