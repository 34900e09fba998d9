/*
 * transaction: see transaction.h.
 *
 * MAIL and all RCPT go out together when the server pipelines.  DATA goes only
 * after an accepted recipient is known, so no empty message is ever sent.  A
 * recipient refused with 452 "too many" while others were accepted is offered
 * again in a transaction of its own (RFC 5321 4.5.3.1.10).
 */
#include "base/base.h"
#include "transaction.h"

#include <errno.h>
#include <sys/stat.h>

#include "mail/said.h"
#include "body.h"
#include "smtp/command.h"
#include "smtp/data.h"
#include "sys/clock.h"

#define PIECE 16384
#define SLOWEST_BYTES_PER_S 4096	/* a peer that takes less does not want the message */
#define COMMAND_MAX LIMIT_SMTP_LINE
#define ENVELOPE_WAITS 5		/* longest envelope, in waits for one reply */

size_t
transaction_return_path(struct span head)
{
	size_t at = 0;

	if (!span_starts_nocase(head, SPAN("Return-Path:")))
		return 0;
	do {
		ssize_t lf = span_find(span_from(head, at), '\n');

		if (lf < 0)
			return 0;
		at += (size_t)lf + 1;
	} while (at < head.n && (head.p[at] == ' ' || head.p[at] == '\t'));
	return at;
}

/* Which recipients take part in the transaction, in the order of RCPT. */
struct offer {
	struct job_rcpt *rcpt[LIMIT_JOB_RECIPIENTS];
	size_t count;
	size_t accepted;
	bool is_accepted[LIMIT_JOB_RECIPIENTS];
	bool too_many;		/* some must wait for the next transaction */
	bool smtputf8;		/* MAIL said so, where the host knows it */
	off_t start;		/* of the message behind Return-Path */
	uint64_t size;
	struct body *body;
	unsigned unwanted;	/* BINARY_ flags that this host cannot take */
	bool needs_utf8;	/* SMTPUTF8 was asked for, and something is not ASCII */
};

/*
 * The peer closes (RFC 5321 3.8), or its reply fits no command that is open,
 * so that nobody knows what the next one would answer: what is not decided
 * goes elsewhere.
 */
static bool
is_over(const struct connection *c)
{
	return c->reply.code == 421 || c->reply.code / 100 == 3;
}

static struct verdict
verdict_of(const struct connection *c)
{
	struct verdict v = smtp_reply_verdict(&c->reply);

	if (v.kind == VERDICT_OK && c->reply.code / 100 != 2)
		v = verdict_make(451, "4.5.0", "unexpected reply %d", c->reply.code);
	/* A gateway that wants a log-in, or a better one (RFC 4954 6), is set up wrongly here: no mail is lost by it. */
	if (c->is_gateway && (v.code == 530 || v.code == 534 || v.code == 535 || v.code == 538))
		v = verdict_make(451, "4.7.8", "%d %s", c->reply.code, v.text);
	return said_verdict(&v, c->to.host, c->ip);
}

static void
decide(struct job_rcpt *r, const struct verdict *v)
{
	r->verdict = *v;
	r->decided = true;
}

static void
decide_offer(struct offer *o, const struct verdict *v, bool accepted_only)
{
	for (size_t i = 0; i < o->count; i++)
		if (!o->rcpt[i]->decided && (!accepted_only || o->is_accepted[i]))
			decide(o->rcpt[i], v);
}

/* Seconds that are left, as BY= says it: nine digits and a sign at most. */
static int64_t
time_left(const struct job *j)
{
	int64_t left = j->by - clock_wall_ms() / 1000;

	return left > 999999999 ? 999999999 : left < -999999999 ? -999999999 : left;
}

static void
fill_demands(struct smtp_mail *m, const struct job *j)
{
	m->smtputf8 = j->smtputf8;
	m->requiretls = j->requiretls;
	m->has_priority = j->mt_priority != 0;
	m->priority = j->mt_priority;
	m->by_mode = j->by_mode;
	m->by_trace = j->by_trace;
	m->by = time_left(j);
}

/*
 * What the message demands and this host does not offer makes another host
 * the better one; when there is none the message goes back.
 */
