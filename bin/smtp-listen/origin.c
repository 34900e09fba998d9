/*
 * origin: the server behind a gateway of ours (BYP-02), found once the header
 * is here, for the checks that follow and for the log.
 */
#include "base/base.h"
#include "smtp.h"
#include "check/origin.h"

void
origin_note(struct smtp *c)
{
	const struct message *m = &c->w->message;
	struct span header = span_first(buf_view(&m->text), m->found.end);
	char ip[ADDR_TEXT_MAX];

	if (!addr_set_has(&c->config->gateways, &c->s->peer))
		return;
	if (origin_find(header, &c->s->peer, &c->config->gateways, &c->t.origin))
		smtp_log(c, "event=origin ip=%s", addr_print(&c->t.origin, ip, sizeof(ip)));
	else
		smtp_log(c, "event=origin ip=-");
}
