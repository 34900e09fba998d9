/*
 * index_records: accounts, domains, aliases and trusted senders as records of directory.db.
 */
#include "base/base.h"
#include "index_private.h"

#include "base/mem.h"

static void
copy_text(const struct record *r, const char *key, char *out, size_t size)
{
	struct buf b;

	buf_init_fixed(&b, out, size);
	buf_span(&b, record_get(r, key));
	if (b.overflow)
		out[0] = '\0';
}

static void
add_numbers(struct buf *out, const uint32_t *numbers, size_t n)
{
	char storage[SENDING_TEXT_MAX];
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	sending_print(numbers, n, &text);
	record_add(out, "sending", buf_view(&text));
}

bool
index_account(struct index *ix, struct span domain, struct span user, struct account *out)
{
	struct record r;
	struct index_key k;
	struct buf address;
	bool good;

	if (user.n == 0 || user.n > LIMIT_LOCAL_PART || !index_get_record(ix, index_key(&k, 'u', domain, user), &r))
		return false;
	good = index_read_stamp(&r, &out->stamp);
	out->disabled = index_flag(&r, "disabled");
	out->no_greylisting = index_flag(&r, "nogreylisting");
	if (!record_get_num(&r, "limitmb", LIMIT_MAILBOX_MB, &out->limit_mb))
		out->limit_mb = 0;
	good = good && sending_parse(record_get(&r, "sending"), out->sending, SENDING_USER_NUMBERS);
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
	struct index_key k;

	buf_init(&out, 4096);
	record_begin(&out, "user");
	index_add_stamp(&out, &a->stamp);
	index_add_flag(&out, "disabled", a->disabled);
	index_add_flag(&out, "nogreylisting", a->no_greylisting);
	record_add_num(&out, "limitmb", a->limit_mb);
	add_numbers(&out, a->sending, SENDING_USER_NUMBERS);
	record_add_text(&out, "hash", a->hash);
	record_add_text(&out, "scram", a->scram);
	record_add_text(&out, "scram1", a->scram1);
	record_add_text(&out, "cram", a->cram);
	index_put(ix, index_key(&k, 'u', domain, user), buf_view(&out));
	mem_wipe(out.p, out.n);
	buf_free(&out);
}

bool
index_domain(struct index *ix, struct span name, struct domain *out)
{
	struct record r;
	struct index_key k;
	bool good;

	if (name.n == 0 || name.n > LIMIT_DOMAIN || !index_get_record(ix, index_key(&k, 'd', name, SPAN_NONE), &r))
		return false;
	/* A record of an older form is as good as none: the file is read again. */
	good = index_read_stamp(&r, &out->stamp) && record_get_num(&r, "maxsizekb", UINT32_MAX, &out->max_size_kb) &&
	       record_get_num(&r, "maxrcpts", UINT32_MAX, &out->max_rcpts) &&
	       record_get_num(&r, "spacemb", LIMIT_MAILBOX_MB, &out->space_mb) &&
	       sending_parse(record_get(&r, "sending"), out->sending, SENDING_NUMBERS);
	out->disabled = index_flag(&r, "disabled");
	out->require_auth = index_flag(&r, "requireauth");
	out->no_greylisting = index_flag(&r, "nogreylisting");
	out->catch_alls = index_flag(&r, "catchalls");
	out->offers_cram = index_flag(&r, "cram");
	out->offers_scram = index_flag(&r, "scram");
	out->offers_scram1 = index_flag(&r, "scram1");
	out->no_plain = index_flag(&r, "noplain");
	copy_text(&r, "folder", out->folder, sizeof(out->folder));
	copy_text(&r, "catchall", out->catch_all, sizeof(out->catch_all));
	copy_text(&r, "postmaster", out->postmaster, sizeof(out->postmaster));
	out->signs = index_flag(&r, "signs");
	copy_text(&r, "rsa", out->rsa.selector, sizeof(out->rsa.selector));
	copy_text(&r, "rsakey", out->rsa.path, sizeof(out->rsa.path));
	copy_text(&r, "ed25519", out->ed25519.selector, sizeof(out->ed25519.selector));
	copy_text(&r, "ed25519key", out->ed25519.path, sizeof(out->ed25519.path));
	record_free(&r);
	memcpy(out->name, name.p, name.n);
	out->name[name.n] = '\0';
	return good;
}

