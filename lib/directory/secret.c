/*
 * secret: making and checking what is stored instead of a password.
 *
 * Trust: a stored form may have been planted by whoever writes the files, so
 * every count in it is bounded; crypt(3)'s own costs are bounded by the limits of
 * the calling process.
 */
#include "base/base.h"
#include "directory/secret.h"

#include <crypt.h>
#include <errno.h>
#include <gsasl.h>
#include <nettle/md5.h>
#include <nettle/pbkdf2.h>
#include <openssl/crypto.h>
#include "base/base64.h"
#include "base/mem.h"
#include "base/num.h"
#include "sys/random.h"

#define SALT_SIZE 16
#define PBKDF2_ITERATIONS_MAX 10000000
#define PBKDF2_SIZE_MAX 64

bool
secret_is_password(struct span password)
{
	return password.n > 0 && password.n <= LIMIT_PASSWORD && memchr(password.p, '\0', password.n) == NULL;
}

/* crypt(3) over a bounded copy; NULL when it refuses. */
static const char *
run_crypt(const char *setting, struct span password, struct crypt_data *data)
{
	char text[LIMIT_PASSWORD + 1];
	const char *result;

	memcpy(text, password.p, password.n);
	text[password.n] = '\0';
	memset(data, 0, sizeof(*data));
	result = crypt_rn(text, setting, data, sizeof(*data));
	mem_wipe(text, sizeof(text));
	return result;
}

int
secret_make_hash(struct span password, char out[SECRET_MAX + 1])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data *data;
	const char *hash;
	size_t n = 0;

	if (!secret_is_password(password)) {
		errno = EINVAL;
		return -1;
	}
	if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)) == NULL)
		return -1;
	data = mem_new(sizeof(*data));
	hash = run_crypt(setting, password, data);
	if (hash != NULL && (n = strlen(hash)) <= SECRET_MAX)
		memcpy(out, hash, n + 1);
	mem_wipe(data, sizeof(*data));
	free(data);
	if (n == 0 || n > SECRET_MAX) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

int
secret_make_scram(enum secret_scram kind, struct span password, char out[SECRET_MAX + 1])
{
	bool old = kind == SECRET_SCRAM_SHA1;
	size_t n = old ? 20 : 32;
	char salt[SALT_SIZE], salted[32], client[32], server[32], stored[32];
	char *text, *prepared = NULL;
	struct buf b;
	int rc;

	if (!secret_is_password(password)) {
		errno = EINVAL;
		return -1;
	}
	random_fill(salt, sizeof(salt));
	text = mem_copy(password);
	rc = gsasl_saslprep(text, 0, &prepared, NULL);
	if (rc == GSASL_OK)
		rc = gsasl_scram_secrets_from_password(old ? GSASL_HASH_SHA1 : GSASL_HASH_SHA256, prepared, SECRET_SCRAM_ITERATIONS,
			salt, sizeof(salt), salted, client, server, stored);
	mem_wipe(text, password.n);
	free(text);
	if (prepared != NULL)
		mem_wipe(prepared, strlen(prepared));
	gsasl_free(prepared);
	mem_wipe(salted, sizeof(salted));
	mem_wipe(client, sizeof(client));
	if (rc != GSASL_OK) {
		errno = EINVAL;
		return -1;
	}
	buf_init_fixed(&b, out, SECRET_MAX + 1);
	buf_printf(&b, "SCRAM-SHA-%s$%d:", old ? "1" : "256", SECRET_SCRAM_ITERATIONS);
	base64_encode(&b, span_make(salt, sizeof(salt)));
	buf_char(&b, '$');
	base64_encode(&b, span_make(stored, n));
	buf_char(&b, ':');
	base64_encode(&b, span_make(server, n));
	return 0;
}

/* -- CRAM-MD5 ------------------------------------------------------------ */

/* The state of MD5 after one block of the key, each byte changed by `pad` (RFC 2104). */
static void
key_block(struct md5_ctx *ctx, struct span password, unsigned char pad)
{
	unsigned char block[MD5_BLOCK_SIZE] = { 0 };
	struct md5_ctx shorter;

	if (password.n > sizeof(block)) {
		md5_init(&shorter);
		md5_update(&shorter, password.n, (const uint8_t *)password.p);
		md5_digest(&shorter, MD5_DIGEST_SIZE, block);
	} else {
		memcpy(block, password.p, password.n);
	}
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= pad;
	md5_init(ctx);
	md5_update(ctx, sizeof(block), block);
	mem_wipe(block, sizeof(block));
}

