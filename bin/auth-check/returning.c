/*
 * returning: see returning.h.
 *
 * Trust: addresses are hostile; one that this server did not make is none of
 * this file's, and means what it would mean without it.  Those that were made stay
 * good when the setting is switched off: their bounces are still on the way.
 */
#include "base/base.h"
#include "returning.h"

#include "directory/srs.h"
#include "sys/clock.h"

void
returning_init(struct returning *r, struct service *svc, struct resolver *rs)
{
	const char *secret = settings_text(svc->settings, "srsSecret");

	*r = (struct returning){ .svc = svc, .rs = rs };
	index_pepper(rs->ix, r->pepper);
	r->key = secret[0] != '\0' ? span_of(secret) : span_make(r->pepper, sizeof(r->pepper));
}

/* Is the domain, or another name of one, ours? */
static bool
is_ours(struct returning *r, struct span domain)
{
	char name[LIMIT_DOMAIN + 1];
	struct domain d;

	if (domain.n == 0 || domain.n > LIMIT_DOMAIN)
		return false;
	for (size_t i = 0; i < domain.n; i++)
		name[i] = char_lower(domain.p[i]);
	name[domain.n] = '\0';
	return resolve_domain(r->rs, name, &d) && !d.disabled;
}

static void
answer_sender(struct returning *r, struct span key, struct buf *out)
{
	struct span domain = span_word(&key), sender = span_word(&key);

	buf_text_put(out, "OK ");
	/* A sender at a domain of ours is what SPF expects already. */
	if (settings_bool(r->svc->settings, "srs") && is_ours(r, domain) &&
	    !is_ours(r, span_from(sender, (size_t)(span_rfind(sender, '@') + 1))) &&
	    srs_forward(r->key, sender, domain, clock_wall_ms() / 1000, out))
		return;
	buf_clear(out);
	buf_text_put(out, "NOTFOUND ");
}

/* As resolve_expand writes an address. */
static void
put_escaped(struct span address, struct buf *out)
{
	for (size_t i = 0; i < address.n; i++)
		if (address.p[i] == '%')
			buf_text_put(out, "%25");
		else
			buf_char(out, address.p[i]);
}

/* What an address of ours stands for; false when it is none of those made here. */
static bool
find_original(struct returning *r, struct span address, struct buf *out)
{
	ssize_t at = span_rfind(address, '@');

	return at > 0 && span_starts_nocase(address, SPAN("SRS")) && is_ours(r, span_from(address, (size_t)at + 1)) &&
		srs_reverse(r->key, span_first(address, (size_t)at), clock_wall_ms() / 1000, out);
}

bool
returning_question(struct returning *r, uid_t uid, struct span question, struct buf *out)
{
	struct span key = question, name = span_cut(&key, ' ');
	char storage[LIMIT_ADDRESS + 1];
	struct buf original;

	if (span_is(name, "srs")) {
		buf_clear(out);
		if (uid != service_uid(r->svc, "pbsend"))
			buf_text_put(out, "PERM 550 5.7.1 Only who sends mail may ask this");
		else
			answer_sender(r, key, out);
		return true;
	}
	buf_init_fixed(&original, storage, sizeof(storage));
	if ((!span_is(name, "rcpt") && !span_is(name, "expand")) || !find_original(r, key, &original))
		return false;
	buf_clear(out);
	if (span_is(name, "rcpt")) {
		buf_printf(out, "OK alias %.*s", SPAN_ARG(key));
	} else {
		buf_text_put(out, "OK remote:");
		put_escaped(buf_view(&original), out);
	}
	return true;
}
