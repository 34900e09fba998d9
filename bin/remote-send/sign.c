/*
 * sign: see sign.h.
 *
 * Keys are auth-check's; this process reads the message, which is hostile, and gets a
 * signature for a digest.  What is hashed is what transaction.c sends: from
 * behind the leading Return-Path on, with clean line ends.
 */
#include "base/base.h"
#include "sign.h"

#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>

#include "base/base64.h"
#include "base/die.h"
#include "directory/dkim_key.h"
#include "mail/dkim.h"
#include "sys/clock.h"
#include "sys/fdpass.h"
#include "transaction.h"

#define PIECE 16384
#define ANSWER_MS 20000		/* longer than the parent waits for auth-check */
#define INPUT_MAX (4u << 20)

static void
hash_more(void *ctx, struct span data)
{
	if (EVP_DigestUpdate(ctx, data.p, data.n) != 1)
		bug("SHA-256 failed");
}

static EVP_MD_CTX *
hash_begin(void)
{
	EVP_MD_CTX *h = EVP_MD_CTX_new();

	if (h == NULL || EVP_DigestInit_ex(h, EVP_sha256(), NULL) != 1)
		bug("SHA-256 cannot be had");
	return h;
}

static void
hash_end(EVP_MD_CTX **h, unsigned char out[DKIM_DIGEST])
{
	if (EVP_DigestFinal_ex(*h, out, NULL) != 1)
		bug("SHA-256 failed");
	EVP_MD_CTX_free(*h);
	*h = NULL;
}

/* 0 when all was read, else errno. */
static int
read_message(struct dkim *d, int fd)
{
	static char piece[PIECE];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, piece, sizeof(piece), at)) != 0) {
		struct span part = span_make(piece, n > 0 ? (size_t)n : 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		dkim_feed(d, at == 0 ? span_from(part, transaction_return_path(part)) : part);
		at += n;
	}
	return 0;
}

/* The parent's answer; false when there is none in time. */
static bool
hear_signature(int parent, uint64_t number, struct buf *out)
{
	static char text[4096];
	struct pollfd p = { .fd = parent, .events = POLLIN };
	uint64_t now = clock_ms(), deadline = now + ANSWER_MS, answered;
	struct record r;
	int nfds = 0, got = -1;
	ssize_t n;

	for (; now < deadline && got < 0; now = clock_ms()) {
		got = poll(&p, 1, (int)(deadline - now));
		if (got < 0 && errno != EINTR)
			break;
	}
	n = got > 0 ? fdpass_recv(parent, text, sizeof(text), NULL, &nfds) : -1;
	if (n <= 0 || !record_parse(span_make(text, (size_t)n), 8, &r))
		return false;
	buf_clear(out);
	if (span_is(r.verb, "signature") && record_get_num(&r, "job", UINT64_MAX, &answered) && answered == number)
		buf_span(out, record_get(&r, "text"));
	record_free(&r);
	return out->n > 0 && !out->overflow;
}

static bool
ask_signature(int parent, uint64_t number, struct span selector, const unsigned char *digest, struct buf *out)
{
	char hex[2 * DKIM_DIGEST + 1];
	struct buf question;
	bool sent;

	for (size_t i = 0; i < DKIM_DIGEST; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	buf_init(&question, 512);
	record_begin(&question, "sign");
	record_add_num(&question, "job", number);
	record_add(&question, "selector", selector);
	record_add_text(&question, "digest", hex);
	sent = fdpass_send(parent, question.p, question.n, NULL, 0) >= 0;
	buf_free(&question);
	return sent && hear_signature(parent, number, out);
}

enum made { MADE, NOT_POSSIBLE, NOT_NOW };

/* One signature behind those in out. */
static enum made
add_signature(int parent, const struct job *j, const struct dkim *d, enum dkim_kind kind, struct span body_hash,
	struct buf *out)
{
	struct dkim_signature s = { .domain = j->sign, .selector = j->selector[kind],
		.algorithm = dkim_kind_algorithm(kind), .body_hash = body_hash, .time = clock_wall_ms() / 1000 };
	unsigned char digest[DKIM_DIGEST];
	EVP_MD_CTX *h = hash_begin();
	struct buf input, signature;
	enum made made = NOT_POSSIBLE;

	buf_init(&input, INPUT_MAX);
	buf_init(&signature, DKIM_SIGNATURE_MAX);
	if (dkim_field(d, &s, out, &input)) {
		hash_more(h, buf_view(&input));
		made = NOT_NOW;
	}
	hash_end(&h, digest);
	if (made == NOT_NOW && ask_signature(parent, j->number, s.selector, digest, &signature)) {
		dkim_field_end(out, buf_view(&signature));
		made = out->overflow ? NOT_POSSIBLE : MADE;
	}
	buf_free(&input);
	buf_free(&signature);
	return made;
}

static enum made
add_signatures(int parent, const struct job *j, const struct dkim *d, struct span body_hash, struct buf *out)
{
	enum made made = MADE;

	for (int i = 0; i < JOB_KEYS && made == MADE; i++)
		if (j->selector[i].n > 0)
			made = add_signature(parent, j, d, (enum dkim_kind)i, body_hash, out);
	return made;
}

bool
sign_message(const struct options *o, int parent, struct job *j, int fd, struct buf *out, struct verdict *why)
{
	unsigned char digest[DKIM_DIGEST];
	EVP_MD_CTX *h = hash_begin();
	enum made made = NOT_POSSIBLE;
	char storage[64];
	struct buf body_hash;
	struct dkim d;
	int error;

	buf_clear(out);
	buf_init_fixed(&body_hash, storage, sizeof(storage));
	dkim_begin(&d, hash_more, h);
	error = read_message(&d, fd);
	if (error == 0 && dkim_end(&d)) {
		hash_end(&h, digest);
		if (base64_encode(&body_hash, span_make(digest, sizeof(digest))))
			made = add_signatures(parent, j, &d, buf_view(&body_hash), out);
	}
	EVP_MD_CTX_free(h);
	dkim_free(&d);
	j->signatures = made == MADE ? buf_view(out) : SPAN_NONE;
	if (error != 0)
		*why = verdict_make(451, "4.3.0", "the message cannot be read: %s", strerror(error));
	else if (made == NOT_NOW)
		*why = verdict_make(451, "4.3.0", "the message cannot be signed now");
	else if (made == NOT_POSSIBLE)
		log_failure(o->svc, j->session, NULL, "event=not-signed id=%llu domain=%.*s why=\"there is not one From, or the header is too long\"",
			(unsigned long long)j->id, SPAN_ARG(j->sign));
	return error == 0 && made != NOT_NOW;
}
