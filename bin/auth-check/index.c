/*
 * index: keys and records of directory.db.  See index.h for the layout.
 */
#include "base/base.h"
#include "index.h"

#include <stdlib.h>
#include "base/buf.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/record.h"
#include "state/state.h"
#include "sys/random.h"

#define CACHE_BYTES (32U << 20)
#define FIELDS_MAX 32

struct index {
	struct state *db;
	uint64_t version;
	uint64_t *shown;		/* the same for other processes; 0: nothing is to be kept now */
	bool is_hidden;
	bool offers_known;		/* the next two are up to date */
	struct index_offers offers;
	char value[STATE_VALUE_MAX];	/* the value at hand */
};

PB_NORETURN static void
failed(const char *doing)
{
	die(EXIT_TRY_LATER, "directory.db: cannot %s: %m (%s)", doing, state_why());
}

struct index *
index_open(const char *home, bool *begun_anew)
{
	struct index *ix = mem_new(sizeof(*ix));
	enum state_found found;

	if (state_open(&ix->db, home, "directory.db", CACHE_BYTES, &found) < 0)
		failed("open");
	*begun_anew = found != STATE_FOUND_GOOD;
	return ix;
}

void
index_close(struct index **ix)
{
	state_close(&(*ix)->db);
	free(*ix);
	*ix = NULL;
}

void
index_tend(struct index *ix)
{
	if (state_tend(ix->db, 0) < 0)
		failed("tend");
}

uint64_t
index_version(const struct index *ix)
{
	return ix->version;
}

void
index_show(struct index *ix, uint64_t *page)
{
	ix->shown = page;
	index_hide(ix, ix->is_hidden);
}

void
index_hide(struct index *ix, bool hide)
{
	ix->is_hidden = hide;
	if (ix->shown != NULL)
		__atomic_store_n(ix->shown, hide ? 0 : ix->version + 1, __ATOMIC_RELEASE);
}

/* -- keys ---------------------------------------------------------------- */

struct key {
	char text[STATE_KEY_MAX];
	struct buf b;
};

/* kind/first or kind/first/second; one that is too long names nothing. */
static struct span
key_make(struct key *k, char kind, struct span first, struct span second)
{
	buf_init_fixed(&k->b, k->text, sizeof(k->text));
	buf_char(&k->b, kind);
	buf_char(&k->b, '/');
	buf_span(&k->b, first);
	if (second.p != NULL) {
		buf_char(&k->b, '/');
		buf_span(&k->b, second);
	}
	return k->b.overflow ? SPAN_NONE : buf_view(&k->b);
}

/* The value into ix->value. */
static bool
get(struct index *ix, struct span key, struct span *value)
{
	size_t n;
	int r;

	if (key.p == NULL)
		return false;
	r = state_get(ix->db, key, 0, ix->value, sizeof(ix->value), &n);
	if (r < 0)
		failed("read");
	*value = span_make(ix->value, n);
	return r == 1;
}

static void
changed(struct index *ix)
{
	ix->version++;
	index_hide(ix, ix->is_hidden);
}

static void
write_value(struct index *ix, struct span key, struct span value)
{
	if (key.p != NULL && state_put(ix->db, key, value, STATE_NEVER) < 0)
		failed("write");
}

static void
put(struct index *ix, struct span key, struct span value)
{
	changed(ix);
	write_value(ix, key, value);
}

static void
drop(struct index *ix, struct span key)
{
	changed(ix);
	if (key.p != NULL && state_delete(ix->db, key) < 0)
		failed("delete");
}

struct next {
	struct span prefix;
	struct span after;	/* whole key */
	struct key found;
	bool has;
};

static int
take_next(struct span key, struct span value PB_UNUSED, int64_t expires PB_UNUSED, void *ctx)
{
	struct next *n = ctx;

	if (!span_starts(key, n->prefix))
		return 1;
	if (span_eq(key, n->after))
		return 0;
	buf_init_fixed(&n->found.b, n->found.text, sizeof(n->found.text));
	buf_span(&n->found.b, key);
	n->has = !n->found.b.overflow;
	return 1;
}

