/*
 * tls_pairs: see tls_pairs.h.
 */
#include "base/base.h"
#include "tls_pairs.h"
#include <time.h>
#include <unistd.h>
#include "net/tls_certificate.h"
#include "service/key_files.h"

#define RULES "sslRules/rule"

bool
tls_pair_fits(const struct ctl *c, const char *cert_path, const char *key_path, bool *expired, struct buf *errors)
{
	struct tls_facts facts;
	char error[TLS_ERROR_MAX];
	int cert, key;
	bool fits;

	if (!key_files_open_pair(&c->instance, cert_path, key_path, &cert, &key, errors))
		return false;
	fits = tls_inspect(cert, key, &facts, error);
	if (fits) {
		if (expired != NULL)
			*expired = facts.not_after < (int64_t)time(NULL);
		tls_facts_free(&facts);
	} else {
		buf_printf(errors, "%s: %s\n", cert_path, error);
	}
	close(cert);
	close(key);
	return fits;
}

/* key_files_open: neither file is no error. */
static bool
own_pair_is_missing(const struct ctl *c, const char *cert_path, const char *key_path)
{
	int cert = key_files_open_path(&c->instance, cert_path);
	int key = key_files_open_path(&c->instance, key_path);

	if (cert >= 0)
		close(cert);
	if (key >= 0)
		close(key);
	return cert < 0 && key < 0;
}

static bool
pairs_fit(const struct ctl *c, const struct settings *server, struct buf *errors)
{
	const char *cert = settings_text(server, "tlsCertificatePath"), *key = settings_text(server, "tlsPrivateKeyPath");
	bool fit = own_pair_is_missing(c, cert, key) || tls_pair_fits(c, cert, key, NULL, errors);

	for (size_t i = 0; i < settings_count(server, RULES); i++)
		fit &= tls_pair_fits(c, settings_entry(server, RULES, i, "certificatePath"),
			settings_entry(server, RULES, i, "privateKeyPath"), NULL, errors);
	return fit;
}

bool
tls_pairs_fit(const struct ctl *c, struct buf *errors)
{
	struct settings *server;
	struct buf unread;
	bool fit;

	buf_init(&unread, 65536);
	server = ctl_read_server_settings(c, &unread);
	fit = server == NULL || pairs_fit(c, server, errors);
	settings_free(&server);
	buf_free(&unread);
	return fit;
}
