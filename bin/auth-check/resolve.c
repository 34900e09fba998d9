/*
 * resolve: the answers of the look-up maps.  What an address means is found in resolve_found.c,
 * what it stands for in resolve_expand.c.
 */
#include "base/base.h"
#include "resolve_found.h"

#include "base/crc32c.h"

void
resolve_rcpt(struct resolver *rs, struct span key, struct buf *out)
{
	struct found f;

	if (!resolve_key(rs, key, &f))
		resolve_refused_key(rs, key, out);
	else if (!resolve_refused(&f, out))
		buf_printf(out, "OK %s %s", f.meaning == IS_MAILBOX ? "mailbox" : "alias", f.full);
}

bool
resolve_mailbox(struct resolver *rs, struct span address, char out[LIMIT_ADDRESS + 1])
{
	struct found f;

	if (!resolve_key(rs, address, &f) || f.meaning != IS_MAILBOX)
		return false;
	memcpy(out, f.canonical, sizeof(f.canonical));
	return true;
}

/* The domain of ours, or its alias, that a key names. */
static bool
domain_of_key(struct resolver *rs, struct span key, struct domain *out)
{
	char name[LIMIT_DOMAIN + 1];

	if (key.n == 0 || key.n > LIMIT_DOMAIN || memchr(key.p, '\0', key.n) != NULL)
		return false;
	for (size_t i = 0; i < key.n; i++)
		name[i] = char_lower(key.p[i]);
	name[key.n] = '\0';
	return resolve_domain(rs, name, out);
}

void
resolve_domain_map(struct resolver *rs, struct span key, struct buf *out)
{
	struct domain d;

	if (!domain_of_key(rs, key, &d) || d.disabled)
		buf_text_put(out, "NOTFOUND ");
	else
		buf_printf(out, "OK %s%s", d.name, d.require_auth ? " requireSmtpAuth" : "");
}

void
resolve_disabled(struct resolver *rs, struct span key, struct buf *out)
{
	ssize_t at = span_rfind(key, '@');
	struct domain d;
	struct found f;

	if (domain_of_key(rs, span_from(key, (size_t)(at + 1)), &d) && d.disabled)
		buf_text_put(out, "OK ");
	else if (at >= 0 && resolve_key(rs, key, &f) && f.meaning == IS_DISABLED)
		buf_text_put(out, "OK user");
	else
		buf_text_put(out, "NOTFOUND ");
}

void
resolve_sending(struct resolver *rs, struct span key, struct buf *out)
{
	ssize_t at = span_rfind(key, '@');
	struct domain d;
	struct found f;
	bool is_user;

	if (!domain_of_key(rs, span_from(key, (size_t)(at + 1)), &d)) {
		buf_text_put(out, "NOTFOUND ");
		return;
	}
	/* This very account: a catch-all has not sent what comes from a name that nobody has. */
	is_user = at > 0 && !d.disabled && resolve_key(rs, key, &f) &&
		(f.meaning == IS_MAILBOX || f.meaning == IS_DISABLED) && span_eq_nocase(key, span_of(f.canonical));
	buf_printf(out, "OK %s %s ", d.disabled ? "domain-disabled" :
		is_user && f.meaning == IS_DISABLED ? "user-disabled" : "on", d.name);
	sending_print(d.sending, SENDING_NUMBERS, out);
	if (!is_user)
		return;
	buf_char(out, ' ');
	sending_print(f.account.sending, SENDING_USER_NUMBERS, out);
}

/* Accounts behind an address: itself, or the members of an alias. */
void
resolve_sender(struct resolver *rs, struct span key, struct buf *out)
{
	struct found f;
	struct buf all;
	struct span rest, word;
	bool any = false;

	if (!resolve_key(rs, key, &f) || (f.meaning != IS_MAILBOX && f.meaning != IS_ALIAS)) {
		buf_text_put(out, "NOTFOUND ");
		return;
	}
	if (f.meaning == IS_MAILBOX) {
		buf_printf(out, "OK %s", f.canonical);
		return;
	}
	buf_init(&all, LIMIT_SOCKETMAP_REPLY);
	resolve_members(rs, &f, true, &all);
	rest = buf_view(&all);
	for (word = span_word(&rest); word.n > 0; word = span_word(&rest)) {
		if (!span_starts(word, SPAN("mailbox:")))
			continue;
		buf_text_put(out, any ? " " : "OK ");
		buf_span(out, span_from(word, 8));
		any = true;
	}
	if (!any)
		buf_text_put(out, "NOTFOUND ");
	buf_free(&all);
}

