/*
 * auth_channel: what the connection itself tells about a client, for mechanisms
 * that count on it: channel bindings (SCRAM-*-PLUS) and a certificate (EXTERNAL).
 */
#ifndef DIRECTORY_AUTH_CHANNEL_H
#define DIRECTORY_AUTH_CHANNEL_H

#include "base/base.h"
#include "io/stream.h"
#include "net/tls.h"

#define AUTH_BINDING_MAX 96	/* base64 of at most 64 bytes */

struct auth_channel {
	char exporter[AUTH_BINDING_MAX];	/* tls-exporter (RFC 9266), base64; "" for none */
	char unique[AUTH_BINDING_MAX];		/* tls-unique (RFC 5929), base64; "" for none */
	bool has_certificate;
	struct tls_peer certificate;
};

/* Of a connection with or without TLS; without it all is empty. */
void auth_channel_read(const struct stream *st, struct auth_channel *out);

/* Can SCRAM-*-PLUS be used over it? */
bool auth_channel_binds(const struct auth_channel *c);

#endif
