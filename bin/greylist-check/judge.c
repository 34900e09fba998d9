/*
 * judge: see judge.h.
 *
 * Trust: addresses are a client's and hostile; they enter a key only through
 * the HMAC.  Crash: a lost record costs a sender one more delay.
 */
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
#define VALUE_SIZE 9			/* 'w' or 'p', first contact; what the key was made of follows */
#define ABOUT_MAX 256			/* of that, for those who list records */
#define NETWORK_SIZE 17			/* family, address */
#define DELETE_STEP 256			/* records removed at once */
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

/* A record's key, and what it was made of. */
struct contact {
	unsigned char key[KEY_SIZE];
	char text[2 * LIMIT_ADDRESS + 32];
	size_t text_n;
};

/* What is longer than an address can be is cut: its key is then that of its beginning. */
static struct span
make_key(const struct judge *j, const struct addr *client, struct span sender, struct span recipient,
	struct contact *out)
{
	struct addr net = addr_prefix(client, 24, 64);
	unsigned char mac[32];
	unsigned n = 0;
	struct buf b;

	buf_init_fixed(&b, out->text, sizeof(out->text));
	buf_char(&b, net.family == AF_INET6 ? '6' : '4');
	buf_put(&b, net.ip, sizeof(net.ip));
	put_lower(&b, span_first(sender, LIMIT_ADDRESS));
	put_lower(&b, span_first(recipient, LIMIT_ADDRESS));
	out->text_n = b.n;
	if (HMAC(EVP_sha256(), j->secret, sizeof(j->secret), (const unsigned char *)b.p, b.n, mac, &n) == NULL)
		bug("HMAC failed");
	out->key[0] = 'g';
	memcpy(out->key + 1, mac, KEY_SIZE - 1);
	return span_make(out->key, KEY_SIZE);
}

static int
put_record(struct judge *j, const struct contact *c, char kind, int64_t first, int64_t expires)
{
	unsigned char value[VALUE_SIZE + ABOUT_MAX];
	size_t n = c->text_n < ABOUT_MAX ? c->text_n : ABOUT_MAX;
	uint64_t t = htole64((uint64_t)first);

	value[0] = (unsigned char)kind;
	memcpy(value + 1, &t, sizeof(t));
	memcpy(value + VALUE_SIZE, c->text, n);
	return state_put(j->db, span_make(c->key, KEY_SIZE), span_make(value, VALUE_SIZE + n), expires);
}

struct found {
	char kind;		/* 'w', 'p'; 0: none */
	int64_t first;
};

static int
get_record(struct judge *j, struct span key, int64_t now, struct found *f)
{
	unsigned char value[VALUE_SIZE + ABOUT_MAX];
	uint64_t t;
	size_t n = 0;
	int r = state_get(j->db, key, now, value, sizeof(value), &n);

	f->kind = 0;
	if (r <= 0)
		return r;
	if (n < VALUE_SIZE || (value[0] != 'w' && value[0] != 'p')) {
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
first_contact(struct judge *j, const struct periods *p, const struct contact *c, int64_t now, int64_t *earliest)
{
	*earliest = now + p->block_s;
	return put_record(j, c, 'w', now, now + p->pass_s) < 0 ? JUDGED_FAILED : JUDGED_LATER;
}

/* For a passed record `first` is the time of the last written use. */
static enum judgement
known_contact(struct judge *j, const struct periods *p, const struct contact *c, int64_t now,
	const struct found *f, int64_t *earliest)
{
	if (f->kind == 'w' && now < f->first + p->block_s) {
		*earliest = f->first + p->block_s;
		return JUDGED_LATER;
	}
	if (f->kind == 'w' && now >= f->first + p->pass_s)
		return first_contact(j, p, c, now, earliest);
	if (f->kind == 'p' && now < f->first + PROLONG_STEP_S)
		return JUDGED_PASS;
	return put_record(j, c, 'p', now, now + p->keep_s) < 0 ? JUDGED_FAILED : JUDGED_PASS;
}

enum judgement
judge_delivery(struct judge *j, const struct periods *p, const struct addr *client,
	struct span sender, struct span recipient, int64_t now, int64_t *earliest_out)
{
	struct contact c;
	struct span key = make_key(j, client, sender, recipient, &c);
	struct found f;

	if (get_record(j, key, now, &f) < 0)
		return JUDGED_FAILED;
	if (f.kind == 0)
		return first_contact(j, p, &c, now, earliest_out);
	return known_contact(j, p, &c, now, &f, earliest_out);
}

int
judge_forget(struct judge *j, const struct addr *client, struct span sender, struct span recipient, int64_t now)
{
	struct contact c;
	struct span key = make_key(j, client, sender, recipient, &c);
	struct found f;

	if (get_record(j, key, now, &f) < 0)
		return -1;
	if (f.kind == 0)
		return 0;
	return state_delete(j->db, key) < 0 ? -1 : 1;
}

struct keys {
	size_t n;
	unsigned char key[DELETE_STEP][KEY_SIZE];
};

static int
gather(struct span key, struct span value PB_UNUSED, int64_t expires PB_UNUSED, void *ctx)
{
	struct keys *k = ctx;

	if (key.n != KEY_SIZE || key.p[0] != 'g')
		return 1;
	memcpy(k->key[k->n++], key.p, KEY_SIZE);
	return k->n == DELETE_STEP;
}

int
judge_forget_all(struct judge *j, int64_t now)
{
	struct keys k;

	do {
		k.n = 0;
		if (state_each(j->db, SPAN("g"), now, gather, &k) < 0)
			return -1;
		for (size_t i = 0; i < k.n; i++)
			if (state_delete(j->db, span_make(k.key[i], KEY_SIZE)) < 0)
				return -1;
	} while (k.n == DELETE_STEP);
	return 0;
}

struct walk {
	judge_record_fn *fn;
	void *ctx;
};

/* The parts of a record; false when it is none.  A text that was cut has a shorter recipient. */
static bool
read_record(struct span key, struct span value, struct judge_record *r)
{
	struct span about;
	uint64_t t;

	if (key.n != KEY_SIZE || key.p[0] != 'g' || value.n < VALUE_SIZE)
		return false;
	memcpy(&t, value.p + 1, sizeof(t));
	about = span_from(value, VALUE_SIZE);
	r->key = key;
	r->is_passed = value.p[0] == 'p';
	r->since_s = (int64_t)le64toh(t);
	r->network = (struct addr){ .family = AF_UNSPEC };
	if (about.n >= NETWORK_SIZE) {
		r->network.family = about.p[0] == '6' ? AF_INET6 : AF_INET;
		memcpy(r->network.ip, about.p + 1, NETWORK_SIZE - 1);
		about = span_from(about, NETWORK_SIZE);
	}
	r->sender = span_cut(&about, '\0');
	r->recipient = span_cut(&about, '\0');
	return true;
}

static int
walk_one(struct span key, struct span value, int64_t expires, void *ctx)
{
	struct walk *w = ctx;
	struct judge_record r;

	if (!read_record(key, value, &r))
		return 1;
	r.expires_s = expires;
	return w->fn(&r, w->ctx);
}

int
judge_each(struct judge *j, struct span from, int64_t now, judge_record_fn *fn, void *ctx)
{
	struct walk w = { .fn = fn, .ctx = ctx };

	return state_each(j->db, from.n > 0 ? from : SPAN("g"), now, walk_one, &w) < 0 ? -1 : 0;
}
