/*
 * decided: the log has why something was decided, as `name value weight total`.
 */
#include "base/base.h"
#include "abuse.h"

#include "notice.h"
#include "policy/sum.h"

void
abuse_log_decision(struct abuse *a, const struct addr *ip, const char *about, const struct buf *why, const char *rest)
{
	char text[ADDR_TEXT_MAX] = "", storage[2 * ABUSE_WHY_SIZE];
	struct span lines = buf_view(why);
	struct buf line;

	if (ip != NULL)
		addr_print(ip, text, sizeof(text));
	for (buf_init_fixed(&line, storage, sizeof(storage)); policy_sum_print(&lines, &line); buf_clear(&line))
		log_line(&a->svc, "", text, "event=check about=%s %s%s", about, buf_text(&line), rest);
}

void
abuse_log_user_decision(struct abuse *a, const struct addr *ip, const char *about, int service, struct span user,
	const struct buf *why)
{
	char storage[4 * LIMIT_LOGIN_NAME + 32];
	struct buf rest;

	buf_init_fixed(&rest, storage, sizeof(storage));
	buf_printf(&rest, " service=%s", abuse_service_name(service));
	log_value(&rest, "user", user);
	abuse_log_decision(a, ip, about, why, buf_text(&rest));
}

void
rule_log_decision(struct abuse *a, const struct rule *r, const struct addr *ip, const struct buf *why)
{
	char about[32];

	snprintf(about, sizeof(about), "rule-%u", r->number);
	abuse_log_decision(a, ip, about, why, "");
}
