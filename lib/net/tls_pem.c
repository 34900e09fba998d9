/*
 * tls_pem: certificates and keys from descriptors into a context.
 *
 * A key is read into memory that is wiped; afterwards no path and no descriptor
 * of it is needed.
 */
#include "base/base.h"
#include "net/tls_context.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"

#define PIECE 4096

/* Read a whole small file from its start, in pieces of PIECE; false when out has no room for one. */
static bool
read_all(int fd, struct buf *out)
{
	off_t at = 0;
	ssize_t got;

	do {
		char *p = buf_reserve(out, PIECE);

		if (p == NULL)
			return false;
		got = pread(fd, p, PIECE, at);
		if (got < 0 && errno != EINTR)
			return false;
		if (got > 0) {
			buf_commit(out, (size_t)got);
			at += got;
		}
	} while (got != 0);
	return true;
}

static BIO *
read_pem(int fd, struct buf *b, const char *what, char error[TLS_ERROR_MAX])
{
	bool good;

	buf_init(b, LIMIT_PEM + PIECE);	/* the last piece shows whether there is more */
	errno = 0;
	good = read_all(fd, b);
	if (!good || b->n > LIMIT_PEM) {
		snprintf(error, TLS_ERROR_MAX, "%s: %s", what, good || b->overflow ? "too large" : strerror(errno));
		return NULL;
	}
	return BIO_new_mem_buf(buf_text(b), (int)b->n);
}

static void
forget_pem(struct buf *b)
{
	if (b->p != NULL)
		mem_wipe(b->p, b->n);
	buf_free(b);
}

/* DER begins with a SEQUENCE that is long, or begins with a number; no PEM file does. */
static bool
is_der(const struct buf *b)
{
	return b->n > 2 && (unsigned char)b->p[0] == 0x30 && (((unsigned char)b->p[1] & 0x80) != 0 || b->p[2] == 2);
}

/* The certificate, then those that lead to its root. */
static bool
take_certificates(SSL_CTX *ctx, BIO *pem, bool der)
{
	X509 *cert = der ? d2i_X509_bio(pem, NULL) : PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL);
	bool good = cert != NULL && SSL_CTX_use_certificate(ctx, cert);

	X509_free(cert);
	while (good && !der && (cert = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL)
		if (!SSL_CTX_add0_chain_cert(ctx, cert)) {
			X509_free(cert);
			good = false;
		}
	if (good)
		ERR_clear_error();	/* "no start line": the end of the file */
	return good;
}

/* A key with a pass phrase is an error: nobody is there to be asked. */
static int
no_pass_phrase(char *out, int size, int writing, void *ctx)
{
	(void)out, (void)size, (void)writing, (void)ctx;
	return -1;
}

/* OpenSSL says which: "key values mismatch" or "key type mismatch". */
static bool
take_key(SSL_CTX *ctx, BIO *pem, bool der)
{
	EVP_PKEY *key = der ? d2i_PrivateKey_bio(pem, NULL) : PEM_read_bio_PrivateKey(pem, NULL, no_pass_phrase, NULL);
	bool good = key != NULL && X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) &&
		SSL_CTX_use_PrivateKey(ctx, key);

	EVP_PKEY_free(key);
	return good;
}

/* Whoever is named here is shown to the client, so that it knows what to send. */
static bool
take_client_cas(SSL_CTX *ctx, BIO *pem, bool der)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	bool good = true, any = false;
	X509 *cert;

	while (good && (cert = der ? d2i_X509_bio(pem, NULL) : PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
		good = X509_STORE_add_cert(store, cert) && SSL_CTX_add_client_CA(ctx, cert);
		any = true;
		X509_free(cert);
	}
	if (good && any)
		ERR_clear_error();
	return good && any;
}

static bool
load_from(SSL_CTX *ctx, int fd, const char *what, bool (*take)(SSL_CTX *, BIO *, bool), char error[TLS_ERROR_MAX])
{
	struct buf b;
	BIO *pem;
	bool good;

	ERR_clear_error();
	pem = read_pem(fd, &b, what, error);
	good = pem != NULL && take(ctx, pem, is_der(&b));
	if (pem != NULL && !good)
		tls_explain(error, what);
	BIO_free(pem);
	forget_pem(&b);
	return good;
}

bool
tls_use_certificates(SSL_CTX *ctx, int fd, char error[TLS_ERROR_MAX])
{
	return load_from(ctx, fd, "certificate", take_certificates, error);
}

bool
tls_use_key(SSL_CTX *ctx, int fd, char error[TLS_ERROR_MAX])
{
	return load_from(ctx, fd, "key", take_key, error);
}

bool
tls_use_client_cas(SSL_CTX *ctx, int fd, char error[TLS_ERROR_MAX])
{
	return load_from(ctx, fd, "CA of clients", take_client_cas, error);
}
