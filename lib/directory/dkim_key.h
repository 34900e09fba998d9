/*
 * dkim_key: the keys of DKIM (RFC 6376, RFC 8463): making, reading, signing.
 *
 * Two kinds: RSA with PKCS#1 v1.5 and SHA-256, of DKIM_BITS_MIN to DKIM_BITS_MAX
 * bits (RFC 8301), and Ed25519.  Both sign the SHA-256 of what is signed.
 */
#ifndef DIRECTORY_DKIM_KEY_H
#define DIRECTORY_DKIM_KEY_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

#define DKIM_BITS_MIN 1024
#define DKIM_BITS_USUAL 2048
#define DKIM_BITS_MAX 4096
#define DKIM_DIGEST 32			/* bytes */
#define DKIM_PEM_MAX 16384
#define DKIM_SIGNATURE_MAX 700		/* base64 of the longest */

enum dkim_kind { DKIM_RSA, DKIM_ED25519 };

struct dkim_key;

/* "rsa", "ed25519": k= of the record, and "rsa-sha256", "ed25519-sha256": a= of the signature. */
const char *dkim_kind_name(enum dkim_kind kind);
const char *dkim_kind_algorithm(enum dkim_kind kind);
bool dkim_kind_named(struct span name, enum dkim_kind *out) PB_MUST_CHECK;

/* A new key; bits only for RSA.  NULL when it cannot be made. */
struct dkim_key *dkim_key_make(enum dkim_kind kind, unsigned bits);
/* The private key in PEM, without a password; NULL with *why, a constant text. */
struct dkim_key *dkim_key_read(struct span pem, const char **why);
void dkim_key_free(struct dkim_key **k);

enum dkim_kind dkim_key_kind(const struct dkim_key *k);
/* Append the private key in PEM. */
bool dkim_key_print(const struct dkim_key *k, struct buf *out) PB_MUST_CHECK;
/* Append p= of the record, base64. */
bool dkim_key_public(const struct dkim_key *k, struct buf *out) PB_MUST_CHECK;
/* Append the signature over a digest of DKIM_DIGEST bytes, base64. */
bool dkim_key_sign(const struct dkim_key *k, const unsigned char *digest, struct buf *out) PB_MUST_CHECK;

/* Use both kinds once, so that OpenSSL has loaded what it needs before files are out of reach. */
bool dkim_key_warm_up(void) PB_MUST_CHECK;

#endif
