/*
 * resolve_found: see resolve_found.h.  The order of meanings stands in resolve.h.
 */
#include "base/base.h"
#include "resolve_found.h"

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

bool
resolve_meaning(struct resolver *rs, const char *text, struct found *f)
{
	return find_address(rs, text, f, 0);
}

bool
resolve_key(struct resolver *rs, struct span key, struct found *f)
{
	char text[LIMIT_ADDRESS + 1];

	if (key.n == 0 || key.n > LIMIT_ADDRESS || memchr(key.p, '\0', key.n) != NULL)
		return false;
	memcpy(text, key.p, key.n);
	text[key.n] = '\0';
	return find_address(rs, text, f, 0);
}

bool
resolve_in_disabled_domain(struct resolver *rs, const char *canonical)
{
	struct domain d;

	return resolve_domain(rs, canonical + span_rfind(span_of(canonical), '@') + 1, &d) && d.disabled;
}

bool
resolve_refused(const struct found *f, struct buf *out)
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

void
resolve_refused_key(struct resolver *rs, struct span key, struct buf *out)
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
