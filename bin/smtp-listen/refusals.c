/*
 * refusals: a client that is refused over and over has to leave.
 *
 * Unknown addresses and bad commands have settings of their own; whoever asks for
 * addresses by VRFY or EXPN is counted as one who does by RCPT.  The limits here
 * hold for every other refusal too, whatever its reason: who may not relay, is
 * greylisted or did not log in would else keep its place by asking again.
 *
 * Recipients are counted apart, since a list may have a thousand of them in one
 * message and hear no for most.  An accepted message begins the count anew.
 */
#include "base/base.h"
#include "smtp.h"
#include "facts.h"

static bool
is_past(struct smtp *c, unsigned needs)
{
	if ((needs & COUNTS_MAIL) != 0)
		return c->refused_mails >= session_tolerance(c->s, LIMIT_SMTP_REFUSED_MAILS);
	return (needs & COUNTS_RCPT) != 0 && c->refused_rcpts >= LIMIT_SMTP_REFUSED_RCPTS;
}

bool
refusals_leave_room(struct smtp *c, unsigned needs)
{
	if (!is_past(c, needs))
		return true;
	reply(c, 421, "4.7.0", "Too many commands were refused");
	smtp_log(c, "event=too-many-refusals mails=%llu recipients=%llu", (unsigned long long)c->refused_mails,
		 (unsigned long long)c->refused_rcpts);
	c->over = true;
	return false;
}

void
refusals_note(struct smtp *c, unsigned needs)
{
	if (c->code < 400)
		return;
	if ((needs & COUNTS_MAIL) != 0)
		c->refused_mails++;
	else if ((needs & COUNTS_RCPT) != 0)
		c->refused_rcpts++;
}

void
refusals_forget(struct smtp *c)
{
	c->refused_mails = c->refused_rcpts = 0;
}

/* One more address that does not exist (SMTPIN-13).  False: one too many; replied. */
static bool
may_try_more(struct smtp *c)
{
	const uint64_t most = session_tolerance(c->s, c->config->max_bad_recipients);
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	if (most > 0)
		c->bad_recipients++;
	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_unknown_rcpts(c->bad_recipients, most, &why);
	if (smtp_decided(c, "recipients", &why, &v))
		return true;
	reply_verdict(c, &v);
	smtp_log(c, "event=too-many-bad-recipients");
	c->harvests = true;
	c->over = true;
	return false;
}

void
refusals_reply(struct smtp *c, const struct verdict *v)
{
	if (strcmp(v->status, "5.1.1") != 0 || may_try_more(c))
		reply_verdict(c, v);
}
