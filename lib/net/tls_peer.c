/*
 * tls_peer: what a connection under TLS tells about its two ends: channel
 * bindings and the certificate of the other side.
 *
 * Trust: the certificate is the peer's.  Its addresses are taken only when they
 * are plain enough to stand in a list; whether they mean anything is for the
 * caller to judge by is_valid.
 */
#include "base/base.h"
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/limits.h"
#include "net/tls_certificate.h"
#include "net/tls_context.h"

/* RFC 9266. */
static bool
exporter(SSL *ssl, struct buf *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char data[32];

	/* RFC 9266 4.2: before TLS 1.3 only with the extended master secret. */
	if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
		return false;
	return SSL_export_keying_material(ssl, data, sizeof(data), label, sizeof(label) - 1, NULL, 0, 1) &&
	    buf_put(out, data, sizeof(data));
}

/*
 * RFC 5929 3: the first Finished, which is the client's, but the server's when a
 * session is resumed.  Not for TLS 1.3; and without the extended master secret a
 * resumed session binds nothing (RFC 7627 1).
 */
static bool
unique(SSL *ssl, struct buf *out)
{
	bool resumed = SSL_session_reused(ssl) == 1;
	char data[EVP_MAX_MD_SIZE];
	size_t n;

	if (SSL_version(ssl) >= TLS1_3_VERSION || (resumed && SSL_get_extms_support(ssl) != 1))
		return false;
	n = (SSL_is_server(ssl) == 1) != resumed ? SSL_get_peer_finished(ssl, data, sizeof(data)) :
		SSL_get_finished(ssl, data, sizeof(data));
	return n > 0 && n <= sizeof(data) && buf_put(out, data, n);
}

bool
tls_channel_binding(const struct stream *st, const char *type, struct buf *out)
{
	SSL *ssl = tls_ssl_of(st);
	bool done = false;

	if (ssl == NULL)
		return false;
	if (strcmp(type, "tls-exporter") == 0)
		done = exporter(ssl, out);
	else if (strcmp(type, "tls-unique") == 0)
		done = unique(ssl, out);
	ERR_clear_error();
	return done;
}

/* An address that can stand in a list between commas. */
static bool
is_listable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ',' || s.p[i] == '"')
			return false;
	return s.n > 0 && s.n <= LIMIT_ADDRESS && span_find(s, '@') > 0;
}

/* All of them or, when they are too many, the first ones. */
static void
list_addresses(X509 *cert, char *out, size_t size)
{
	STACK_OF(OPENSSL_STRING) *emails = X509_get1_email(cert);
	struct buf b;

	buf_init_fixed(&b, out, size);
	for (int i = 0; i < sk_OPENSSL_STRING_num(emails) && !b.overflow; i++) {
		struct span one = span_of(sk_OPENSSL_STRING_value(emails, i));

		if (is_listable(one))
			buf_printf(&b, "%s%.*s", b.n > 0 ? "," : "", SPAN_ARG(one));
	}
	X509_email_free(emails);
}

/* A common name that is text without control characters; "" for any other. */
static void
common_name(const X509_NAME *name, char out[TLS_PEER_CN_MAX])
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *text = NULL;
	int n = at < 0 ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));

	out[0] = '\0';
	for (int i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] == 0x7f)
			n = -1;
	if (n > 0 && n < TLS_PEER_CN_MAX)
		snprintf(out, TLS_PEER_CN_MAX, "%.*s", n, (const char *)text);
	OPENSSL_free(text);
}

static bool
key_fingerprint(X509 *cert, char out[TLS_FINGERPRINT_MAX + 1])
{
	unsigned char hash[EVP_MAX_MD_SIZE], *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	unsigned size = 0;
	bool done = n > 0 && EVP_Digest(der, (size_t)n, hash, &size, EVP_sha256(), NULL) == 1 &&
	    2 * size == TLS_FINGERPRINT_MAX;

	OPENSSL_free(der);
	for (unsigned i = 0; done && i < size; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
	return done;
}

bool
tls_peer(const struct stream *st, struct tls_peer *out)
{
	SSL *ssl = tls_ssl_of(st);
	X509 *cert = ssl == NULL ? NULL : SSL_get0_peer_certificate(ssl);
	bool known;

	*out = (struct tls_peer){ .is_valid = false };
	if (cert == NULL)
		return false;
	known = tls_fingerprint(cert, out->fingerprint) && key_fingerprint(cert, out->key_fingerprint);
	common_name(X509_get_subject_name(cert), out->subject);
	common_name(X509_get_issuer_name(cert), out->issuer);
	out->is_valid = known && SSL_get_verify_result(ssl) == X509_V_OK;
	list_addresses(cert, out->names, sizeof(out->names));
	ERR_clear_error();
	return known;
}
