/* facts: see facts.h. */
#include "base/base.h"
#include "facts.h"
#include "check/scan_client.h"
#include "policy/pattern.h"

/* Clients that are trusted, or have to log in, are not judged by what they say of themselves. */
static bool
is_checked(const struct smtp *c)
{
	return !c->is_trusted && !c->needs_login && c->user[0] == '\0' && c->config->weights.threshold > 0;
}

static bool
is_own_name(const struct smtp *c, struct span name)
{
	static const char list[] = "hostNames/hostName";
	const struct settings *s = c->config->settings;

	if (span_eq_nocase(name, span_of(c->host)) || span_eq_nocase(name, span_of(settings_text(s, "hostName"))))
		return true;
	for (size_t i = 0; i < settings_count(s, list); i++)
		if (span_eq_nocase(name, span_of(settings_entry(s, list, i, "name"))))
			return true;
	return false;
}

void
facts_not_known(struct smtp *c, const char *about)
{
	const char *why = scan_client_why(c->w->scan);

	smtp_log(c, "event=policy-unknown about=%s why=\"%s\"", about, why[0] != '\0' ? why : "DNS failed");
}

/* Nobody could say: that refuses nothing, and the log tells. */
static enum policy_dns
not_known(struct smtp *c, const char *about)
{
	facts_not_known(c, about);
	return POLICY_DNS_UNKNOWN;
}

static enum policy_dns
ask_helo(struct smtp *c, struct span name, const struct addr *ip)
{
	switch (scan_helo(c->w->scan, name, ip, SCAN_BUDGET_MS)) {
	case SCAN_HELO_MATCHES:
	case SCAN_HELO_RESOLVES:
		return POLICY_DNS_GOOD;
	case SCAN_HELO_NXDOMAIN:
	case SCAN_HELO_NO_HOST:
	case SCAN_HELO_INVALID:
		return POLICY_DNS_NONE;
	case SCAN_HELO_UNKNOWN:
	case SCAN_HELO_TEMPERROR:
		break;
	}
	return not_known(c, "helo");
}

/* What there is to say of a name that a server at this address gave. */
static struct policy_helo
helo_of(struct smtp *c, struct span name, const struct addr *ip)
{
	struct policy_helo f = { .name = name, .is_literal = name.n > 0 && name.p[0] == '[' };
	struct addr literal = { .family = 0 };

	f.is_own_name = !addr_is_loopback(ip) && !addr_eq_ip(ip, &c->s->local) && is_own_name(c, name);
	f.is_peer = f.is_literal && addr_parse_literal(name, &literal) && addr_eq_ip(&literal, ip);
	if (c->config->weights.helo_unresolved > 0 && !f.is_literal)
		f.dns = ask_helo(c, name, ip);
	return f;
}

void
facts_helo(struct smtp *c)
{
	struct span name = span_of(c->helo);
	struct policy_helo f = { .name = name };
	char storage[FACTS_WHY_SIZE];
	struct verdict granted = verdict_make(250, "2.0.0", "OK");
	struct buf why;

	c->points = (struct policy_points){ .points = 0 };
	if (!is_checked(c))
		return;
	if (addr_set_has(&c->config->by_origin, &c->s->peer))
		f.is_gateway = true;
	else
		f = helo_of(c, name, &c->s->peer);
	f.is_early = c->is_early;
	buf_init_fixed(&why, storage, sizeof(storage));
	policy_helo(&f, &c->config->weights, &c->points, &why);
	(void)smtp_decided(c, "helo", &why, c->points.points > 0 ? &c->points.verdict : &granted);
}

struct verdict
facts_origin(struct smtp *c, struct span helo)
{
	const bool is_known = smtp_helo_is_valid(helo) && helo.n <= LIMIT_DOMAIN;
	const struct policy_weights *w = &c->config->weights;
	struct policy_points points = c->t.points;
	char storage[FACTS_WHY_SIZE];
	struct policy_helo f;
	struct verdict v;
	struct buf why;

	if (!is_checked(c) || !addr_set_has(&c->config->by_origin, &c->s->peer))
		return verdict_make(250, "2.0.0", "OK");
	buf_init_fixed(&why, storage, sizeof(storage));
	if (is_known)
		f = helo_of(c, helo, &c->t.origin);
	policy_origin(is_known ? &f : NULL, w, &points, &why);
	v = policy_points_verdict(&points, w, c->t.wants_checks, &why);
	(void)smtp_decided(c, "origin", &why, &v);
	return v;
}

