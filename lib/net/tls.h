/*
 * tls: TLS under a stream, by OpenSSL 3.
 *
 * A server (struct tls_server) is a set of certificates, each for an address,
 * a port and the names it carries.  It is made before rights are dropped, from
 * descriptors that mail-master opened, and warmed up before the first fork, so
 * that workers share what the library allocates lazily.  No session is kept:
 * who resumes one brings it along in a ticket (tls_ticket.h).  Idle connections
 * give their buffers back.
 *
 * Each function that can fail writes one line of printable text into error.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "io/stream.h"
#include "net/addr.h"

#define TLS_ERROR_MAX 256

enum tls_version { TLS_VERSION_1_0 = 10, TLS_VERSION_1_1 = 11, TLS_VERSION_1_2 = 12, TLS_VERSION_1_3 = 13 };

struct tls_server;

struct tls_options {
	enum tls_version minimum;
	const char *ciphers;	/* up to TLS 1.2, OpenSSL's notation; NULL or "": the library's */
	const char *suites;	/* of TLS 1.3; the same */
	bool resumption;	/* hand out tickets */
	bool ask_client;	/* for a certificate; a client without one is served too */
	int client_ca_fd;	/* PEM: whose certificates are valid ones; -1: nobody's */
};

/* "1.0" to "1.3"; anything else is TLS_VERSION_1_2. */
enum tls_version tls_version_named(const char *text);

/* Does OpenSSL know every word of the list?  False with the first that it does not. */
bool tls_ciphers_known(const char *list, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;
bool tls_suites_known(const char *list, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;

/* A server without certificates; options are copied.  NULL with a line in error. */
struct tls_server *tls_server_new(const struct tls_options *options, char error[TLS_ERROR_MAX]);
void tls_server_free(struct tls_server **t);

/* Where a certificate is shown. */
struct tls_place {
	struct addr ip;		/* family 0: on every address */
	uint16_t port;		/* 0: on every port */
	bool is_default;	/* shown where no other has a claim */
	const char *file;	/* its name for people; copied */
};

/*
 * Add a certificate.  cert_fd: PEM, the certificate first, then its chain, or
 * one certificate as DER.  key_fd: its key, PEM or DER; may be the same file.
 * Both are read from offset 0 and stay the caller's.  False with a line in
 * error when they cannot be read, do not match, or are larger than LIMIT_PEM.
 *
 * Which one a client sees: of those for the address and the port it reached,
 * the first that has the name it asked for (SNI); if none has, the one with the
 * closest place; if no place fits, the default, or without one the first of all:
 * a foreign certificate is better than no TLS.
 */
bool tls_server_add(struct tls_server *t, const struct tls_place *place, int cert_fd, int key_fd,
	char error[TLS_ERROR_MAX]) PB_MUST_CHECK;

/* The i-th certificate and its place; NULL past the last.  Both live as long as t. */
struct tls_facts;
const struct tls_facts *tls_server_facts(const struct tls_server *t, size_t i, const struct tls_place **place_out);

/* The certificate that a client of ours sees; NULL without TLS.  It lives as long as t. */
const struct tls_facts *tls_served(const struct tls_server *t, const struct stream *st);

/* One handshake with ourselves in memory for each certificate, then free memory goes back to the system. */
bool tls_warm_up(struct tls_server *t, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;

/* Forget ticket keys whose time is over: for a parent, from time to time. */
void tls_tend(struct tls_server *t);

/*
 * Server handshake on st, until st's deadline.  local: the address and port that
 * the client reached (NULL: not known).  The caller has checked
 * stream_buffered_input.  0, or -1: then the connection is useless.
 */
int tls_accept(struct tls_server *t, struct stream *st, const struct addr *local, char error[TLS_ERROR_MAX]) PB_MUST_CHECK;

/* The certificate of the other side. */
#define TLS_PEER_NAMES_MAX 1024
#define TLS_PEER_CN_MAX 257	/* ub-common-name of RFC 5280 is 64 characters of up to four bytes */
struct tls_peer {
	bool is_valid;		/* leads to a CA of ours, is in its time and made for this use */
	char fingerprint[65];	/* SHA-256, hex in small letters */
	char key_fingerprint[65];	/* the same of the public key (RFC 7469 2.4: its SubjectPublicKeyInfo) */
	char subject[TLS_PEER_CN_MAX], issuer[TLS_PEER_CN_MAX];	/* common names, UTF-8; "" for none */
	char names[TLS_PEER_NAMES_MAX];	/* e-mail addresses in it, comma separated; "" for none */
};

/* False when there is no TLS or the other side showed none. */
bool tls_peer(const struct stream *st, struct tls_peer *out);

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
int tls_cipher_bits(const struct stream *st);	/* 0 without TLS */

/* Channel binding data of type "tls-exporter" or "tls-unique". */
bool tls_channel_binding(const struct stream *st, const char *type, struct buf *out);

#endif
