/*
 * tls_ticket: see tls_ticket.h.
 *
 * Trust: a ticket is what a client sends; it is opened only after its MAC was
 * checked by OpenSSL, and one whose name is not known is ignored.
 */
#include "base/base.h"
#include "net/tls_ticket.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/die.h"
#include "base/mem.h"
#include "sys/clock.h"
#include "sys/random.h"

/* HMAC-SHA-256 of a label under a secret. */
static void
derive(const unsigned char secret[32], const char *label, unsigned char out[32])
{
	unsigned n = 0;

	if (HMAC(EVP_sha256(), secret, 32, (const unsigned char *)label, strlen(label), out, &n) == NULL || n != 32)
		bug("HMAC failed");
}

static void
make_keys(const unsigned char secret[32], struct tls_ticket_keys *out)
{
	unsigned char name[32];

	derive(secret, "ticket name", name);
	memcpy(out->name, name, sizeof(out->name));
	derive(secret, "ticket cipher", out->cipher);
	derive(secret, "ticket mac", out->mac);
}

/* One epoch on: the secret makes its keys and then the next secret, and is gone. */
static void
step(struct tls_tickets *t)
{
	unsigned char next[32];

	t->before = t->now;
	make_keys(t->secret, &t->now);
	derive(t->secret, "next epoch", next);
	memcpy(t->secret, next, sizeof(next));
	mem_wipe(next, sizeof(next));
}

void
tls_tickets_init(struct tls_tickets *t, uint64_t now_ms)
{
	*t = (struct tls_tickets){ .epoch = now_ms / TLS_TICKET_EPOCH_MS };
	random_fill(t->secret, sizeof(t->secret));
	step(t);
	step(t);
}

void
tls_tickets_turn(struct tls_tickets *t, uint64_t now_ms)
{
	for (; t->epoch < now_ms / TLS_TICKET_EPOCH_MS; t->epoch++)
		step(t);
}

static bool
begin(EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const struct tls_ticket_keys *k, const unsigned char *iv, int seals)
{
	OSSL_PARAM params[3];

	params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)k->mac, sizeof(k->mac));
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)"SHA256", 0);
	params[2] = OSSL_PARAM_construct_end();
	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv, seals) && EVP_MAC_CTX_set_params(mac, params);
}

static int
seal(struct tls_tickets *t, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1 || !begin(cipher, mac, &t->now, iv, 1))
		return -1;
	memcpy(name, t->now.name, sizeof(t->now.name));
	return 1;
}

/* 0: not ours, a full handshake follows; 1: good; 2: good, but give a new one. */
static int
unseal(struct tls_tickets *t, const unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	bool is_old = CRYPTO_memcmp(name, t->before.name, sizeof(t->before.name)) == 0;

	if (!is_old && CRYPTO_memcmp(name, t->now.name, sizeof(t->now.name)) != 0)
		return 0;
	if (!begin(cipher, mac, is_old ? &t->before : &t->now, iv, 0))
		return -1;
	return is_old ? 2 : 1;
}

static int tickets_index = -1;		/* of a context's pointer to its keys */

static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seals)
{
	struct tls_tickets *t = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), tickets_index);

	if (t == NULL)
		return -1;
	tls_tickets_turn(t, clock_ms());
	return seals ? seal(t, name, iv, cipher, mac) : unseal(t, name, iv, cipher, mac);
}

bool
tls_tickets_use(SSL_CTX *ctx, struct tls_tickets *t)
{
	if (tickets_index < 0)
		tickets_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (tickets_index < 0 || !SSL_CTX_set_ex_data(ctx, tickets_index, t) ||
	    !SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket))
		return false;
	(void)SSL_CTX_set_timeout(ctx, (long)(TLS_TICKET_EPOCH_MS / 1000));
	return true;
}
