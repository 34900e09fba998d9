/*
 * resolve: see resolve.h.
 *
 * Expansion walks targets depth first with the set of addresses seen so far, so
 * that a loop ends and each final target stands once.  A local target that
 * does not exist is kept as a mailbox: its delivery fails, and the sender hears it.
 */
#include "base/base.h"
#include "resolve.h"

#include <stdlib.h>
#include "base/die.h"
#include "base/mem.h"

enum meaning { IS_FOREIGN, IS_MAILBOX, IS_ALIAS, IS_DISABLED, IS_UNKNOWN, IS_NOBODY };

/* What an address means; `canonical` for all but foreign and unknown. */
struct found {
	enum meaning meaning;
	struct address address;
	struct account account;		/* a mailbox */
	char canonical[LIMIT_ADDRESS + 1];
	char full[LIMIT_ADDRESS + 1];	/* the same, with the detail when it is a mailbox named with one */
};

bool
resolve_account(struct resolver *rs, const char *domain, struct span user, struct account *out)
{
	if (refresh_is_scanning(rs->refresh))
		refresh_user(rs->refresh, span_of(domain), user);
	return index_account(rs->ix, span_of(domain), user, out);
}

bool
resolve_domain(struct resolver *rs, const char *name, struct domain *out)
{
	char real[LIMIT_DOMAIN + 1];

	return index_domain(rs->ix, span_of(name), out)
		|| (index_domain_alias(rs->ix, span_of(name), real) && index_domain(rs->ix, span_of(real), out));
}

static void
set_canonical(struct found *f, const char *domain, struct span local)
{
	struct buf b;

	buf_init_fixed(&b, f->canonical, sizeof(f->canonical));
	buf_span(&b, local);
	buf_char(&b, '@');
	buf_text_put(&b, domain);
	memcpy(f->full, f->canonical, sizeof(f->full));
}

/* One too long to be an address loses the detail: its mail goes to the INBOX. */
static void
set_detail(struct found *f, const char *domain, struct span user)
{
	struct buf b;

	if (f->meaning != IS_MAILBOX || f->address.detail[0] == '\0')
		return;
	buf_init_fixed(&b, f->full, sizeof(f->full));
	buf_printf(&b, "%.*s+%s@%s", SPAN_ARG(user), f->address.detail, domain);
	if (b.overflow)
		memcpy(f->full, f->canonical, sizeof(f->full));
}

/* A user or an alias of exactly this name. */
static bool
find_name(struct resolver *rs, const struct domain *d, struct span local, struct found *f)
{
	struct buf targets;

	if (resolve_account(rs, d->name, local, &f->account)) {
		f->meaning = f->account.disabled ? IS_DISABLED : IS_MAILBOX;
		set_canonical(f, d->name, local);
		return true;
	}
	buf_init(&targets, 70000);
	if (index_alias(rs->ix, span_of(d->name), local, &targets)) {
		f->meaning = IS_ALIAS;
		set_canonical(f, d->name, local);
	} else {
		f->meaning = IS_UNKNOWN;
	}
	buf_free(&targets);
	return f->meaning == IS_ALIAS;
}

static bool find_address(struct resolver *rs, const char *text, struct found *f, int depth);

/* The first administrator: index order, when no setting names anybody. */
static bool
find_anybody(struct resolver *rs, const struct domain *d, struct found *f)
{
	char user[LIMIT_LOCAL_PART + 1] = "", next[LIMIT_LOCAL_PART + 1];

	while (index_next_user(rs->ix, span_of(d->name), span_of(user), next)) {
		memcpy(user, next, sizeof(user));
		if (find_name(rs, d, span_of(user), f) && f->meaning == IS_MAILBOX)
			return true;
	}
	return false;
}

/*
 * RFC 5321 4.5.1: postmaster always reaches somebody: the domain's setting, the server's, or
 * the first account there is.  depth: a setting that names postmaster ends here.
 */
static bool
find_postmaster(struct resolver *rs, const struct domain *d, struct found *f, int depth)
{
	char domain[LIMIT_DOMAIN + 1] = "", next[LIMIT_DOMAIN + 1];
	struct domain other;

	if (depth > 0) {
		f->meaning = IS_NOBODY;
		return false;
	}
	if (d != NULL && d->postmaster[0] != '\0' && find_address(rs, d->postmaster, f, 1)
	    && (f->meaning == IS_MAILBOX || f->meaning == IS_ALIAS))
		return true;
	if (find_address(rs, settings_text(rs->settings, "postmasterMailbox"), f, 1)
	    && (f->meaning == IS_MAILBOX || f->meaning == IS_ALIAS))
		return true;
	if (d != NULL && find_anybody(rs, d, f))
		return true;
	while (index_next_domain(rs->ix, span_of(domain), next)) {
		memcpy(domain, next, sizeof(domain));
		if (index_domain(rs->ix, span_of(domain), &other) && find_anybody(rs, &other, f))
			return true;
	}
	f->meaning = IS_NOBODY;
	return false;
}

