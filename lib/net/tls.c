/*
 * tls: handshakes and the transport under a stream; see tls.h.
 * Contexts are made in tls_context.c and tls_server.c; what is known of the other
 * side afterwards is in tls_peer.c.
 *
 * Trust: everything after the TCP handshake is the peer's.  OpenSSL's errors
 * are turned into one printable line and its queue is emptied each time, so
 * that no later call reports an earlier failure.
 */
#include "base/base.h"
#include "net/tls.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include "net/tls_context.h"

void
tls_explain(char error[TLS_ERROR_MAX], const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	struct buf b;

	buf_init_fixed(&b, error, TLS_ERROR_MAX);
	(void)buf_escaped(&b, span_of(what));
	if (reason != NULL) {
		(void)buf_text_put(&b, ": ");
		(void)buf_escaped(&b, span_of(reason));
	}
	ERR_clear_error();
}

/* Translate a failed SSL_read, SSL_write or handshake: errno and *events. */
static ssize_t
translate(SSL *ssl, int got, short *events)
{
	int saved = errno;

	switch (SSL_get_error(ssl, got)) {
	case SSL_ERROR_WANT_READ:
		*events = POLLIN;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		*events = POLLOUT;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		errno = saved != 0 ? saved : ECONNRESET;
		return -1;
	default:
		ERR_clear_error();
		errno = EPROTO;
		return -1;
	}
}

static ssize_t
tls_read(void *ctx, void *p, size_t n, short *events)
{
	int got;

	ERR_clear_error();
	errno = 0;
	got = SSL_read(ctx, p, n > INT32_MAX ? INT32_MAX : (int)n);
	return got > 0 ? got : translate(ctx, got, events);
}

static ssize_t
tls_write(void *ctx, const void *p, size_t n, short *events)
{
	int put;
	ssize_t r;

	ERR_clear_error();
	errno = 0;
	put = SSL_write(ctx, p, n > INT32_MAX ? INT32_MAX : (int)n);
	if (put > 0)
		return put;
	r = translate(ctx, put, events);
	if (r == 0) {
		errno = EPIPE;
		r = -1;
	}
	return r;
}

static void
tls_close(void *ctx)
{
	if (SSL_is_init_finished(ctx))
		(void)SSL_shutdown(ctx);	/* one close_notify if the socket takes it now */
	SSL_free(ctx);
	ERR_clear_error();
}

static const struct stream_transport tls_transport = {
	.read = tls_read, .write = tls_write, .close = tls_close, .is_tls = true,
};

SSL *
tls_ssl_of(const struct stream *st)
{
	return st->transport == &tls_transport ? st->transport_ctx : NULL;
}

/* Why a handshake failed: the verdict on the certificate, else the library's, else errno. */
static void
explain_handshake(SSL *ssl, char error[TLS_ERROR_MAX])
{
	long verdict = SSL_get_verify_result(ssl);

	if (errno == ETIMEDOUT || (errno == EPROTO && verdict == X509_V_OK && ERR_peek_error() == 0))
		tls_explain(error, errno == ETIMEDOUT ? "handshake timed out" : "handshake failed");
	else if (verdict != X509_V_OK && !SSL_is_server(ssl) && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
		tls_explain(error, X509_verify_cert_error_string(verdict));
	else
		tls_explain(error, ERR_peek_error() != 0 ? "handshake" : strerror(errno));
}

int
tls_handshake(struct stream *st, SSL *ssl, char error[TLS_ERROR_MAX])
{
	for (;;) {
		short events = 0;
		int got, code;

		ERR_clear_error();
		errno = 0;
		got = SSL_do_handshake(ssl);
		if (got == 1)
			break;
		code = SSL_get_error(ssl, got);
		if (code == SSL_ERROR_WANT_READ)
			events = POLLIN;
		else if (code == SSL_ERROR_WANT_WRITE)
			events = POLLOUT;
		else if (errno == 0)
			errno = code == SSL_ERROR_SYSCALL ? ECONNRESET : EPROTO;
		if (events == 0 || stream_poll(st, events) < 0) {
			explain_handshake(ssl, error);
			SSL_free(ssl);
			return -1;
		}
	}
	stream_set_transport(st, &tls_transport, ssl);
	return 0;
}

SSL *
tls_new_ssl(SSL_CTX *ctx, struct stream *st, char error[TLS_ERROR_MAX])
{
	SSL *ssl;

	ERR_clear_error();
	if (stream_flush(st) < 0) {
		tls_explain(error, strerror(st->error));
		return NULL;
	}
	ssl = SSL_new(ctx);
	if (ssl == NULL || !SSL_set_rfd(ssl, st->fd_in) || !SSL_set_wfd(ssl, st->fd_out)) {
		tls_explain(error, "no TLS connection");
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

int
tls_accept(struct tls_server *t, struct stream *st, const struct addr *local, char error[TLS_ERROR_MAX])
{
	SSL_CTX *ctx = tls_server_context(t, local);
	SSL *ssl;
	int result;

	if (ctx == NULL) {
		tls_explain(error, "no certificate");
		return -1;
	}
	ssl = tls_new_ssl(ctx, st, error);
	if (ssl == NULL)
		return -1;
	SSL_set_accept_state(ssl);
	/* For the choice by name, which is made within the handshake. */
	SSL_set_app_data(ssl, (void *)(uintptr_t)local);
	result = tls_handshake(st, ssl, error);
	if (result == 0)
		SSL_set_app_data(ssl, NULL);
	/* A session may sit idle for long: what only the handshake needed goes back. */
	(void)malloc_trim(0);
	return result;
}

int
tls_connect(struct tls_client *t, struct stream *st, const char *host, char error[TLS_ERROR_MAX])
{
	SSL *ssl = tls_new_ssl(t->ctx, st, error);

	if (ssl == NULL)
		return -1;
	SSL_set_connect_state(ssl);
	if (host != NULL && host[0] != '\0' && host[0] != '[')
		if (!SSL_set_tlsext_host_name(ssl, host) || !SSL_set1_host(ssl, host)) {
			tls_explain(error, "host name");
			SSL_free(ssl);
			return -1;
		}
	return tls_handshake(st, ssl, error);
}

bool
tls_describe(const struct stream *st, struct buf *out)
{
	const SSL *ssl = tls_ssl_of(st);

	return ssl != NULL &&
	    buf_printf(out, "%s cipher %s", SSL_get_version(ssl), SSL_get_cipher_name(ssl));
}

int
tls_cipher_bits(const struct stream *st)
{
	const SSL *ssl = tls_ssl_of(st);

	return ssl != NULL ? SSL_get_cipher_bits(ssl, NULL) : 0;
}