/* The first key with this prefix behind `after`, in n->found. */
static bool
next_key(struct index *ix, struct next *n, struct span prefix, struct span after)
{
	n->prefix = prefix;
	n->after = after;
	n->has = false;
	if (prefix.p == NULL || after.p == NULL)
		return false;
	if (state_each(ix->db, after, 0, take_next, n) < 0)
		failed("walk");
	return n->has;
}

static void
drop_prefix(struct index *ix, struct span prefix)
{
	struct next n;

	while (next_key(ix, &n, prefix, prefix))
		drop(ix, buf_view(&n.found.b));
	if (prefix.p != NULL)
		drop(ix, prefix);
}

/* -- records ------------------------------------------------------------- */

static void
add_stamp(struct buf *out, const struct stamp *st)
{
	record_add_num(out, "mtime", st->mtime_ns);
	record_add_num(out, "size", st->size);
	record_add_num(out, "inode", st->inode);
}

static bool
read_stamp(const struct record *r, struct stamp *out)
{
	return record_get_num(r, "mtime", UINT64_MAX, &out->mtime_ns)
		&& record_get_num(r, "size", UINT64_MAX, &out->size)
		&& record_get_num(r, "inode", UINT64_MAX, &out->inode);
}

static void
copy_text(const struct record *r, const char *key, char *out, size_t size)
{
	struct buf b;

	buf_init_fixed(&b, out, size);
	buf_span(&b, record_get(r, key));
	if (b.overflow)
		out[0] = '\0';
}

static bool
flag(const struct record *r, const char *key)
{
	return span_is(record_get(r, key), "1");
}

static void
add_flag(struct buf *out, const char *key, bool on)
{
	if (on)
		record_add_text(out, key, "1");
}

/* The record under key, when it is there and is one. */
static bool
get_record(struct index *ix, struct span key, struct record *out)
{
	struct span value;

	return get(ix, key, &value) && record_parse(value, FIELDS_MAX, out);
}

bool
index_account(struct index *ix, struct span domain, struct span user, struct account *out)
{
	struct record r;
	struct key k;
	struct buf address;
	bool good;

	if (user.n == 0 || user.n > LIMIT_LOCAL_PART || !get_record(ix, key_make(&k, 'u', domain, user), &r))
		return false;
	good = read_stamp(&r, &out->stamp);
	out->disabled = flag(&r, "disabled");
	out->no_greylisting = flag(&r, "nogreylisting");
	if (!record_get_num(&r, "limitmb", LIMIT_MAILBOX_MB, &out->limit_mb))
		out->limit_mb = 0;
	copy_text(&r, "hash", out->hash, sizeof(out->hash));
	copy_text(&r, "scram", out->scram, sizeof(out->scram));
	copy_text(&r, "scram1", out->scram1, sizeof(out->scram1));
	copy_text(&r, "cram", out->cram, sizeof(out->cram));
	record_free(&r);
	buf_init_fixed(&address, out->address, sizeof(out->address));
	buf_span(&address, user);
	buf_char(&address, '@');
	buf_span(&address, domain);
	return good && !address.overflow;
}

void
index_put_account(struct index *ix, struct span domain, struct span user, const struct account *a)
{
	struct buf out;
	struct key k;

	buf_init(&out, 4096);
	record_begin(&out, "user");
	add_stamp(&out, &a->stamp);
	add_flag(&out, "disabled", a->disabled);
	add_flag(&out, "nogreylisting", a->no_greylisting);
	record_add_num(&out, "limitmb", a->limit_mb);
	record_add_text(&out, "hash", a->hash);
	record_add_text(&out, "scram", a->scram);
	record_add_text(&out, "scram1", a->scram1);
	record_add_text(&out, "cram", a->cram);
	put(ix, key_make(&k, 'u', domain, user), buf_view(&out));
	mem_wipe(out.p, out.n);
	buf_free(&out);
}

