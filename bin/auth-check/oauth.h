/*
 * oauth: what the settings say of tokens, and the file of the issuer's keys.
 *
 * Whoever issues tokens signs them, and we have its public keys in a file: no
 * log-in waits for another server, and none fails because that is down.  The file
 * is opened anew for each log-in and its descriptor goes to the helper that checks
 * the token, so new keys count from the moment that the file is replaced.
 */
#ifndef AUTH_CHECK_OAUTH_H
#define AUTH_CHECK_OAUTH_H

#include "base/base.h"
#include "directory/jwt.h"
#include "service/service.h"

struct oauth;

/* Before service_confine.  NULL when tokens are not enabled; dies when the settings are not complete. */
struct oauth *oauth_new(struct service *svc);

/* The key set, owned by the caller; -1 with errno (EPERM: others than its owner may write it). */
int oauth_open_keys(const struct oauth *o) PB_MUST_CHECK;

/* Issuer, audience and claim; now_s is not set. */
const struct jwt_rules *oauth_rules(const struct oauth *o);

#endif
