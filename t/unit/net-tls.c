/* tls: both ends over a socket pair, and files that must be refused. */
#include "base/base.h"
#include "net/tls.h"
#include "tap.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/limits.h"

static EVP_PKEY *
write_key(int fd)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	FILE *f = fdopen(dup(fd), "w");

	if (f == NULL || !PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) || fclose(f) != 0)
		_exit(99);
	return key;
}

static void
write_cert(int fd, EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	FILE *f = fdopen(dup(fd), "w");

	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mx.example", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	if (f == NULL || !X509_sign(cert, key, EVP_sha256()) || !PEM_write_X509(f, cert) || fclose(f) != 0)
		_exit(99);
	X509_free(cert);
}

static int cert_fd, key_fd, other_key_fd;

static void
make_files(void)
{
	EVP_PKEY *key;

	cert_fd = memfd_create("cert", MFD_CLOEXEC);
	key_fd = memfd_create("key", MFD_CLOEXEC);
	other_key_fd = memfd_create("other", MFD_CLOEXEC);
	key = write_key(key_fd);
	write_cert(cert_fd, key);
	EVP_PKEY_free(key);
	EVP_PKEY_free(write_key(other_key_fd));
}

static void
refused_files(void)
{
	char error[TLS_ERROR_MAX];
	int big = memfd_create("big", MFD_CLOEXEC);

	ok(tls_server_new(cert_fd, other_key_fd, TLS_VERSION_1_2, error) == NULL, "a foreign key: %s", error);
	ok(tls_server_new(key_fd, key_fd, TLS_VERSION_1_2, error) == NULL, "no certificate: %s", error);
	ok(tls_server_new(cert_fd, cert_fd, TLS_VERSION_1_2, error) == NULL, "no key: %s", error);
	ok(ftruncate(big, LIMIT_PEM + 1) == 0 &&
	    tls_server_new(big, key_fd, TLS_VERSION_1_2, error) == NULL, "over LIMIT_PEM: %s", error);
	is_text(error, "certificate: too large", "says why");
	ok(tls_server_new(-1, key_fd, TLS_VERSION_1_2, error) == NULL, "no descriptor: %s", error);
	close(big);
}

/* The client end: echo lines until the end. Exit code 0 when the handshake stood. */
static void
run_client(int fd, bool verify)
{
	char error[TLS_ERROR_MAX];
	struct tls_client *c = tls_client_new(verify, TLS_VERSION_1_2, error);
	struct stream st;
	struct span line;
	struct buf binding;

	stream_init(&st, fd, 1024);
	stream_timeout(&st, 5000);
	if (c == NULL || tls_connect(c, &st, "mx.example", error) < 0)
		_exit(1);
	buf_init(&binding, 200);
	if (!tls_channel_binding(&st, "tls-exporter", &binding) ||
	    !tls_channel_binding(&st, "tls-server-end-point", &binding))
		_exit(2);
	stream_put(&st, buf_view(&binding));
	while (stream_line(&st, 500, &line) == LINE_OK)
		stream_printf(&st, "%.*s\r\n", SPAN_ARG(line));
	stream_close(&st);
	_exit(0);
}

static int
start_client(struct stream *st, bool verify, pid_t *pid)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	*pid = fork();
	if (*pid == 0) {
		close(pair[0]);
		run_client(pair[1], verify);
	}
	close(pair[1]);
	stream_init(st, pair[0], 1024);
	stream_timeout(st, 5000);
	return 0;
}

static int
exit_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void
conversation(struct tls_server *t)
{
	char error[TLS_ERROR_MAX], theirs[64];
	struct stream st;
	struct span line;
	struct buf b;
	pid_t pid;

	start_client(&st, false, &pid);
	is_num(tls_accept(t, &st, error), 0, "a handshake");
	ok(stream_is_tls(&st), "the stream is under TLS");
	buf_init(&b, 200);
	ok(tls_describe(&st, &b) && span_starts(buf_view(&b), SPAN("TLSv1.3 cipher ")), "%s", buf_text(&b));
	buf_clear(&b);
	ok(tls_channel_binding(&st, "tls-exporter", &b) &&
	    tls_channel_binding(&st, "tls-server-end-point", &b), "channel bindings");
	ok(!tls_channel_binding(&st, "tls-unique", &b), "tls-unique does not exist in TLS 1.3");
	ok(b.n == 64 && stream_read(&st, theirs, 64) == LINE_OK && memcmp(theirs, b.p, 64) == 0,
		"both ends see the same ones");
	for (int i = 0; i < 3; i++)
		stream_printf(&st, "line %d\r\n", i);
	ok(stream_line(&st, 100, &line) == LINE_OK && span_is(line, "line 0"), "lines come back");
	ok(stream_line(&st, 100, &line) == LINE_OK && stream_line(&st, 100, &line) == LINE_OK &&
	    span_is(line, "line 2"), "all of them");
	stream_close(&st);
	is_num(exit_of(pid), 0, "the client sees a clean end");
	buf_free(&b);
}

static void
failures(struct tls_server *t)
{
	char error[TLS_ERROR_MAX] = "";
	struct stream st;
	pid_t pid;
	int pair[2];

	start_client(&st, true, &pid);
	is_num(tls_accept(t, &st, error), -1, "a client that verifies leaves");
	is_num(exit_of(pid), 1, "it does not know this certificate");
	stream_close(&st);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	stream_init(&st, pair[0], 1024);
	stream_timeout(&st, 100);
	ok(tls_accept(t, &st, error) == -1 && strstr(error, "timed out") != NULL, "silence: %s", error);
	stream_close(&st);
	close(pair[1]);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	stream_init(&st, pair[0], 1024);
	stream_timeout(&st, 1000);
	ok(write(pair[1], "GET / HTTP/1.0\r\n\r\n", 18) == 18 && tls_accept(t, &st, error) == -1,
		"not TLS: %s", error);
	stream_close(&st);
	close(pair[1]);
}

int
main(void)
{
	char error[TLS_ERROR_MAX] = "";
	struct tls_server *t;

	signal(SIGPIPE, SIG_IGN);
	make_files();
	refused_files();
	t = tls_server_new(cert_fd, key_fd, TLS_VERSION_1_2, error);
	ok(t != NULL, "a server context %s", error);
	if (t == NULL)
		return done();
	ok(tls_warm_up(t, error), "the warm-up handshake %s", error);
	conversation(t);
	failures(t);
	tls_server_free(&t);
	ok(t == NULL, "freed and forgotten");
	return done();
}
