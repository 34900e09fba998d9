/*
 * mech_scram: SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677) by GNU SASL, over
 * stored keys; with channel binding (-PLUS) to tls-exporter or tls-unique.
 *
 * A client that could bind but was made to believe that we cannot ("y") is
 * refused where we can: somebody changed what it read (RFC 5802 6).
 *
 * Unknown users, and users without such keys, get a salt made of their name under
 * the pepper: the same at every try and for every spelling, and another for each hash, as
 * real ones are, so that nobody learns who exists.
 */
#include "base/base.h"
#include "exchange.h"

#include <gsasl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "base/base64.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "directory/secret.h"

#define PART_MAX 128
#define ITERATIONS_MAX 1000000

struct keys {
	char iterations[12];
	char salt[PART_MAX], stored[PART_MAX], server[PART_MAX];
};

static Gsasl *library;

static bool
is_sha1(const struct exchange *x)
{
	return x->mech == &mech_scram_sha1 || x->mech == &mech_scram_sha1_plus;
}

static bool
is_plus(const struct exchange *x)
{
	return x->mech == &mech_scram_sha1_plus || x->mech == &mech_scram_sha256_plus;
}

static bool
copy_part(struct span s, char *out)
{
	if (s.n == 0 || s.n >= PART_MAX)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

/* SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY */
static bool
read_keys(const char *text, const char *wanted, struct keys *k)
{
	struct span rest = span_of(text), scheme = span_cut(&rest, '$'), count, salt, stored;
	int iterations;

	if (!span_is(scheme, wanted) || rest.p == NULL)
		return false;
	count = span_cut(&rest, ':');
	salt = rest.p != NULL ? span_cut(&rest, '$') : SPAN_NONE;
	stored = rest.p != NULL ? span_cut(&rest, ':') : SPAN_NONE;
	if (rest.p == NULL || !num_parse_int(count, ITERATIONS_MAX, &iterations) || iterations < 1)
		return false;
	snprintf(k->iterations, sizeof(k->iterations), "%d", iterations);
	return copy_part(salt, k->salt) && copy_part(stored, k->stored) && copy_part(rest, k->server);
}

static void
put_base64(const unsigned char *p, size_t n, char *out)
{
	struct buf b;

	buf_init_fixed(&b, out, PART_MAX);
	base64_encode(&b, span_make(p, n));
}

static const char *
stored_form(const struct exchange *x)
{
	return is_sha1(x) ? "SCRAM-SHA-1" : "SCRAM-SHA-256";
}

static void
invent_keys(const struct exchange *x, struct keys *k)
{
	const struct auth_core *core = x->core;
	char name[LIMIT_LOGIN_NAME + 1], text[LIMIT_LOGIN_NAME + 32];
	size_t size = is_sha1(x) ? 20 : 32;
	unsigned char mac[32];
	unsigned n = 0;

	verify_canonical(core->rs, span_of(x->name), name);
	snprintf(text, sizeof(text), "%s %s", stored_form(x), name);
	if (HMAC(EVP_sha256(), core->pepper, sizeof(core->pepper), (const unsigned char *)text, strlen(text),
	    mac, &n) == NULL)
		bug("HMAC failed");
	snprintf(k->iterations, sizeof(k->iterations), "%d", SECRET_SCRAM_ITERATIONS);
	put_base64(mac, 16, k->salt);
	put_base64(mac, size, k->stored);		/* the key that hashes to it is not known to anybody */
	put_base64(mac, size, k->server);
}

static int
give(Gsasl_session *session, Gsasl_property prop, const char *value)
{
	return gsasl_property_set(session, prop, value);
}

static int
give_keys(struct exchange *x, Gsasl_session *session, Gsasl_property wanted)
{
	const char *name = gsasl_property_fast(session, GSASL_AUTHID);
	struct account a = { 0 };
	struct keys k;
	bool disabled;
	int rc;

	if (name == NULL || !exchange_set_name(x, span_of(name)))
		return GSASL_AUTHENTICATION_ERROR;
	if (!verify_find(x->core->rs, span_of(x->name), &a, &disabled) ||
	    !read_keys(is_sha1(x) ? a.scram1 : a.scram, stored_form(x), &k))
		invent_keys(x, &k);
	if (wanted == GSASL_SCRAM_ITER)
		rc = give(session, wanted, k.iterations);
	else if (wanted == GSASL_SCRAM_SALT)
		rc = give(session, wanted, k.salt);
	else if (wanted == GSASL_SCRAM_STOREDKEY)
		rc = give(session, wanted, k.stored);
	else
		rc = give(session, wanted, k.server);
	mem_wipe(&a, sizeof(a));
	mem_wipe(&k, sizeof(k));
	return rc;
}

static int
give_binding(struct exchange *x, Gsasl_session *session, Gsasl_property prop)
{
	const char *binding = prop == GSASL_CB_TLS_EXPORTER ? x->channel->exporter : x->channel->unique;

	return !is_plus(x) || binding[0] == '\0' ? GSASL_NO_CALLBACK : give(session, prop, binding);
}

static int
on_property(Gsasl *ctx PB_UNUSED, Gsasl_session *session, Gsasl_property prop)
{
	struct exchange *x = gsasl_session_hook_get(session);

	if (x != NULL && (prop == GSASL_SCRAM_ITER || prop == GSASL_SCRAM_SALT
	    || prop == GSASL_SCRAM_STOREDKEY || prop == GSASL_SCRAM_SERVERKEY))
		return give_keys(x, session, prop);
	if (x != NULL && (prop == GSASL_CB_TLS_EXPORTER || prop == GSASL_CB_TLS_UNIQUE))
		return give_binding(x, session, prop);
	return GSASL_NO_CALLBACK;
}

static bool
open_session(struct exchange *x)
{
	Gsasl_session *session;

	if (library == NULL) {
		if (gsasl_init(&library) != GSASL_OK)
			die(EXIT_TRY_LATER, "GNU SASL cannot start");
		gsasl_callback_set(library, on_property);
	}
	if (gsasl_server_start(library, x->mech->name, &session) != GSASL_OK)
		return false;
	gsasl_session_hook_set(session, x);
	x->state = session;
	return true;
}

static void
finish(struct exchange *x)
{
	const char *authzid = gsasl_property_fast(x->state, GSASL_AUTHZID);

	if (exchange_may_act_as(x, span_of(authzid), span_of(x->name)))
		exchange_good(x, span_of(x->name));
	else
		exchange_bad(x);
}

/* The first byte of the GS2 header: p binds, n cannot, y could but was told that we cannot. */
static bool
is_downgraded(const struct exchange *x, struct span in)
{
	bool binds = x->channel->exporter[0] != '\0' || x->channel->unique[0] != '\0';

	return in.n > 0 && (is_plus(x) ? in.p[0] != 'p' || !binds : in.p[0] == 'p' || (in.p[0] == 'y' && binds));
}

static void
step(struct exchange *x, struct span in)
{
	char *out = NULL;
	size_t n = 0;
	int rc;

	if (x->step == 0 && in.p == NULL) {
		exchange_challenge(x, SPAN(""));
		return;
	}
	/* The server's last message is a challenge too; its answer is empty. */
	if (x->step == 99) {
		finish(x);
		return;
	}
	if (x->state == NULL && is_downgraded(x, in)) {
		exchange_bad(x);
		return;
	}
	if (x->state == NULL && !open_session(x)) {
		x->done(x, EXCHANGE_TROUBLE);
		return;
	}
	rc = gsasl_step(x->state, in.p != NULL ? in.p : "", in.n, &out, &n);
	if (rc == GSASL_OK && n > 0)
		x->step = 98;
	if (rc == GSASL_OK && n == 0)
		finish(x);
	else if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE)
		exchange_challenge(x, span_make(out, n));
	else
		exchange_bad(x);
	gsasl_free(out);
}

static void
end(struct exchange *x)
{
	if (x->state != NULL)
		gsasl_finish(x->state);
}

static bool
offers_sha1(const struct auth_core *core)
{
	return index_offers(core->rs->ix).scram1;
}

static bool
offers_sha256(const struct auth_core *core)
{
	return index_offers(core->rs->ix).scram;
}

const struct mechanism mech_scram_sha1 = {
	.name = "SCRAM-SHA-1", .parameters = "mutual-auth", .is_offered = offers_sha1, .step = step, .end = end,
};

const struct mechanism mech_scram_sha1_plus = {
	.name = "SCRAM-SHA-1-PLUS", .parameters = "mutual-auth\tchannel-binding", .is_offered = offers_sha1,
	.step = step, .end = end,
};

const struct mechanism mech_scram_sha256 = {
	.name = "SCRAM-SHA-256", .parameters = "mutual-auth", .is_offered = offers_sha256, .step = step, .end = end,
};

const struct mechanism mech_scram_sha256_plus = {
	.name = "SCRAM-SHA-256-PLUS", .parameters = "mutual-auth\tchannel-binding", .is_offered = offers_sha256,
	.step = step, .end = end,
};
