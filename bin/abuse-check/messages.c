/*
 * messages: does somebody of ours send spam (ABUSE-10)?
 *
 * Counted are messages of those we relay for.  sameSize counts messages of one
 * size in bytes, whoever sends them; volume counts those of one sender: the
 * account, or where nobody logged in the address, or "local".  Sending goes on.
 */
#include "base/base.h"
#include "abuse.h"

#include "notice.h"

static void
sender_text(struct span from, const struct addr *ip, char out[LIMIT_ADDRESS + 1])
{
	char text[ADDR_TEXT_MAX];

	if (from.n > 0)
		snprintf(out, LIMIT_ADDRESS + 1, "%.*s", SPAN_ARG(span_first(from, LIMIT_ADDRESS)));
	else if (ip != NULL)
		snprintf(out, LIMIT_ADDRESS + 1, "%s", addr_print(ip, text, sizeof(text)));
	else
		snprintf(out, LIMIT_ADDRESS + 1, "local");
}

void
messages_count(struct abuse *a, const struct addr *ip, struct span from, uint64_t size)
{
	char sender[LIMIT_ADDRESS + 1], size_text[24], storage[ABUSE_WHY_SIZE];
	uint8_t of_sender[16], of_size[16];
	struct buf why;

	sender_text(from, ip, sender);
	snprintf(size_text, sizeof(size_text), "%llu", (unsigned long long)size);
	table_text_key(a->accounts, span_of(sender), of_sender);
	table_text_key(a->accounts, span_of(size_text), of_size);
	for (size_t i = 0; i < a->rule_count; i++) {
		struct rule *r = &a->rules[i];
		const uint8_t *key = r->by_sender ? of_sender : of_size;
		struct crossing c = { .key = key, .ip = ip, .account = span_of(sender), .size = size };

		if (r->kind != RULE_INTERNAL_SPAMMER)
			continue;
		c.count = table_count(a->accounts, key, r->number, 1, abuse_now_s(), r->frame_s);
		buf_init_fixed(&why, storage, sizeof(storage));
		if (!rule_is_crossed(r, &c, &why) || !notice_is_new(a, r, key))
			continue;
		rule_log_decision(a, r, ip, &why);
		notice_crossing(a, r, &c);
	}
}
