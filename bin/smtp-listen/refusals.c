/*
 * refusals: a client that is refused over and over has to leave.
 *
 * Unknown recipients and bad commands have settings of their own.  These limits
 * hold for every other refusal too, whatever its reason: who may not relay, is
 * greylisted or did not log in would else keep its place by asking again.
 *
 * Recipients are counted apart, since a list may have a thousand of them in one
 * message and hear no for most.  An accepted message begins the count anew.
 */
#include "base/base.h"
#include "smtp.h"

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
