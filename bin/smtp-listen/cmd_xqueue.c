/*
 * cmd_xqueue: XQUEUE tells how many messages are in the queue, for servers of
 * the same administrator that choose among their gateways by it.  It is in no
 * standard and not announced; who may ask is set (queueReaders), and must have
 * logged in under TLS.
 */
#include "base/base.h"
#include "smtp.h"
#include "base/record.h"

#define LIST "queueReaders/user"

static bool
may_ask(const struct smtp *c)
{
	const struct settings *s = c->s->svc->settings;

	for (size_t i = 0; i < settings_count(s, LIST) && c->s->tls; i++)
		if (c->user[0] != '\0' && span_eq_nocase(span_of(c->user), span_of(settings_list(s, LIST, i))))
			return true;
	return false;
}

void
cmd_xqueue(struct smtp *c, struct span args)
{
	struct record r;
	struct buf question;
	uint64_t total;
	char text[64];

	(void)args;
	if (settings_count(c->s->svc->settings, LIST) == 0) {
		reply_bad(c, 502, "5.5.1", "XQUEUE is not offered");
		return;
	}
	if (!may_ask(c)) {
		smtp_log(c, "event=xqueue-refused");
		reply(c, 530, "5.7.0", "Log in under TLS as one who may know");
		return;
	}
	if (c->dry) {
		reply(c, 250, "2.0.0", "0 messages in the queue");
		return;
	}
	buf_init_fixed(&question, text, sizeof(text));
	record_begin(&question, "length");
	if (!schedule_ask(c, &question, &r)) {
		reply(c, 450, "4.3.0", "The queue does not answer");
		return;
	}
	if (span_is(r.verb, "ok") && record_get_num(&r, "total", UINT64_MAX, &total))
		reply(c, 250, "2.0.0", "%llu messages in the queue", (unsigned long long)total);
	else
		reply(c, 450, "4.3.0", "The queue does not answer");
	record_free(&r);
}
