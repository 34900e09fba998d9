/*
 * srs: see srs.h.
 *
 * Trust: both addresses are hostile.  What is hashed is what is used: nothing of
 * a local part counts that the hash does not cover.
 */
#include "base/base.h"
#include "directory/srs.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/limits.h"

#define HASH_CHARS 6		/* of five bits */
#define DAY_CHARS 2
#define DAY_RANGE 1024
#define DAY_SECONDS 86400

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

/* Over kind ('0' or '1') and text, in small letters. */
static void
make_hash(struct span key, char kind, struct span text, char out[HASH_CHARS])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char lower[2 * LIMIT_ADDRESS];
	uint64_t bits = 0;
	size_t n = 0;

	lower[n++] = kind;
	for (size_t i = 0; i < text.n && n < sizeof(lower); i++)
		lower[n++] = char_lower(text.p[i]);
	if (HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)lower, n, digest, NULL) == NULL)
		memset(digest, 0, sizeof(digest));
	for (int i = 0; i < 5; i++)
		bits = bits << 8 | digest[i];
	for (int i = 0; i < HASH_CHARS; i++)
		out[i] = alphabet[bits >> (5 * i) & 31];
}

static bool
hash_is_good(struct span key, char kind, struct span text, struct span hash)
{
	char want[HASH_CHARS], got[HASH_CHARS];

	if (hash.n != HASH_CHARS || text.n >= LIMIT_ADDRESS)
		return false;
	for (size_t i = 0; i < HASH_CHARS; i++)
		got[i] = char_lower(hash.p[i]);
	make_hash(key, kind, text, want);
	return CRYPTO_memcmp(want, got, HASH_CHARS) == 0;
}

static unsigned
day_of(int64_t now)
{
	return (unsigned)(now / DAY_SECONDS % DAY_RANGE);
}

static bool
read_day(struct span s, unsigned *out)
{
	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		const char *at = strchr(alphabet, char_lower(s.p[i]));

		if (at == NULL || *at == '\0')
			return false;
		*out = *out << 5 | (unsigned)(at - alphabet);
	}
	return s.n == DAY_CHARS;
}

/* Printable ASCII that stands in a local part without quotes. */
static bool
is_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("\"\\()<>,;:@[]", s.p[i]) != NULL)
			return false;
	return s.n > 0;
}

/* SRSn and a separator. */
static bool
is_rewritten(struct span local, char kind)
{
	return local.n > 5 && span_starts_nocase(local, SPAN("SRS")) && local.p[3] == kind &&
		strchr("=+-", local.p[4]) != NULL;
}

/* What the hash covers of an address that another forwarder made: host and the rest of its local part. */
static bool
put_behind_another(struct span local, struct span domain, struct buf *text)
{
	struct span rest = local, behind;

	if (is_rewritten(local, '1')) {		/* its first forwarder stays the one to which it goes back */
		(void)span_cut(&rest, local.p[4]);
		(void)span_cut(&rest, '=');
		behind = rest;
		return span_cut(&behind, '=').n > 0 && behind.n > 0 && buf_span(text, rest);
	}
	return buf_printf(text, "%.*s=%.*s", SPAN_ARG(domain), SPAN_ARG(span_from(local, 4)));
}

bool
srs_forward(struct span key, struct span sender, struct span domain, int64_t now, struct buf *out)
{
	ssize_t at = span_rfind(sender, '@');
	struct span local = span_first(sender, at < 0 ? 0 : (size_t)at), theirs = span_from(sender, (size_t)(at + 1));
	char storage[LIMIT_ADDRESS + 8], hash[HASH_CHARS], kind = '0';
	struct buf text;

	/* A domain ends at the next '='. */
	if (!is_plain(local) || !is_plain(theirs) || span_find(theirs, '=') >= 0 || local.n > LIMIT_LOCAL_PART || theirs.n > LIMIT_DOMAIN)
		return false;
	buf_init_fixed(&text, storage, sizeof(storage));
	if (is_rewritten(local, '0') || is_rewritten(local, '1')) {
		kind = '1';
		if (!put_behind_another(local, theirs, &text))
			return false;
	} else {
		buf_printf(&text, "%c%c=%.*s=%.*s", alphabet[day_of(now) >> 5], alphabet[day_of(now) & 31],
			SPAN_ARG(theirs), SPAN_ARG(local));
	}
	if (text.overflow || strlen("SRS0==") + HASH_CHARS + text.n > LIMIT_LOCAL_PART)
		return false;
	make_hash(key, kind, buf_view(&text), hash);
	return buf_printf(out, "SRS%c=%.*s=%.*s@%.*s", kind, HASH_CHARS, hash, (int)text.n, text.p, SPAN_ARG(domain));
}

static bool
is_in_time(struct span day, int64_t now)
{
	unsigned made;

	return read_day(day, &made) && (day_of(now) + DAY_RANGE - made) % DAY_RANGE <= SRS_DAYS;
}

bool
srs_reverse(struct span key, struct span local, int64_t now, struct buf *out)
{
	struct span rest = span_from(local, 5), hash, first;
	bool good;

	if (local.n > LIMIT_ADDRESS || local.n < 6 || local.p[4] != '=' ||
	    (!is_rewritten(local, '0') && !is_rewritten(local, '1')))
		return false;
	hash = span_cut(&rest, '=');
	good = hash_is_good(key, local.p[3], rest, hash);
	first = span_cut(&rest, '=');
	if (!good || rest.n == 0)
		return false;
	if (local.p[3] == '1')
		return buf_printf(out, "SRS0%.*s@%.*s", SPAN_ARG(rest), SPAN_ARG(first));
	if (!is_in_time(first, now))
		return false;
	first = span_cut(&rest, '=');
	return first.n > 0 && rest.n > 0 && buf_printf(out, "%.*s@%.*s", SPAN_ARG(rest), SPAN_ARG(first));
}
