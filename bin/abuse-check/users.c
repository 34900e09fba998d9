/*
 * users: how many sessions a user has at a time, by service.
 *
 * A user is a canonical address, so one account has one key however it logged
 * in.  A session that comes from a whitelisted address is counted, never refused.
 */
#include "base/base.h"
#include "abuse.h"

#include "policy/abuse.h"

bool
users_enter(struct abuse *a, const struct addr *ip, int service, struct span user, struct user_session *out)
{
	struct policy_admission facts = { .open_max = a->most_of_user[service],
		.is_white = ip == NULL || abuse_is_listed(a->white, a->white_count, ip, service) };

	char storage[ABUSE_WHY_SIZE];
	struct buf why;

	buf_init_fixed(&why, storage, sizeof(storage));
	out->service = service;
	table_text_key(a->accounts, user, out->key);
	facts.open = table_open(a->accounts, out->key, PURPOSE_OPEN + (unsigned)service, abuse_now_s());
	if (policy_admission(&facts, &why) == POLICY_ADMITTED)
		return true;
	abuse_log_user_decision(a, ip, "user", service, user, &why);
	users_leave(a, out);
	return false;
}

void
users_leave(struct abuse *a, const struct user_session *u)
{
	table_close(a->accounts, u->key, PURPOSE_OPEN + (unsigned)u->service);
}
