/*
 * origin: the server behind a gateway of ours (BYP-02), found once the header
 * is here, for the log and for the checks that judge it instead of the gateway.
 */
#include "base/base.h"
#include "smtp.h"
#include "check/origin.h"
#include "facts.h"

struct verdict
origin_check(struct smtp *c)
{
	const struct message *m = &c->w->message;
	struct span header = span_first(buf_view(&m->text), m->found.end), helo = SPAN_NONE;
	char ip[ADDR_TEXT_MAX] = "-";

	if (!addr_set_has(&c->config->gateways, &c->s->peer))
		return verdict_make(250, "2.0.0", "OK");
	if (origin_find(header, &c->s->peer, &c->config->gateways, &c->t.origin, &helo))
		addr_print(&c->t.origin, ip, sizeof(ip));
	smtp_log(c, "event=origin ip=%s", ip);
	return facts_origin(c, helo);
}
