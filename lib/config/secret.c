/*
 * secret: hashes and derived keys of passwords.
 */
#include "base/base.h"
#include "config/secret.h"
#include <crypt.h>
#include <errno.h>
#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <nettle/pbkdf2.h>
#include <nettle/sha2.h>
#include <openssl/evp.h>
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/settings.h"
#include "sys/random.h"

static int
password_text(struct span password, char out[LIMIT_PASSWORD + 1])
{
	if (password.n == 0 || password.n > LIMIT_PASSWORD ||
	    memchr(password.p, '\0', password.n) != NULL) {
		errno = EINVAL;
		return -1;
	}
	memcpy(out, password.p, password.n);
	out[password.n] = '\0';
	return 0;
}

int
secret_hash(struct span password, char out[SECRET_MAX])
{
	char text[LIMIT_PASSWORD + 1], salt[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data *data;
	const char *hash;
	int rc = -1;

	if (password_text(password, text) != 0)
		return -1;
	data = mem_new(sizeof(*data));
	if (crypt_gensalt_rn("$y$", 0, NULL, 0, salt, sizeof(salt)) != NULL &&
	    (hash = crypt_rn(text, salt, data, sizeof(*data))) != NULL && hash[0] != '*' &&
	    snprintf(out, SECRET_MAX, "%s", hash) < SECRET_MAX)
		rc = 0;
	mem_wipe(data, sizeof(*data));
	free(data);
	mem_wipe(text, sizeof(text));
	return rc;
}

static void
hmac_sha256(const uint8_t key[SHA256_DIGEST_SIZE], const char *text, uint8_t out[SHA256_DIGEST_SIZE])
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, SHA256_DIGEST_SIZE, key);
	hmac_sha256_update(&ctx, strlen(text), (const uint8_t *)text);
	hmac_sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
	mem_wipe(&ctx, sizeof(ctx));
}

static void
put_base64(struct buf *out, const uint8_t *p, size_t n)
{
	char text[64];

	EVP_EncodeBlock((unsigned char *)text, p, (int)n);
	buf_text_put(out, text);
}

int
secret_scram(struct span password, char out[SECRET_MAX])
{
	uint8_t salt[18], salted[SHA256_DIGEST_SIZE], key[SHA256_DIGEST_SIZE], stored[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;
	struct buf b;

	if (password.n == 0 || password.n > LIMIT_PASSWORD) {
		errno = EINVAL;
		return -1;
	}
	random_fill(salt, sizeof(salt));
	pbkdf2_hmac_sha256(password.n, (const uint8_t *)password.p, SECRET_SCRAM_ITERATIONS,
		sizeof(salt), salt, sizeof(salted), salted);
	hmac_sha256(salted, "Client Key", key);
	sha256_init(&sha);
	sha256_update(&sha, sizeof(key), key);
	sha256_digest(&sha, sizeof(stored), stored);
	hmac_sha256(salted, "Server Key", key);

	buf_init_fixed(&b, out, SECRET_MAX);
	buf_printf(&b, "SCRAM-SHA-256$%d:", SECRET_SCRAM_ITERATIONS);
	put_base64(&b, salt, sizeof(salt));
	buf_char(&b, '$');
	put_base64(&b, stored, sizeof(stored));
	buf_char(&b, ':');
	put_base64(&b, key, sizeof(key));
	mem_wipe(salted, sizeof(salted));
	mem_wipe(key, sizeof(key));
	return 0;
}

static void
put_state(struct buf *out, const uint8_t key[MD5_BLOCK_SIZE], uint8_t pad)
{
	uint8_t block[MD5_BLOCK_SIZE];
	struct md5_ctx md5;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	md5_init(&md5);
	md5_update(&md5, sizeof(block), block);
	for (size_t i = 0; i < 4; i++)
		for (int shift = 0; shift < 32; shift += 8)
			buf_printf(out, "%02x", (unsigned int)(md5.state[i] >> shift) & 0xff);
	mem_wipe(block, sizeof(block));
	mem_wipe(&md5, sizeof(md5));
}

int
secret_cram(struct span password, char out[SECRET_MAX])
{
	uint8_t key[MD5_BLOCK_SIZE] = { 0 };
	struct md5_ctx md5;
	struct buf b;

	if (password.n == 0 || password.n > LIMIT_PASSWORD) {
		errno = EINVAL;
		return -1;
	}
	if (password.n > sizeof(key)) {		/* RFC 2104 section 2 */
		md5_init(&md5);
		md5_update(&md5, password.n, (const uint8_t *)password.p);
		md5_digest(&md5, MD5_DIGEST_SIZE, key);
	} else {
		memcpy(key, password.p, password.n);
	}
	buf_init_fixed(&b, out, SECRET_MAX);
	put_state(&b, key, 0x36);
	put_state(&b, key, 0x5c);
	mem_wipe(key, sizeof(key));
	return 0;
}

unsigned int
secret_broken_rules(const struct settings *server, struct span password, struct span user)
{
	bool number = false, capital = false, lower = false, symbol = false;
	unsigned int broken = 0;

	for (size_t i = 0; i < password.n; i++) {
		char c = password.p[i];

		number |= char_is_digit(c);
		capital |= c >= 'A' && c <= 'Z';
		lower |= c >= 'a' && c <= 'z';
		symbol |= !char_is_alnum(c);
	}
	if (password.n < settings_num(server, "passwordMinLength"))
		broken |= SECRET_SHORT;
	if (!number && settings_bool(server, "passwordRequireNumber"))
		broken |= SECRET_NO_NUMBER;
	if (!capital && settings_bool(server, "passwordRequireCapital"))
		broken |= SECRET_NO_CAPITAL;
	if (!lower && settings_bool(server, "passwordRequireLower"))
		broken |= SECRET_NO_LOWER;
	if (!symbol && settings_bool(server, "passwordRequireSymbol"))
		broken |= SECRET_NO_SYMBOL;
	if (user.n > 0 && settings_bool(server, "passwordNotUserName") &&
	    span_search_nocase(password, user) >= 0)
		broken |= SECRET_HAS_NAME;
	return broken;
}
