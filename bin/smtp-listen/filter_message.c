/*
 * filter_message: a whole message to one milter after the other; each sees
 * what those before it made of it.
 */
#include "base/base.h"
#include "edit.h"
#include "envelope_edit.h"
#include "filter_private.h"
#include "mail/header.h"
#include <errno.h>

/* What the protocol's own chunks hold. */
#define PIECE 65535

static enum milter_outcome
send_fields(struct filter *f, struct span rest)
{
	enum milter_outcome o = MILTER_CONTINUE;
	struct header_field field;

	while (o == MILTER_CONTINUE && header_next(&rest, &field))
		if (field.valid)
			o = milter_header(f->milter, field.name, field.value);
	return o;
}

/* The header section as it would be written now, field by field, without our own Received field. */
static enum milter_outcome
send_header(struct smtp *c, struct filter *f)
{
	enum milter_outcome o = send_fields(f, message_top(&c->w->message));

	if (o == MILTER_CONTINUE)
		o = send_fields(f, edit_header(&c->w->message));
	return o == MILTER_CONTINUE ? milter_eoh(f->milter) : o;
}

/* 0, or the errno with which our own file could not be read. */
static int
send_body(struct smtp *c, struct filter *f, enum milter_outcome *o)
{
	char *piece = mem_new(PIECE);
	uint64_t at = 0;
	bool enough = false;
	ssize_t n = 1;
	int error;

	while (*o == MILTER_CONTINUE && !enough && n > 0) {
		n = edit_read_body(&c->w->message, at, piece, PIECE);
		if (n > 0) {
			*o = milter_body(f->milter, span_make(piece, (size_t)n), &enough);
			at += (uint64_t)n;
		}
	}
	error = n < 0 ? errno : 0;
	free(piece);
	return error;
}

/* Nobody is left to get the message, or the directory could not say who is to. */
static bool
is_still_wanted(struct smtp *c, bool made, struct verdict *out)
{
	if (!made)
		*out = verdict_make(451, "4.3.0", "Cannot look up recipients now");
	else if (c->t.count == 0)
		*out = (struct verdict){ .code = 0 };
	else
		return true;
	return false;
}

/* No fault of the milter, which hears of the end when the transaction is given up. */
static bool
cannot_read(struct smtp *c, int error, struct verdict *out)
{
	smtp_log(c, "event=message-unreadable id=%llu error=%s", (unsigned long long)c->w->held_id, strerrorname_np(error));
	*out = verdict_make(451, "4.3.0", "Cannot read the message now");
	return false;
}

/* Everything of the message to one milter; its changes are made when it lets it pass. */
static bool
ask_about_message(struct smtp *c, struct filter *f, struct verdict *out)
{
	struct milter_edits edits;
	enum milter_outcome o = send_header(c, f);
	bool keep, made;
	int error = 0;

	edit_begin(&c->w->message, &edits);
	envelope_edit_begin(c, &edits);
	if (o == MILTER_CONTINUE)
		error = send_body(c, f, &o);
	if (o == MILTER_CONTINUE && error == 0)
		o = milter_end(f->milter, &edits);
	keep = error == 0 && (o == MILTER_CONTINUE || o == MILTER_ACCEPT);
	if (!edit_end(&c->w->message, &edits, keep)) {
		o = milter_give_up(f->milter, "more changes than a header holds");
		keep = false;
	}
	made = envelope_edit_end(&edits, keep);
	if (error != 0)
		return cannot_read(c, error, out);
	if (f->state == FILTER_BUSY && o != MILTER_FAILED)
		f->state = FILTER_IDLE;
	if (!keep)
		return filter_take(c, f, o, out);
	return is_still_wanted(c, made, out);
}

enum filter_result
filter_message(struct smtp *c, struct verdict *out)
{
	struct filters *all = filters_of(c);

	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (filter_may_pass(c, f, out) && (f->state != FILTER_BUSY || ask_about_message(c, f, out)))
			continue;
		if (out->code == 0)
			return FILTER_DISCARD;
		if (f->state == FILTER_BUSY)		/* stopped by ourselves, not by the milter */
			return FILTER_REFUSED;
		smtp_log(c, "event=milter-refused socket=%s step=message code=%d status=%s",
			 f->config->socket, out->code, out->status);
		return FILTER_REFUSED;
	}
	return c->t.discard ? FILTER_DISCARD : FILTER_PASS;
}
