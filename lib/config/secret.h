/*
 * secret: what is kept of a password.
 *
 * A hash by crypt(3), yescrypt, for every account; SCRAM-SHA-256 keys and the
 * HMAC-MD5 state for CRAM-MD5 only where the domain offers the mechanism,
 * because each is worth more to a thief than the hash.  Wipe passwords after
 * use with mem_wipe.
 */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include "base/base.h"
#include "base/span.h"

#define SECRET_MAX 512
#define SECRET_SCRAM_ITERATIONS 4096	/* RFC 7677 section 4 */

/* NUL-terminated crypt(3) hash of the password (no NUL, at most LIMIT_PASSWORD bytes).
 * Returns 0, or -1 with errno. */
int secret_hash(struct span password, char out[SECRET_MAX]) PB_MUST_CHECK;

/* "SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY" (RFC 5803); the password is taken as
 * it is, which is right for ASCII; other text must have passed SASLprep. */
int secret_scram(struct span password, char out[SECRET_MAX]) PB_MUST_CHECK;

/*
 * The two MD5 states of HMAC-MD5 (RFC 2195) after the 64-byte inner and outer
 * key block, each as 32 hex digits: words A B C D, each least significant byte
 * first.
 */
int secret_cram(struct span password, char out[SECRET_MAX]) PB_MUST_CHECK;

/* Rules of passwordMinLength and passwordRequire...: which are broken. */
enum secret_rule {
	SECRET_SHORT = 1, SECRET_NO_NUMBER = 2, SECRET_NO_CAPITAL = 4, SECRET_NO_LOWER = 8,
	SECRET_NO_SYMBOL = 16, SECRET_HAS_NAME = 32
};
struct settings;
/* Mask of enum secret_rule; `server` must carry the password settings. */
unsigned int secret_broken_rules(const struct settings *server, struct span password,
	struct span user);

#endif
