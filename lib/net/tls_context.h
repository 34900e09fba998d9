/*
 * tls_context: what the files tls*.c share; nobody else.
 */
#ifndef NET_TLS_CONTEXT_H
#define NET_TLS_CONTEXT_H

#include "base/base.h"
#include "net/tls.h"
#include <openssl/ssl.h>

struct tls_client {
	SSL_CTX *ctx;
};

/* "what: the library's reason" into error; the library's error queue is emptied. */
void tls_explain(char error[TLS_ERROR_MAX], const char *what);

/* What both sides have in common; NULL with error. */
SSL_CTX *tls_new_context(const SSL_METHOD *method, enum tls_version minimum, char error[TLS_ERROR_MAX]);

/* The connection under a stream; NULL without TLS. */
SSL *tls_ssl_of(const struct stream *st);

/* A connection object over the descriptors of st; NULL with error. */
SSL *tls_new_ssl(SSL_CTX *ctx, struct stream *st, char error[TLS_ERROR_MAX]);

/* Until st's deadline; 0, or -1 with error, and ssl is freed. */
int tls_handshake(struct stream *st, SSL *ssl, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;

/* tls_server.c: with which certificate a handshake begins; NULL when there is none. */
SSL_CTX *tls_server_context(const struct tls_server *t, const struct addr *local);

/*
 * tls_pem.c: the certificate with its chain, its key (which must belong to it),
 * and the CAs of clients, from a descriptor each.  False with a line in error.
 */
bool tls_use_certificates(SSL_CTX *ctx, int fd, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;
bool tls_use_key(SSL_CTX *ctx, int fd, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;
bool tls_use_client_cas(SSL_CTX *ctx, int fd, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;

#endif
