/*
 * bounce: tell the sender what became of his message: what could not be
 * delivered, what is delayed, and what was delivered when he asked for that.
 *
 * Crash: the group of recipients is durable before (`bounce:` line), the id
 * follows from it, and the pair is written in the order of spool_put.c.  A
 * repeat either finds the finished pair (EEXIST), or clears away what a crash
 * left of it and makes it anew.
 */
#include "base/base.h"
#include "bounce.h"

#include <errno.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "mail/dsn.h"
#include "spool/body_writer.h"
#include "spool/envelope.h"
#include "spool/spool_id.h"
#include "spool/spool_put.h"
#include "spool/spool_read.h"
#include "sys/clock.h"
#include "sys/file.h"

/* Status fields of each recipient: address, ORCPT and reply text, escaped, twice. */
#define STATUS_MAX 8192u
#define RCPTS_MAX 500		/* recipients told of in one notification */

/* The beginning of the original, as far as a notification may return it. */
static int
read_original(struct spool *sp, struct spool_ref ref, struct buf *out, bool *whole)
{
	int fd = spool_read_body(sp, ref);

	if (fd < 0)
		return -1;
	for (*whole = false; out->n <= LIMIT_DSN_ORIGINAL;) {
		char *room = buf_reserve(out, 8192);
		ssize_t n = read(fd, room, 8192);

		if (n < 0)
			break;
		buf_commit(out, (size_t)n);
		if (n == 0) {
			*whole = true;
			break;
		}
	}
	close(fd);
	return 0;
}

static enum dsn_action
action_of(const struct envelope_rcpt *r)
{
	switch (r->state) {
	case RCPT_OPEN:
		return DSN_DELAYED;
	case RCPT_DONE:
		return r->target == TARGET_REMOTE ? DSN_RELAYED : DSN_DELIVERED;
	case RCPT_FAILED:
	default:
		return DSN_FAILED;
	}
}

static struct verdict
verdict_of(const struct envelope_rcpt *r)
{
	struct verdict v;

	if (verdict_parse(r->outcome, &v))
		return v;
	if (r->state == RCPT_DONE)
		return verdict_make(250, "2.0.0", "delivered");
	if (r->state == RCPT_OPEN)
		return verdict_make(451, "4.4.7", "the message was not delivered yet");
	return verdict_make(550, "5.0.0", "the message could not be delivered");
}

static int64_t
until(const struct envelope *e, const struct envelope_rcpt *r, const struct retry_rules *rules)
{
	int64_t last;

	if (r->state != RCPT_OPEN || r->retry_at == 0)
		return 0;
	last = retry_until(rules, r->attempts, retry_dns_count(r->outcome), r->retry_at);
	return e->by != 0 && e->by_mode == 'R' && e->by < last ? e->by : last;
}

static size_t
collect(const struct envelope *e, const struct bounce_order *o, struct dsn_recipient *out)
{
	size_t n = 0;

	for (uint32_t i = 0; i < e->count && n < RCPTS_MAX; i++) {
		const struct envelope_rcpt *r = &e->rcpts[i];

		if (r->bounce != o->group)
			continue;
		out[n] = (struct dsn_recipient){ .action = action_of(r), .address = r->address, .orcpt = r->orcpt,
			.given = span_eq_nocase(r->given, r->address) ? SPAN_NONE : r->given,
			.retry_until = until(e, r, o->rules) };
		out[n].verdict = verdict_of(r);
		n++;
	}
	return n;
}

