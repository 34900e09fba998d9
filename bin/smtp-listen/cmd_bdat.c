/*
 * cmd_bdat: BDAT, the message in counted chunks (RFC 3030).
 *
 *	NONE ──first chunk──▶ OPEN ──LAST──▶ (transaction over)
 *	  └──────refused──────▶ REFUSED ──LAST, RSET──▶ (transaction over)
 *
 * 1. The content of a chunk is read whatever is thought of it: bytes that were
 *    announced as content never become commands.  Only a size that cannot be
 *    read ends the connection, since nobody knows where its content ends.
 * 2. The size is counted down, never allocated.
 * 3. Once something was refused, chunks are read and refused up to LAST or RSET.
 */
#include "base/base.h"
#include "smtp.h"
#include "base/num.h"
#include "data.h"
#include "delegates.h"
#include "filter.h"
#include "mail/binary.h"

/* SIZE [SP "LAST"] */
static bool
read_args(struct span args, uint64_t *size, bool *last)
{
	struct span number = span_word(&args);
	struct span word = span_word(&args);

	*last = span_is_nocase(word, "LAST");
	return num_parse(number, LIMIT_SMTP_CHUNK, size) && (*last || word.n == 0) && span_trim(args).n == 0;
}

/* What stands against this chunk before it is read. */
static struct verdict
admit(struct smtp *c, uint64_t size)
{
	const struct message *m = &c->w->message;
	uint64_t so_far = c->t.chunks == CHUNKS_OPEN ? m->size : 0;

	if (!c->t.is_open)
		return verdict_make(503, "5.5.1", "Send MAIL first");
	if (c->t.count == 0)
		return verdict_make(554, "5.5.1", "No valid recipients");
	if (c->t.chunks == CHUNKS_REFUSED)
		return verdict_make(503, "5.5.1", "The message was refused, send RSET");
	return data_check_size(c, so_far + size);
}

/* False: replied; there is no message to write to, and the transaction waits for its last chunk. */
static bool
begin(struct smtp *c)
{
	if (!smtp_hold_message(c) || !delegates_data(c) || !filter_data(c))
		return false;
	message_reset(&c->w->message);
	data_begin(c);
	smtp_data_begin_chunks(&c->t.data, c->config->max_line, c->config->normalize);
	if (c->t.mail.body == SMTP_BODY_BINARYMIME)
		c->t.binary = binary_new();
	c->t.chunks = CHUNKS_OPEN;
	session_show(c->s, "BDAT", c->user);
	return true;
}

/*
 * Lines of text, from the client or made of binary parts.  All of it is looked at,
 * also behind a flaw: the verdict is that on the whole, however it was cut.
 */
static void
put_text(struct smtp *c, struct span text)
{
	while (text.n > 0) {
		struct span piece = span_first(text, DATA_PIECE);
		char *room = message_room(&c->w->message, 2 * DATA_PIECE + 2);
		size_t n;

		(void)smtp_data_feed(&c->t.data, piece.p, piece.n, room, &n);
		if (data_is_kept(c, &c->t.data))
			data_keep(c, n);
		text = span_from(text, piece.n);
	}
}

/* in.p == NULL: the end.  False when binary parts cannot be encoded. */
static bool
put(struct smtp *c, struct span in)
{
	struct buf out;
	bool good;

	if (c->t.binary == NULL) {
		put_text(c, in);
		return true;
	}
	buf_init(&out, BINARY_OUT_MAX(DATA_PIECE));
	good = in.p != NULL ? binary_feed(c->t.binary, in, &out) : binary_end(c->t.binary, &out);
	put_text(c, buf_view(&out));
	buf_free(&out);
	return good;
}

/* Read the content, and keep it while the verdict is good.  False: the connection ended. */
static bool
take_content(struct smtp *c, uint64_t left, struct verdict *v)
{
	while (left > 0) {
		enum stream_result r = data_wait(c);
		struct span in;

		if (r != LINE_OK) {
			data_lost(c, r);
			return false;
		}
		in = span_first(stream_peek(&c->s->io), left < DATA_PIECE ? (size_t)left : DATA_PIECE);
		if (v->kind == VERDICT_OK && !put(c, in))
			*v = data_unreadable_parts(c);
		stream_skip(&c->s->io, in.n);
		data_came(c, in.n);
		left -= in.n;
	}
	return true;
}

/* The message is whole. */
static void
finish(struct smtp *c)
{
	char *room;
	size_t n;

	if (!put(c, SPAN_NONE)) {
		struct verdict v = data_unreadable_parts(c);

		reply_verdict(c, &v);
		transaction_reset(c);
		return;
	}
	room = message_room(&c->w->message, 2);
	smtp_data_end(&c->t.data, room, &n);
	if (data_is_kept(c, &c->t.data))
		data_keep(c, n);
	data_end(c, &c->t.data);
}

/* What was begun is given up; only LAST and RSET lead on. */
static void
forget(struct smtp *c, bool last)
{
	data_give_up(c);
	if (last)
		transaction_reset(c);
	else if (c->t.is_open)
		c->t.chunks = CHUNKS_REFUSED;
}

static void
refuse(struct smtp *c, const struct verdict *v, bool last)
{
	smtp_log(c, "event=chunk-refused code=%d status=%s text=\"%s\"", v->code, v->status, v->text);
	if (!c->t.is_open)
		reply_bad(c, v->code, v->status, "%s", v->text);
	else
		reply_verdict(c, v);
	if (c->t.count > 0)		/* else nothing was begun, as with DATA */
		forget(c, last);
}

void
cmd_bdat(struct smtp *c, struct span args)
{
	const bool first = c->t.chunks == CHUNKS_NONE;
	bool last, answered;
	struct verdict v;
	uint64_t size;

	if (!read_args(args, &size, &last)) {
		reply(c, 521, "5.5.4", "The size of the chunk cannot be read, closing connection");
		c->over = true;
		return;
	}
	if (!first && data_is_late(c)) {
		data_lost(c, LINE_TIMEOUT);
		return;
	}
	v = admit(c, size);
	answered = first && v.kind == VERDICT_OK && !begin(c);
	if (answered)
		v.kind = VERDICT_TEMP;	/* so that nothing is kept */
	if (first)
		data_start_clock(c);	/* after the milters: their time is not the client's */
	if (c->over || !take_content(c, size, &v))
		return;
	if (v.kind == VERDICT_OK)
		v = data_check_flaws(c, &c->t.data);
	if (answered)
		forget(c, last);
	else if (v.kind != VERDICT_OK)
		refuse(c, &v, last);
	else if (last)
		finish(c);
	else
		reply(c, 250, "2.0.0", "%llu bytes received", (unsigned long long)size);
}
