/*
 * cert: key and certificate by OpenSSL, in memory only.
 */
#include "base/base.h"
#include "cert.h"
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "sys/random.h"

#define TEN_YEARS (10L * 365 * 24 * 3600)

static int
add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int rc;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (ext == NULL)
		return -1;
	rc = X509_add_ext(cert, ext, -1) == 1 ? 0 : -1;
	X509_EXTENSION_free(ext);
	return rc;
}

static int
fill(X509 *cert, EVP_PKEY *key, const char *host)
{
	X509_NAME *name = X509_get_subject_name(cert);
	char alt[300];

	snprintf(alt, sizeof(alt), "DNS:%s", host);
	/* The common name holds 64 bytes at most; the alternative name is what counts. */
	if (X509_set_version(cert, 2) != 1 ||
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), random_u64() >> 1) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(cert), -3600) == NULL ||
	    X509_gmtime_adj(X509_getm_notAfter(cert), TEN_YEARS) == NULL ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)host,
		strlen(host) > 64 ? 64 : -1, -1, 0) != 1 ||
	    X509_set_issuer_name(cert, name) != 1 || X509_set_pubkey(cert, key) != 1 ||
	    add_extension(cert, NID_subject_alt_name, alt) != 0 ||
	    add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") != 0)
		return -1;
	return X509_sign(cert, key, EVP_sha256()) > 0 ? 0 : -1;
}

static bool
take(BIO *bio, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	return n > 0 && buf_put(out, p, (size_t)n);
}

int
cert_make(const char *host, struct buf *key_out, struct buf *cert_out)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	BIO *key_bio = BIO_new(BIO_s_mem()), *cert_bio = BIO_new(BIO_s_mem());
	int rc = -1;

	if (key != NULL && cert != NULL && key_bio != NULL && cert_bio != NULL &&
	    fill(cert, key, host) == 0 &&
	    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_bio_X509(cert_bio, cert) == 1 &&
	    take(key_bio, key_out) && take(cert_bio, cert_out))
		rc = 0;
	BIO_free(key_bio);
	BIO_free(cert_bio);
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc;
}
