/*
 * welcome: what is decided about a client before it hears the greeting: the
 * blacklist (IPBW-05), the last places of the pool, and whether it talks before
 * it is greeted, as programs do that only ever send.
 *
 * A client that is refused is not waited for: RFC 5321 3.1 would have us listen
 * until its QUIT, which gives an attacker the place that we deny it.
 */
#include "base/base.h"
#include "smtp.h"
#include "facts.h"

/* True when the client said something that it should have waited with. */
static bool
talks_early(struct smtp *c)
{
	uint64_t ms = settings_num(c->config->settings, "bannerDelay");

	if (ms == 0 || c->is_trusted || c->needs_login || c->s->tls)
		return false;
	if (c->dry) {
		smtp_log(c, "event=not-asked what=early-talker name=bannerDelay");
		return false;
	}
	return stream_hears_within(&c->s->io, ms);
}

/* What abuse-check has against the address; it is not asked about one that is refused already. */
static void
ask_abuse(struct smtp *c, char why[256])
{
	if (c->dry)
		c->admitted = abuse_would_admit(c->w->abuse, "smtp", c->s->ip, why, 256);
	else
		c->admitted = abuse_admit(c->w->abuse, "smtp", c->s->ip, c->s->standing == GATE_WHITE,
			settings_num(c->config->settings, "smtpMaxConnectionsPerIp") > 0, why, 256);
}

static const char *
reason_of(const struct policy_connect *f)
{
	return f->is_black ? "blacklist" : f->in_reserve ? "reserve" : f->refusal.n > 0 ? "abuse" : "early-talker";
}

bool
welcome(struct smtp *c)
{
	struct policy_connect f = { .is_local = c->s->is_local,
		.is_white = c->s->standing == GATE_WHITE, .is_black = c->s->standing == GATE_BLACK,
		.in_reserve = c->s->in_reserve, .is_trusted = c->is_trusted, .needs_login = c->needs_login,
		.ignores_black = config_is_open_to_black(c->config, &c->s->local) };
	char text[256] = "", storage[FACTS_WHY_SIZE];
	struct verdict v;
	struct buf why;

	buf_init_fixed(&why, storage, sizeof(storage));
	f.refuses_early = strcmp(settings_text(c->config->settings, "earlyTalkers"), "refuse") == 0;
	if (!c->s->is_local && policy_connect(&f, NULL).kind == VERDICT_OK)
		f.is_early = talks_early(c);
	if (!c->s->is_local && policy_connect(&f, NULL).kind == VERDICT_OK)
		ask_abuse(c, text);
	f.refusal = span_of(text);
	v = policy_connect(&f, &why);
	if (smtp_decided(c, "connect", &why, &v)) {
		if (f.is_early)
			smtp_log(c, "event=early-talker");
		c->is_early = f.is_early;
		return true;
	}
	if (f.refusal.n > 0)
		smtp_log(c, "event=refused reason=abuse code=%d why=\"%s\"", v.code, text);
	else
		smtp_log(c, "event=refused reason=%s code=%d", reason_of(&f), v.code);
	reply_verdict(c, &v);
	return false;
}
