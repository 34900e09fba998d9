/*
 * tls_verify: see tls_verify.h.
 *
 * OpenSSL builds and checks the chain also under SSL_VERIFY_NONE; it only goes on
 * when that fails, and keeps the result.  DANE-EE names no host and knows no time
 * (RFC 7672 3.1.1).
 */
#include "base/base.h"
#include "net/tls_verify.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "net/tls_context.h"

struct tls_client *
tls_verifier_new(enum tls_version minimum, const struct tls_client *like, char error[TLS_ERROR_MAX])
{
	struct tls_client *t = tls_client_new(like == NULL, minimum, error);

	if (t == NULL)
		return NULL;
	if (like != NULL)
		tls_lend_cas(like, t->ctx);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_NONE, NULL);
	if (SSL_CTX_dane_enable(t->ctx) <= 0) {
		tls_explain(error, "no DANE");
		tls_client_free(&t);
	}
	return t;
}

void
tls_lend_cas(const struct tls_client *t, void *ssl_ctx)
{
	SSL_CTX_set1_cert_store(ssl_ctx, SSL_CTX_get_cert_store(t->ctx));
}

static bool
has_host(const struct tls_expected *e)
{
	return e->host != NULL && e->host[0] != '\0' && e->host[0] != '[';
}

static bool
expect_names(SSL *ssl, const struct tls_expected *e)
{
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		(e->tlsa_count == 0 ? X509_CHECK_FLAG_NEVER_CHECK_SUBJECT : 0));
	for (size_t i = 0; i < e->name_count; i++)
		if (!(i == 0 ? SSL_set1_host(ssl, e->names[i]) : SSL_add1_host(ssl, e->names[i])))
			return false;
	return true;
}

/* Those that OpenSSL does not take count as ones that do not fit. */
static bool
expect_records(SSL *ssl, const struct tls_expected *e)
{
	size_t taken = 0;

	if (SSL_dane_enable(ssl, e->name_count > 0 ? e->names[0] : e->host) <= 0)
		return false;
	(void)SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	for (size_t i = 0; i < e->tlsa_count; i++) {
		const struct tlsa *t = &e->tlsa[i];

		taken += SSL_dane_tlsa_add(ssl, t->usage, t->selector, t->matching, t->data, t->n) > 0;
	}
	ERR_clear_error();
	return taken > 0;
}

/* Say in the handshake what is asked for. */
static bool
prepare(SSL *ssl, const struct tls_expected *e)
{
	SSL_set_connect_state(ssl);
	return (e->tlsa_count == 0 || expect_records(ssl, e)) && expect_names(ssl, e) &&
	    (!has_host(e) || SSL_set_tlsext_host_name(ssl, e->host));
}

static enum tls_fault
fault_of(long result)
{
	switch (result) {
	case X509_V_OK:
		return TLS_FAULT_NONE;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_FAULT_NAME;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_FAULT_EXPIRED;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return TLS_FAULT_UNTRUSTED;
	case X509_V_ERR_DANE_NO_MATCH:
		return TLS_FAULT_TLSA;
	default:
		return TLS_FAULT_OTHER;
	}
}

static void
judge(SSL *ssl, const struct tls_expected *e, struct tls_finding *out)
{
	long result = SSL_get_verify_result(ssl);

	if (SSL_get0_peer_certificate(ssl) == NULL) {
		*out = (struct tls_finding){ .fault = TLS_FAULT_UNTRUSTED };
		snprintf(out->text, sizeof(out->text), "no certificate was shown");
		return;
	}
	/* a chain to a CA proves nothing where a TLSA record had to fit, nor without any name */
	if (result == X509_V_OK && e->tlsa_count > 0 && SSL_get0_dane_authority(ssl, NULL, NULL) < 0)
		result = X509_V_ERR_DANE_NO_MATCH;
	if (result == X509_V_OK && e->tlsa_count == 0 && e->name_count == 0)
		result = X509_V_ERR_HOSTNAME_MISMATCH;
	out->fault = fault_of(result);
	out->text[0] = '\0';
	if (result != X509_V_OK)
		tls_explain(out->text, X509_verify_cert_error_string(result));
}

int
tls_connect_verified(struct tls_client *t, struct stream *st, const struct tls_expected *expected,
	struct tls_finding *out)
{
	SSL *ssl = tls_new_ssl(t->ctx, st, out->text);

	out->fault = TLS_FAULT_HANDSHAKE;
	if (ssl == NULL)
		return -1;
	if (!prepare(ssl, expected)) {
		out->fault = expected->tlsa_count > 0 ? TLS_FAULT_TLSA : TLS_FAULT_OTHER;
		tls_explain(out->text, expected->tlsa_count > 0 ? "no TLSA record can be used" : "host name");
		SSL_free(ssl);
		return -1;
	}
	if (tls_handshake(st, ssl, out->text) < 0)
		return -1;
	judge(ssl, expected, out);
	return 0;
}