bool
index_domain(struct index *ix, struct span name, struct domain *out)
{
	struct record r;
	struct key k;
	bool good;

	if (name.n == 0 || name.n > LIMIT_DOMAIN || !get_record(ix, key_make(&k, 'd', name, SPAN_NONE), &r))
		return false;
	/* A record of an older form is as good as none: the file is read again. */
	good = read_stamp(&r, &out->stamp) && record_get_num(&r, "maxsizekb", UINT32_MAX, &out->max_size_kb) &&
	       record_get_num(&r, "maxrcpts", UINT32_MAX, &out->max_rcpts) &&
	       record_get_num(&r, "spacemb", LIMIT_MAILBOX_MB, &out->space_mb);
	out->disabled = flag(&r, "disabled");
	out->require_auth = flag(&r, "requireauth");
	out->no_greylisting = flag(&r, "nogreylisting");
	out->catch_alls = flag(&r, "catchalls");
	out->offers_cram = flag(&r, "cram");
	out->offers_scram = flag(&r, "scram");
	out->offers_scram1 = flag(&r, "scram1");
	out->no_plain = flag(&r, "noplain");
	copy_text(&r, "folder", out->folder, sizeof(out->folder));
	copy_text(&r, "catchall", out->catch_all, sizeof(out->catch_all));
	copy_text(&r, "postmaster", out->postmaster, sizeof(out->postmaster));
	record_free(&r);
	memcpy(out->name, name.p, name.n);
	out->name[name.n] = '\0';
	return good;
}

void
index_put_domain(struct index *ix, const struct domain *d)
{
	struct buf out;
	struct key k;

	buf_init(&out, 4096);
	record_begin(&out, "domain");
	add_stamp(&out, &d->stamp);
	add_flag(&out, "disabled", d->disabled);
	add_flag(&out, "requireauth", d->require_auth);
	add_flag(&out, "nogreylisting", d->no_greylisting);
	add_flag(&out, "catchalls", d->catch_alls);
	add_flag(&out, "cram", d->offers_cram);
	add_flag(&out, "scram", d->offers_scram);
	add_flag(&out, "scram1", d->offers_scram1);
	add_flag(&out, "noplain", d->no_plain);
	record_add_text(&out, "folder", d->folder);
	record_add_text(&out, "catchall", d->catch_all);
	record_add_text(&out, "postmaster", d->postmaster);
	record_add_num(&out, "maxsizekb", d->max_size_kb);
	record_add_num(&out, "maxrcpts", d->max_rcpts);
	record_add_num(&out, "spacemb", d->space_mb);
	put(ix, key_make(&k, 'd', span_of(d->name), SPAN_NONE), buf_view(&out));
	ix->offers_known = false;
	buf_free(&out);
}

bool
index_domain_alias(struct index *ix, struct span name, char *out)
{
	struct span value;
	struct key k;

	if (name.n == 0 || name.n > LIMIT_DOMAIN || !get(ix, key_make(&k, 'n', name, SPAN_NONE), &value)
	    || value.n > LIMIT_DOMAIN)
		return false;
	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	return true;
}

void
index_put_domain_alias(struct index *ix, struct span domain, struct span name)
{
	struct key k;

	put(ix, key_make(&k, 'm', domain, name), SPAN("1"));
	put(ix, key_make(&k, 'n', name, SPAN_NONE), domain);
}

bool
index_alias(struct index *ix, struct span domain, struct span name, struct buf *out)
{
	struct span value;
	struct key k;

	buf_clear(out);
	if (name.n == 0 || name.n > LIMIT_LOCAL_PART || !get(ix, key_make(&k, 'a', domain, name), &value))
		return false;
	return buf_span(out, value);
}

void
index_put_alias(struct index *ix, struct span domain, struct span name, struct span targets)
{
	struct key k;

	put(ix, key_make(&k, 'a', domain, name), targets);
}

/* -- trusted senders: an address, or a domain as "@example.org" or "example.org" --- */

