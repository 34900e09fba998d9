/*
 * records: see records.h.
 *
 * Trust: addresses are a client's and hostile; they enter a key only through the HMAC.
 * Crash: the two records of a contact are written in one transaction; a lost record costs
 * a sender one more delay, lost counters a second of statistics.
 */
#include "base/base.h"
#include "records.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "base/buf.h"
#include "base/die.h"
#include "records_private.h"
#include "sys/random.h"

/* A known sender is noted anew when the last note is a day old. */
#define KNOWN_STEP_S 86400

static void
put_lower(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_char(b, char_lower(s.p[i]));
	buf_char(b, '\0');
}

/* What is longer than an address can be is cut: its key is then that of its beginning. */
static void
make_key(const struct records *r, char letter, struct span a, struct span b, struct span c, struct record_key *out)
{
	char text[ORIGIN_TEXT_MAX + 2 * LIMIT_ADDRESS + 8];
	unsigned char mac[32];
	unsigned n = 0;
	struct buf in;

	buf_init_fixed(&in, text, sizeof(text));
	put_lower(&in, span_first(a, ORIGIN_TEXT_MAX - 1));
	put_lower(&in, span_first(b, LIMIT_ADDRESS));
	put_lower(&in, span_first(c, LIMIT_ADDRESS));
	if (in.overflow || HMAC(EVP_sha256(), r->secret, sizeof(r->secret), (const unsigned char *)in.p, in.n,
	    mac, &n) == NULL)
		bug("HMAC failed");
	out->bytes[0] = letter;
	memcpy(out->bytes + 1, mac, sizeof(out->bytes) - 1);
}

/* "192.0.2.0/24"; an address alone has no "/" and so is never the same text. */
static void
network_text(const struct triple *c, char out[ORIGIN_TEXT_MAX])
{
	bool is_v6 = c->client.family == AF_INET6;
	struct addr net = c->by_address ? c->client : addr_prefix(&c->client, 24, 64);
	char ip[ADDR_TEXT_MAX];

	snprintf(out, ORIGIN_TEXT_MAX, "%s%s", addr_print(&net, ip, sizeof(ip)),
		c->by_address ? "" : is_v6 ? "/64" : "/24");
}

static bool
has_domain(const struct triple *c)
{
	return c->domain.n > 0 && !c->by_address;
}

void
records_origin(const struct triple *c, char out[ORIGIN_TEXT_MAX])
{
	struct buf b;

	if (!has_domain(c)) {
		network_text(c, out);
		return;
	}
	buf_init_fixed(&b, out, ORIGIN_TEXT_MAX);
	buf_escaped(&b, span_first(c->domain, LIMIT_DOMAIN));
}

static void
network_key(const struct records *r, const struct triple *c, struct record_key *out)
{
	char net[ORIGIN_TEXT_MAX];

	network_text(c, net);
	make_key(r, RECORD_CONTACT, span_of(net), c->sender, c->recipient, out);
}

/* "@" is in no network and in no domain. */
static void
domain_key(const struct records *r, const struct triple *c, struct record_key *out)
{
	make_key(r, RECORD_CONTACT, c->domain, SPAN("@"), c->recipient, out);
}

static int
get_value(struct records *r, const struct record_key *key, struct record_value *out)
{
	unsigned char raw[RECORD_VALUE_MAX];
	size_t n = 0;
	int found = state_get(r->db, record_key_view(key), ANY_AGE, raw, sizeof(raw), &n);

	if (found == 1 && !record_value_read(span_make(raw, n), out)) {
		errno = EIO;
		return -1;
	}
	return found;
}

static int
put_value(struct records *r, const struct record_key *key, const struct record_value *v, int64_t expires)
{
	unsigned char raw[RECORD_VALUE_MAX];

	return state_put(r->db, record_key_view(key), span_make(raw, record_value_write(v, raw)), expires);
}

static int
find_one(struct records *r, const struct record_key *key, struct found *out)
{
	struct record_value v;
	int found = get_value(r, key, &v);

	*out = (struct found){ .is_counted = false };
	if (found != 1)
		return found;
	out->seen = (struct seen){ v.kind == RECORD_PASSED ? SEEN_PASSED : SEEN_WAITING, v.first_s, v.last_s };
	out->is_counted = v.is_counted;
	return 0;
}

int
records_find(struct records *r, const struct triple *c, struct found *network_out, struct found *domain_out)
{
	struct record_key key;

	*domain_out = (struct found){ .is_counted = false };
	network_key(r, c, &key);
	if (find_one(r, &key, network_out) < 0)
		return -1;
	if (!has_domain(c))
		return 0;
	domain_key(r, c, &key);
	return find_one(r, &key, domain_out);
}

