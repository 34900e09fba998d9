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

/* Ports where users log in stay open for them (SMTPIN-25), and for each place there is one who waits. */
static bool
is_refused_as_stranger(const struct smtp *c)
{
	return !c->needs_login && !c->is_trusted;
}

/* True when the client said something that it should have waited with. */
static bool
talks_early(struct smtp *c)
{
	uint64_t ms = settings_num(c->config->settings, "bannerDelay");

	if (ms == 0 || c->is_trusted || c->needs_login || c->s->tls)
		return false;
	return stream_hears_within(&c->s->io, ms);
}

static bool
refuse(struct smtp *c, int code, const char *status, const char *reason, const char *text)
{
	smtp_log(c, "event=refused reason=%s code=%d", reason, code);
	reply(c, code, status, "%s", text);
	return false;
}

bool
welcome(struct smtp *c)
{
	if (c->s->standing == GATE_BLACK && is_refused_as_stranger(c))
		return refuse(c, 554, "5.7.1", "blacklist", "Your address is not served here");
	if (c->s->in_reserve && is_refused_as_stranger(c))
		return refuse(c, 421, "4.3.2", "reserve", "Too many connections, try again later");
	if (!talks_early(c))
		return true;
	if (strcmp(settings_text(c->config->settings, "earlyTalkers"), "refuse") == 0)
		return refuse(c, 554, "5.5.1", "early-talker", "You spoke before the greeting");
	smtp_log(c, "event=early-talker");
	c->is_early = true;
	return true;
}