static bool
has_pattern(struct index *ix, struct span domain, struct span user, struct span pattern)
{
	char text[LIMIT_LOCAL_PART + LIMIT_ADDRESS + 4];
	struct span value;
	struct buf b;
	struct key k;

	buf_init_fixed(&b, text, sizeof(text));
	buf_span(&b, user);
	buf_char(&b, '/');
	buf_span(&b, pattern);
	return !b.overflow && get(ix, key_make(&k, 't', domain, buf_view(&b)), &value);
}

bool
index_trusts(struct index *ix, struct span domain, struct span user, struct span sender)
{
	ssize_t at = span_rfind(sender, '@');

	if (has_pattern(ix, domain, user, sender))
		return true;
	return at >= 0 && (has_pattern(ix, domain, user, span_from(sender, (size_t)at))
		|| has_pattern(ix, domain, user, span_from(sender, (size_t)at + 1)));
}

void
index_put_trusted(struct index *ix, struct span domain, struct span user, struct span pattern)
{
	char text[LIMIT_LOCAL_PART + LIMIT_ADDRESS + 4];
	struct buf b;
	struct key k;

	buf_init_fixed(&b, text, sizeof(text));
	buf_span(&b, user);
	buf_char(&b, '/');
	buf_span(&b, pattern);
	if (!b.overflow)
		put(ix, key_make(&k, 't', domain, buf_view(&b)), SPAN("1"));
}

/* -- removal ------------------------------------------------------------- */

void
index_drop_trusted(struct index *ix, struct span domain, struct span user)
{
	char text[LIMIT_LOCAL_PART + 2];
	struct buf b;
	struct key k;

	buf_init_fixed(&b, text, sizeof(text));
	buf_span(&b, user);
	buf_char(&b, '/');
	drop_prefix(ix, key_make(&k, 't', domain, buf_view(&b)));
}

void
index_drop_account(struct index *ix, struct span domain, struct span user)
{
	struct key k;

	drop(ix, key_make(&k, 'u', domain, user));
	index_drop_trusted(ix, domain, user);
}

void
index_drop_aliases(struct index *ix, struct span domain)
{
	struct key k;

	drop_prefix(ix, key_make(&k, 'a', domain, SPAN("")));
}

void
index_drop_domain_aliases(struct index *ix, struct span domain)
{
	struct key k, other;
	struct next n;
	struct span prefix = key_make(&k, 'm', domain, SPAN(""));

	while (next_key(ix, &n, prefix, prefix)) {
		struct span key = buf_view(&n.found.b);
		drop(ix, key_make(&other, 'n', span_from(key, prefix.n), SPAN_NONE));
		drop(ix, key);
	}
}

void
index_drop_domain(struct index *ix, struct span domain)
{
	char name[LIMIT_DOMAIN + 32];
	struct key k;

	ix->offers_known = false;
	index_drop_domain_aliases(ix, domain);
	index_drop_aliases(ix, domain);
	drop_prefix(ix, key_make(&k, 'u', domain, SPAN("")));
	drop_prefix(ix, key_make(&k, 't', domain, SPAN("")));
	snprintf(name, sizeof(name), "aliases/%.*s", SPAN_ARG(domain));
	drop(ix, key_make(&k, 's', span_of(name), SPAN_NONE));
	drop(ix, key_make(&k, 'q', domain, SPAN_NONE));
	drop(ix, key_make(&k, 'd', domain, SPAN_NONE));
}

void
index_drop_all(struct index *ix)
{
	static const char kinds[] = "admntu";
	struct key k;

	ix->offers_known = false;
	for (const char *kind = kinds; *kind != '\0'; kind++)
		drop_prefix(ix, key_make(&k, *kind, SPAN(""), SPAN_NONE));
	drop_prefix(ix, key_make(&k, 's', SPAN("aliases/"), SPAN_NONE));
	drop(ix, key_make(&k, 's', SPAN("list"), SPAN_NONE));
}

void
index_begin(struct index *ix)
{
	if (state_begin(ix->db) < 0)
		failed("begin");
}

void
index_commit(struct index *ix)
{
	if (state_commit(ix->db) < 0)
		failed("commit");
}

