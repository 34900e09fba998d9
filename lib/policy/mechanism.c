/* mechanism: see mechanism.h. */
#include "base/base.h"
#include "policy/mechanism.h"

#include "policy/greeting.h"

static bool
is_announced(const char *list, struct span name)
{
	struct span rest = span_of(list), word;

	while ((word = span_word(&rest)).n > 0)
		if (span_eq_nocase(word, name))
			return true;
	return false;
}

/* What counts on TLS: without it, it may come later; with it, the connection lacks what it needs. */
static enum mechanism_verdict
needs(bool has_it, bool tls)
{
	if (has_it)
		return MECHANISM_USABLE;
	return tls ? MECHANISM_UNKNOWN : MECHANISM_NEEDS_TLS;
}

enum mechanism_verdict
mechanism_judge(const struct mechanism_facts *f, struct span name)
{
	bool is_login = span_is_nocase(name, "PLAIN") || span_is_nocase(name, "LOGIN");

	if (name.n == 0 || !is_announced(f->announced, name))
		return MECHANISM_UNKNOWN;
	if (is_login && f->no_login)
		return MECHANISM_OFF;
	/* A token is as good as a password to whoever can read it. */
	if (is_login || span_is_nocase(name, "OAUTHBEARER"))
		return greeting_plaintext_allowed(f->plaintext_auth, f->tls, f->is_near) ?
			MECHANISM_USABLE : MECHANISM_NEEDS_TLS;
	if (span_ends_nocase(name, SPAN("-PLUS")))
		return needs(f->binds, f->tls);
	if (span_is_nocase(name, "EXTERNAL"))
		return needs(f->has_certificate, f->tls);
	return MECHANISM_USABLE;
}

void
mechanism_list(const struct mechanism_facts *f, const char *before, struct buf *out)
{
	struct span rest = span_of(f->announced), word;

	while ((word = span_word(&rest)).n > 0)
		if (mechanism_judge(f, word) == MECHANISM_USABLE)
			buf_printf(out, "%s%.*s", before, SPAN_ARG(word));
}
