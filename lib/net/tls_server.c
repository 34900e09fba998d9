/*
 * tls_server: certificates, and which of them a client sees; see tls.h.
 *
 * One context a certificate; all of them have the same options and the same
 * ticket keys, so that a session begun with one may be resumed at another
 * place of the same server.  The choice by address is made before the
 * handshake, the choice by name within it.
 */
#include "base/base.h"
#include "net/tls.h"

#include <malloc.h>
#include <openssl/err.h>

#include "base/limits.h"
#include "base/mem.h"
#include "net/tls_certificate.h"
#include "net/tls_context.h"
#include "net/tls_ticket.h"
#include "sys/clock.h"

struct certificate {
	SSL_CTX *ctx;
	struct tls_place place;
	char *file;
	struct tls_facts facts;
};

struct tls_server {
	struct tls_options options;
	char *ciphers, *suites;
	struct certificate *certs[LIMIT_TLS_CERTIFICATES];
	size_t count;
	struct tls_tickets tickets;
};

static char *
copy_or_null(const char *text)
{
	return text == NULL || text[0] == '\0' ? NULL : mem_text(text);
}

struct tls_server *
tls_server_new(const struct tls_options *options, char error[TLS_ERROR_MAX])
{
	struct tls_server *t;

	if ((options->ciphers != NULL && !tls_ciphers_known(options->ciphers, error)) ||
	    (options->suites != NULL && !tls_suites_known(options->suites, error)))
		return NULL;
	t = mem_new(sizeof(*t));
	t->options = *options;
	t->ciphers = copy_or_null(options->ciphers);
	t->suites = copy_or_null(options->suites);
	tls_tickets_init(&t->tickets, clock_ms());
	return t;
}

static void
certificate_free(struct certificate *c)
{
	SSL_CTX_free(c->ctx);
	tls_facts_free(&c->facts);
	free(c->file);
	free(c);
}

void
tls_server_free(struct tls_server **t)
{
	struct tls_server *old = *t;

	*t = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < old->count; i++)
		certificate_free(old->certs[i]);
	mem_wipe(&old->tickets, sizeof(old->tickets));
	free(old->ciphers);
	free(old->suites);
	free(old);
}

/* -- the choice ----------------------------------------------------------- */

/* How closely a place fits: 0 not at all, 1 as the default does, more for an address, a port, both. */
static int
closeness(const struct tls_place *p, const struct addr *local)
{
	int points = 1;

	if (p->is_default)
		return 1;
	if (p->ip.family != 0) {
		if (local == NULL || !addr_eq_ip(&p->ip, local))
			return 0;
		points += 2;
	}
	if (p->port != 0) {
		if (local == NULL || p->port != local->port)
			return 0;
		points += 1;
	}
	return points;
}

/*
 * The closest place that has the name; without a name, one that anybody may
 * see: a certificate for names alone (no address, no port) only when no other fits.
 */
static const struct certificate *
choose(const struct tls_server *t, const struct addr *local, struct span name)
{
	const struct certificate *best = NULL;
	int best_points = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct certificate *c = t->certs[i];
		int points = 2 * closeness(&c->place, local) + (c->place.is_default && name.n == 0);

		if (points <= best_points || closeness(&c->place, local) == 0)
			continue;
		if (name.n > 0 && !tls_facts_name(&c->facts, name))
			continue;
		best = c;
		best_points = points;
	}
	return best;
}

SSL_CTX *
tls_server_context(const struct tls_server *t, const struct addr *local)
{
	const struct certificate *c = choose(t, local, SPAN_NONE);

	if (c == NULL && t->count > 0)
		c = t->certs[0];
	return c == NULL ? NULL : c->ctx;
}

/* RFC 6066 3: a name that nobody here has is no error; OpenSSL has checked its length. */
static int
on_server_name(SSL *ssl, int *alert PB_UNUSED, void *ctx)
{
	const struct tls_server *t = ctx;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct certificate *c;

	if (name == NULL || name[0] == '\0')
		return SSL_TLSEXT_ERR_NOACK;
	c = choose(t, SSL_get_app_data(ssl), span_of(name));
	if (c == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_get_SSL_CTX(ssl) != c->ctx && SSL_set_SSL_CTX(ssl, c->ctx) == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_TLSEXT_ERR_OK;
}

/* -- making contexts ------------------------------------------------------ */

/* Any certificate will do for the handshake; tls_peer tells what it is worth. */
static int
on_verify(int good PB_UNUSED, X509_STORE_CTX *store PB_UNUSED)
{
	return 1;
}

static bool
ask_clients(const struct tls_server *t, SSL_CTX *ctx, char error[TLS_ERROR_MAX])
{
	if (!t->options.ask_client)
		return true;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, on_verify);
	SSL_CTX_set_max_cert_list(ctx, LIMIT_TLS_CLIENT_CHAIN);
	return t->options.client_ca_fd < 0 || tls_use_client_cas(ctx, t->options.client_ca_fd, error);
}

