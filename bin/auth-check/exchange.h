/*
 * exchange: one log-in under way, from AUTH to OK or FAIL.
 *
 * A mechanism is a pair of functions over struct exchange.  It is told what the
 * client sent (decoded) and ends its step with exactly one of exchange_challenge,
 * exchange_password, exchange_good or exchange_bad.
 */
#ifndef AUTH_CHECK_EXCHANGE_H
#define AUTH_CHECK_EXCHANGE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "directory/auth_channel.h"
#include "directory/jwt.h"
#include "verify.h"

struct auth_core;
struct exchange;
struct oauth;

struct mechanism {
	const char *name;
	const char *parameters;		/* of its MECH line */
	bool is_clear;			/* the password, or a token as good as one, crosses the wire */
	/* Is there anything it could be used with?  NULL: always. */
	bool (*is_offered)(const struct auth_core *core);
	/* in.p is NULL when the client sent no initial response. */
	void (*step)(struct exchange *x, struct span in);
	void (*end)(struct exchange *x);	/* free x->state; may be NULL */
};

extern const struct mechanism mech_plain, mech_login, mech_cram_md5, mech_external, mech_oauthbearer;
extern const struct mechanism mech_scram_sha1, mech_scram_sha1_plus, mech_scram_sha256, mech_scram_sha256_plus;
/* By its name in upper case; NULL when there is none. */
const struct mechanism *mechanism_find(struct span name);
extern const struct mechanism *const mechanisms[];	/* NULL-ended */

/* What a finished exchange says. */
enum exchange_result {
	EXCHANGE_GOOD,
	EXCHANGE_BAD,
	EXCHANGE_DISABLED,
	EXCHANGE_TROUBLE
};

/* What mechanisms need of the server around them. */
struct auth_core {
	struct resolver *rs;
	struct verifier *verifier;
	const struct settings *settings;
	struct oauth *oauth;		/* NULL: not enabled */
	const char *host_name;		/* in CRAM-MD5 challenges */
	unsigned char pepper[32];	/* for answers about unknown users that do not change */
};

/* What the session program says of the connection; "" for what there is not. */
struct exchange_channel {
	char exporter[AUTH_BINDING_MAX], unique[AUTH_BINDING_MAX];	/* base64 */
	char cert_sha256[65];
	char cert_names[TLS_PEER_NAMES_MAX];	/* of a valid certificate, comma separated */
};

struct exchange {
	struct auth_core *core;
	const struct mechanism *mech;
	unsigned step;			/* for the mechanism: 0 at first */
	const char *ip;			/* of the client, "" when not known; borrowed */
	const struct exchange_channel *channel;	/* borrowed */
	void *state;			/* the mechanism's own */
	struct hash_job *job;		/* a password or a token is being checked */
	char name[LIMIT_LOGIN_NAME + 1];	/* as given; for the log, "" before it is known */
	char user[LIMIT_ADDRESS + 1];	/* canonical; set with EXCHANGE_GOOD */
	char why[JWT_WHY_MAX];		/* of a failure, for the log only; "" when there is nothing to tell */
	/* The server's: how to go on. */
	void (*challenge)(struct exchange *x, struct span text);
	void (*done)(struct exchange *x, enum exchange_result result);
	void *ctx;
};

/* Send a challenge (encoded by the server), and wait for the response. */
void exchange_challenge(struct exchange *x, struct span text);
/* Finish by name and password in clear. */
void exchange_password(struct exchange *x, struct span name, struct span password);
/* Finish: name was proven otherwise; its account may still be disabled. */
void exchange_good(struct exchange *x, struct span name);
void exchange_bad(struct exchange *x);

/* Remember the name for the log; false when it is too long or has NUL. */
bool exchange_set_name(struct exchange *x, struct span name) PB_MUST_CHECK;
/* True when authzid is empty or another spelling of the same address as name (CASES: I18). */
bool exchange_may_act_as(struct exchange *x, struct span authzid, struct span name) PB_MUST_CHECK;

/* Give up whatever is pending. Frees nothing but what the exchange holds. */
void exchange_end(struct exchange *x);

#endif
