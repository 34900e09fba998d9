/*
 * tls_certificate: see tls_certificate.h.
 *
 * Trust: a certificate file is the administrator's, one that a client shows is
 * hostile; both are read by OpenSSL, and every text is made printable here.
 */
#include "base/base.h"
#include "net/tls_certificate.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/limits.h"
#include "base/mem.h"
#include "net/tls_context.h"

bool
tls_fingerprint(const X509 *cert, char out[TLS_FINGERPRINT_MAX + 1])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!X509_digest(cert, EVP_sha256(), hash, &n) || 2 * n != TLS_FINGERPRINT_MAX)
		return false;
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
	return true;
}

static void
print_name(X509_NAME *name, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct buf b;
	char *text = NULL;
	long n;

	buf_init_fixed(&b, out, size);
	if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		n = BIO_get_mem_data(bio, &text);
		/* Each byte may become four. */
		(void)buf_escaped(&b, span_make(text, n < 0 ? 0 : (size_t)n > (size - 1) / 4 ? (size - 1) / 4 : (size_t)n));
	}
	BIO_free(bio);
}

static bool
read_time(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (t == NULL || !ASN1_TIME_to_tm(t, &tm))
		return false;
	*out = timegm(&tm);
	return true;
}

static bool
is_host(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_alnum(s.p[i]) && strchr("-._*", s.p[i]) == NULL)
			return false;
	return s.n > 0 && s.n <= LIMIT_DOMAIN && memchr(s.p, '\0', s.n) == NULL;
}

static void
add_host(struct buf *names, struct span s)
{
	if (!is_host(s))
		return;
	if (names->n > 0)
		buf_char(names, ' ');
	for (size_t i = 0; i < s.n; i++)
		buf_char(names, char_lower(s.p[i]));
}

static struct span
text_of(const ASN1_STRING *s)
{
	return span_make(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

/* Alternative names; the common name only where there are none (RFC 6125 6.4.4). */
static void
read_names(const X509 *cert, struct buf *names)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	X509_NAME *subject = X509_get_subject_name(cert);
	int at;

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);

		if (one->type == GEN_DNS)
			add_host(names, text_of(one->d.dNSName));
	}
	GENERAL_NAMES_free(all);
	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (names->n == 0 && at >= 0)
		add_host(names, text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
}

bool
tls_facts_read(const X509 *cert, struct tls_facts *out)
{
	struct buf names;

	*out = (struct tls_facts){ .names = NULL };
	if (!tls_fingerprint(cert, out->fingerprint) || !read_time(X509_get0_notBefore(cert), &out->not_before) ||
	    !read_time(X509_get0_notAfter(cert), &out->not_after))
		return false;
	print_name(X509_get_subject_name(cert), out->subject, sizeof(out->subject));
	print_name(X509_get_issuer_name(cert), out->issuer, sizeof(out->issuer));
	buf_init(&names, LIMIT_PEM);
	read_names(cert, &names);
	out->names = mem_copy(buf_view(&names));
	buf_free(&names);
	return true;
}

void
tls_facts_free(struct tls_facts *f)
{
	free(f->names);
	f->names = NULL;
}

static bool
fits(struct span pattern, struct span host)
{
	ssize_t dot;

	if (span_eq_nocase(pattern, host))
		return true;
	if (!span_starts(pattern, SPAN("*.")))
		return false;
	dot = span_find(host, '.');
	return dot > 0 && span_eq_nocase(span_from(pattern, 1), span_from(host, (size_t)dot));
}

bool
tls_facts_name(const struct tls_facts *f, struct span host)
{
	struct span rest = span_of(f->names), name;

	/* "example.org." is example.org */
	if (host.n > 1 && host.p[host.n - 1] == '.')
		host = span_first(host, host.n - 1);
	while ((name = span_word(&rest)).n > 0)
		if (fits(name, host))
			return true;
	return false;
}

bool
tls_inspect(int cert_fd, int key_fd, struct tls_facts *out, char error[TLS_ERROR_MAX])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool good = ctx != NULL && tls_use_certificates(ctx, cert_fd, error);

	if (good && key_fd >= 0)
		good = tls_use_key(ctx, key_fd, error);
	if (good && !tls_facts_read(SSL_CTX_get0_certificate(ctx), out)) {
		tls_explain(error, "certificate");
		good = false;
	}
	SSL_CTX_free(ctx);
	return good;
}
