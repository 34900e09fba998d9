/*
 * refresh_domain: one domain, from its domainConfig.xml and aliases.xml.
 */
#include "base/base.h"
#include "refresh_private.h"

#include "base/buf.h"

struct domain_reading {
	struct refresh *r;
	struct span name;
	struct domain domain;
};

/*
 * A name belongs to the domain that had it first: mail must not go elsewhere
 * because of a line in another file.  Without a stamp the file is read again at the next
 * start, when the name may be free.
 */
static void
take_other_name(struct domain_reading *d, const char *name)
{
	char owner[LIMIT_DOMAIN + 1];

	if (index_domain_alias(d->r->ix, span_of(name), owner) && !span_is(d->name, owner)) {
		log_failure(d->r->svc, NULL, NULL, "event=domain-alias-taken alias=%s domain=%.*s owner=%s", name,
			SPAN_ARG(d->name), owner);
		d->domain.stamp = (struct stamp){ 0 };
		return;
	}
	index_put_domain_alias(d->r->ix, d->name, span_of(name));
}

static void
take_domain(void *ctx, const struct record *rec)
{
	struct domain_reading *d = ctx;
	char name[LIMIT_DOMAIN + 1];

	if (span_is(rec->verb, "trusted")) {
		refresh_put_trusted(d->r->ix, d->name, SPAN(""), rec);
	} else if (span_is(rec->verb, "other")) {
		refresh_copy_lower(record_get(rec, "name"), name, sizeof(name));
		if (name[0] != '\0')
			take_other_name(d, name);
	} else {
		d->domain.disabled = refresh_is_on(rec, "disabled");
		d->domain.require_auth = refresh_is_on(rec, "requireauth");
		d->domain.no_greylisting = refresh_is_on(rec, "nogreylisting");
		d->domain.catch_alls = refresh_is_on(rec, "catchalls");
		d->domain.offers_cram = refresh_is_on(rec, "cram");
		d->domain.offers_scram = refresh_is_on(rec, "scram");
		if (!record_get_num(rec, "maxsizekb", UINT32_MAX, &d->domain.max_size_kb))
			d->domain.max_size_kb = 0;
		if (!record_get_num(rec, "maxrcpts", UINT32_MAX, &d->domain.max_rcpts))
			d->domain.max_rcpts = 0;
		if (!record_get_num(rec, "spacemb", LIMIT_MAILBOX_MB, &d->domain.space_mb))
			d->domain.space_mb = 0;
		if (!sending_parse(record_get(rec, "sending"), d->domain.sending, SENDING_NUMBERS))
			memset(d->domain.sending, 0, sizeof(d->domain.sending));
		d->domain.offers_scram1 = refresh_is_on(rec, "scram1");
		d->domain.no_plain = refresh_is_on(rec, "noplain");
		d->domain.signs = refresh_is_on(rec, "signs");
		refresh_copy_lower(record_get(rec, "rsa"), d->domain.rsa.selector, sizeof(d->domain.rsa.selector));
		refresh_copy(record_get(rec, "rsakey"), d->domain.rsa.path, sizeof(d->domain.rsa.path));
		refresh_copy_lower(record_get(rec, "ed25519"), d->domain.ed25519.selector, sizeof(d->domain.ed25519.selector));
		refresh_copy(record_get(rec, "ed25519key"), d->domain.ed25519.path, sizeof(d->domain.ed25519.path));
		refresh_copy_lower(record_get(rec, "catchall"), d->domain.catch_all, sizeof(d->domain.catch_all));
		refresh_copy_lower(record_get(rec, "postmaster"), d->domain.postmaster, sizeof(d->domain.postmaster));
	}
}

void
refresh_domain_read(struct refresh *r, struct span name, const char *folder)
{
	struct domain_reading d = { .r = r, .name = name, .domain.require_auth = true,
		.domain.offers_scram = true, .domain.max_size_kb = 10000, .domain.max_rcpts = 200, .domain.space_mb = 500 };
	char path[REFRESH_PATH];
	struct domain known;
	struct file_stamp now;
	bool good = true;

	snprintf(path, sizeof(path), "%s/domainConfig.xml", folder);
	now = refresh_file_stamp(r->domains_fd, path);
	if (index_domain(r->ix, name, &known) && refresh_file_same(&now.stamp, &known.stamp)
	    && strcmp(known.folder, folder) == 0)
		return;
	refresh_copy(name, d.domain.name, sizeof(d.domain.name));
	refresh_copy(span_of(folder), d.domain.folder, sizeof(d.domain.folder));
	d.domain.stamp = now.stamp;
	index_begin(r->ix);
	index_drop_domain_aliases(r->ix, name);
	index_drop_trusted(r->ix, name, SPAN(""));
	if (now.exists)
		good = refresh_file_parse(r, r->domains_fd, path, "domain", take_domain, &d);
	if (!good) {
		index_abort(r->ix);
		return;
	}
	index_put_domain(r->ix, &d.domain);
	index_commit(r->ix);
}

struct alias_reading {
	struct refresh *r;
	struct span domain;
};

static void
take_alias(void *ctx, const struct record *rec)
{
	struct alias_reading *a = ctx;
	char name[LIMIT_LOCAL_PART + 1];

	refresh_copy_lower(record_get(rec, "name"), name, sizeof(name));
	if (name[0] != '\0')
		index_put_alias(a->r->ix, a->domain, span_of(name), record_get(rec, "targets"));
}

void
refresh_domain_aliases(struct refresh *r, struct span name, const char *folder)
{
	struct alias_reading a = { .r = r, .domain = name };
	char path[REFRESH_PATH], key[LIMIT_DOMAIN + 16];
	struct stamp known = { 0 };
	struct file_stamp now;

	snprintf(path, sizeof(path), "%s/aliases.xml", folder);
	snprintf(key, sizeof(key), "aliases/%.*s", SPAN_ARG(name));
	now = refresh_file_stamp(r->domains_fd, path);
	if (index_get_stamp(r->ix, key, &known) ? refresh_file_same(&now.stamp, &known) : !now.exists)
		return;
	index_begin(r->ix);
	index_drop_aliases(r->ix, name);
	if (now.exists && !refresh_file_parse(r, r->domains_fd, path, "aliases", take_alias, &a)) {
		index_abort(r->ix);
		return;
	}
	index_put_stamp(r->ix, key, &now.stamp);
	index_commit(r->ix);
}

void
refresh_domain(struct refresh *r, struct span domain)
{
	struct domain d;
	DIR *dir;

	refresh_list(r);
	if (!index_domain(r->ix, domain, &d))
		return;
	refresh_domain_read(r, domain, d.folder);
	refresh_domain_aliases(r, domain, d.folder);
	refresh_user_gone(r, domain);
	dir = refresh_user_folder(r, domain);
	if (dir == NULL)
		return;
	refresh_user_some(r, domain, dir, SIZE_MAX);
	closedir(dir);
}