static bool
meets_demands(const struct connection *c, const struct job *j, const struct offer *o, struct verdict *why)
{
	if (o->needs_utf8 && !c->ehlo.smtputf8)
		*why = verdict_make(550, "5.6.7", "%s[%s] does not take internationalised mail (SMTPUTF8)",
			c->to.host, c->ip);
	else if (j->requiretls && c->secured.level < TLS_LEVEL_DANE)
		*why = verdict_make(550, "5.7.10", "REQUIRETLS: %s[%s] was not verified", c->to.host, c->ip);
	else if (j->requiretls && !c->ehlo.requiretls)
		*why = verdict_make(550, "5.7.30", "%s[%s] does not offer REQUIRETLS", c->to.host, c->ip);
	else if (j->by_mode == 'R' && !c->ehlo.deliverby)
		*why = verdict_make(554, "5.3.3", "%s[%s] does not know DELIVERBY", c->to.host, c->ip);
	else if (j->by_mode == 'R' && (time_left(j) < 1 || time_left(j) < (int64_t)c->ehlo.by_min))
		*why = verdict_make(550, "5.4.7", "too little time is left for %s[%s]", c->to.host, c->ip);
	else
		return true;
	return false;
}

static bool
say_mail(struct connection *c, const struct job *j, const struct offer *o, struct verdict *why)
{
	struct smtp_mail m = { .has_size = true, .size = o->size, .body = SMTP_BODY_8BITMIME };
	struct buf line;
	bool good = true;

	buf_init(&line, COMMAND_MAX);
	if (j->from.n > 0 && smtp_path_parse(j->from, &m.from) != SMTP_PATH_OK)
		good = false;
	if (span_is_nocase(j->ret, "FULL"))
		m.ret = SMTP_RET_FULL;
	else if (span_is_nocase(j->ret, "HDRS"))
		m.ret = SMTP_RET_HDRS;
	if (j->envid.n <= LIMIT_ENVID && j->envid.n > 0)
		memcpy(m.envid, j->envid.p, j->envid.n);
	fill_demands(&m, j);
	smtp_mail_print(&m, &c->ehlo, &line);
	good = good && !line.overflow;
	if (good)
		connection_say(c, buf_view(&line));
	else
		*why = verdict_make(553, "5.1.7", "the sender address cannot be sent by SMTP");
	buf_free(&line);
	return good;
}

static bool
say_rcpt(struct connection *c, const struct offer *o, size_t i)
{
	const struct job_rcpt *r = o->rcpt[i];
	struct smtp_rcpt command = { .notify = r->notify, .orcpt_8bit = o->smtputf8 };
	struct buf line;
	bool good;

	if (r->orcpt.n <= LIMIT_ORCPT && span_find(r->orcpt, ';') > 0)
		memcpy(command.orcpt, r->orcpt.p, r->orcpt.n);

	buf_init(&line, COMMAND_MAX);
	good = smtp_path_parse(r->address, &command.to) == SMTP_PATH_OK;
	if (good)
		smtp_rcpt_print(&command, &c->ehlo, &line);
	good = good && !line.overflow;
	if (good)
		connection_say(c, buf_view(&line));
	buf_free(&line);
	return good;
}

/* Recipients of this transaction; addresses that cannot be sent are decided here. */
static void
gather(struct connection *c, struct job *j, struct offer *o)
{
	struct smtp_path path;

	o->count = o->accepted = 0;
	o->too_many = false;
	o->smtputf8 = j->smtputf8;
	for (size_t i = 0; i < j->count; i++) {
		struct job_rcpt *r = &j->rcpt[i];

		if (r->decided)
			continue;
		if (c->ehlo.rcptmax > 0 && o->count >= c->ehlo.rcptmax) {
			o->too_many = true;	/* RFC 9422: the next transaction takes it */
			return;
		}
		if (smtp_path_parse(r->address, &path) != SMTP_PATH_OK) {
			struct verdict v = verdict_make(553, "5.1.3", "the address cannot be sent by SMTP");

			decide(r, &v);
			continue;
		}
		o->is_accepted[o->count] = false;
		o->rcpt[o->count++] = r;
	}
}

static void
hear_rcpt(struct connection *c, struct offer *o, size_t i)
{
	struct verdict v;

	if (c->reply.code / 100 == 2) {
		o->is_accepted[i] = true;
		o->accepted++;
		return;
	}
	if (c->reply.code == 452 && o->accepted > 0) {
		o->too_many = true;
		return;
	}
	v = verdict_of(c);
	decide(o->rcpt[i], &v);
}

enum step { STEP_ON, STEP_DECIDED, STEP_LOST };

/* The replies to all RCPT; when MAIL was refused they only have to be read. */
static enum step
hear_rcpts(struct connection *c, struct offer *o, bool mail_accepted, struct verdict *why)
{
	for (size_t i = 0; i < o->count; i++) {
		if (!c->ehlo.pipelining)
			(void)say_rcpt(c, o, i);	/* gather has seen that it can be said */
		if (!connection_hear(c, c->o->command_ms, why))
			return STEP_LOST;
		if (is_over(c)) {
			*why = verdict_of(c);
			return STEP_LOST;
		}
		if (mail_accepted)
			hear_rcpt(c, o, i);
	}
	return STEP_ON;
}

