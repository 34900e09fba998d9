/*
 * cmd_helo: HELO and EHLO (RFC 5321 4.1.1.1).  The name is kept as it was given
 * once its grammar is right; nothing trusts it.
 */
#include "base/base.h"
#include "smtp.h"
#include "facts.h"
#include "demands.h"
#include "filter.h"

/* True when the name was taken; both commands also end a transaction. */
static bool
take_name(struct smtp *c, struct span name, bool esmtp)
{
	if (!smtp_helo_is_valid(name)) {
		reply_bad(c, 501, "5.5.4", "Give your domain name or address literal");
		return false;
	}
	transaction_reset(c);
	memcpy(c->helo, name.p, name.n);
	c->helo[name.n] = '\0';
	c->esmtp = esmtp;
	facts_helo(c);
	if (filter_helo(c))
		return true;
	/* Who passes over the refusal and goes on has said no name. */
	c->helo[0] = '\0';
	c->esmtp = false;
	return false;
}

void
cmd_helo(struct smtp *c, struct span args)
{
	if (take_name(c, args, false))
		reply(c, 250, NULL, "%s", c->host);
}

void
cmd_ehlo(struct smtp *c, struct span args)
{
	struct buf text;
	struct buf mechanisms;

	if (!take_name(c, args, true))
		return;
	buf_init(&text, 2048);
	buf_init(&mechanisms, 512);
	buf_printf(&text, "%s\nPIPELINING\nSIZE %llu\n8BITMIME\nENHANCEDSTATUSCODES\nDSN\nCHUNKING\nBINARYMIME\n",
		   c->host, (unsigned long long)c->config->max_size);
	demands_offer(c, &text);
	if (c->w->tls != NULL && !smtp_is_secured(c))
		buf_text_put(&text, "STARTTLS\n");
	auth_offered(c, &mechanisms);
	if (mechanisms.n > 0)
		buf_printf(&text, "AUTH %s\n", buf_text(&mechanisms));
	xclient_offered(c, &text);
	buf_text_put(&text, "HELP");
	reply_lines(c, 250, NULL, buf_view(&text));
	buf_free(&mechanisms);
	buf_free(&text);
}
