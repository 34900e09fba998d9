/*
 * tls_ciphers: are the words of a list of ciphers known to OpenSSL?
 *
 * OpenSSL itself takes a list as long as one word of it is known, and ignores
 * what is not: a misspelt exclusion would go unnoticed.  So each word is tried
 * alone; what is only excluded may also be one that this OpenSSL was built
 * without.
 */
#include "base/base.h"
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/tls_context.h"

#define WORD_MAX 128

/* What people exclude, whether it is built in or not. */
static const char *const excluded[] = {
	"NULL", "eNULL", "aNULL", "LOW", "MEDIUM", "EXP", "EXPORT", "MD5", "RC4", "RC2", "DES", "3DES", "IDEA", "SEED",
	"PSK", "kPSK", "SRP", "aSRP", "DSS", "aDSS", "ADH", "AECDH", "CAMELLIA", "ARIA", "SHA1", "SHA", "kRSA", "aGOST",
};

static bool
is_usual_exclusion(const char *word)
{
	for (size_t i = 0; i < PB_COUNT(excluded); i++)
		if (strcmp(word, excluded[i]) == 0)
			return true;
	return false;
}

/* "@STRENGTH" and "@SECLEVEL=n" order a list or restrict it. */
static bool
is_known(SSL_CTX *ctx, const char *word)
{
	char probe[WORD_MAX + 8];

	if (strcmp(word, "@STRENGTH") == 0)
		return true;
	if (word[0] == '@') {
		snprintf(probe, sizeof(probe), "ALL:%s", word);
		return SSL_CTX_set_cipher_list(ctx, probe) == 1;
	}
	if (word[0] == '!' || word[0] == '-' || word[0] == '+')
		word++;
	return is_usual_exclusion(word) || SSL_CTX_set_cipher_list(ctx, word) == 1;
}

static bool
is_known_suite(SSL_CTX *ctx, const char *word)
{
	return SSL_CTX_set_ciphersuites(ctx, word) == 1;
}

/* Every word, and then the whole: words that are known may still leave nothing over. */
static bool
check(const char *list, bool (*known)(SSL_CTX *, const char *), char error[TLS_ERROR_MAX])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct span rest = span_of(list);
	char word[WORD_MAX + 1];
	bool good = ctx != NULL;

	while (good && rest.n > 0) {
		size_t n = strcspn(rest.p, ":, ");

		snprintf(word, sizeof(word), "%.*s", (int)n, rest.p);
		good = n == 0 || (n <= WORD_MAX && known(ctx, word));
		rest = span_from(rest, n < rest.n ? n + 1 : n);
	}
	if (!good)
		snprintf(error, TLS_ERROR_MAX, "OpenSSL does not know \"%s\"", word);
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

bool
tls_ciphers_known(const char *list, char error[TLS_ERROR_MAX])
{
	SSL_CTX *ctx;
	bool good;

	if (!check(list, is_known, error))
		return false;
	ctx = SSL_CTX_new(TLS_server_method());
	good = ctx != NULL && (list[0] == '\0' || SSL_CTX_set_cipher_list(ctx, list) == 1);
	if (!good)
		snprintf(error, TLS_ERROR_MAX, "no cipher is left over");
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

bool
tls_suites_known(const char *list, char error[TLS_ERROR_MAX])
{
	return check(list, is_known_suite, error);
}