static int
write_one(struct records *r, const struct record_key *key, const struct triple *c, bool is_domain,
	const struct periods *p, const struct judged *j, bool is_counted)
{
	char net[ORIGIN_TEXT_MAX];
	struct record_value v = { .kind = j->record.state == SEEN_PASSED ? RECORD_PASSED : RECORD_WAITING,
		.is_counted = is_counted, .first_s = j->record.first_s, .last_s = j->record.last_s,
		.origin = c->domain, .sender = SPAN("@"), .recipient = c->recipient };

	if (!is_domain) {
		network_text(c, net);
		v.origin = span_of(net);
		v.sender = c->sender;
	}
	return put_value(r, key, &v, judge_expires(p, &j->record));
}

int
records_write(struct records *r, const struct triple *c, const struct periods *p, const struct judged *j,
	const struct found *network, const struct found *domain)
{
	/* Of the new records of a delivery one is counted: the domain's where there is one. */
	bool network_counts = network->seen.state != SEEN_NOT ? network->is_counted : !has_domain(c);
	bool domain_counts = domain->seen.state != SEEN_NOT ? domain->is_counted : !network_counts;
	struct record_key key;
	int result;

	if (state_begin(r->db) < 0)
		return -1;
	network_key(r, c, &key);
	result = write_one(r, &key, c, false, p, j, network_counts);
	if (result == 0 && has_domain(c)) {
		domain_key(r, c, &key);
		result = write_one(r, &key, c, true, p, j, domain_counts);
	}
	if (result < 0) {
		int saved = errno;

		state_abort(r->db);
		errno = saved;
		return -1;
	}
	records_count_write(r, j, network, network_counts, domain, domain_counts && has_domain(c));
	return state_commit(r->db);
}

/* 1 when there was one. */
static int
forget_one(struct records *r, const struct record_key *key)
{
	struct record_value v;
	int found = get_value(r, key, &v);

	if (found != 1)
		return found;
	records_uncount(r, v.is_counted, v.kind == RECORD_PASSED, false);
	return state_delete(r->db, record_key_view(key)) < 0 ? -1 : 1;
}

int
records_forget(struct records *r, const struct triple *c)
{
	struct triple as = *c;
	struct record_key key[4];
	int n = 0, found;

	as.by_address = true;
	network_key(r, &as, &key[0]);
	as.by_address = false;
	network_key(r, &as, &key[1]);
	domain_key(r, &as, &key[2]);
	make_key(r, RECORD_KNOWN, SPAN(""), c->sender, c->recipient, &key[3]);
	for (size_t i = 0; i < PB_COUNT(key); i++) {
		found = forget_one(r, &key[i]);
		if (found < 0)
			return -1;
		n += found;
	}
	return n;
}

int
records_known(struct records *r, struct span sender, struct span recipient, int64_t now, int64_t keep_s,
	enum known *out)
{
	struct record_key key;
	struct record_value v;
	int found;

	*out = KNOWN_NOT;
	make_key(r, RECORD_KNOWN, SPAN(""), sender, recipient, &key);
	found = get_value(r, &key, &v);
	if (found == 1 && v.last_s <= now && now < v.last_s + keep_s)
		*out = v.kind == RECORD_WROTE ? KNOWN_WROTE : KNOWN_RECEIVED;
	return found < 0 ? -1 : 0;
}

int
records_learn(struct records *r, struct span sender, struct span recipient, enum known how, int64_t now,
	int64_t keep_s)
{
	struct record_key key;
	struct record_value was, v = { .kind = how == KNOWN_WROTE ? RECORD_WROTE : RECORD_RECEIVED,
		.first_s = now, .last_s = now, .origin = SPAN("-"), .sender = sender, .recipient = recipient };
	int found;

	make_key(r, RECORD_KNOWN, SPAN(""), sender, recipient, &key);
	found = get_value(r, &key, &was);
	if (found < 0)
		return -1;
	if (found == 1 && was.last_s <= now && now < was.last_s + KNOWN_STEP_S)
		return 0;
	if (found == 1 && was.first_s <= now)
		v.first_s = was.first_s;
	return put_value(r, &key, &v, now + keep_s);
}

int
records_open(struct records *r, struct state *db)
{
	size_t n = 0;
	int found;

	*r = (struct records){ .db = db };
	if (pthread_mutex_init(&r->counts_lock, NULL) != 0)
		die(EXIT_TRY_LATER, "cannot make a lock");
	found = state_get(db, SPAN("secret"), ANY_AGE, r->secret, sizeof(r->secret), &n);
	if (found < 0 || records_load_counts(r) < 0)
		return -1;
	state_on_expire(db, records_on_expire, r);
	if (found == 1 && n == sizeof(r->secret))
		return 0;
	random_fill(r->secret, sizeof(r->secret));
	return state_put(db, SPAN("secret"), span_make(r->secret, sizeof(r->secret)), STATE_NEVER);
}
