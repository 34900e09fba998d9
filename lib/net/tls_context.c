/*
 * tls_context: what contexts of both sides have in common, and those of clients;
 * see tls.h.
 */
#include "base/base.h"
#include "net/tls_context.h"

#include <openssl/err.h>

#include "base/mem.h"

/* What Debian's ca-certificates keeps up to date. */
#define CA_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

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

SSL_CTX *
tls_new_context(const SSL_METHOD *method, enum tls_version minimum, char error[TLS_ERROR_MAX])
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

enum tls_version
tls_version_named(const char *text)
{
	static const struct { const char *text; enum tls_version version; } table[] = {
		{ "1.0", TLS_VERSION_1_0 }, { "1.1", TLS_VERSION_1_1 }, { "1.3", TLS_VERSION_1_3 },
	};

	for (size_t i = 0; i < PB_COUNT(table); i++)
		if (strcmp(table[i].text, text) == 0)
			return table[i].version;
	return TLS_VERSION_1_2;
}

struct tls_client *
tls_client_new(bool verify, enum tls_version minimum, char error[TLS_ERROR_MAX])
{
	SSL_CTX *ctx = tls_new_context(TLS_client_method(), minimum, error);
	struct tls_client *t;

	if (ctx == NULL)
		return NULL;
	/* Files alone: a folder would be looked into at each handshake, which is too late for us. */
	if (verify && !SSL_CTX_set_default_verify_file(ctx)) {
		tls_explain(error, "CA certificates");
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (verify && access(CA_BUNDLE, R_OK) == 0 && !SSL_CTX_load_verify_file(ctx, CA_BUNDLE))
		ERR_clear_error();
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