/* MAIL and RCPT, in one go or one by one. */
static enum step
envelope(struct connection *c, const struct job *j, struct offer *o, struct verdict *why)
{
	struct verdict refused;
	bool accepted;

	c->cutoff = clock_ms() + ENVELOPE_WAITS * c->o->command_ms;
	stream_timeout(&c->io, c->o->command_ms);
	if (!say_mail(c, j, o, why)) {
		decide_offer(o, why, false);
		return STEP_DECIDED;
	}
	for (size_t i = 0; c->ehlo.pipelining && i < o->count; i++)
		(void)say_rcpt(c, o, i);
	if (!connection_hear(c, c->o->command_ms, why))
		return STEP_LOST;
	accepted = c->reply.code / 100 == 2;
	refused = verdict_of(c);
	if (is_over(c)) {
		*why = refused;
		return STEP_LOST;
	}
	if ((accepted || c->ehlo.pipelining) && hear_rcpts(c, o, accepted, why) == STEP_LOST)
		return STEP_LOST;
	if (accepted)
		return o->accepted > 0 ? STEP_ON : STEP_DECIDED;
	decide_offer(o, &refused, false);
	return STEP_DECIDED;
}

/* The content, dots stuffed, and the final dot.  False: not all could be sent. */
static bool
say_content(struct connection *c, const struct offer *o, struct span signatures, int *read_error)
{
	struct smtp_stuff stuff;
	struct buf piece, out;
	int got;

	*read_error = 0;
	buf_init(&piece, BODY_OUT_MAX);
	buf_init(&out, 2 * BODY_OUT_MAX + 8);
	smtp_stuff_begin(&stuff);
	/* whole lines, none of which begins with a dot; they are of the message as it was, and not of what is converted */
	if (o->unwanted == 0)
		stream_put(&c->io, signatures);
	body_rewind(o->body, o->unwanted);
	while (!c->io.out_failed && (got = body_next(o->body, &piece)) != 0) {
		if (got < 0) {
			*read_error = errno;
			break;
		}
		buf_clear(&out);
		smtp_stuff_feed(&stuff, buf_view(&piece), &out);
		stream_put(&c->io, buf_view(&out));
		buf_clear(&piece);
	}
	buf_free(&piece);
	buf_clear(&out);
	smtp_stuff_end(&stuff, &out);
	/* a message that cannot be read to its end must not look complete */
	if (*read_error == 0)
		stream_put(&c->io, buf_view(&out));
	buf_free(&out);
	return *read_error == 0 && stream_flush(&c->io) == 0;
}

/* RSET keeps the connection usable after a transaction that did not reach its end. */
static void
reset(struct connection *c)
{
	struct verdict ignored;

	if (!c->is_open)
		return;
	connection_say(c, SPAN("RSET\r\n"));
	if (connection_hear(c, c->o->command_ms, &ignored) && c->reply.code / 100 != 2)
		connection_quit(c);
}

/* DATA to the verdict on all accepted recipients. */
static enum step
content(struct connection *c, struct offer *o, struct span signatures, struct verdict *why)
{
	struct verdict v;
	int read_error;

	connection_say(c, SPAN("DATA\r\n"));
	if (!connection_hear(c, c->o->command_ms, why))
		return STEP_LOST;
	if (c->reply.code != 354) {
		*why = verdict_of(c);
		/* "250" here is no promise: no content was sent */
		if (why->kind == VERDICT_OK)
			*why = verdict_make(451, "4.5.0", "%s[%s] answered DATA by %d", c->to.host, c->ip,
				c->reply.code);
		if (is_over(c) || c->reply.code / 100 == 2)
			return STEP_LOST;
		decide_offer(o, why, true);
		reset(c);
		return STEP_DECIDED;
	}
	c->cutoff = UINT64_MAX;
	stream_timeout(&c->io, c->o->data_ms + o->size / SLOWEST_BYTES_PER_S * 1000);
	if (!say_content(c, o, signatures, &read_error)) {
		connection_drop(c);
		if (read_error != 0) {
			v = verdict_make(451, "4.3.0", "the message cannot be read: %s", strerror(read_error));
			decide_offer(o, &v, false);
			return STEP_DECIDED;
		}
		*why = verdict_make(451, "4.4.2", "connection to %s[%s] lost while sending", c->to.host, c->ip);
		return STEP_LOST;
	}
	if (!connection_hear(c, c->o->data_ms, &v)) {
		decide_offer(o, &v, true);
		return STEP_DECIDED;
	}
	v = verdict_of(c);
	for (size_t i = 0; i < o->count; i++) {
		o->rcpt[i]->dsn_passed = c->ehlo.dsn;
		o->rcpt[i]->by_passed = c->ehlo.deliverby;
	}
	decide_offer(o, &v, true);
	if (is_over(c))
		connection_drop(c);
	return STEP_DECIDED;
}

