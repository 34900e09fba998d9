/*
 * mech_oauth: OAUTHBEARER (RFC 7628): a token instead of a password.
 *
 * A helper without rights checks signature and claims (directory/jwt.h); here
 * only the account that the token names is looked up.  A token is as good as a
 * password to whoever reads it, so it needs TLS as those do.  A refusal is told in
 * the way of the RFC: a challenge with a status, and failure after the answer.
 */
#include "base/base.h"
#include "exchange.h"

#include <errno.h>
#include "base/mem.h"
#include "directory/oauthbearer.h"
#include "oauth.h"

struct state {
	bool refused;		/* the status was sent; whatever comes now is the end */
	char authzid[LIMIT_LOGIN_NAME + 1];
};

/* Of the helper's answer; outlives an exchange that is given up. */
struct pending {
	struct exchange *x;
};

static bool
is_offered(const struct auth_core *core)
{
	return core->oauth != NULL;
}

static void
refuse(struct exchange *x, struct span why, const char *status)
{
	struct state *s = x->state;

	snprintf(x->why, sizeof(x->why), "%.*s", SPAN_ARG(why));
	s->refused = true;
	exchange_challenge(x, span_of(status));
}

static void
on_checked(void *ctx, enum hash_result result, struct span text)
{
	struct pending *p = ctx;
	struct exchange *x = p->x;
	struct state *s = x->state;

	free(p);
	x->job = NULL;
	if (result == HASH_TROUBLE) {
		x->done(x, EXCHANGE_TROUBLE);
	} else if (result == HASH_DIFFERS) {
		refuse(x, text, "{\"status\":\"invalid_token\"}");
	} else if (!exchange_set_name(x, text) || !exchange_may_act_as(x, span_of(s->authzid), text)) {
		refuse(x, SPAN("the token is another user's"), "{\"status\":\"invalid_token\"}");
	} else {
		exchange_good(x, span_of(x->name));
	}
}

static void
check(struct exchange *x, struct span token)
{
	struct pending *p = mem_new(sizeof(*p));
	int fd = oauth_open_keys(x->core->oauth);

	p->x = x;
	if (fd < 0)
		snprintf(x->why, sizeof(x->why), "oauth/jwksPath: %s", strerrorname_np(errno));
	else
		x->job = verify_token(x->core->verifier, token, oauth_rules(x->core->oauth), fd, x->ip, on_checked, p);
	if (x->job != NULL)
		return;
	free(p);
	x->done(x, EXCHANGE_TROUBLE);
}

static void
step(struct exchange *x, struct span in)
{
	struct oauthbearer message;
	struct state *s;

	if (in.p == NULL && x->step == 0) {
		exchange_challenge(x, SPAN(""));
		return;
	}
	s = x->state;
	if (s != NULL) {
		exchange_bad(x);
		return;
	}
	x->state = s = mem_new(sizeof(*s));
	if (!oauthbearer_parse(in, &message)) {
		refuse(x, SPAN("not a message of OAUTHBEARER"), "{\"status\":\"invalid_request\"}");
		return;
	}
	memcpy(s->authzid, message.authzid, sizeof(s->authzid));
	if (message.authzid[0] != '\0' && !exchange_set_name(x, span_of(message.authzid)))
		x->name[0] = '\0';
	if (message.token.p == NULL || message.token.n > LIMIT_JWT)
		refuse(x, SPAN("no token, or a long one"), "{\"status\":\"invalid_token\"}");
	else
		check(x, message.token);
}

static void
end(struct exchange *x)
{
	free(x->state);
}

const struct mechanism mech_oauthbearer = {
	.name = "OAUTHBEARER", .parameters = "plaintext", .is_clear = true, .is_offered = is_offered,
	.step = step, .end = end,
};
