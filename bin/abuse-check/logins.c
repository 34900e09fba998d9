/*
 * logins: failed log-ins, and how long their answers wait.
 *
 * Failures are counted by address and by account, whoever tries it, and the
 * longer of the two delays holds.  A good log-in makes address and account known
 * to each other: then neither a mistyped password nor somebody else's guesses
 * at the account slow its owner down.  A known pair that fails SPARED_FAILURES
 * times in a frame is treated as any other, since the address may be shared.
 * A good log-in forgives no failures: who has one account could else guess at
 * others without end.
 */
#include "base/base.h"
#include "abuse.h"

#include "policy/abuse.h"

/* Failed log-ins are forgotten after this long. */
#define FAILED_FRAME_S 900
#define KNOWN_FRAME_S (30 * 86400)
#define SPARED_FAILURES 20

/* Log-in names are the same in any letter case. */
static struct span
lower(struct span user, char out[LIMIT_LOGIN_NAME])
{
	user = span_first(user, LIMIT_LOGIN_NAME);
	for (size_t i = 0; i < user.n; i++)
		out[i] = char_lower(user.p[i]);
	return span_make(out, user.n);
}

/* The key of an account; with an address, that of the two together. */
static void
account_key(const struct table *t, const struct addr *ip, struct span user, uint8_t key[16])
{
	char text[16 + LIMIT_LOGIN_NAME] = { 0 };

	if (ip != NULL)
		abuse_key(ip, (uint8_t *)text);
	user = lower(user, text + 16);
	table_text_key(t, span_make(text, 16 + user.n), key);
}

static uint32_t
count_address(struct abuse *a, const struct addr *ip)
{
	uint8_t key[16];

	abuse_key(ip, key);
	return table_count(a->addresses, key, PURPOSE_FAILED, 1, abuse_now_s(), FAILED_FRAME_S);
}

static uint32_t
count_account(struct abuse *a, struct span user)
{
	uint8_t key[16];

	account_key(a->accounts, NULL, user, key);
	return table_count(a->accounts, key, PURPOSE_FAILED, 1, abuse_now_s(), FAILED_FRAME_S);
}

/* Did this account log in from this address, and has it not failed too often there since? */
static bool
is_spared(struct abuse *a, const struct addr *ip, struct span user)
{
	uint8_t key[16];

	account_key(a->known, ip, user, key);
	return table_count(a->known, key, PURPOSE_KNOWN, 0, abuse_now_s(), KNOWN_FRAME_S) > 0 &&
	       table_count(a->known, key, PURPOSE_KNOWN_FAILED, 1, abuse_now_s(), FAILED_FRAME_S) <= SPARED_FAILURES;
}

static void
log_failed(struct abuse *a, const struct addr *ip, int service, struct span user, const char *rest)
{
	char text[ADDR_TEXT_MAX] = "", quoted[LIMIT_LOGIN_NAME * 4 + 16];
	struct buf line;

	if (ip != NULL)
		addr_print(ip, text, sizeof(text));
	buf_init_fixed(&line, quoted, sizeof(quoted));
	log_value(&line, "user", user);
	log_line(&a->svc, "", text, "event=login-failed service=%s%s%s", abuse_service_name(service), buf_text(&line), rest);
}

uint32_t
logins_failed(struct abuse *a, const struct addr *ip, int service, struct span user)
{
	bool trusted = ip == NULL || abuse_is_listed(a->white, a->white_count, ip, service);
	uint32_t by_address = ip != NULL ? count_address(a, ip) : 0;
	uint32_t by_account = user.n > 0 ? count_account(a, user) : 0;
	struct policy_login facts = { by_address, by_account, .is_white = trusted,
		.is_spared = ip != NULL && user.n > 0 && is_spared(a, ip, user) };
	char storage[ABUSE_WHY_SIZE], rest[128];
	struct buf why;
	uint32_t delay;

	buf_init_fixed(&why, storage, sizeof(storage));
	delay = policy_login_delay(&facts, &why);
	abuse_log_user_decision(a, ip, "login", service, user, &why);
	snprintf(rest, sizeof(rest), " failures=%u account-failures=%u delay=%u", by_address, by_account, delay);
	log_failed(a, ip, service, user, rest);
	if (ip != NULL)
		abuse_apply_rules(a, ip, service, RULE_LOGIN_FAILURES, user);
	return delay;
}

void
logins_good(struct abuse *a, const struct addr *ip, struct span user)
{
	uint8_t key[16];

	if (user.n == 0)
		return;
	account_key(a->known, ip, user, key);
	table_count(a->known, key, PURPOSE_KNOWN, 1, abuse_now_s(), KNOWN_FRAME_S);
}
