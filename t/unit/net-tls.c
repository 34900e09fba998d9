/* tls: both ends over a socket pair, and files that must be refused. */
#include "base/base.h"
#include "net/tls.h"
#include "net/tls_certificate.h"
#include "net/tls_ticket.h"
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
#include "base/mem.h"

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

/* A server with one certificate, the default. */
static struct tls_server *
server_with(int cert, int key, char error[TLS_ERROR_MAX])
{
	static const struct tls_options options = { .minimum = TLS_VERSION_1_2, .client_ca_fd = -1 };
	static const struct tls_place usual = { .is_default = true, .file = "cert.pem" };
	struct tls_server *t = tls_server_new(&options, error);

	if (t != NULL && !tls_server_add(t, &usual, cert, key, error))
		tls_server_free(&t);
	return t;
}

/* The certificate of another file, and line ends behind it up to n bytes. */
static void
fill(int fd, int from, size_t n)
{
	char *text = mem_new(n);
	ssize_t got;

	memset(text, '\n', n);
	got = pread(from, text, n, 0);
	if (got <= 0 || pwrite(fd, text, n, 0) != (ssize_t)n)
		_exit(99);
	free(text);
}

static bool
size_is_taken(int cert, char error[TLS_ERROR_MAX])
{
	struct tls_server *t = server_with(cert, key_fd, error);
	bool taken = t != NULL;

	if (taken)
		error[0] = '\0';
	tls_server_free(&t);
	return taken;
}

static void
refused_files(void)
{
	char error[TLS_ERROR_MAX];
	int big = memfd_create("big", MFD_CLOEXEC);

	ok(server_with(cert_fd, other_key_fd, error) == NULL, "a foreign key: %s", error);
	ok(server_with(key_fd, key_fd, error) == NULL, "no certificate: %s", error);
	ok(server_with(cert_fd, cert_fd, error) == NULL, "no key: %s", error);
	fill(big, cert_fd, LIMIT_PEM);
	ok(size_is_taken(big, error), "a certificate in a file at LIMIT_PEM %s", error);
	fill(big, cert_fd, LIMIT_PEM + 1);
	ok(!size_is_taken(big, error), "over LIMIT_PEM: %s", error);
	is_text(error, "certificate: too large", "says why");
	ok(server_with(-1, key_fd, error) == NULL, "no descriptor: %s", error);
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
	if (!tls_channel_binding(&st, "tls-exporter", &binding))
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
	char error[TLS_ERROR_MAX], theirs[32];
	struct stream st;
	struct span line;
	struct buf b;
	pid_t pid;

	start_client(&st, false, &pid);
	is_num(tls_accept(t, &st, NULL, error), 0, "a handshake");
	ok(stream_is_tls(&st), "the stream is under TLS");
	buf_init(&b, 200);
	ok(tls_describe(&st, &b) && span_starts(buf_view(&b), SPAN("TLSv1.3 cipher ")), "%s", buf_text(&b));
	buf_clear(&b);
	ok(tls_channel_binding(&st, "tls-exporter", &b), "a channel binding");
	ok(!tls_channel_binding(&st, "tls-unique", &b), "tls-unique does not exist in TLS 1.3");
	ok(b.n == 32 && stream_read(&st, theirs, 32) == LINE_OK && memcmp(theirs, b.p, 32) == 0,
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
	is_num(tls_accept(t, &st, NULL, error), -1, "a client that verifies leaves");
	is_num(exit_of(pid), 1, "it does not know this certificate");
	stream_close(&st);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	stream_init(&st, pair[0], 1024);
	stream_timeout(&st, 100);
	ok(tls_accept(t, &st, NULL, error) == -1 && strstr(error, "timed out") != NULL, "silence: %s", error);
	stream_close(&st);
	close(pair[1]);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	stream_init(&st, pair[0], 1024);
	stream_timeout(&st, 1000);
	ok(write(pair[1], "GET / HTTP/1.0\r\n\r\n", 18) == 18 && tls_accept(t, &st, NULL, error) == -1,
		"not TLS: %s", error);
	stream_close(&st);
	close(pair[1]);
}

static void
too_many(void)
{
	static const struct tls_options options = { .minimum = TLS_VERSION_1_2, .client_ca_fd = -1 };
	const struct tls_place usual = { .is_default = true }, *place;
	char error[TLS_ERROR_MAX];
	struct tls_server *t = tls_server_new(&options, error);
	size_t n = 0;

	while (n <= LIMIT_TLS_CERTIFICATES && tls_server_add(t, &usual, cert_fd, key_fd, error))
		n++;
	ok(n >= LIMIT_TLS_CERTIFICATES, "certificates at LIMIT_TLS_CERTIFICATES are taken");
	is_num(n, LIMIT_TLS_CERTIFICATES, "one over LIMIT_TLS_CERTIFICATES is not");
	ok(tls_server_facts(t, n - 1, &place) != NULL && tls_server_facts(t, n, &place) == NULL, "and all can be asked for");
	tls_server_free(&t);
}

static void
ticket_keys(void)
{
	struct tls_tickets parent, child, late;
	uint64_t start = 7 * TLS_TICKET_EPOCH_MS + 1;

	tls_tickets_init(&parent, start);
	child = late = parent;
	tls_tickets_turn(&parent, start + 1);
	ok(memcmp(&parent, &child, sizeof(parent)) == 0, "within an epoch the keys stay");
	tls_tickets_turn(&parent, start + TLS_TICKET_EPOCH_MS);
	ok(memcmp(&parent.before, &child.now, sizeof(parent.now)) == 0, "in the next the old ones are still taken");
	ok(memcmp(&parent.now, &child.now, sizeof(parent.now)) != 0, "and there are new ones");
	ok(memcmp(parent.secret, child.secret, sizeof(parent.secret)) != 0, "whose secret is another");
	tls_tickets_turn(&parent, start + 5 * TLS_TICKET_EPOCH_MS);
	for (unsigned i = 1; i <= 5; i++)
		tls_tickets_turn(&child, start + i * TLS_TICKET_EPOCH_MS);
	tls_tickets_turn(&late, start + 5 * TLS_TICKET_EPOCH_MS);
	ok(memcmp(&parent, &child, sizeof(parent)) == 0 && memcmp(&parent, &late, sizeof(parent)) == 0,
		"parent and workers come to the same keys, however often they look");
}

int
main(void)
{
	char error[TLS_ERROR_MAX] = "";
	struct tls_server *t;

	signal(SIGPIPE, SIG_IGN);
	make_files();
	refused_files();
	t = server_with(cert_fd, key_fd, error);
	ok(t != NULL, "a server context %s", error);
	if (t == NULL)
		return done();
	ok(tls_warm_up(t, error), "the warm-up handshake %s", error);
	conversation(t);
	too_many();
	ticket_keys();
	failures(t);
	tls_server_free(&t);
	ok(t == NULL, "freed and forgotten");
	return done();
}
