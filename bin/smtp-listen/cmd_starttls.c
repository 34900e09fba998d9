/*
 * cmd_starttls: the upgrade to TLS (RFC 3207), and TLS from the first byte.
 *
 * One function makes the change, for both.  It refuses when the client sent
 * anything ahead in clear text, which a man in the middle could have put there,
 * and it forgets all that was said before (RFC 3207 4.2).
 */
#include "base/base.h"
#include "smtp.h"
#include "filter.h"
#include "service/service_tls.h"

/* A log-in in clear may be that of a man in the middle. */
static void
forget_user(struct smtp *c)
{
	if (c->user[0] != '\0' && !c->dry)
		abuse_leave(c->w->abuse);
	c->user[0] = c->mechanism[0] = '\0';
	session_show(c->s, "TLS", "");
}

bool
starttls_handshake(struct smtp *c)
{
	char error[TLS_ERROR_MAX];

	if (c->w->tls == NULL || stream_buffered_input(&c->s->io)) {
		smtp_log(c, "event=tls-failed why=\"%s\"",
			 c->w->tls == NULL ? "no certificate" : "clear text before the handshake");
		c->over = true;
		return false;
	}
	transaction_reset(c);
	c->helo[0] = '\0';
	c->esmtp = false;
	c->points = (struct policy_points){ .points = 0 };
	stream_timeout(&c->s->io, session_patience(c->s, c->config->command_timeout_ms));
	if (tls_accept(c->w->tls, &c->s->io, &c->s->local, error) != 0) {
		smtp_log(c, "event=tls-failed why=\"%s\"", error);
		c->over = true;
		return false;
	}
	c->s->tls = true;
	service_tls_log(c->s);
	forget_user(c);
	return true;
}

void
cmd_starttls(struct smtp *c, struct span args PB_UNUSED)
{
	if (c->s->tls) {
		reply_bad(c, 503, "5.5.1", "TLS is active already");
		return;
	}
	if (c->w->tls == NULL) {
		reply_bad(c, 502, "5.5.1", "STARTTLS is not offered");
		return;
	}
	if (stream_buffered_input(&c->s->io)) {
		reply(c, 554, "5.5.1", "Commands after STARTTLS");
		smtp_log(c, "event=starttls-injection");
		c->over = true;
		return;
	}
	reply(c, 220, "2.0.0", "Ready to start TLS");
	if (stream_flush(&c->s->io) != 0) {
		c->over = true;
		return;
	}
	if (!starttls_handshake(c))
		c->over = true;
}
