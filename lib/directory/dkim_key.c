/*
 * dkim_key: see dkim_key.h.
 *
 * Trust: a PEM file may be anything; OpenSSL reads it from memory, and only a
 * private key of the two kinds is taken.
 */
#include "base/base.h"
#include "directory/dkim_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/mem.h"

struct dkim_key {
	enum dkim_kind kind;
	EVP_PKEY *pkey;
};

static const struct {
	const char *name, *algorithm;
	int type;
} kinds[] = {
	[DKIM_RSA] = { "rsa", "rsa-sha256", EVP_PKEY_RSA },
	[DKIM_ED25519] = { "ed25519", "ed25519-sha256", EVP_PKEY_ED25519 },
};

const char *
dkim_kind_name(enum dkim_kind kind)
{
	return kinds[kind].name;
}

const char *
dkim_kind_algorithm(enum dkim_kind kind)
{
	return kinds[kind].algorithm;
}

bool
dkim_kind_named(struct span name, enum dkim_kind *out)
{
	*out = span_is(name, kinds[DKIM_ED25519].name) ? DKIM_ED25519 : DKIM_RSA;
	return span_is(name, kinds[*out].name);
}

static struct dkim_key *
wrap(EVP_PKEY *pkey, enum dkim_kind kind)
{
	struct dkim_key *k;

	ERR_clear_error();
	if (pkey == NULL)
		return NULL;
	k = mem_new(sizeof(*k));
	*k = (struct dkim_key){ kind, pkey };
	return k;
}

struct dkim_key *
dkim_key_make(enum dkim_kind kind, unsigned bits)
{
	return wrap(kind == DKIM_RSA ? EVP_RSA_gen(bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), kind);
}

/* Instead of a question for a password on the terminal. */
static int
no_password(char *out, int size, int rwflag, void *ctx)
{
	(void)out, (void)size, (void)rwflag, (void)ctx;
	return -1;
}

static EVP_PKEY *
read_pem(struct span pem)
{
	BIO *in = BIO_new_mem_buf(pem.p, pem.n > INT_MAX ? 0 : (int)pem.n);
	EVP_PKEY *pkey = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;

	BIO_free(in);
	ERR_clear_error();
	return pkey;
}

struct dkim_key *
dkim_key_read(struct span pem, const char **why)
{
	EVP_PKEY *pkey = read_pem(pem);

	if (pkey == NULL) {
		*why = "it is no private key in PEM without a password";
		return NULL;
	}
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return wrap(pkey, DKIM_ED25519);
	if (!EVP_PKEY_is_a(pkey, "RSA"))
		*why = "it is neither an RSA nor an Ed25519 key";
	else if (EVP_PKEY_get_bits(pkey) < DKIM_BITS_MIN || EVP_PKEY_get_bits(pkey) > DKIM_BITS_MAX)
		*why = "an RSA key must have 1024 to 4096 bits";
	else
		return wrap(pkey, DKIM_RSA);
	EVP_PKEY_free(pkey);
	return NULL;
}

void
dkim_key_free(struct dkim_key **k)
{
	if (*k == NULL)
		return;
	EVP_PKEY_free((*k)->pkey);
	free(*k);
	*k = NULL;
}

enum dkim_kind
dkim_key_kind(const struct dkim_key *k)
{
	return k->kind;
}

bool
dkim_key_print(const struct dkim_key *k, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = bio != NULL && PEM_write_bio_PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) == 1;
	char *text;
	long n = good ? BIO_get_mem_data(bio, &text) : 0;

	good = good && buf_put(out, text, (size_t)n);
	if (n > 0)
		mem_wipe(text, (size_t)n);
	BIO_free(bio);
	return good;
}

bool
dkim_key_public(const struct dkim_key *k, struct buf *out)
{
	unsigned char raw[32], *der = NULL;
	size_t n = sizeof(raw);
	int der_n;
	bool good;

	if (k->kind == DKIM_ED25519)	/* RFC 8463 4: the key itself, not its ASN.1 form */
		return EVP_PKEY_get_raw_public_key(k->pkey, raw, &n) == 1 && base64_encode(out, span_make(raw, n));
	der_n = i2d_PUBKEY(k->pkey, &der);
	good = der_n > 0 && base64_encode(out, span_make(der, (size_t)der_n));
	OPENSSL_free(der);
	return good;
}

static bool
sign_rsa(EVP_PKEY *pkey, const unsigned char *digest, unsigned char *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool good = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		EVP_PKEY_sign(ctx, out, n, digest, DKIM_DIGEST) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

static bool
sign_ed25519(EVP_PKEY *pkey, const unsigned char *digest, unsigned char *out, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		EVP_DigestSign(ctx, out, n, digest, DKIM_DIGEST) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

bool
dkim_key_sign(const struct dkim_key *k, const unsigned char *digest, struct buf *out)
{
	unsigned char signature[DKIM_BITS_MAX / 8];
	size_t n = sizeof(signature);
	bool good = k->kind == DKIM_RSA ? sign_rsa(k->pkey, digest, signature, &n) :
		sign_ed25519(k->pkey, digest, signature, &n);

	ERR_clear_error();
	return good && base64_encode(out, span_make(signature, n));
}

static bool
use_once(enum dkim_kind kind)
{
	static const unsigned char digest[DKIM_DIGEST];
	struct dkim_key *k = dkim_key_make(kind, DKIM_BITS_MIN), *again = NULL;
	struct buf pem, signature;
	const char *why;
	bool good;

	buf_init(&pem, DKIM_PEM_MAX);
	buf_init(&signature, DKIM_SIGNATURE_MAX);
	if (k != NULL && dkim_key_print(k, &pem))
		again = dkim_key_read(buf_view(&pem), &why);
	good = again != NULL && dkim_key_sign(again, digest, &signature);
	dkim_key_free(&k);
	dkim_key_free(&again);
	buf_free(&pem);
	buf_free(&signature);
	return good;
}

bool
dkim_key_warm_up(void)
{
	return use_once(DKIM_RSA) && use_once(DKIM_ED25519);
}
