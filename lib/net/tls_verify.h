/*
 * tls_verify: handshakes of a client that takes any certificate, and says what
 * the one it saw proves: that it leads to a CA of the system and has one of the
 * expected names, or that it fits TLSA records (RFC 7672).
 *
 * So whoever may go on without proof can, and others know why they may not.
 */
#ifndef NET_TLS_VERIFY_H
#define NET_TLS_VERIFY_H

#include "base/base.h"
#include "net/tls.h"
#include "net/tlsa.h"

#define TLS_NAMES_MAX 8

struct tls_expected {
	const char *host;	/* said as SNI; NULL or "[ADDRESS]": none is said */
	const char *names[TLS_NAMES_MAX];	/* one of these must stand in it; ".example.org": any name below */
	size_t name_count;
	const struct tlsa *tlsa;	/* with some of them, they alone decide */
	size_t tlsa_count;
};

enum tls_fault {
	TLS_FAULT_NONE,		/* it is proven */
	TLS_FAULT_HANDSHAKE,	/* there is no TLS */
	TLS_FAULT_NAME,		/* none of the names */
	TLS_FAULT_EXPIRED,	/* its time is over, or has not come */
	TLS_FAULT_UNTRUSTED,	/* no way to a CA of ours */
	TLS_FAULT_TLSA,		/* none of the TLSA records fits */
	TLS_FAULT_OTHER		/* another reason of OpenSSL */
};

struct tls_finding {
	enum tls_fault fault;
	char text[TLS_ERROR_MAX];	/* for people; "" without fault */
};

/*
 * A client for it, with the CAs of the system, read here, or those that `like`
 * has read (NULL: none has).  NULL with a line in error.
 */
struct tls_client *tls_verifier_new(enum tls_version minimum, const struct tls_client *like, char error[TLS_ERROR_MAX]);

/* Let another client of OpenSSL (ssl_ctx: its SSL_CTX) judge by the same CAs. */
void tls_lend_cas(const struct tls_client *t, void *ssl_ctx);

/*
 * Client handshake until st's deadline.  0: there is TLS, and *out says what is
 * wrong with the certificate; -1: the connection is useless.
 */
int tls_connect_verified(struct tls_client *t, struct stream *st, const struct tls_expected *expected,
	struct tls_finding *out) PB_MUST_CHECK;

#endif