void
index_put_domain(struct index *ix, const struct domain *d)
{
	struct buf out;
	struct index_key k;

	buf_init(&out, 4096);
	record_begin(&out, "domain");
	index_add_stamp(&out, &d->stamp);
	index_add_flag(&out, "disabled", d->disabled);
	index_add_flag(&out, "requireauth", d->require_auth);
	index_add_flag(&out, "nogreylisting", d->no_greylisting);
	index_add_flag(&out, "catchalls", d->catch_alls);
	index_add_flag(&out, "cram", d->offers_cram);
	index_add_flag(&out, "scram", d->offers_scram);
	index_add_flag(&out, "scram1", d->offers_scram1);
	index_add_flag(&out, "noplain", d->no_plain);
	record_add_text(&out, "folder", d->folder);
	record_add_text(&out, "catchall", d->catch_all);
	record_add_text(&out, "postmaster", d->postmaster);
	index_add_flag(&out, "signs", d->signs);
	record_add_text(&out, "rsa", d->rsa.selector);
	record_add_text(&out, "rsakey", d->rsa.path);
	record_add_text(&out, "ed25519", d->ed25519.selector);
	record_add_text(&out, "ed25519key", d->ed25519.path);
	record_add_num(&out, "maxsizekb", d->max_size_kb);
	record_add_num(&out, "maxrcpts", d->max_rcpts);
	record_add_num(&out, "spacemb", d->space_mb);
	add_numbers(&out, d->sending, SENDING_NUMBERS);
	index_put(ix, index_key(&k, 'd', span_of(d->name), SPAN_NONE), buf_view(&out));
	ix->offers_known = false;
	buf_free(&out);
}

bool
index_domain_alias(struct index *ix, struct span name, char *out)
{
	struct span value;
	struct index_key k;

	if (name.n == 0 || name.n > LIMIT_DOMAIN || !index_get(ix, index_key(&k, 'n', name, SPAN_NONE), &value)
	    || value.n > LIMIT_DOMAIN)
		return false;
	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	return true;
}

void
index_put_domain_alias(struct index *ix, struct span domain, struct span name)
{
	struct index_key k;

	index_put(ix, index_key(&k, 'm', domain, name), SPAN("1"));
	index_put(ix, index_key(&k, 'n', name, SPAN_NONE), domain);
}

bool
index_alias(struct index *ix, struct span domain, struct span name, struct buf *out)
{
	struct span value;
	struct index_key k;

	buf_clear(out);
	if (name.n == 0 || name.n > LIMIT_LOCAL_PART || !index_get(ix, index_key(&k, 'a', domain, name), &value))
		return false;
	return buf_span(out, value);
}

void
index_put_alias(struct index *ix, struct span domain, struct span name, struct span targets)
{
	struct index_key k;

	index_put(ix, index_key(&k, 'a', domain, name), targets);
}

/* -- trusted senders: an address, or a domain as "@example.org" or "example.org" --- */

struct span
index_trusted_key(struct index_key *k, struct span domain, struct span user, struct span pattern)
{
	char text[LIMIT_LOCAL_PART + LIMIT_ADDRESS + 4];
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	buf_span(&b, user);
	buf_char(&b, '/');
	buf_span(&b, pattern);
	return b.overflow ? SPAN_NONE : index_key(k, 't', domain, buf_view(&b));
}

static bool
has_pattern(struct index *ix, struct span domain, struct span user, struct span pattern)
{
	struct span value;
	struct index_key k;

	return index_get(ix, index_trusted_key(&k, domain, user, pattern), &value);
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
	struct index_key k;

	index_put(ix, index_trusted_key(&k, domain, user, pattern), SPAN("1"));
}
