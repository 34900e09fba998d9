/*
 * verify: the cache of verified log-ins and the way to the hashing helpers.
 *
 * The cache holds HMACs only; it is a fixed table of small sets, the oldest of
 * a set gives way.  It lives in this process's memory and dies with it.
 */
#include "base/base.h"
#include "verify.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "base/die.h"
#include "base/mem.h"
#include "directory/secret.h"
#include "sys/clock.h"
#include "sys/random.h"

#define SETS 4096
#define WAYS 4
#define MAC_SIZE 32

struct verified {
	unsigned char mac[MAC_SIZE];
	uint64_t until_ms;	/* 0: free */
};

struct verifier {
	struct resolver *rs;
	struct helpers *helpers;
	uint64_t keep_ms;
	unsigned char key[MAC_SIZE];
	char unknown_hash[SECRET_MAX + 1];	/* unknown users are verified against it; nobody has its password */
	struct verified table[SETS][WAYS];
};

struct verifier *
verifier_new(struct resolver *rs, struct helpers *h, unsigned cache_seconds)
{
	struct verifier *v = mem_new(sizeof(*v));
	unsigned char random[24];
	char text[2 * sizeof(random) + 1];

	v->rs = rs;
	v->helpers = h;
	v->keep_ms = cache_seconds * UINT64_C(1000);
	random_fill(v->key, sizeof(v->key));
	random_fill(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(text + 2 * i, 3, "%02x", random[i]);
	if (secret_make_hash(span_of(text), v->unknown_hash) < 0)
		die(EXIT_REFUSED, "crypt(3) makes no hash: %m");
	mem_wipe(text, sizeof(text));
	return v;
}

/* HMAC-SHA256 of name, hash and password; each but the last ends with NUL, which none has. */
static void
make_mac(struct verifier *v, const struct account *a, struct span password, unsigned char mac[MAC_SIZE])
{
	struct buf text;
	unsigned n = 0;

	buf_init(&text, LIMIT_ADDRESS + SECRET_MAX + LIMIT_PASSWORD + 8);
	buf_text_put(&text, a->address);
	buf_char(&text, '\0');
	buf_text_put(&text, a->hash);
	buf_char(&text, '\0');
	buf_span(&text, password);
	if (HMAC(EVP_sha256(), v->key, MAC_SIZE, (const unsigned char *)text.p, text.n, mac, &n) == NULL)
		bug("HMAC failed");
	mem_wipe(text.p, text.n);
	buf_free(&text);
}

static struct verified *
set_of(struct verifier *v, const unsigned char mac[MAC_SIZE])
{
	return v->table[(mac[0] | mac[1] << 8) % SETS];
}

static bool
is_verified(struct verifier *v, const unsigned char mac[MAC_SIZE])
{
	const struct verified *set = set_of(v, mac);
	uint64_t now = clock_ms();
	bool found = false;

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].until_ms > now && CRYPTO_memcmp(set[i].mac, mac, MAC_SIZE) == 0)
			found = true;
	return found;
}

static void
remember(struct verifier *v, const unsigned char mac[MAC_SIZE])
{
	struct verified *set = set_of(v, mac), *oldest = &set[0];

	if (v->keep_ms == 0)
		return;
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].until_ms < oldest->until_ms)
			oldest = &set[i];
	memcpy(oldest->mac, mac, MAC_SIZE);
	oldest->until_ms = clock_ms() + v->keep_ms;
}

/* DOM-19: what the domain does not offer (any more) counts as not there. */
static void
forget_unwanted(const struct domain *d, struct account *a)
{
	if (!d->offers_cram)
		mem_wipe(a->cram, sizeof(a->cram));
	if (!d->offers_scram)
		mem_wipe(a->scram, sizeof(a->scram));
	if (!d->offers_scram1)
		mem_wipe(a->scram1, sizeof(a->scram1));
	if (d->no_plain)
		mem_wipe(a->hash, sizeof(a->hash));
}

