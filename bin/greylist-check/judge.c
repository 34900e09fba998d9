/* judge: keys and records; see judge.h. */
#include "base/base.h"
#include "judge.h"

#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "sys/random.h"

#define KEY_SIZE 17			/* "g" and 16 bytes */
#define VALUE_SIZE 9			/* 'w' or 'p', first contact */
#define PROLONG_STEP_S 3600		/* a use within this time of the last is not written */

int
judge_init(struct judge *j, struct state *db)
{
	size_t n = 0;
	int r = state_get(db, SPAN("secret"), 0, j->secret, sizeof(j->secret), &n);

	j->db = db;
	if (r < 0)
		return -1;
	if (r == 1 && n == sizeof(j->secret))
		return 0;
	random_fill(j->secret, sizeof(j->secret));
	return state_put(db, SPAN("secret"), span_make(j->secret, sizeof(j->secret)), STATE_NEVER);
}

static void
put_lower(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_char(b, char_lower(s.p[i]));
	buf_char(b, '\0');
}

/* What is longer than an address can be is cut: its key is then that of its beginning. */
static void
make_key(const struct judge *j, const struct addr *client, struct span sender, struct span recipient,
	unsigned char key[KEY_SIZE])
{
	struct addr net = addr_prefix(client, 24, 64);
	unsigned char mac[32];
	char text[2 * LIMIT_ADDRESS + 32];
	unsigned n = 0;
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	buf_char(&b, net.family == AF_INET6 ? '6' : '4');
	buf_put(&b, net.ip, sizeof(net.ip));
	put_lower(&b, span_first(sender, LIMIT_ADDRESS));
	put_lower(&b, span_first(recipient, LIMIT_ADDRESS));
	if (HMAC(EVP_sha256(), j->secret, sizeof(j->secret), (const unsigned char *)b.p, b.n, mac, &n) == NULL)
		bug("HMAC failed");
	key[0] = 'g';
	memcpy(key + 1, mac, KEY_SIZE - 1);
}

static int
put_record(struct judge *j, struct span key, char kind, int64_t first, int64_t expires)
{
	unsigned char value[VALUE_SIZE];
	uint64_t t = htole64((uint64_t)first);

	value[0] = (unsigned char)kind;
	memcpy(value + 1, &t, sizeof(t));
	return state_put(j->db, key, span_make(value, sizeof(value)), expires);
}

struct found {
	char kind;		/* 'w', 'p'; 0: none */
	int64_t first;
};

static int
get_record(struct judge *j, struct span key, int64_t now, struct found *f)
{
	unsigned char value[VALUE_SIZE];
	uint64_t t;
	size_t n = 0;
	int r = state_get(j->db, key, now, value, sizeof(value), &n);

	f->kind = 0;
	if (r <= 0)
		return r;
	if (n != VALUE_SIZE || (value[0] != 'w' && value[0] != 'p')) {
		errno = EIO;
		return -1;
	}
	memcpy(&t, value + 1, sizeof(t));
	f->first = (int64_t)le64toh(t);
	/* From the future: the clock was set back, and waiting could be endless. */
	if (f->first <= now)
		f->kind = (char)value[0];
	return 0;
}

static enum judgement
first_contact(struct judge *j, const struct periods *p, struct span key, int64_t now, int64_t *earliest)
{
	*earliest = now + p->block_s;
	return put_record(j, key, 'w', now, now + p->pass_s) < 0 ? JUDGED_FAILED : JUDGED_LATER;
}

/* For a passed record `first` is the time of the last written use. */
static enum judgement
known_contact(struct judge *j, const struct periods *p, struct span key, int64_t now, const struct found *f,
	int64_t *earliest)
{
	if (f->kind == 'w' && now < f->first + p->block_s) {
		*earliest = f->first + p->block_s;
		return JUDGED_LATER;
	}
	if (f->kind == 'w' && now >= f->first + p->pass_s)
		return first_contact(j, p, key, now, earliest);
	if (f->kind == 'p' && now < f->first + PROLONG_STEP_S)
		return JUDGED_PASS;
	return put_record(j, key, 'p', now, now + p->keep_s) < 0 ? JUDGED_FAILED : JUDGED_PASS;
}

enum judgement
judge_delivery(struct judge *j, const struct periods *p, const struct addr *client,
	struct span sender, struct span recipient, int64_t now, int64_t *earliest_out)
{
	unsigned char bytes[KEY_SIZE] = { 0 };
	struct span key = span_make(bytes, sizeof(bytes));
	struct found f;

	make_key(j, client, sender, recipient, bytes);
	if (get_record(j, key, now, &f) < 0)
		return JUDGED_FAILED;
	if (f.kind == 0)
		return first_contact(j, p, key, now, earliest_out);
	return known_contact(j, p, key, now, &f, earliest_out);
}