static bool
find_catch_all(struct resolver *rs, const struct domain *d, struct found *f)
{
	return d->catch_alls && d->catch_all[0] != '\0'
		&& strcmp(settings_text(rs->settings, "catchAlls"), "disabled") != 0
		&& find_name(rs, d, span_of(d->catch_all), f);
}

static bool
find_in_domain(struct resolver *rs, const struct domain *d, struct found *f, int depth)
{
	struct span local = span_of(f->address.local);
	ssize_t plus = span_find(local, '+');
	bool is_postmaster = span_is(local, "postmaster");

	if (d->disabled) {
		if (is_postmaster)
			return find_postmaster(rs, NULL, f, depth);
		f->meaning = IS_DISABLED;
		set_canonical(f, d->name, local);
		return true;
	}
	if (find_name(rs, d, local, f) && !(is_postmaster && f->meaning == IS_DISABLED))
		return true;
	if (is_postmaster)
		return find_postmaster(rs, d, f, depth);
	if (plus > 0 && settings_bool(rs->settings, "plusAddressing")
	    && find_name(rs, d, span_first(local, (size_t)plus), f)) {
		set_detail(f, d->name, span_first(local, (size_t)plus));
		return true;
	}
	if (find_catch_all(rs, d, f))
		return true;
	f->meaning = IS_UNKNOWN;
	set_canonical(f, d->name, local);
	return true;
}

/*
 * Names at the host name itself, where it is no domain of ours: programs of
 * this machine send to root and from it.  Nothing else is at home there.
 */
static bool
find_at_host(struct resolver *rs, struct found *f, int depth)
{
	static const char *const names[] = { "postmaster", "root", "mailer-daemon", "abuse" };

	for (size_t i = 0; i < PB_COUNT(names); i++)
		if (strcmp(f->address.local, names[i]) == 0)
			return find_postmaster(rs, NULL, f, depth) || f->meaning == IS_NOBODY;
	f->meaning = IS_UNKNOWN;
	set_canonical(f, f->address.domain, span_of(f->address.local));
	return true;
}

/* False when text is no address; else what it means. */
static bool
find_address(struct resolver *rs, const char *text, struct found *f, int depth)
{
	struct domain d;

	f->canonical[0] = f->full[0] = '\0';
	if (!address_split(span_of(text), &f->address))
		return false;
	if (f->address.domain[0] == '\0')
		return find_postmaster(rs, NULL, f, depth) || f->meaning == IS_NOBODY;
	if (!resolve_domain(rs, f->address.domain, &d)) {
		if (span_is_nocase(span_of(f->address.domain), settings_text(rs->settings, "hostName")))
			return find_at_host(rs, f, depth);
		f->meaning = IS_FOREIGN;
		return true;
	}
	return find_in_domain(rs, &d, f, depth) || f->meaning == IS_NOBODY;
}

/* The same for a key from outside. */
static bool
find_key(struct resolver *rs, struct span key, struct found *f)
{
	char text[LIMIT_ADDRESS + 1];

	if (key.n == 0 || key.n > LIMIT_ADDRESS || memchr(key.p, '\0', key.n) != NULL)
		return false;
	memcpy(text, key.p, key.n);
	text[key.n] = '\0';
	return find_address(rs, text, f, 0);
}

/* True when the answer is written: foreign, refused or nobody. */
static bool
refuse(const struct found *f, struct buf *out)
{
	switch (f->meaning) {
	case IS_FOREIGN:
		return buf_text_put(out, "NOTFOUND ");
	case IS_DISABLED:
		return buf_text_put(out, "PERM 550 5.2.1 The mailbox is disabled");
	case IS_UNKNOWN:
		return buf_text_put(out, "PERM 550 5.1.1 There is no such user here");
	case IS_NOBODY:
		return buf_text_put(out, "TEMP 451 4.3.5 No mailbox is set up for postmaster yet");
	case IS_MAILBOX:
	case IS_ALIAS:
		break;
	}
	return false;
}