bool
verify_find(struct resolver *rs, struct span name, struct account *out, bool *disabled_out)
{
	struct address a;
	struct domain d;

	if (name.n > LIMIT_LOGIN_NAME || !address_split(name, &a) || a.domain[0] == '\0'
	    || !resolve_domain(rs, a.domain, &d) || !resolve_account(rs, d.name, span_of(a.local), out))
		return false;
	*disabled_out = out->disabled || d.disabled;
	forget_unwanted(&d, out);
	return true;
}

void
verify_canonical(struct resolver *rs, struct span name, char out[LIMIT_LOGIN_NAME + 1])
{
	struct address a;
	struct domain d;
	struct buf b;

	buf_init_fixed(&b, out, LIMIT_LOGIN_NAME + 1);
	if (address_split(name, &a) && a.domain[0] != '\0')
		buf_printf(&b, "%s@%s", a.local, resolve_domain(rs, a.domain, &d) ? d.name : a.domain);
	else
		buf_span(&b, name);
}

struct pending {
	struct verifier *v;
	bool known;		/* else the outcome is bad whatever the hash says */
	bool disabled;
	unsigned char mac[MAC_SIZE];
	struct hash_job **job_out;
	verify_done *done;
	void *ctx;
};

static void
on_hash(void *ctx, enum hash_result hash)
{
	struct pending *p = ctx;
	enum verify_result result = VERIFY_BAD;

	*p->job_out = NULL;
	if (hash == HASH_TROUBLE)
		result = VERIFY_TROUBLE;
	else if (hash == HASH_MATCH && p->known)
		result = p->disabled ? VERIFY_DISABLED : VERIFY_GOOD;
	if (result == VERIFY_GOOD)
		remember(p->v, p->mac);
	p->done(p->ctx, result);
	free(p);
}

/* A number for a text, under the key: nobody can choose to collide with somebody else. */
static uint64_t
number_of(const struct verifier *v, struct span text)
{
	unsigned char mac[MAC_SIZE];
	uint64_t number;
	unsigned n = 0;

	if (text.n == 0)
		return 0;
	if (HMAC(EVP_sha256(), v->key, MAC_SIZE, (const unsigned char *)text.p, text.n, mac, &n) == NULL)
		bug("HMAC failed");
	memcpy(&number, mac, sizeof(number));
	return number | 1;
}

void
verify_password(struct verifier *v, struct span name, struct span password, const char *ip,
	struct hash_job **job_out, verify_done *done, void *ctx)
{
	struct pending *p;
	struct hash_asker asker;
	struct account a;
	char canonical[LIMIT_LOGIN_NAME + 1];

	if (!secret_is_password(password)) {	/* the same for every name, so it tells nothing */
		done(ctx, VERIFY_BAD);
		return;
	}
	p = mem_new(sizeof(*p));
	*p = (struct pending){ .v = v, .job_out = job_out, .done = done, .ctx = ctx };
	p->known = verify_find(v->rs, name, &a, &p->disabled) && a.hash[0] != '\0';
	if (p->known) {
		make_mac(v, &a, password, p->mac);
		if (is_verified(v, p->mac)) {
			bool disabled = p->disabled;

			free(p);
			mem_wipe(&a, sizeof(a));
			done(ctx, disabled ? VERIFY_DISABLED : VERIFY_GOOD);
			return;
		}
	}
	verify_canonical(v->rs, name, canonical);
	asker.name = number_of(v, span_of(canonical));
	asker.address = number_of(v, span_of(ip));
	*job_out = helpers_verify(v->helpers, p->known ? a.hash : v->unknown_hash, password, &asker, on_hash, p);
	mem_wipe(&a, sizeof(a));
	if (*job_out == NULL) {
		free(p);
		done(ctx, VERIFY_TROUBLE);
	}
}

struct hash_job *
verify_token(struct verifier *v, struct span token, const struct jwt_rules *rules, int keys_fd, const char *ip,
	token_done *done, void *ctx)
{
	struct hash_asker asker = { .address = number_of(v, span_of(ip)) };

	return helpers_token(v->helpers, token, rules, keys_fd, &asker, done, ctx);
}
