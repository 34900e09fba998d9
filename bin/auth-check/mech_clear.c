/*
 * mech_clear: PLAIN (RFC 4616) and LOGIN, which both send the password itself.
 *
 * Trust: the response is hostile: its parts are cut at NUL and limited.  The
 * session program has refused both where a readable password must not travel.
 */
#include "base/base.h"
#include "exchange.h"

#include "base/mem.h"

/* authzid NUL authcid NUL password; more NULs make a password that is none. */
static void
plain_step(struct exchange *x, struct span in)
{
	struct span rest = in, authzid, name;

	if (in.p == NULL && x->step == 0) {
		exchange_challenge(x, SPAN(""));
		return;
	}
	authzid = span_cut(&rest, '\0');
	name = rest.p != NULL ? span_cut(&rest, '\0') : SPAN_NONE;
	if (rest.p == NULL) {
		exchange_bad(x);
		return;
	}
	if (!exchange_may_act_as(x, authzid, name)) {
		if (!exchange_set_name(x, name))
			x->name[0] = '\0';
		name = SPAN_NONE;	/* costs the same time as a wrong password */
	}
	exchange_password(x, name, rest);
}

const struct mechanism mech_plain = {
	.name = "PLAIN", .parameters = "plaintext", .is_clear = true, .step = plain_step,
};

static void
login_step(struct exchange *x, struct span in)
{
	if (in.p == NULL && x->step == 0) {
		exchange_challenge(x, SPAN("Username:"));
		return;
	}
	/* The name came as initial response or to the first challenge. */
	if (x->state == NULL) {
		if (in.n > LIMIT_LOGIN_NAME) {
			exchange_bad(x);
			return;
		}
		x->state = mem_copy(in);
		exchange_challenge(x, SPAN("Password:"));
		return;
	}
	exchange_password(x, span_of(x->state), in);
}

static void
login_end(struct exchange *x)
{
	free(x->state);
}

const struct mechanism mech_login = {
	.name = "LOGIN", .parameters = "plaintext", .is_clear = true, .step = login_step, .end = login_end,
};
