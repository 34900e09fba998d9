/*
 * tls_context: what tls.c and tls_context.c share; nobody else.
 */
#ifndef NET_TLS_CONTEXT_H
#define NET_TLS_CONTEXT_H

#include "base/base.h"
#include "net/tls.h"
#include <openssl/ssl.h>

struct tls_server {
	SSL_CTX *ctx;
};

struct tls_client {
	SSL_CTX *ctx;
};

/* "what: the library's reason" into error; the library's error queue is emptied. */
void tls_explain(char error[TLS_ERROR_MAX], const char *what);

#endif