static bool
write_text(struct spool *sp, const struct bounce_order *o, struct envelope *e, uint64_t id, struct buf *out,
	bool *smtputf8)
{
	struct dsn_recipient *rcpt = mem_array(RCPTS_MAX, sizeof(*rcpt));
	char id_text[24], whole[LIMIT_ADDRESS + 1];
	struct buf original;
	struct dsn d = { .host = span_of(o->host), .to = span_of(o->to), .envid = e->envid, .rcpt = rcpt,
		.date = clock_wall_ms() / 1000, .arrival = e->created, .ticket = e->session,
		.original_is_smtputf8 = e->smtputf8,
		/* RFC 8689 5: of what must not be read on the way nothing but the header goes back */
		.return_full = span_is_nocase(e->ret, "FULL") && !e->requiretls };
	bool good;

	buf_init(&original, LIMIT_DSN_ORIGINAL + 65536);
	if (strchr(o->to, '@') == NULL) {	/* postmaster, who is an address in the header */
		snprintf(whole, sizeof(whole), "%s@%s", o->to, o->host);
		d.to = span_of(whole);
	}
	snprintf(id_text, sizeof(id_text), "%llu", (unsigned long long)id);
	d.queue_id = span_of(id_text);
	d.nrcpt = collect(e, o, rcpt);
	good = d.nrcpt > 0 && read_original(sp, o->ref, &original, &d.original_is_whole) == 0;
	d.original = buf_view(&original);
	good = good && dsn_write(out, &d);
	*smtputf8 = dsn_is_smtputf8(&d);
	buf_free(&original);
	free(rcpt);
	return good;
}

static int
write_body(struct spool_put *put, const struct buf *text, struct envelope *e)
{
	struct body_writer w;

	body_writer_init(&w, put->fd, text->n);
	put->fd = -1;
	body_writer_put(&w, buf_view(text));
	if (body_writer_finish(&w, BODY_SYNCED) < 0)
		return -1;
	e->size = w.size;
	e->crc32c = w.crc32c;
	e->has_size = true;
	return 0;
}

static int
write_header(struct spool_put *put, const struct envelope *e)
{
	struct buf text;
	int fd, result = -1;

	if (spool_put_header(put, &fd, NULL) < 0)
		return -1;
	buf_init(&text, LIMIT_RECORD);
	if (!envelope_print(e, &text))
		errno = EINVAL;
	else if (file_write_all(fd, text.p, text.n) == 0)
		result = file_fsync(fd);
	buf_free(&text);
	file_close(&fd);
	return result;
}

static int
accept_text(struct spool_put *put, const struct buf *text, struct envelope *e, const char *to)
{
	struct envelope *read_back = NULL;
	int result = -1;

	e->id = put->ref.id;
	e->created = clock_wall_ms() / 1000;
	if (envelope_add(e, span_of(to)) == NULL)
		errno = EINVAL;
	else if (write_body(put, text, e) == 0 && spool_put_body(put, e->size, e->crc32c, 100) == 0 &&
	    write_header(put, e) == 0)
		result = spool_put_accept(put, 100, &read_back);
	envelope_free(&read_back);
	return result;
}

int
bounce_send(struct spool *sp, const struct bounce_order *o, struct spool_ref *out)
{
	struct spool_ref made = { .id = spool_id_bounce(o->ref.id, o->group), .sub = o->ref.sub };
	struct envelope *original, *e = envelope_new();
	struct spool_put put;
	struct buf text;
	int result = -1, saved;

	*out = made;
	if (spool_read_envelope(sp, o->ref, &original) < 0) {
		saved = errno;
		envelope_free(&e);
		errno = saved;
		return -1;
	}
	e->session = original->session;
	e->priority = 5;
	e->requiretls = original->requiretls;
	buf_init(&text, LIMIT_DSN_ORIGINAL + 65536 + RCPTS_MAX * STATUS_MAX);
	if (!write_text(sp, o, original, made.id, &text, &e->smtputf8)) {
		errno = EBADMSG;
	} else if (spool_put_new_id(sp, made, &put) == 0) {
		result = accept_text(&put, &text, e, o->to);
		saved = errno;
		if (result < 0)
			spool_put_abort(&put);
		errno = saved;
	} else if (errno == EEXIST) {
		result = 0;
	}
	saved = errno;
	buf_free(&text);
	envelope_free(&e);
	envelope_free(&original);
	errno = saved;
	return result;
}
