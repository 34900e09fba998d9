/* How large the certificate may be that a client shows. */
#include "base/base.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/tls.h"
#include "tap.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the message that carries one certificate by TLS 1.2: lengths of the list and of the certificate (RFC 5246 7.4.2). */
#define LENGTHS 6

/* A self-signed certificate with a comment of n characters. */
static X509 *
new_cert(EVP_PKEY *key, size_t n)
{
	char *comment = mem_new(n + 1);
	X509 *cert = X509_new();
	X509_EXTENSION *extension;
	X509_NAME *name = X509_get_subject_name(cert);

	memset(comment, 'c', n);
	extension = X509V3_EXT_conf_nid(NULL, NULL, NID_netscape_comment, comment);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_set_version(cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(cert), -10);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mx.example", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	/* Signatures of this kind are all as long. */
	if (extension == NULL || !X509_add_ext(cert, extension, -1) || !X509_sign(cert, key, NULL))
		bug("a certificate cannot be made");
	X509_EXTENSION_free(extension);
	free(comment);
	return cert;
}

static X509 *
cert_of_size(EVP_PKEY *key, int size)
{
	size_t n = (size_t)size - 400;

	for (;;) {
		X509 *cert = new_cert(key, n);
		int got = i2d_X509(cert, NULL);

		if (got == size)
			return cert;
		X509_free(cert);
		n = (size_t)((int)n + size - got);
	}
}

static int
file_of(EVP_PKEY *key, X509 *cert)
{
	int fd = memfd_create("pem", MFD_CLOEXEC);
	FILE *f = fdopen(dup(fd), "w");

	if (f == NULL || !(cert != NULL ? PEM_write_X509(f, cert) :
	    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL)) || fclose(f) != 0)
		bug("memfd: %m");
	return fd;
}

static void
run_client(int fd, EVP_PKEY *key, X509 *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	char byte;

	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	if (!SSL_CTX_use_certificate(ctx, cert) || !SSL_CTX_use_PrivateKey(ctx, key))
		_exit(2);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) == 1)
		(void)SSL_read(ssl, &byte, 1);	/* the end */
	_exit(0);
}

/* Does the handshake stand with a client's certificate whose message has n bytes? */
static bool
is_accepted(struct tls_server *t, EVP_PKEY *key, int n, char error[TLS_ERROR_MAX])
{
	X509 *cert = cert_of_size(key, n - LENGTHS);
	struct stream st;
	int pair[2];
	pid_t pid;
	bool accepted;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 || (pid = fork()) < 0)
		bug("socketpair: %m");
	if (pid == 0) {
		close(pair[0]);
		run_client(pair[1], key, cert);
	}
	close(pair[1]);
	stream_init(&st, pair[0], 1024);
	stream_timeout(&st, 30000);
	error[0] = '\0';
	accepted = tls_accept(t, &st, NULL, error) == 0;
	stream_close(&st);
	waitpid(pid, NULL, 0);
	X509_free(cert);
	return accepted;
}

int
main(void)
{
	static const struct tls_options options = { .minimum = TLS_VERSION_1_2, .ask_client = true, .client_ca_fd = -1 };
	static const struct tls_place usual = { .is_default = true, .file = "cert.pem" };
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *cert = new_cert(key, 10);
	char error[TLS_ERROR_MAX] = "";
	struct tls_server *t = tls_server_new(&options, error);

	(void)signal(SIGPIPE, SIG_IGN);
	alarm(120);
	if (t == NULL || !tls_server_add(t, &usual, file_of(NULL, cert), file_of(key, NULL), error))
		bug("%s", error);
	ok(is_accepted(t, key, LIMIT_TLS_CLIENT_CHAIN, error), "a client's certificate at LIMIT_TLS_CLIENT_CHAIN %s", error);
	ok(!is_accepted(t, key, LIMIT_TLS_CLIENT_CHAIN + 1, error), "over LIMIT_TLS_CLIENT_CHAIN there is no session");
	ok(strstr(error, "excessive message size") != NULL, "for its size: %s", error);
	tls_server_free(&t);
	X509_free(cert);
	EVP_PKEY_free(key);
	return done();
}
