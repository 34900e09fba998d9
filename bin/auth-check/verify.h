/*
 * verify: is this the password of that user?
 *
 * Unknown users and users without a hash cost a hash too, so that they load the
 * helpers as others do; when a failure is told does not depend on it (auth_server.h).  What was
 * right is remembered for authCacheSeconds as an HMAC under a key made at start
 * over name, stored hash and password: a client that comes back every minute
 * costs no hash, and a changed password or account is another HMAC.
 */
#ifndef AUTH_CHECK_VERIFY_H
#define AUTH_CHECK_VERIFY_H

#include "base/base.h"
#include "helpers.h"
#include "resolve.h"

struct verifier;

struct verifier *verifier_new(struct resolver *rs, struct helpers *h, unsigned cache_seconds);

enum verify_result { VERIFY_GOOD, VERIFY_BAD, VERIFY_DISABLED, VERIFY_TROUBLE };
typedef void verify_done(void *ctx, enum verify_result result);

/*
 * Find the account for a log-in name: a complete address.  Returns true when there is one
 * (it may be disabled, or its domain: *disabled_out).  Secrets of mechanisms that its domain
 * does not offer are "".
 */
bool verify_find(struct resolver *rs, struct span name, struct account *out, bool *disabled_out);

/*
 * The one spelling of a log-in name, whether there is such an account or not: what is
 * counted or made up for a name must be the same for all of its spellings, as it is for an
 * account's.  What can be no address stays as it is.  NAME has LIMIT_LOGIN_NAME bytes at most.
 */
void verify_canonical(struct resolver *rs, struct span name, char out[LIMIT_LOGIN_NAME + 1]);

/*
 * Check; done is called once, possibly before verify_password returns.
 * ip is the client's address or "", for fairness among many.
 * While it is pending *job_out is not NULL: helpers_forget gives up.  `account` is copied.
 */
void verify_password(struct verifier *v, struct span name, struct span password, const char *ip,
	struct hash_job **job_out, verify_done *done, void *ctx);

/* The same for a token (helpers_token); keys_fd is then owned.  NULL: the queue is full. */
struct hash_job *verify_token(struct verifier *v, struct span token, const struct jwt_rules *rules, int keys_fd,
	const char *ip, token_done *done, void *ctx);

#endif
