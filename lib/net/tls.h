/*
 * tls: TLS under a stream, by OpenSSL 3.
 *
 * A server context is made once, before rights are dropped, from descriptors
 * that mail-master opened, and warmed up before the first fork, so that
 * workers share what the library allocates lazily.  No session tickets and no
 * session cache are kept; idle connections give their buffers back.
 *
 * Each function that can fail writes one line of printable text into error.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "io/stream.h"

#define TLS_ERROR_MAX 256

enum tls_version { TLS_VERSION_1_0 = 10, TLS_VERSION_1_1 = 11, TLS_VERSION_1_2 = 12, TLS_VERSION_1_3 = 13 };

struct tls_server;

/*
 * cert_fd: PEM, the certificate first, then its chain.  key_fd: PEM key of it;
 * may be the same file as cert_fd.  Both are read from offset 0 and stay the
 * caller's.  NULL with a line in error when they cannot be read, do not match,
 * or are larger than LIMIT_PEM.
 */
struct tls_server *tls_server_new(int cert_fd, int key_fd, enum tls_version minimum, char error[TLS_ERROR_MAX]);
void tls_server_free(struct tls_server **t);

/* One handshake with ourselves in memory, then free memory goes back to the system. */
bool tls_warm_up(struct tls_server *t, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;

/*
 * Server handshake on st, until st's deadline.  The caller has checked
 * stream_buffered_input.  0, or -1: then the connection is useless.
 */
int tls_accept(struct tls_server *t, struct stream *st, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;

struct tls_client;

/*
 * verify: the peer must show a chain to the CAs of the system (read here, so
 * before confinement) that names the host; without it any certificate will do.
 */
struct tls_client *tls_client_new(bool verify, enum tls_version minimum, char error[TLS_ERROR_MAX]);
void tls_client_free(struct tls_client **t);

/* Client handshake; host (may be NULL) is sent as SNI and compared when verifying. */
int tls_connect(struct tls_client *t, struct stream *st, const char *host, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;

/* For Received and logs: "TLSv1.3 cipher TLS_AES_256_GCM_SHA384"; false without TLS. */
bool tls_describe(const struct stream *st, struct buf *out);

/* Channel binding data of type "tls-exporter", "tls-unique" or "tls-server-end-point". */
bool tls_channel_binding(const struct stream *st, const char *type, struct buf *out);

#endif