/* A key that is no address: its domain decides whether it is ours to refuse. */
static void
refuse_key(struct resolver *rs, struct span key, struct buf *out)
{
	ssize_t at = span_rfind(key, '@');
	char name[LIMIT_DOMAIN + 1];
	struct domain d;

	if (at >= 0 && key.n - (size_t)at - 1 <= LIMIT_DOMAIN) {
		struct span domain = span_from(key, (size_t)at + 1);
		for (size_t i = 0; i < domain.n; i++)
			name[i] = char_lower(domain.p[i]);
		name[domain.n] = '\0';
		if (memchr(name, '\0', domain.n) == NULL && !resolve_domain(rs, name, &d)) {
			buf_text_put(out, "NOTFOUND ");
			return;
		}
	}
	buf_text_put(out, "PERM 550 5.1.3 The address is not valid here");
}

void
resolve_rcpt(struct resolver *rs, struct span key, struct buf *out)
{
	struct found f;

	if (!find_key(rs, key, &f))
		refuse_key(rs, key, out);
	else if (!refuse(&f, out))
		buf_printf(out, "OK %s %s", f.meaning == IS_MAILBOX ? "mailbox" : "alias", f.full);
}

bool
resolve_mailbox(struct resolver *rs, struct span address, char out[LIMIT_ADDRESS + 1])
{
	struct found f;

	if (!find_key(rs, address, &f) || f.meaning != IS_MAILBOX)
		return false;
	memcpy(out, f.canonical, sizeof(f.canonical));
	return true;
}

/* -- expansion ------------------------------------------------------------ */

struct expansion {
	struct resolver *rs;
	struct arena *arena;
	const char **seen;	/* every address looked at, in small letters */
	size_t seen_count;
	size_t targets;
	bool too_deep, too_many;
	bool accounts_only;	/* mailboxes without detail: who they are, not where mail goes */
	struct buf *out;
};

/* True the first time.  Linear: at most 2 * LIMIT_EXPANSION short names. */
static bool
is_new(struct expansion *e, const char *name)
{
	char *copy;

	for (size_t i = 0; i < e->seen_count; i++)
		if (strcmp(e->seen[i], name) == 0)
			return false;
	if (e->seen_count == 2 * LIMIT_EXPANSION || (copy = arena_copy(e->arena, span_of(name))) == NULL) {
		e->too_many = true;
		return false;
	}
	e->seen[e->seen_count++] = copy;
	return true;
}

/* A blank would part targets: it is written %20, and % is %25. */
static void
put_escaped(const char *address, struct buf *out)
{
	for (const char *c = address; *c != '\0'; c++) {
		if (*c == ' ')
			buf_text_put(out, "%20");
		else if (*c == '%')
			buf_text_put(out, "%25");
		else
			buf_char(out, *c);
	}
}

static void
put_target(struct expansion *e, const char *kind, const char *address)
{
	if (e->targets++ == LIMIT_EXPANSION) {
		e->too_many = true;
		return;
	}
	buf_printf(e->out, "%s%s:", e->targets > 1 ? " " : "", kind);
	put_escaped(address, e->out);
}

static void expand_address(struct expansion *e, const char *address, int depth);

static void
expand_alias(struct expansion *e, const char *canonical, int depth)
{
	ssize_t at = span_rfind(span_of(canonical), '@');
	struct span name = span_first(span_of(canonical), (size_t)at);
	struct span domain = span_from(span_of(canonical), (size_t)at + 1), rest;
	struct buf targets;

	if (depth == LIMIT_EXPANSION_DEPTH) {
		e->too_deep = true;
		return;
	}
	buf_init(&targets, 70000);
	if (index_alias(e->rs->ix, domain, name, &targets)) {
		for (rest = buf_view(&targets); rest.p != NULL && !e->too_many;) {
			struct span target = span_trim(span_cut(&rest, ','));
			char text[LIMIT_ADDRESS + 1];

			if (target.n == 0 || target.n > LIMIT_ADDRESS)
				continue;
			memcpy(text, target.p, target.n);
			text[target.n] = '\0';
			expand_address(e, text, depth + 1);
		}
	}
	buf_free(&targets);
}

/* Is it the domain that is disabled, and not the account alone?  canonical always has an @. */
static bool
is_of_disabled_domain(struct resolver *rs, const char *canonical)
{
	struct domain d;

	return resolve_domain(rs, canonical + span_rfind(span_of(canonical), '@') + 1, &d) && d.disabled;
}

/*
 * A member at a domain that is disabled: an alias stands for its members as
 * ever, anything else is a mailbox whose mail waits until the domain is back.
 */