static bool
measure(struct offer *o, int fd, struct span signatures, struct verdict *why)
{
	static char head[PIECE];
	struct stat st;
	ssize_t got = pread(fd, head, sizeof(head), 0);

	if (got < 0 || fstat(fd, &st) < 0) {
		*why = verdict_make(451, "4.3.0", "the message cannot be read: %s", strerror(errno));
		return false;
	}
	o->start = (off_t)transaction_return_path(span_make(head, (size_t)got));
	o->size = (uint64_t)(st.st_size - o->start) + signatures.n;
	errno = body_open(o->body, fd, o->start);
	if (errno == 0)
		return true;
	*why = verdict_make(451, "4.3.0", "the message cannot be read: %s", strerror(errno));
	return false;
}

static bool
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static bool
has_ascii_envelope(const struct job *j)
{
	bool plain = is_ascii(j->from);

	for (size_t i = 0; i < j->count; i++)
		plain &= is_ascii(j->rcpt[i].address);
	return plain;
}

/*
 * What this host cannot take is converted: eight-bit bodies (RFC 6152 3), lines that
 * are too long (RFC 5321 4.5.3.1.6).  SMTPUTF8 that nothing in the message makes use
 * of is forgotten (RFC 6531 3.4).  False: it cannot be converted.
 */
static bool
prepare(const struct connection *c, const struct job *j, struct offer *o, struct verdict *why)
{
	bool asks = j->smtputf8 && !c->ehlo.smtputf8;

	o->needs_utf8 = j->smtputf8;
	o->unwanted = (o->body->has_8bit && !c->ehlo.eightbitmime ? BINARY_8BIT : 0) |
	    (o->body->has_long ? BINARY_LONG : 0);
	if (o->unwanted == 0 && !asks)
		return true;
	if (body_survey(o->body)) {
		o->needs_utf8 = j->smtputf8 && !(o->body->is_plain && has_ascii_envelope(j));
		if (o->unwanted != 0)
			o->size = o->size / 18 * 25 + 4096;	/* base64 with its line ends, and some fields */
		return true;
	}
	if (o->unwanted == 0)
		return true;
	*why = errno != 0 ? verdict_make(451, "4.3.0", "the message cannot be read: %s", strerror(errno)) :
	    verdict_make(554, "5.6.3", "%s[%s] %s, and the message cannot be converted", c->to.host, c->ip,
		o->unwanted & BINARY_LONG ? "takes no lines over 1000 bytes" : "takes no eight-bit text (8BITMIME)");
	return false;
}

static enum transaction_end
run(struct connection *c, struct job *j, int fd, struct body *body, struct verdict *why)
{
	struct offer o = { .body = body };

	c->messages++;
	if (!measure(&o, fd, j->signatures, why)) {
		job_decide(j, why);
		return TRANSACTION_DONE;
	}
	if (!prepare(c, j, &o, why))
		return TRANSACTION_NEXT;
	if (c->ehlo.has_size && c->ehlo.size > 0 && o.size > c->ehlo.size) {
		*why = verdict_make(552, "5.3.4", "%s[%s] takes at most %llu bytes", c->to.host, c->ip,
			(unsigned long long)c->ehlo.size);
		job_decide(j, why);
		return TRANSACTION_DONE;
	}
	if (!meets_demands(c, j, &o, why))
		return TRANSACTION_NEXT;
	do {
		enum step step;

		gather(c, j, &o);
		if (o.count == 0)
			break;
		step = envelope(c, j, &o, why);
		if (step == STEP_DECIDED)
			reset(c);
		else if (step == STEP_ON)
			step = content(c, &o, j->signatures, why);
		if (step == STEP_LOST) {
			c->cutoff = UINT64_MAX;
			connection_drop(c);
			return TRANSACTION_NEXT;
		}
	} while (o.too_many && c->is_open);
	c->cutoff = UINT64_MAX;
	if (!o.too_many)
		return TRANSACTION_DONE;
	*why = verdict_make(452, "4.5.3", "%s[%s] took only some of the recipients", c->to.host, c->ip);
	return TRANSACTION_NEXT;
}

enum transaction_end
transaction_run(struct connection *c, struct job *j, int fd, struct verdict *why)
{
	static struct body body;
	enum transaction_end end = run(c, j, fd, &body, why);

	body_close(&body);
	return end;
}