void
index_abort(struct index *ix)
{
	changed(ix);
	state_abort(ix->db);
}

/* -- names --------------------------------------------------------------- */

static bool
next_name(struct index *ix, struct span prefix, struct span after, char *out, size_t size)
{
	struct next n;
	struct buf b;

	if (!next_key(ix, &n, prefix, after))
		return false;
	buf_init_fixed(&b, out, size);
	return buf_span(&b, span_from(buf_view(&n.found.b), prefix.n));
}

bool
index_next_domain(struct index *ix, struct span after, char out[LIMIT_DOMAIN + 1])
{
	struct key k;

	return next_name(ix, SPAN("d/"), key_make(&k, 'd', after, SPAN_NONE), out, LIMIT_DOMAIN + 1);
}

bool
index_next_user(struct index *ix, struct span domain, struct span after, char out[LIMIT_LOCAL_PART + 1])
{
	struct key prefix, from;

	return next_name(ix, key_make(&prefix, 'u', domain, SPAN("")), key_make(&from, 'u', domain, after),
		out, LIMIT_LOCAL_PART + 1);
}

struct index_offers
index_offers(struct index *ix)
{
	char name[LIMIT_DOMAIN + 1] = "", next[LIMIT_DOMAIN + 1];
	struct domain d;

	if (!ix->offers_known) {
		ix->offers = (struct index_offers){ .cram = false };
		while (index_next_domain(ix, span_of(name), next)) {
			memcpy(name, next, sizeof(name));
			if (!index_domain(ix, span_of(name), &d))
				continue;
			ix->offers.cram |= d.offers_cram;
			ix->offers.scram |= d.offers_scram;
			ix->offers.scram1 |= d.offers_scram1;
		}
		ix->offers_known = true;
	}
	return ix->offers;
}

/* -- space --------------------------------------------------------------- */

void
index_get_space(struct index *ix, struct span domain, struct index_space *out)
{
	uint64_t warned = 0;
	struct record r;
	struct key k;

	*out = (struct index_space){ .used = 0 };
	if (!get_record(ix, key_make(&k, 'q', domain, SPAN_NONE), &r))
		return;
	out->is_counted = record_get_num(&r, "used", INT64_MAX, &out->used) && flag(&r, "counted");
	if (record_get_num(&r, "warned", INT64_MAX, &warned))
		out->warned_s = (int64_t)warned;
	record_free(&r);
}

void
index_put_space(struct index *ix, struct span domain, const struct index_space *space)
{
	struct buf out;
	struct key k;

	buf_init(&out, 256);
	record_begin(&out, "space");
	record_add_num(&out, "used", space->used);
	record_add_num(&out, "warned", (uint64_t)space->warned_s);
	add_flag(&out, "counted", space->is_counted);
	/* No answer is computed from it, so the version stays. */
	write_value(ix, key_make(&k, 'q', domain, SPAN_NONE), buf_view(&out));
	buf_free(&out);
}

/* -- our own ------------------------------------------------------------- */

bool
index_get_stamp(struct index *ix, const char *name, struct stamp *out)
{
	struct record r;
	struct key k;
	bool good;

	if (!get_record(ix, key_make(&k, 's', span_of(name), SPAN_NONE), &r))
		return false;
	good = read_stamp(&r, out);
	record_free(&r);
	return good;
}

void
index_put_stamp(struct index *ix, const char *name, const struct stamp *st)
{
	struct buf out;
	struct key k;

	buf_init(&out, 256);
	record_begin(&out, "stamp");
	add_stamp(&out, st);
	put(ix, key_make(&k, 's', span_of(name), SPAN_NONE), buf_view(&out));
	buf_free(&out);
}

void
index_pepper(struct index *ix, unsigned char out[32])
{
	struct span value;
	struct key k;
	struct span key = key_make(&k, 's', SPAN("pepper"), SPAN_NONE);

	if (get(ix, key, &value) && value.n == 32) {
		memcpy(out, value.p, 32);
		return;
	}
	random_fill(out, 32);
	put(ix, key, span_make(out, 32));
}
