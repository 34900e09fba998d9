/*
 * tls_context: server and client contexts; see tls.h.
 *
 * The key is read through its descriptor into memory that is wiped; after
 * tls_server_new no path and no descriptor of it is needed.
 */
#include "base/base.h"
#include "net/tls_context.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"

static int
protocol_of(enum tls_version v)
{
	switch (v) {
	case TLS_VERSION_1_0:
		return TLS1_VERSION;
	case TLS_VERSION_1_1:
		return TLS1_1_VERSION;
	case TLS_VERSION_1_3:
		return TLS1_3_VERSION;
	case TLS_VERSION_1_2:
	default:
		return TLS1_2_VERSION;
	}
}

/* What both sides have in common; NULL with error. */
static SSL_CTX *
new_context(const SSL_METHOD *method, enum tls_version minimum, char error[TLS_ERROR_MAX])
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(method);
	if (ctx == NULL || !SSL_CTX_set_min_proto_version(ctx, protocol_of(minimum))) {
		tls_explain(error, "no TLS context");
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* the old versions need the old signatures, which level 1 refuses */
	if (minimum < TLS_VERSION_1_2)
		SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
		SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

/* Read a whole small file from its start; false when it is larger than max. */
static bool
read_all(int fd, struct buf *out)
{
	off_t at = 0;
	ssize_t got;

	do {
		char *p = buf_reserve(out, 4096);

		if (p == NULL)
			return false;
		got = pread(fd, p, 4096, at);
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
	buf_init(b, LIMIT_PEM);
	errno = 0;
	if (!read_all(fd, b)) {
		snprintf(error, TLS_ERROR_MAX, "%s: %s", what, b->overflow ? "too large" : strerror(errno));
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

/* The certificate, then those that lead to its root. */
static bool
use_certificates(SSL_CTX *ctx, BIO *pem)
{
	X509 *cert = PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL);
	bool good = cert != NULL && SSL_CTX_use_certificate(ctx, cert);

	X509_free(cert);
	while (good && (cert = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL)
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

static bool
use_key(SSL_CTX *ctx, BIO *pem)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, no_pass_phrase, NULL);
	bool good = key != NULL && SSL_CTX_use_PrivateKey(ctx, key);

	EVP_PKEY_free(key);
	return good;
}

static bool
load_from(SSL_CTX *ctx, int fd, const char *what, bool (*use)(SSL_CTX *, BIO *),
	char error[TLS_ERROR_MAX])
{
	struct buf b;
	BIO *pem = read_pem(fd, &b, what, error);
	bool good = pem != NULL && use(ctx, pem);

	if (pem != NULL && !good)
		tls_explain(error, what);
	BIO_free(pem);
	forget_pem(&b);
	return good;
}

struct tls_server *
tls_server_new(int cert_fd, int key_fd, enum tls_version minimum, char error[TLS_ERROR_MAX])
{
	SSL_CTX *ctx = new_context(TLS_server_method(), minimum, error);
	struct tls_server *t;

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_num_tickets(ctx, 0);
	if (!load_from(ctx, cert_fd, "certificate", use_certificates, error) ||
	    !load_from(ctx, key_fd, "key", use_key, error)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (!SSL_CTX_check_private_key(ctx)) {
		tls_explain(error, "key does not belong to the certificate");
		SSL_CTX_free(ctx);
		return NULL;
	}
	t = mem_new(sizeof(*t));
	t->ctx = ctx;
	return t;
}

void
tls_server_free(struct tls_server **t)
{
	if (*t != NULL)
		SSL_CTX_free((*t)->ctx);
	free(*t);
	*t = NULL;
}

struct tls_client *
tls_client_new(bool verify, enum tls_version minimum, char error[TLS_ERROR_MAX])
{
	SSL_CTX *ctx = new_context(TLS_client_method(), minimum, error);
	struct tls_client *t;

	if (ctx == NULL)
		return NULL;
	if (verify && !SSL_CTX_set_default_verify_paths(ctx)) {
		tls_explain(error, "CA certificates");
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_verify(ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	t = mem_new(sizeof(*t));
	t->ctx = ctx;
	return t;
}

void
tls_client_free(struct tls_client **t)
{
	if (*t != NULL)
		SSL_CTX_free((*t)->ctx);
	free(*t);
	*t = NULL;
}

/* Both ends in one process, over a pair of memory buffers. */
static bool
shake_hands(SSL *server, SSL *client)
{
	BIO *a, *b;

	if (!BIO_new_bio_pair(&a, 0, &b, 0))
		return false;
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	/* a full handshake takes three turns; more means that it does not get on */
	for (int i = 0; i < 16; i++) {
		int c = SSL_do_handshake(client), s = SSL_do_handshake(server);

		if (c == 1 && s == 1)
			return true;
	}
	return false;
}

bool
tls_warm_up(struct tls_server *t, char error[TLS_ERROR_MAX])
{
	struct tls_client *c = tls_client_new(false, TLS_VERSION_1_2, error);
	SSL *server = NULL, *client = NULL;
	bool good = false;

	if (c == NULL)
		return false;
	server = SSL_new(t->ctx);
	client = SSL_new(c->ctx);
	if (server != NULL && client != NULL)
		good = shake_hands(server, client);
	if (!good)
		tls_explain(error, "warm-up handshake");
	SSL_free(server);
	SSL_free(client);
	tls_client_free(&c);
	ERR_clear_error();
	malloc_trim(0);
	return good;
}