static enum policy_dns
ask_sender(struct smtp *c, struct span domain)
{
	switch (scan_sender_domain(c->w->scan, domain, SCAN_BUDGET_MS)) {
	case SCAN_DOMAIN_RESOLVES:
		return POLICY_DNS_GOOD;
	case SCAN_DOMAIN_NXDOMAIN:
	case SCAN_DOMAIN_NO_HOST:
		return POLICY_DNS_NONE;
	case SCAN_DOMAIN_NULL_MX:
		return POLICY_DNS_NULL_MX;
	case SCAN_DOMAIN_UNKNOWN:
	case SCAN_DOMAIN_TEMPERROR:
		break;
	}
	return not_known(c, "sender-domain");
}

void
facts_sender_domain(struct smtp *c, const struct smtp_mail *mail)
{
	const struct policy_weights *w = &c->config->weights;
	struct span domain = smtp_path_domain(&mail->from);
	struct verdict granted = verdict_make(250, "2.0.0", "OK");
	char storage[FACTS_WHY_SIZE];
	struct buf why;

	c->t.points = c->points;
	if (!is_checked(c) || domain.n == 0 || mail->from.is_literal ||
	    (w->sender_unresolved == 0 && w->sender_null_mx == 0))
		return;
	buf_init_fixed(&why, storage, sizeof(storage));
	policy_sender_domain(domain, ask_sender(c, domain), w, &c->t.points, &why);
	(void)smtp_decided(c, "sender-domain", &why, c->t.points.points > c->points.points ? &c->t.points.verdict : &granted);
}

bool
facts_is_blocked(const struct smtp *c, struct span address)
{
	static const char list[] = "blockedSenders/sender";
	const struct settings *s = c->config->settings;

	for (size_t i = 0; address.n > 0 && i < settings_count(s, list); i++)
		if (pattern_matches(span_of(settings_list(s, list, i)), address))
			return true;
	return false;
}

/*
 * Who logged in may not send any more: account or domain was disabled or
 * deleted since (DOM-12), or the password changed, perhaps because who is
 * connected had stolen it (SEC-12).
 */
static void
account_is_gone(struct smtp *c)
{
	smtp_log_address(c, "event=account-gone", "user", c->user, "");
	reply(c, 421, "4.7.0", "Your account may not be used any more");
	c->over = true;
}

void
facts_log_in(struct smtp *c)
{
	struct directory_account found;

	c->has_secret = directory_account(c->w->directory, span_of(c->user), &found) == 1;
	c->secret = found.secret;
}

bool
facts_account(struct smtp *c)
{
	struct directory_account found;

	c->t.user_max_size = c->t.user_max_rcpts = 0;
	if (c->user[0] == '\0')
		return true;
	switch (directory_account(c->w->directory, span_of(c->user), &found)) {
	case 1:
		if (c->has_secret && c->secret != found.secret) {
			account_is_gone(c);
			return false;
		}
		c->t.user_max_size = found.max_message_bytes;
		c->t.user_max_rcpts = found.max_recipients;
		return true;
	case 0:
		account_is_gone(c);
		return false;
	default:
		reply_lost(c, "lookup");
		return false;
	}
}

void
facts_domain_refused(struct smtp *c, struct span address)
{
	struct span domain = span_from(address, (size_t)(span_rfind(address, '@') + 1));

	if (!c->dry && directory_space_refused(c->w->directory, domain) != 0)
		smtp_log(c, "event=not-told about=domain-full");
}

bool
facts_sender_needs_login(struct smtp *c, struct span domain, bool *needs_out)
{
	bool wants = false;
	int answer = 0;

	*needs_out = false;
	if (domain.n == 0 || c->user[0] != '\0' || c->is_trusted)
		return true;
	answer = directory_domain_wants_login(c->w->directory, domain, &wants);
	*needs_out = answer == 1 && wants;
	return answer >= 0;
}