/* An alias that leads to one mailbox alone has the wishes of its user. */
static void
follow_alias(struct resolver *rs, struct found *f)
{
	struct found target;
	struct buf all;
	struct span rest;

	buf_init(&all, LIMIT_SOCKETMAP_REPLY);
	resolve_members(rs, f, true, &all);
	rest = buf_view(&all);
	if (span_starts(rest, SPAN("OK mailbox:")) && span_find(span_from(rest, 3), ' ') < 0
	    && resolve_key(rs, span_from(rest, strlen("OK mailbox:")), &target) && target.meaning == IS_MAILBOX)
		*f = target;
	buf_free(&all);
}

/* "check", or why greylisting does not apply. */
static const char *
greylist_word(struct resolver *rs, const struct found *f, struct span sender)
{
	size_t at = (size_t)span_rfind(span_of(f->canonical), '@');
	struct span user = span_first(span_of(f->canonical), at), domain = span_from(span_of(f->canonical), at + 1);
	struct domain d;

	if (index_domain(rs->ix, domain, &d) && d.no_greylisting)
		return "domain-off";
	if (f->meaning == IS_MAILBOX && f->account.no_greylisting
	    && settings_bool(rs->settings, "greylisting/allowUserOverride"))
		return "user-off";
	if (sender.n > 0 && index_trusts(rs->ix, domain, SPAN(""), sender))
		return "trusted-by-domain";
	if (sender.n > 0 && f->meaning == IS_MAILBOX && index_trusts(rs->ix, domain, user, sender))
		return "trusted-by-user";
	return "check";
}

void
resolve_greylist(struct resolver *rs, struct span key, struct buf *out)
{
	char sender[LIMIT_ADDRESS + 1] = "", canonical[LIMIT_ADDRESS + 1];
	struct span rest = key, recipient = span_cut(&rest, ' ');
	struct found f;

	if (rest.p != NULL && rest.n <= LIMIT_ADDRESS)
		for (size_t i = 0; i < rest.n; i++)
			sender[i] = char_lower(rest.p[i]);
	if (!resolve_key(rs, recipient, &f)) {
		resolve_refused_key(rs, recipient, out);
		return;
	}
	if (resolve_refused(&f, out))
		return;
	memcpy(canonical, f.canonical, sizeof(canonical));
	if (f.meaning == IS_ALIAS)
		follow_alias(rs, &f);
	buf_printf(out, "OK %s %s", greylist_word(rs, &f, span_of(sender)), canonical);
}

void
resolve_limit(struct resolver *rs, struct span key, struct buf *out)
{
	struct found f;

	if (!resolve_key(rs, key, &f) || f.meaning != IS_MAILBOX)
		buf_text_put(out, "NOTFOUND ");
	else
		buf_printf(out, "OK %llu", (unsigned long long)f.account.limit_mb << 20);
}

/* About this very account: where its mail would go instead, a catch-all or postmaster's mailbox, does not count. */
void
resolve_account_map(struct resolver *rs, struct span key, struct buf *out)
{
	struct found f;
	struct domain d;

	if (!resolve_key(rs, key, &f) || f.meaning != IS_MAILBOX || !span_eq_nocase(key, span_of(f.canonical))
	    || !index_domain(rs->ix, span_from(span_of(f.canonical), (size_t)span_rfind(span_of(f.canonical), '@') + 1), &d))
		buf_text_put(out, "NOTFOUND ");
	else
		buf_printf(out, "OK %llu %llu %u", (unsigned long long)d.max_size_kb << 10, (unsigned long long)d.max_rcpts,
			crc32c(0, f.account.hash, strlen(f.account.hash)));
}