static bool
set_options(struct tls_server *t, SSL_CTX *ctx, char error[TLS_ERROR_MAX])
{
	static const unsigned char id[] = "pillarbox";

	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	if (t->options.resumption) {
		SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(ctx, 1);
	} else {
		SSL_CTX_set_num_tickets(ctx, 0);
	}
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, t);
	if (SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1) &&
	    (!t->options.resumption || tls_tickets_use(ctx, &t->tickets)) &&
	    (t->ciphers == NULL || SSL_CTX_set_cipher_list(ctx, t->ciphers)) &&
	    (t->suites == NULL || SSL_CTX_set_ciphersuites(ctx, t->suites)))
		return ask_clients(t, ctx, error);
	tls_explain(error, "TLS options");
	return false;
}

bool
tls_server_add(struct tls_server *t, const struct tls_place *place, int cert_fd, int key_fd,
	char error[TLS_ERROR_MAX])
{
	struct certificate *c;

	if (t->count == LIMIT_TLS_CERTIFICATES) {
		snprintf(error, TLS_ERROR_MAX, "more than %d certificates", LIMIT_TLS_CERTIFICATES);
		return false;
	}
	c = mem_new(sizeof(*c));
	c->place = *place;
	c->file = mem_text(place->file != NULL ? place->file : "");
	c->place.file = c->file;
	c->ctx = tls_new_context(TLS_server_method(), t->options.minimum, error);
	if (c->ctx == NULL || !tls_use_certificates(c->ctx, cert_fd, error) || !tls_use_key(c->ctx, key_fd, error) ||
	    !set_options(t, c->ctx, error)) {
		certificate_free(c);
		return false;
	}
	if (!tls_facts_read(SSL_CTX_get0_certificate(c->ctx), &c->facts)) {
		tls_explain(error, "certificate");
		certificate_free(c);
		return false;
	}
	t->certs[t->count++] = c;
	return true;
}

const struct tls_facts *
tls_server_facts(const struct tls_server *t, size_t i, const struct tls_place **place_out)
{
	if (i >= t->count)
		return NULL;
	*place_out = &t->certs[i]->place;
	return &t->certs[i]->facts;
}

const struct tls_facts *
tls_served(const struct tls_server *t, const struct stream *st)
{
	const SSL *ssl = tls_ssl_of(st);

	for (size_t i = 0; ssl != NULL && i < t->count; i++)
		if (SSL_get_SSL_CTX(ssl) == t->certs[i]->ctx)
			return &t->certs[i]->facts;
	return NULL;
}

void
tls_tend(struct tls_server *t)
{
	tls_tickets_turn(&t->tickets, clock_ms());
}

/* -- the first handshake -------------------------------------------------- */

/* Both ends in one process, over a pair of memory buffers. */
static bool
shake_hands(SSL *server, SSL *client)
{
	BIO *a, *b;

	if (!BIO_new_bio_pair(&a, 0, &b, 0))
		return false;
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	/* a full handshake takes three turns; more means that it does not get on */
	for (int i = 0; i < 16; i++) {
		int c = SSL_do_handshake(client), s = SSL_do_handshake(server);

		if (c == 1 && s == 1)
			return true;
	}
	return false;
}

static bool
warm_one(SSL_CTX *ctx, SSL_CTX *client_ctx)
{
	SSL *server = SSL_new(ctx), *client = SSL_new(client_ctx);
	bool good = server != NULL && client != NULL && shake_hands(server, client);

	SSL_free(server);
	SSL_free(client);
	return good;
}

bool
tls_warm_up(struct tls_server *t, char error[TLS_ERROR_MAX])
{
	/* Its client knows every version and cipher: what the settings leave is enough for it. */
	SSL_CTX *client = tls_new_context(TLS_client_method(), t->options.minimum, error);
	bool good = client != NULL;

	if (client == NULL)
		return false;
	SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
	if (t->ciphers != NULL)
		good = SSL_CTX_set_cipher_list(client, t->ciphers);
	if (good && t->suites != NULL)
		good = SSL_CTX_set_ciphersuites(client, t->suites);
	for (size_t i = 0; i < t->count && good; i++)
		good = warm_one(t->certs[i]->ctx, client);
	if (!good)
		tls_explain(error, "warm-up handshake");
	SSL_CTX_free(client);
	ERR_clear_error();
	malloc_trim(0);
	return good;
}
