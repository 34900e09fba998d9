/*
 * tls_ticket: keys of session tickets (RFC 5077, RFC 8446 4.6.1), the same in
 * all workers of a listener and new every TLS_TICKET_EPOCH_MS.
 *
 * The parent draws one secret before it forks.  The keys of an epoch are made
 * from that epoch's secret, and the secret of the next one by hashing it, so a
 * worker comes to the right keys by the clock alone, and nobody comes from a
 * secret back to the keys of earlier epochs.  A process holds the present epoch
 * and the one before it, whose tickets are still taken.
 */
#ifndef NET_TLS_TICKET_H
#define NET_TLS_TICKET_H

#include "base/base.h"
#include <openssl/ssl.h>

#define TLS_TICKET_EPOCH_MS UINT64_C(3600000)

/* Names and secrets of the keys of one epoch. */
struct tls_ticket_keys {
	unsigned char name[16];
	unsigned char cipher[32];	/* AES-256-CBC */
	unsigned char mac[32];		/* HMAC-SHA-256 */
};

struct tls_tickets {
	uint64_t epoch;			/* of `now`; the clock is monotonic, so it never goes back */
	unsigned char secret[32];	/* of epoch + 1: not needed for earlier keys any more */
	struct tls_ticket_keys now, before;
};

/* Begin at the present epoch with a random secret. */
void tls_tickets_init(struct tls_tickets *t, uint64_t now_ms);

/* Go on to the epoch of now_ms, forgetting what is two epochs old. */
void tls_tickets_turn(struct tls_tickets *t, uint64_t now_ms);

/* Let the context seal and open tickets by t, which must outlive it. */
bool tls_tickets_use(SSL_CTX *ctx, struct tls_tickets *t) PB_MUST_CHECK;

#endif
