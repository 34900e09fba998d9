/*
 * helper_sign: the helper that signs with keys of domains.
 *
 * Trust: a key file may be anything that somebody put there.  This process holds
 * one socket and is given the file open; what it keeps are the last keys it
 * used, by a stamp that another version of the file does not have.  What OpenSSL
 * loads at first use was loaded by its parent (dkim_key_warm_up).
 */
#include "base/base.h"
#include "helper_process.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/record.h"
#include "directory/dkim_key.h"
#include "sys/fdpass.h"

#define KEYS_KEPT 64

struct kept_key {
	char *stamp;
	struct dkim_key *key;
	uint64_t used;
};

static struct kept_key keys[KEYS_KEPT];
static uint64_t uses;

/* The place of that key, else the one that was not used for longest. */
static struct kept_key *
place_of(struct span stamp)
{
	struct kept_key *oldest = &keys[0];

	for (size_t i = 0; i < KEYS_KEPT; i++) {
		if (keys[i].stamp != NULL && span_is(stamp, keys[i].stamp))
			return &keys[i];
		if (keys[i].used < oldest->used)
			oldest = &keys[i];
	}
	return oldest;
}

static struct dkim_key *
read_key(int fd, const char **why)
{
	char text[DKIM_PEM_MAX];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	struct dkim_key *k = NULL;

	if (n <= 0 || n == (ssize_t)sizeof(text))
		*why = "the file cannot be read, or is too long for a key";
	else
		k = dkim_key_read(span_make(text, (size_t)n), why);
	mem_wipe(text, sizeof(text));
	return k;
}

static const struct dkim_key *
find_key(struct span stamp, int fd, const char **why)
{
	struct kept_key *k = place_of(stamp);
	struct dkim_key *fresh;

	if (k->stamp == NULL || !span_is(stamp, k->stamp)) {
		fresh = read_key(fd, why);
		if (fresh == NULL)
			return NULL;
		free(k->stamp);
		dkim_key_free(&k->key);
		k->stamp = mem_copy(stamp);
		k->key = fresh;
	}
	k->used = ++uses;
	return k->key;
}

static bool
read_digest(struct span hex, unsigned char out[DKIM_DIGEST])
{
	if (hex.n != 2 * DKIM_DIGEST)
		return false;
	for (size_t i = 0; i < DKIM_DIGEST; i++) {
		int high = char_hex(hex.p[2 * i]), low = char_hex(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* The signature in base64, or what is wrong. */
static const char *
sign(const struct record *r, int fd, struct buf *out)
{
	unsigned char digest[DKIM_DIGEST];
	const struct dkim_key *k;
	const char *why = "";

	if (!read_digest(record_get(r, "digest"), digest))
		return "the digest is none";
	k = find_key(record_get(r, "stamp"), fd, &why);
	if (k == NULL)
		return why;
	if (!span_is(record_get(r, "kind"), dkim_kind_name(dkim_key_kind(k))))
		return "the key is of the other kind";
	return dkim_key_sign(k, digest, out) ? NULL : "OpenSSL could not sign";
}

void
helper_sign(int sock)
{
	char question[2048];
	struct buf out, signature;

	helper_confine(sock);
	buf_init(&out, 2048);
	buf_init(&signature, DKIM_SIGNATURE_MAX);
	for (;;) {
		int fd = -1, fds = 1;
		const char *error;
		struct record r;
		ssize_t n = fdpass_recv(HELPER_SOCKET, question, sizeof(question), &fd, &fds);

		if (n == 0)
			_exit(EXIT_DONE);
		if (n < 0 || fds != 1 || !record_parse(span_make(question, (size_t)n), 8, &r))
			_exit(EXIT_TRY_LATER);
		record_begin(&out, "signed");
		record_add(&out, "id", record_get(&r, "id"));
		buf_clear(&signature);
		helper_time_limit(HELPER_SIGN_SECONDS);
		error = sign(&r, fd, &signature);
		helper_time_limit(0);
		if (error != NULL)
			record_add_text(&out, "error", error);
		else
			record_add(&out, "signature", buf_view(&signature));
		close(fd);
		record_free(&r);
		helper_answer(&out);
	}
}