static void
expand_disabled(struct expansion *e, const char *canonical, int depth)
{
	size_t at = (size_t)span_rfind(span_of(canonical), '@');
	struct buf targets;
	bool is_alias;

	buf_init(&targets, 70000);
	is_alias = index_alias(e->rs->ix, span_from(span_of(canonical), at + 1), span_first(span_of(canonical), at),
	    &targets);
	buf_free(&targets);
	if (is_alias)
		expand_alias(e, canonical, depth);
	else
		put_target(e, "held", canonical);
}

static void
expand_address(struct expansion *e, const char *address, int depth)
{
	const char *name;
	struct found f;

	if (!find_address(e->rs, address, &f, 0))
		return;
	name = e->accounts_only ? f.canonical : f.full;
	if (f.meaning == IS_FOREIGN) {
		if (is_new(e, address))
			put_target(e, "remote", address);
	} else if (f.meaning == IS_NOBODY || !is_new(e, name)) {
		return;
	} else if (f.meaning == IS_ALIAS) {
		expand_alias(e, f.canonical, depth);
	} else if (f.meaning == IS_DISABLED && is_of_disabled_domain(e->rs, f.canonical)) {
		expand_disabled(e, f.canonical, depth);
	} else {
		put_target(e, "mailbox", name);
	}
}

static void
expand(struct resolver *rs, const struct found *f, bool accounts_only, struct buf *out)
{
	struct expansion e = { .rs = rs, .out = out, .accounts_only = accounts_only };

	e.arena = arena_new(2 * LIMIT_EXPANSION * (LIMIT_ADDRESS + 16) + 65536);
	e.seen = mem_array(2 * LIMIT_EXPANSION, sizeof(*e.seen));
	buf_text_put(out, "OK ");
	expand_address(&e, f->canonical, 0);
	if (e.too_many || out->overflow) {
		buf_clear(out);
		buf_text_put(out, "PERM 550 5.3.5 The alias stands for too many addresses");
	} else if (e.too_deep || e.targets == 0) {
		buf_clear(out);
		buf_text_put(out, "PERM 550 5.4.6 The alias leads in a circle or too deep");
	}
	free(e.seen);
	arena_free(&e.arena);
}

void
resolve_expand(struct resolver *rs, struct span key, struct buf *out)
{
	struct found f;

	if (!find_key(rs, key, &f))
		refuse_key(rs, key, out);
	else if (f.meaning == IS_DISABLED && is_of_disabled_domain(rs, f.canonical))
		buf_text_put(out, "OK held:");
	else if (refuse(&f, out))
		return;
	else if (f.meaning == IS_MAILBOX && buf_text_put(out, "OK mailbox:"))
		put_escaped(f.full, out);
	else
		expand(rs, &f, false, out);
}

/* -- the other maps ------------------------------------------------------- */

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
	else if (at >= 0 && find_key(rs, key, &f) && f.meaning == IS_DISABLED)
		buf_text_put(out, "OK user");
	else
		buf_text_put(out, "NOTFOUND ");
}

/* Accounts behind an address: itself, or the members of an alias. */
void
resolve_sender(struct resolver *rs, struct span key, struct buf *out)
{
	struct found f;
	struct buf all;
	struct span rest, word;
	bool any = false;

	if (!find_key(rs, key, &f) || (f.meaning != IS_MAILBOX && f.meaning != IS_ALIAS)) {
		buf_text_put(out, "NOTFOUND ");
		return;
	}
	if (f.meaning == IS_MAILBOX) {
		buf_printf(out, "OK %s", f.canonical);
		return;
	}
	buf_init(&all, LIMIT_SOCKETMAP_REPLY);
	expand(rs, &f, true, &all);
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
	expand(rs, f, true, &all);
	rest = buf_view(&all);
	if (span_starts(rest, SPAN("OK mailbox:")) && span_find(span_from(rest, 3), ' ') < 0
	    && find_key(rs, span_from(rest, strlen("OK mailbox:")), &target) && target.meaning == IS_MAILBOX)
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
	if (!find_key(rs, recipient, &f)) {
		refuse_key(rs, recipient, out);
		return;
	}
	if (refuse(&f, out))
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

	if (!find_key(rs, key, &f) || f.meaning != IS_MAILBOX)
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

	if (!find_key(rs, key, &f) || f.meaning != IS_MAILBOX || !span_eq_nocase(key, span_of(f.canonical))
	    || !index_domain(rs->ix, span_from(span_of(f.canonical), (size_t)span_rfind(span_of(f.canonical), '@') + 1), &d))
		buf_text_put(out, "NOTFOUND ");
	else
		buf_printf(out, "OK %llu %llu", (unsigned long long)d.max_size_kb << 10, (unsigned long long)d.max_rcpts);
}
