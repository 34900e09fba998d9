/*
 * envelope_edit: see envelope_edit.h.
 *
 * Trust: a milter may be broken.  Its addresses pass the grammar of RCPT and
 * MAIL; LIMIT_MILTER_EDITS and the limit on recipients bound what it adds.
 */
#include "base/base.h"
#include "envelope_edit.h"
#include "smtp.h"

enum kind { ADD, DELETE, FROM };

struct note {
	enum kind kind;
	struct smtp_rcpt rcpt;		/* ADD, DELETE */
	struct smtp_mail mail;		/* FROM */
};

struct envelope_edit {
	struct smtp *c;
	struct note *notes;
	size_t count, room;
};

/* "TO:<a@b> ARGS" as a client would say it; brackets that are missing are put around. */
static bool
command_text(const char *verb, struct span path, struct span args, struct buf *out)
{
	bool bare = path.n == 0 || path.p[0] != '<';

	buf_clear(out);
	buf_printf(out, "%s:%s%.*s%s", verb, bare ? "<" : "", SPAN_ARG(path), bare ? ">" : "");
	if (args.n > 0)
		buf_printf(out, " %.*s", SPAN_ARG(args));
	return !out->overflow;
}

/* Parameters that the server does not know are left out, as are those that are wrong. */
static bool
parse_rcpt(struct span path, struct span args, struct smtp_rcpt *out)
{
	char storage[LIMIT_SMTP_LINE];
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	if (command_text("TO", path, args, &text) && smtp_rcpt_parse(buf_view(&text), out) == SMTP_OK)
		return true;
	return args.n > 0 && parse_rcpt(path, SPAN(""), out);
}

static bool
parse_mail(struct span path, struct span args, struct smtp_mail *out)
{
	char storage[LIMIT_SMTP_LINE];
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	if (command_text("FROM", path, args, &text) && smtp_mail_parse(buf_view(&text), out) == SMTP_OK)
		return true;
	return args.n > 0 && parse_mail(path, SPAN(""), out);
}

static bool
keep_note(struct envelope_edit *e, const struct note *note)
{
	if (e->count == LIMIT_MILTER_EDITS)
		return false;
	if (e->count == e->room) {
		e->room = e->room > 0 ? e->room * 2 : 4;
		e->notes = mem_resize_array(e->notes, e->room, sizeof(*e->notes));
	}
	e->notes[e->count++] = *note;
	return true;
}

static bool
add_rcpt(void *ctx, struct span path, struct span args)
{
	struct note note = { .kind = ADD };

	return parse_rcpt(path, args, &note.rcpt) && keep_note(ctx, &note);
}

/* What is no address is no recipient either: nothing is to be deleted. */
static bool
delete_rcpt(void *ctx, struct span path)
{
	struct note note = { .kind = DELETE };

	return !parse_rcpt(path, SPAN(""), &note.rcpt) || keep_note(ctx, &note);
}

static bool
change_from(void *ctx, struct span path, struct span args)
{
	struct note note = { .kind = FROM };

	return parse_mail(path, args, &note.mail) && keep_note(ctx, &note);
}

void
envelope_edit_begin(struct smtp *c, struct milter_edits *edits)
{
	struct envelope_edit *e = mem_new(sizeof(*e));

	e->c = c;
	edits->envelope = e;
	edits->add_rcpt = add_rcpt;
	edits->delete_rcpt = delete_rcpt;
	edits->change_from = change_from;
}

static void
log_left_out(struct smtp *c, const struct smtp_rcpt *r, const char *why)
{
	char rest[32];

	snprintf(rest, sizeof(rest), " why=%s", why);
	smtp_log_address(c, "event=milter-recipient-left-out", "to", r->to.text, rest);
}

static bool
make_add(struct smtp *c, const struct smtp_rcpt *r)
{
	static struct directory_rcpt found;
	struct span address = smtp_path_view(&r->to);

	switch (directory_rcpt(c->w->directory, address, &found)) {
	case RCPT_MAILBOX:
	case RCPT_ALIAS:
		address = span_of(found.canonical);
		break;
	case RCPT_FOREIGN:
		break;
	case RCPT_REFUSED:
		log_left_out(c, r, found.verdict.status);
		return true;
	case RCPT_TROUBLE:
	default:
		return false;
	}
	c->t.room = UINT64_MAX;
	c->t.is_in_domain = false;
	if (c->t.count == LIMIT_SMTP_RECIPIENTS || !recipient_add(&c->t, r, address))
		log_left_out(c, r, "too-many");
	else
		smtp_log_address(c, "event=milter-recipient-added", "to", r->to.text, "");
	return true;
}

static void
make_delete(struct smtp *c, const struct smtp_rcpt *r)
{
	struct transaction *t = &c->t;
	struct span address = smtp_path_view(&r->to);
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct recipient *at = &t->rcpts[i];

		if (!span_eq_nocase(address, span_of(at->address)) && !span_eq_nocase(address, span_of(at->named)))
			t->rcpts[kept++] = *at;
	}
	if (kept < t->count)
		smtp_log_address(c, "event=milter-recipient-deleted", "to", r->to.text, "");
	t->count = kept;
}

static void
make_from(struct smtp *c, const struct smtp_mail *mail)
{
	smtp_log_address(c, "event=milter-sender-changed", "from", mail->from.text, "");
	c->t.mail.from = mail->from;
	if (mail->ret != SMTP_RET_NONE)
		c->t.mail.ret = mail->ret;
	if (mail->envid[0] != '\0')
		memcpy(c->t.mail.envid, mail->envid, sizeof(c->t.mail.envid));
	message_new_sender(&c->w->message, smtp_path_view(&mail->from));
}

bool
envelope_edit_end(struct milter_edits *edits, bool keep)
{
	struct envelope_edit *e = edits->envelope;
	bool good = true;

	for (size_t i = 0; keep && good && i < e->count; i++) {
		const struct note *note = &e->notes[i];

		if (note->kind == ADD)
			good = make_add(e->c, &note->rcpt);
		else if (note->kind == DELETE)
			make_delete(e->c, &note->rcpt);
		else
			make_from(e->c, &note->mail);
	}
	free(e->notes);
	free(e);
	edits->envelope = NULL;
	return good;
}
