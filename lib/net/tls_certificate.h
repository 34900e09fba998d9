/*
 * tls_certificate: a certificate in words: for mailctl, for the choice by name,
 * and to tell one from another.
 */
#ifndef NET_TLS_CERTIFICATE_H
#define NET_TLS_CERTIFICATE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "net/tls.h"
#include <openssl/x509.h>

#define TLS_NAME_MAX 256
#define TLS_FINGERPRINT_MAX 64	/* hex digits of SHA-256 */

/* Texts are printable ASCII; subject and issuer are cut when they are longer. */
struct tls_facts {
	char subject[TLS_NAME_MAX];
	char issuer[TLS_NAME_MAX];
	char fingerprint[TLS_FINGERPRINT_MAX + 1];
	int64_t not_before, not_after;	/* seconds since 1970 */
	char *names;			/* DNS names in small letters, one blank between; owned */
};

/* False when the certificate has no readable dates or cannot be hashed. */
bool tls_facts_read(const X509 *cert, struct tls_facts *out) PB_MUST_CHECK;
void tls_facts_free(struct tls_facts *f);

/* SHA-256 over the whole certificate, hex in small letters. */
bool tls_fingerprint(const X509 *cert, char out[TLS_FINGERPRINT_MAX + 1]) PB_MUST_CHECK;

/* Is `host` one of the names?  RFC 6125 6.4.3: "*." stands for one whole label. */
bool tls_facts_name(const struct tls_facts *f, struct span host);

/*
 * The first certificate of a PEM or DER file that is open at fd, and whether the
 * key at key_fd (-1: not asked) belongs to it.  For mailctl.
 */
bool tls_inspect(int cert_fd, int key_fd, struct tls_facts *out, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;

#endif
