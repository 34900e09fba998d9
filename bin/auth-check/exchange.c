/*
 * exchange: see exchange.h.
 *
 * Trust: names are a client's and hostile: limited, without NUL, and only
 * looked up.
 */
#include "base/base.h"
#include "exchange.h"

#include "base/mem.h"

const struct mechanism *const mechanisms[] = {
	&mech_scram_sha256_plus, &mech_scram_sha256, &mech_scram_sha1_plus, &mech_scram_sha1, &mech_cram_md5,
	&mech_external, &mech_oauthbearer, &mech_plain, &mech_login, NULL
};

const struct mechanism *
mechanism_find(struct span name)
{
	for (size_t i = 0; mechanisms[i] != NULL; i++)
		if (span_is(name, mechanisms[i]->name))
			return mechanisms[i];
	return NULL;
}

bool
exchange_set_name(struct exchange *x, struct span name)
{
	if (name.n == 0 || name.n > LIMIT_LOGIN_NAME || memchr(name.p, '\0', name.n) != NULL)
		return false;
	memcpy(x->name, name.p, name.n);
	x->name[name.n] = '\0';
	return true;
}

bool
exchange_may_act_as(struct exchange *x, struct span authzid, struct span name)
{
	struct account one, other;
	bool disabled;

	if (authzid.n == 0 || span_eq(authzid, name))
		return true;
	return verify_find(x->core->rs, authzid, &one, &disabled)
		&& verify_find(x->core->rs, name, &other, &disabled) && strcmp(one.address, other.address) == 0;
}

void
exchange_challenge(struct exchange *x, struct span text)
{
	x->step++;
	x->challenge(x, text);
}

void
exchange_bad(struct exchange *x)
{
	x->done(x, EXCHANGE_BAD);
}

void
exchange_good(struct exchange *x, struct span name)
{
	struct account a;
	bool disabled;
	enum exchange_result result = EXCHANGE_BAD;

	if (verify_find(x->core->rs, name, &a, &disabled)) {
		memcpy(x->user, a.address, sizeof(x->user));
		result = disabled ? EXCHANGE_DISABLED : EXCHANGE_GOOD;
	}
	mem_wipe(&a, sizeof(a));
	x->done(x, result);
}

static void
on_verified(void *ctx, enum verify_result result)
{
	struct exchange *x = ctx;

	if (result == VERIFY_GOOD)
		exchange_good(x, span_of(x->name));
	else if (result == VERIFY_DISABLED)
		x->done(x, EXCHANGE_DISABLED);
	else
		x->done(x, result == VERIFY_BAD ? EXCHANGE_BAD : EXCHANGE_TROUBLE);
}

void
exchange_password(struct exchange *x, struct span name, struct span password)
{
	if (!exchange_set_name(x, name))
		name = SPAN_NONE;
	verify_password(x->core->verifier, name, password, x->ip, &x->job, on_verified, x);
}

void
exchange_end(struct exchange *x)
{
	helpers_forget(&x->job);
	if (x->mech->end != NULL)
		x->mech->end(x);
	x->state = NULL;
}