static void
put_hex(char *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static void
put_state(char *out, const struct md5_ctx *ctx)
{
	unsigned char bytes[16];

	for (size_t i = 0; i < 16; i++)
		bytes[i] = (unsigned char)(ctx->state[i / 4] >> (8 * (i % 4)));
	put_hex(out, bytes, sizeof(bytes));
}

int
secret_make_cram(struct span password, char out[SECRET_CRAM_MAX + 1])
{
	struct md5_ctx ctx;

	if (!secret_is_password(password)) {
		errno = EINVAL;
		return -1;
	}
	key_block(&ctx, password, 0x36);
	put_state(out, &ctx);
	key_block(&ctx, password, 0x5c);
	put_state(out + 32, &ctx);
	mem_wipe(&ctx, sizeof(ctx));
	return 0;
}

/* MD5 as it is after one block that left this state. */
static bool
get_state(const char *hex, struct md5_ctx *ctx)
{
	md5_init(ctx);
	memset(ctx->state, 0, sizeof(ctx->state));
	for (size_t i = 0; i < 16; i++) {
		int high = char_hex(hex[2 * i]), low = char_hex(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ctx->state[i / 4] |= (uint32_t)(high << 4 | low) << (8 * (i % 4));
	}
	ctx->count = 1;
	return true;
}

bool
secret_cram_digest(const char *state, struct span challenge, char out[33])
{
	unsigned char digest[MD5_DIGEST_SIZE];
	struct md5_ctx inner, outer;

	if (strlen(state) != SECRET_CRAM_MAX || !get_state(state, &inner) || !get_state(state + 32, &outer))
		return false;
	md5_update(&inner, challenge.n, (const uint8_t *)challenge.p);
	md5_digest(&inner, sizeof(digest), digest);
	md5_update(&outer, sizeof(digest), digest);
	md5_digest(&outer, sizeof(digest), digest);
	put_hex(out, digest, sizeof(digest));
	return true;
}

/* -- checking ------------------------------------------------------------ */

/*
 * ITERATIONS:SALT:HASH, as administrators of imported servers have it.  By nettle: OpenSSL
 * reads its configuration when it is first asked, which the process that hashes may not.
 */
static bool
matches_pbkdf2(struct span hash, struct span password)
{
	unsigned char made[PBKDF2_SIZE_MAX];
	struct span rest = hash, count = span_cut(&rest, ':'), salt_text = span_cut(&rest, ':');
	struct buf salt, want;
	int iterations;
	bool same = false;

	if (rest.p == NULL || !num_parse_int(count, PBKDF2_ITERATIONS_MAX, &iterations) || iterations < 1)
		return false;
	buf_init(&salt, PBKDF2_SIZE_MAX);
	buf_init(&want, PBKDF2_SIZE_MAX);
	if (base64_decode(salt_text, &salt) && base64_decode(rest, &want) && salt.n > 0 && want.n >= 16) {
		pbkdf2_hmac_sha1(password.n, (const uint8_t *)password.p, (unsigned)iterations, salt.n,
			(const uint8_t *)salt.p, want.n, made);
		same = CRYPTO_memcmp(made, want.p, want.n) == 0;
	}
	buf_free(&salt);
	buf_free(&want);
	mem_wipe(made, sizeof(made));
	return same;
}

static bool
matches_crypt(const char *hash, struct span password)
{
	struct crypt_data *data = mem_new(sizeof(*data));
	const char *made = run_crypt(hash, password, data);
	size_t n = strlen(hash);
	bool same = made != NULL && made[0] != '*' && strlen(made) == n && CRYPTO_memcmp(made, hash, n) == 0;

	mem_wipe(data, sizeof(*data));
	free(data);
	return same;
}

bool
secret_matches(const char *hash, struct span password)
{
	if (!secret_is_password(password) || hash[0] == '\0' || hash[0] == '*' || hash[0] == '!')
		return false;
	if (char_is_digit(hash[0]) && strchr(hash, ':') != NULL)
		return matches_pbkdf2(span_of(hash), password);
	return matches_crypt(hash, password);
}
