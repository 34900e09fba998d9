/*
 * dsn_words: what a notification says to people.
 *
 * Trust: addresses and replies are hostile; each stands on a line of its own,
 * escaped and cut, behind blanks, so that it looks like no text of ours.
 */
#include "base/base.h"
#include "mail/dsn_parts.h"

#include "base/limits.h"
#include "mail/said.h"
#include "mail/status.h"

/* What a status code means to somebody who has never seen one (RFC 3463). */
static const struct {
	const char *detail;
	const char *words;
} reasons[] = {
	{ "1.1", "There is no such mailbox." },
	{ "1.2", "There is no such domain, or it takes no mail." },
	{ "1.10", "The domain takes no mail." },
	{ "2.1", "The mailbox is disabled." },
	{ "2.2", "The mailbox is full." },
	{ "2.3", "The message is larger than the mailbox takes." },
	{ "3.4", "The message is too big for the other system." },
	{ "4.1", "The other system did not answer." },
	{ "4.3", "The address of the other system could not be found." },
	{ "4.4", "No way to the other system was found." },
	{ "4.6", "The message went in a circle." },
	{ "4.7", "The message could not be delivered in the time allowed." },
	{ "6.7", "The other system does not take internationalised addresses." },
	{ "7.1", "The other system refused the message." },
};

/* How the notification speaks of its recipients, by the action of the first. */
struct wording {
	const char *subject, *intro, *end;
};

static const struct wording *
wording_of(const struct dsn *d)
{
	static const struct wording failed = {
		"Your message could not be delivered", "Your message could not be delivered to:",
		"No further attempt will be made for these recipients.",
	}, delayed = {
		"Your message is delayed", "Your message could not be delivered yet to:",
		"It will be tried again; you need not send it anew.",
	}, done = {
		"Your message was delivered", "Your message went to:",
		"You asked to be told of this.",
	};

	return d->rcpt[0].action == DSN_FAILED ? &failed : d->rcpt[0].action == DSN_DELAYED ? &delayed : &done;
}

const char *
dsn_subject(const struct dsn *d)
{
	return wording_of(d)->subject;
}

bool
dsn_words_are_utf8(const struct dsn *d)
{
	for (size_t i = 0; i < d->nrcpt; i++)
		if (!dsn_is_ascii(d->rcpt[i].address) || !dsn_is_ascii(d->rcpt[i].given))
			return true;
	return false;
}

/* One sentence. */
static void
put_reason(struct buf *out, const struct dsn_recipient *r)
{
	const struct verdict *v = &r->verdict;
	const char *words = status_words(span_of(v->status));

	if (r->action == DSN_DELIVERED) {
		buf_text_put(out, "It was put into the mailbox.");
		return;
	}
	if (r->action == DSN_RELAYED) {
		buf_text_put(out, "It was passed on to a system that will tell you nothing more.");
		return;
	}
	for (size_t i = 0; i < PB_COUNT(reasons); i++)
		if (strlen(v->status) > 2 && strcmp(v->status + 2, reasons[i].detail) == 0) {
			buf_text_put(out, reasons[i].words);
			return;
		}
	if (r->action == DSN_DELAYED)
		buf_text_put(out, "The other system cannot take it now");
	else if (v->kind == VERDICT_TEMP)
		buf_text_put(out, "It was tried again and again, and has now been given up");
	else
		buf_text_put(out, "The message was refused");
	if (words != NULL && strcmp(v->status + 1, ".0.0") != 0)
		buf_printf(out, ": %s", words);
	buf_char(out, '.');
}

static void
put_recipient(struct buf *out, const struct dsn_recipient *r)
{
	struct span host, words = span_of(r->verdict.text);

	buf_text_put(out, "\r\n  <");
	dsn_put_utf8(out, r->given.n > 0 ? r->given : r->address);
	buf_text_put(out, ">\r\n");
	if (r->given.n > 0) {
		buf_text_put(out, "    which stands for <");
		dsn_put_utf8(out, r->address);
		buf_text_put(out, ">\r\n");
	}
	buf_text_put(out, "    ");
	put_reason(out, r);
	buf_text_put(out, "\r\n");
	if (r->action == DSN_DELAYED && r->retry_until > 0)
		dsn_put_date(out, "    Attempts will be made until ", r->retry_until);
	buf_text_put(out, "    ");
	if (said_parse(words, &host, &words)) {
		dsn_put_value(out, span_first(host, LIMIT_DOMAIN));
		buf_text_put(out, " said:\r\n    ");
	}
	dsn_put_verdict(out, &r->verdict, words);
	buf_text_put(out, "\r\n");
}

void
dsn_put_words(struct buf *out, const struct dsn *d, bool returns_all)
{
	buf_printf(out, "%s\r\n", wording_of(d)->intro);
	for (size_t i = 0; i < d->nrcpt; i++)
		put_recipient(out, &d->rcpt[i]);
	buf_printf(out, "\r\n%s\r\n%s is attached.\r\n", wording_of(d)->end,
	    returns_all ? "Your message" : "The header of your message");
	buf_text_put(out, "This notice was written by the mail server at\r\n");
	dsn_put_value(out, d->host);
	buf_text_put(out, ".\r\n");
	if (d->ticket.n > 0) {
		buf_text_put(out, "Its administrator finds your message by the number ");
		dsn_put_value(out, span_first(d->ticket, 32));
		buf_text_put(out, ".\r\n");
	}
	buf_text_put(out, "\r\n");
}
