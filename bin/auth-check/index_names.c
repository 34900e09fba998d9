/*
 * index_names: which domains and users there are, and removal of all that belongs to one.
 */
#include "base/base.h"
#include "index_private.h"

#include "base/buf.h"

static bool
next_name(struct index *ix, struct span prefix, struct span after, char *out, size_t size)
{
	struct index_next n;
	struct buf b;

	if (!index_next_key(ix, &n, prefix, after))
		return false;
	buf_init_fixed(&b, out, size);
	return buf_span(&b, span_from(buf_view(&n.found.b), prefix.n));
}

bool
index_next_domain(struct index *ix, struct span after, char out[LIMIT_DOMAIN + 1])
{
	struct index_key k;

	return next_name(ix, SPAN("d/"), index_key(&k, 'd', after, SPAN_NONE), out, LIMIT_DOMAIN + 1);
}

bool
index_next_user(struct index *ix, struct span domain, struct span after, char out[LIMIT_LOCAL_PART + 1])
{
	struct index_key prefix, from;

	return next_name(ix, index_key(&prefix, 'u', domain, SPAN("")), index_key(&from, 'u', domain, after),
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

/* -- removal ------------------------------------------------------------- */

void
index_drop_trusted(struct index *ix, struct span domain, struct span user)
{
	struct index_key k;

	index_drop_prefix(ix, index_trusted_key(&k, domain, user, SPAN("")));
}

void
index_drop_account(struct index *ix, struct span domain, struct span user)
{
	struct index_key k;

	index_drop(ix, index_key(&k, 'u', domain, user));
	index_drop_trusted(ix, domain, user);
}

void
index_drop_aliases(struct index *ix, struct span domain)
{
	struct index_key k;

	index_drop_prefix(ix, index_key(&k, 'a', domain, SPAN("")));
}

void
index_drop_domain_aliases(struct index *ix, struct span domain)
{
	struct index_key k, other;
	struct index_next n;
	struct span prefix = index_key(&k, 'm', domain, SPAN(""));

	while (index_next_key(ix, &n, prefix, prefix)) {
		struct span key = buf_view(&n.found.b);
		index_drop(ix, index_key(&other, 'n', span_from(key, prefix.n), SPAN_NONE));
		index_drop(ix, key);
	}
}

void
index_drop_domain(struct index *ix, struct span domain)
{
	char name[LIMIT_DOMAIN + 32];
	struct index_key k;

	ix->offers_known = false;
	index_drop_domain_aliases(ix, domain);
	index_drop_aliases(ix, domain);
	index_drop_prefix(ix, index_key(&k, 'u', domain, SPAN("")));
	index_drop_prefix(ix, index_key(&k, 't', domain, SPAN("")));
	snprintf(name, sizeof(name), "aliases/%.*s", SPAN_ARG(domain));
	index_drop(ix, index_key(&k, 's', span_of(name), SPAN_NONE));
	index_drop(ix, index_key(&k, 'q', domain, SPAN_NONE));
	index_drop(ix, index_key(&k, 'd', domain, SPAN_NONE));
}

void
index_drop_all(struct index *ix)
{
	static const char kinds[] = "admntu";
	struct index_key k;

	ix->offers_known = false;
	for (const char *kind = kinds; *kind != '\0'; kind++)
		index_drop_prefix(ix, index_key(&k, *kind, SPAN(""), SPAN_NONE));
	index_drop_prefix(ix, index_key(&k, 's', SPAN("aliases/"), SPAN_NONE));
	index_drop(ix, index_key(&k, 's', SPAN("list"), SPAN_NONE));
}
