/* DKIM-03: keys of DKIM: made, read back, of the right kinds only, and signatures that verify. */
#include "base/base.h"
#include "directory/dkim_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/base64.h"
#include "base/mem.h"
#include "tap.h"

/* Verified by OpenSSL with the public half of the PEM. */
static bool
verifies(enum dkim_kind kind, struct span pem, const unsigned char *digest, struct span signature)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct buf raw;
	bool good;

	buf_init(&raw, 1024);
	good = base64_decode(signature, &raw);
	if (kind == DKIM_ED25519)
		good = good && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
			EVP_DigestVerify(md, (const unsigned char *)raw.p, raw.n, digest, DKIM_DIGEST) == 1;
	else
		good = good && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
			EVP_PKEY_verify(ctx, (const unsigned char *)raw.p, raw.n, digest, DKIM_DIGEST) == 1;
	buf_free(&raw);
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return good;
}

static void
use(enum dkim_kind kind, unsigned bits)
{
	unsigned char digest[DKIM_DIGEST] = { 1, 2, 3 }, other[DKIM_DIGEST] = { 3, 2, 1 };
	struct dkim_key *k = dkim_key_make(kind, bits), *again;
	struct buf pem, text;
	const char *why = "";

	buf_init(&pem, DKIM_PEM_MAX);
	buf_init(&text, DKIM_PEM_MAX);
	ok(k != NULL && dkim_key_print(k, &pem), "%s: made and printed", dkim_kind_name(kind));
	again = dkim_key_read(buf_view(&pem), &why);
	ok(again != NULL && dkim_key_kind(again) == kind, "read back");
	ok(again != NULL && dkim_key_sign(again, digest, &text), "signs");
	ok(text.n <= DKIM_SIGNATURE_MAX, "within the length that is said");
	ok(verifies(kind, buf_view(&pem), digest, buf_view(&text)), "what verifies");
	ok(!verifies(kind, buf_view(&pem), other, buf_view(&text)), "and is good for nothing else");
	buf_clear(&text);
	ok(k != NULL && dkim_key_public(k, &text) && text.n >= 44, "its public half can be published");
	dkim_key_free(&k);
	dkim_key_free(&again);
	ok(k == NULL, "freed");
	buf_free(&pem);
	buf_free(&text);
}

static void
refuse(struct span pem, const char *want, const char *name)
{
	const char *why = "";
	struct dkim_key *k = dkim_key_read(pem, &why);

	ok(k == NULL, "%s: refused", name);
	is_text(why, want, name);
	dkim_key_free(&k);
}

static void
refused(void)
{
	EVP_PKEY *small = EVP_RSA_gen(768), *curve = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	PEM_write_bio_PrivateKey(bio, small, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(bio, &text);
	refuse(span_make(text, (size_t)n), "an RSA key must have 1024 to 4096 bits", "a weak key");
	(void)BIO_reset(bio);
	PEM_write_bio_PrivateKey(bio, curve, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(bio, &text);
	refuse(span_make(text, (size_t)n), "it is neither an RSA nor an Ed25519 key", "another kind");
	(void)BIO_reset(bio);
	PEM_write_bio_PrivateKey(bio, curve, EVP_aes_128_cbc(), (const unsigned char *)"word", 4, NULL, NULL);
	n = BIO_get_mem_data(bio, &text);
	refuse(span_make(text, (size_t)n), "it is no private key in PEM without a password", "one with a password");
	refuse(SPAN(""), "it is no private key in PEM without a password", "nothing");
	refuse(SPAN("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "it is no private key in PEM without a password", "nonsense");
	BIO_free(bio);
	EVP_PKEY_free(small);
	EVP_PKEY_free(curve);
}

int
main(void)
{
	enum dkim_kind kind;

	ok(dkim_key_warm_up(), "both kinds can be used");
	use(DKIM_RSA, DKIM_BITS_MIN);
	use(DKIM_RSA, DKIM_BITS_USUAL);
	use(DKIM_ED25519, 0);
	refused();
	ok(dkim_kind_named(SPAN("ed25519"), &kind) && kind == DKIM_ED25519, "kinds by name");
	ok(dkim_kind_named(SPAN("rsa"), &kind) && kind == DKIM_RSA, "both");
	ok(!dkim_kind_named(SPAN("RSA"), &kind), "and no other");
	return done();
}
