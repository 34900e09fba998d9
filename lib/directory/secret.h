/*
 * secret: what is stored instead of a password, and how a password is checked
 * against it.
 *
 * Passwords are 1 to LIMIT_PASSWORD bytes without NUL.  They are prepared by
 * SASLprep (RFC 4013) where the mechanism demands it (SCRAM); the hash and
 * CRAM-MD5 take the bytes as they are.
 */
#ifndef DIRECTORY_SECRET_H
#define DIRECTORY_SECRET_H

#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"

#define SECRET_MAX 512
#define SECRET_CRAM_MAX 64
#define SECRET_SCRAM_ITERATIONS 4096	/* RFC 7677 4 asks for at least this */

/* True for 1 to LIMIT_PASSWORD bytes without NUL. */
bool secret_is_password(struct span password);

/*
 * The forms that userConfig.xml holds.  Each writes a NUL-terminated text and
 * returns 0, or -1 with errno (EINVAL: not a password, or SASLprep refuses it).
 *	hash	crypt(3), yescrypt with the library's preferred cost
 *	scram	SCRAM-SHA-256$ (or SCRAM-SHA-1$) ITERATIONS:SALT$STOREDKEY:SERVERKEY (RFC 5803)
 *	cram	32 hex digits of the HMAC-MD5 state after the inner key block, 32 after
 *		the outer one; each is the four words of MD5, lowest byte first
 */
int secret_make_hash(struct span password, char out[SECRET_MAX + 1]) PB_MUST_CHECK;
enum secret_scram { SECRET_SCRAM_SHA1, SECRET_SCRAM_SHA256 };
int secret_make_scram(enum secret_scram kind, struct span password, char out[SECRET_MAX + 1]) PB_MUST_CHECK;
int secret_make_cram(struct span password, char out[SECRET_CRAM_MAX + 1]) PB_MUST_CHECK;

/*
 * Does the password belong to the hash?  Knows every form that crypt(3) knows,
 * and ITERATIONS:SALT:HASH (PBKDF2-HMAC-SHA1, base64 parts) of imported
 * accounts.  False also for a hash that is empty, locked ("*", "!") or not understood.
 * Costs what the hash demands: call it in a process with limits.
 */
bool secret_matches(const char *hash, struct span password) PB_MUST_CHECK;

/* The HMAC-MD5 of challenge under a stored state, as 32 hex digits; false for a state that is none. */
bool secret_cram_digest(const char *state, struct span challenge, char out[33]) PB_MUST_CHECK;

#endif
