/*
 * users: how many sessions a user has at a time, by service.
 *
 * A user is a canonical address, so one account has one key however it logged
 * in.  A session that comes from a whitelisted address is counted, never refused.
 */
#include "base/base.h"
#include "abuse.h"

bool
users_enter(struct abuse *a, const struct addr *ip, int service, struct span user, struct user_session *out)
{
	uint64_t most = a->most_of_user[service];
	bool trusted = ip == NULL || abuse_is_listed(a->white, a->white_count, ip, service);

	out->service = service;
	table_text_key(a->accounts, user, out->key);
	if (table_open(a->accounts, out->key, PURPOSE_OPEN + (unsigned)service, abuse_now_s()) <= most ||
	    most == 0 || trusted)
		return true;
	users_leave(a, out);
	return false;
}

void
users_leave(struct abuse *a, const struct user_session *u)
{
	table_close(a->accounts, u->key, PURPOSE_OPEN + (unsigned)u->service);
}
